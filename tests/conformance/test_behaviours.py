"""What every behaviour must do, applied to each one found in the folder."""

import pkgutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import paysim.behaviour
from paysim.accounting.activity import Activity
from paysim.accounting.segments import SEGMENT_CONDITION, SEGMENTS
from paysim.behaviour import Behaviour, behaviours, load_behaviour
from paysim.behaviour.incentives import incentive_table, make_anchor, plain_sentence
from paysim.behaviour.lists import LIST_LEVERS, Lists, patient_margins
from paysim.behaviour.situation import PracticeTraits, Situation
from paysim.contracts.terms import read_contract
from paysim.errors import ScenarioError
from paysim.kernel.records import LEVERS
from paysim.scenario import load_scenario
from tests.practice import PARAMETERS, SERVICES, at_base

PRACTICES = 5
NAMES = tuple(f"practice {k}" for k in range(PRACTICES))
ARMS = ("gp_segments_1_2_3", "gp_fee_for_service", "gp_capitation", "gp_bundled", "gp_mixed")


@pytest.fixture(params=sorted(behaviours()))
def behaviour(request: pytest.FixtureRequest) -> Behaviour:
    return load_behaviour(request.param, [], PARAMETERS)


def busy(seed: int) -> Activity:
    """Activity with something in every cell."""
    rng = np.random.Generator(np.random.PCG64(seed))
    years = rng.uniform(20.0, 200.0, (PRACTICES, SEGMENTS))
    return Activity(
        service_names=SERVICES.names,
        practice_names=NAMES,
        services=rng.uniform(0.0, 600.0, (PRACTICES, SEGMENTS, len(SERVICES))),
        person_years=years,
        programme_years=np.where(SEGMENT_CONDITION > 0, years / 2, 0.0),
        years=1.0,
        coded_years=years * (1.0 + SEGMENT_CONDITION),
    )


def at_work(behaviour: Behaviour, arm: str = "gp_fee_for_service", seed: int = 1, now: float = 1.0) -> Situation:
    base = at_base(busy(seed), behaviour.traits(1, NAMES), 30000.0, 100000.0)
    return replace(
        base, contracts=(read_contract(f"nl/{arm}"),), year=0, anchor=make_anchor(base), levers=base.levers * now
    )


def test_every_behaviour_has_a_file_of_its_name() -> None:
    files = {module.name for module in pkgutil.iter_modules(paysim.behaviour.__path__)}
    assert {"passive", "profit_altruism"} <= set(behaviours()) <= files
    assert len(behaviours()) == len(set(behaviours().values()))


SCENARIO = """\
schema: 1
name: small
region: achterhoek
start: 2021-01-01
horizon_years: 1
price_year: 2023
discounting: {{costs: 0, effects: 0}}
diseases: [mortality]
current: today
arms:
  - {{name: today, contracts: [nl/gp_segments_1_2_3], behaviour: {{{}}}}}
"""


def test_a_scenario_can_name_it_with_all_its_settings(behaviour: Behaviour, write: Callable[..., Path]) -> None:
    keys = [f"name: {behaviour.name}", *(f"{name}: 0.5" for name in behaviour.settings)]
    loaded = load_scenario(write("s.yaml", SCENARIO.format(", ".join(keys)))).arm("today").behaviour
    assert loaded.name == behaviour.name
    assert dict(loaded.settings) == dict.fromkeys(behaviour.settings, 0.5)


def test_a_new_file_is_all_that_a_new_behaviour_takes(write: Callable[..., Path]) -> None:
    write("new/stubborn.py", "class Stubborn:\n    name = 'stubborn'\n    settings = ('stubbornness',)\n")
    path = write("s.yaml", SCENARIO.format("name: stubborn, stubbornness: 2"))
    code = f"""
import paysim.behaviour
paysim.behaviour.__path__.append({str(path.parent / "new")!r})
from paysim.scenario import load_scenario
print(load_scenario({str(path)!r}).arm("today").behaviour)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "name='stubborn', settings=(('stubbornness', 2.0),)" in ended.stdout, ended.stderr


def test_it_is_frozen_and_does_what_the_protocol_says(behaviour: Behaviour) -> None:
    assert is_dataclass(behaviour)
    for each in fields(behaviour):
        with pytest.raises(FrozenInstanceError):
            setattr(behaviour, each.name, None)
    assert len(set(behaviour.settings)) == len(behaviour.settings)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("now", [0.6, 1.0, 1.3])
def test_levers_are_finite_and_above_zero(behaviour: Behaviour, arm: str, now: float) -> None:
    situation = at_work(behaviour, arm, now=now)
    for levers in (behaviour.best_response(situation), behaviour.decide(situation)):
        assert levers.shape == (PRACTICES, 3, len(LEVERS))
        assert levers.dtype == np.float64
        assert np.isfinite(levers).all()
        assert (levers > 0.0).all()
        assert (levers <= 5.0).all()


def test_deciding_is_pure(behaviour: Behaviour) -> None:
    situation, same = at_work(behaviour), at_work(behaviour)
    first, second = behaviour.decide(situation), behaviour.decide(situation)
    assert np.array_equal(first, second)
    first += 1.0  # what is handed out belongs to the caller
    assert np.array_equal(behaviour.decide(situation), second)
    for name in ("services", "person_years", "programme_years"):
        assert np.array_equal(getattr(situation.activity, name), getattr(same.activity, name))
    assert np.array_equal(situation.levers, same.levers)


def test_current_contracts_at_base_move_nobody(behaviour: Behaviour) -> None:
    situation = replace(at_work(behaviour, "gp_segments_1_2_3"), year=-1)
    assert np.array_equal(behaviour.decide(situation), situation.base_levers)


def test_decisions_lead_towards_the_best_response(behaviour: Behaviour) -> None:
    situation = at_work(behaviour, "gp_mixed")
    best, step = behaviour.best_response(situation), behaviour.decide(situation)
    assert ((step - situation.levers) * (best - situation.levers) >= 0.0).all()
    assert (np.abs(step - situation.levers) <= np.abs(best - situation.levers) + 1e-12).all()


def test_a_practice_does_not_depend_on_its_number(behaviour: Behaviour) -> None:
    situation = at_work(behaviour)
    order = np.array([3, 1, 4, 0, 2])
    traits = behaviour.traits(1, [NAMES[k] for k in order])
    assert np.array_equal(traits.altruism, situation.traits.altruism[order])
    turned = renumbered(situation, order, traits)
    assert np.allclose(behaviour.decide(turned), behaviour.decide(situation)[order], rtol=1e-12)


def renumbered(situation: Situation, order: np.ndarray, traits: PracticeTraits) -> Situation:
    activity = situation.activity
    base = replace(
        situation,
        activity=replace(
            activity,
            practice_names=tuple(NAMES[k] for k in order),
            services=activity.services[order],
            person_years=activity.person_years[order],
            programme_years=activity.programme_years[order],
        ),
        traits=traits,
        contracts=(read_contract("nl/gp_segments_1_2_3"),),
        year=-1,
        anchor=None,
    )
    return replace(base, contracts=situation.contracts, year=situation.year, anchor=make_anchor(base))


def test_practices_decide_alone(behaviour: Behaviour) -> None:
    """One practice's activity is nothing to the others."""
    situation = at_work(behaviour)
    services = situation.activity.services.copy()
    services[0] *= 2.0
    other = replace(situation, activity=replace(situation.activity, services=services))
    assert np.array_equal(behaviour.decide(other)[1:], behaviour.decide(situation)[1:])


