"""Laws of behaviour in whole runs: an off switch is the passive run, numbers of practices and halves of contracts do not count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import paysim as ps
from paysim.behaviour.profit_altruism import CHANNELS
from paysim.scenario import Behaviour, Scenario

SAMPLE = 3000
OFF = tuple((name, 0.0) for name in CHANNELS)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    whole = ps.load_scenario("nl/achterhoek_four_models")
    arm = replace(whole.arm("fee_for_service"), budget_neutral_to=None)
    return replace(whole, horizon_years=1, base_years=1, arms=(whole.arms[0], arm), compare_with=("dutch_today",))


def arms(scenario: Scenario, **behaviours: Behaviour) -> Scenario:
    fees = scenario.arms[1]
    return replace(
        scenario, arms=(scenario.arms[0], *(replace(fees, name=n, behaviour=b) for n, b in behaviours.items()))
    )


def of(run: ps.Run, arm: str) -> pd.DataFrame:
    results = run.results
    return results[results["arm"] == arm].drop(columns="arm").reset_index(drop=True)


def test_with_every_channel_off_a_run_is_the_passive_one(scenario: Scenario, tmp_path: Path) -> None:
    names = ("profit_altruism", "logit", "target_income")
    silent = {name: Behaviour(name, OFF) for name in names}
    loud = {"loud": Behaviour("profit_altruism")}
    run = ps.simulate(arms(scenario, passive=Behaviour(), **silent, **loud), tmp_path / "run", sample=SAMPLE)
    ledger = run.ledger.astype({"arm": str})
    columns = [name for name in ledger.columns if name != "arm"]
    passive = ledger[ledger["arm"] == "passive"][columns].reset_index(drop=True)
    for name in names:
        pd.testing.assert_frame_equal(of(run, name), of(run, "passive"), check_exact=True)
        mine = ledger[ledger["arm"] == name][columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine.astype(str), passive.astype(str), check_exact=True)
    assert not of(run, "loud").equals(of(run, "passive"))


@pytest.mark.slow
def test_numbers_of_practices_do_not_count(scenario: Scenario, tmp_path: Path) -> None:
    people = ps.synthesize(ps.load_region("achterhoek"), seed=scenario.seed, sample=11_000)
    order = np.arange(len(people.practices))[::-1]
    assert len(order) > 2
    turned = people.take_practices(order, people.sample_note)
    responding = arms(scenario, fees=Behaviour("profit_altruism"))
    runs = [
        ps.simulate(responding, tmp_path / name, population=each)
        for name, each in (("as_is", people), ("turned", turned))
    ]
    found = [of(run, "fees").sort_values(["dimension", "group", "period", "measure"]) for run in runs]
    levers = [each[each["measure"].str.startswith("lever_") & (each["dimension"] == "practice")] for each in found]
    assert len(levers[0]) > 0
    pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in levers), rtol=1e-9)


def test_a_contract_split_in_two_halves_gives_the_same_run(scenario: Scenario, tmp_path: Path) -> None:
    responding = arms(scenario, whole=Behaviour("profit_altruism"))
    arm = responding.arms[1]
    first = arm.contracts[0]
    halves = [
        replace(first, name=f"half_{k}", components=tuple(replace(p, share=p.share / 2) for p in first.components))
        for k in range(2)
    ]
    split = replace(arm, name="halves", contracts=(*halves, *arm.contracts[1:]))
    run = ps.simulate(replace(responding, arms=(*responding.arms, split)), tmp_path / "run", sample=SAMPLE)
    levers = [of(run, name) for name in ("whole", "halves")]
    levers = [each[each["measure"].str.startswith("lever_")]["value"].to_numpy() for each in levers]
    assert np.allclose(levers[0], levers[1], rtol=1e-6)
    assert (np.abs(levers[0] - 1.0) > 0.05).any()