def test_every_setting_is_accepted_and_an_unknown_one_is_not(behaviour: Behaviour) -> None:
    for name in behaviour.settings:
        load_behaviour(behaviour.name, [(name, 1.0)], PARAMETERS)
    with pytest.raises(ScenarioError, match="no such setting"):
        load_behaviour(behaviour.name, [("no_such_setting", 1.0)], PARAMETERS)


def test_every_channel_has_an_off_switch(behaviour: Behaviour) -> None:
    off = [name for name in behaviour.settings if name.endswith("_response")]
    responds = not np.array_equal(behaviour.decide(at_work(behaviour)), at_work(behaviour).levers)
    hospital = ("elective_admission", "length_of_stay", "specialist_follow_up", "hospital_coding")
    levers = (*LEVERS, *LIST_LEVERS, "working_hours", *hospital)
    assert off == ([f"{lever}_response" for lever in levers] if responds else [])
    silent = load_behaviour(behaviour.name, [(name, 0.0) for name in off], PARAMETERS)
    assert np.array_equal(silent.decide(at_work(silent)), np.ones((PRACTICES, 3, len(LEVERS))))
    assert np.array_equal(silent.decide_hours(at_work(silent), 1.5 * at_work(silent).levers), np.ones((PRACTICES, 3)))
    assert silent.decide_hospital(1.0, 500.0, 3000.0) == 1.0
    for decide in (silent.decide_stay, silent.decide_follow_up, silent.decide_coding):
        assert decide(1.0, 500.0, 3000.0) == 1.0
    now = at_work(silent)
    lists = silent.decide_lists(Lists.usual(PRACTICES), now, patient_margins(replace(now, contracts=())))
    assert all((each == 1.0).all() for each in (lists.accept, lists.keep, lists.size))


def test_lists_stay_as_they_are_under_current_contracts_and_move_within_limits_under_others(
    behaviour: Behaviour,
) -> None:
    usual, before = Lists.usual(PRACTICES), replace(at_work(behaviour, "gp_segments_1_2_3"), year=-1)
    same = behaviour.decide_lists(usual, before, patient_margins(before))
    assert all((each == 1.0).all() for each in (same.accept, same.keep, same.size))
    now = at_work(behaviour, "gp_capitation")
    moved = behaviour.decide_lists(usual, now, patient_margins(before))
    for each in (moved.accept, moved.keep):
        assert ((each > 0.5) & (each <= 1.0)).all()
    assert ((moved.size > 0.5) & (moved.size < 2.0)).all()
    if behaviour.name != "passive":
        assert moved.accept.min() < 1.0


@pytest.mark.parametrize("lever", ["decide_hospital", "decide_stay", "decide_follow_up", "decide_coding"])
def test_the_hospital_moves_towards_what_pays_and_within_limits(behaviour: Behaviour, lever: str) -> None:
    moved = [getattr(behaviour, lever)(1.0, gain, 3000.0) for gain in (-1e9, -100.0, 0.0, 100.0, 1e9)]
    assert moved == sorted(moved)
    assert moved[2] == 1.0
    assert 0.1 < moved[0] <= moved[-1] < 3.0


def test_the_incentive_map_can_be_made_and_read(behaviour: Behaviour) -> None:
    rows = incentive_table(at_work(behaviour), behaviour, "arm", 0)
    assert len(rows) == 3 * len(LEVERS)
    for row in rows:
        assert all(np.isfinite(row[name]) for name in row if name.endswith("_eur"))
        assert plain_sentence(row).endswith(".")
