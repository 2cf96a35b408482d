"""Every programme file conforms: found by scanning, read, in a model, delivered, counted."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from paysim import catalog
from paysim.care.programmes import AIMS, EDUCATION, Programme, ProgrammeUse, read_programme, with_programmes
from paysim.care.programmes.rounds import AMOUNTS, FOUND, LEFT
from paysim.engine.cell import Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.kernel.records import MAX_FLAGS
from paysim.scenario import load_scenario
from tests.toy import few_people, scenario, values

NAMES = catalog.names("programmes")


@lru_cache(maxsize=1)
def _programmes() -> tuple[Programme, ...]:
    return tuple(read_programme(name) for name in NAMES)


@lru_cache(maxsize=1)
def _model() -> Model:
    short = replace(scenario(1, 2), programmes=_programmes())
    return build_model(short, population=few_people(700))


@lru_cache(maxsize=1)
def _cell() -> Cell:
    """Return a run with all programmes at once, in every practice."""
    model = _model()
    whole = replace(model, programmes=tuple(_everywhere(each) for each in model.programmes))
    uses = tuple(ProgrammeUse(each.name, 0, each.payer) for each in whole.programmes)
    arm = replace(whole.scenario.arm("dutch_today"), programmes=uses)
    return run_arm(whole, run_base(whole, 0), arm, 0)


def _everywhere(programme: Programme) -> Programme:
    return replace(programme, deliver=replace(programme.deliver, practices=1.0))


def test_the_programmes_asked_for_are_there() -> None:
    wanted = {"ascvd_secondary_prevention", "vascular_risk_management", "inclisiran_in_primary_care", "diabetes_care"}
    wanted |= {"copd_self_management", "heart_failure_case_management", "smoking_cessation", "frail_older_people"}
    wanted |= {"combined_lifestyle_intervention", "community_prevention", "transitional_care"}
    assert set(NAMES) >= wanted | {"pharmacist_adherence_support"}


@pytest.mark.parametrize("name", NAMES)
def test_file(name: str) -> None:
    programme = read_programme(name)
    assert programme.name == name.split("/")[-1]
    assert set(programme.evaluate) == set(AIMS)
    assert programme.professions
    for number in programme.numbers:
        assert number.unit
        assert number.source
        assert number.low is not None, number.name
        assert number.low <= float(number.value) <= number.high, number.name
        # Nothing of a programme was read in the source itself: what is known of trials is recalled, the rest assumed.
        assert number.status in ("recalled", "derived", "assumed"), number.name


@pytest.mark.parametrize("name", NAMES)
def test_every_effect_has_a_trial_or_says_that_it_is_assumed(name: str) -> None:
    for number in read_programme(name).numbers:
        if ".effects." in number.name and number.status != "assumed":
            assert re.search(r"(19|20)\d\d|UKPDS|untreated|unaided|usual care|protocolised", number.source), number.name


@pytest.mark.parametrize("name", NAMES)
def test_no_effect_is_certain(name: str) -> None:
    """A range on both sides of the value: nobody states an effect as certain."""
    for number in read_programme(name).numbers:
        if ".effects." in number.name:
            assert number.low is not None
            assert number.low < number.high


def test_all_fit_into_one_model_and_name_what_it_has() -> None:
    model = _model()
    assert len(model.flag_bit) <= MAX_FLAGS
    assert {flag for each in model.programmes for flag in each.flags} <= set(model.flag_bit)


def test_the_frail_programme_has_its_published_null_effect() -> None:
    (tier,) = read_programme("frail_older_people").tiers
    assert not tier.effects.hazard_ratios
    assert not tier.effects.starts
    assert tier.effects.ldl_fall == tier.effects.sbp_fall == 0.0
    assert sum(tier.minutes_per_year.values()) > 0.0


@pytest.mark.parametrize("name", NAMES)
def test_it_is_delivered_and_counted(name: str) -> None:
    cell, label = _cell(), f"programme_{name}"
    whole = {what: values(cell.results, f"{label}_{what}")[-1] for what in ("invited", "started", "cost")}
    assert 0.0 < whole["started"] <= whole["invited"]
    assert whole["cost"] > 0.0
    years = values(cell.results, f"{label}_participant_years")[-1]
    assert 0.0 < years < 2.0 * values(cell.results, "person_years")[-1]
    for education in EDUCATION:
        reach = values(cell.results, f"{label}_reach_{education}_education")
        assert (reach >= 0.0).all()
        assert (reach <= 1.0).all()


@pytest.mark.parametrize("name", NAMES)
def test_who_came_is_there_or_has_gone(name: str) -> None:
    cell, label = _cell(), f"programme_{name}"
    started, dropped, completed = (
        values(cell.results, f"{label}_{what}")[:2].sum() for what in ("started", "dropped_out", "completed")
    )
    left = values(cell.results, f"{label}_participants")[1]
    assert dropped + completed + left <= started  # the others died or left the region
    duration = read_programme(name).deliver.duration_years
    assert (completed > 0) == (duration is not None and duration < 2.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_measures_of_its_five_aims_exist(name: str) -> None:
    known = set(_cell().results["measure"])
    for aim, measures in read_programme(name).evaluate.items():
        assert not set(measures) - known, aim


def test_payments_are_those_of_the_ledger() -> None:
    cell = _cell()
    columns = cell.ledger.columns()
    for programme in _programmes():
        mine = columns["contract"] == f"programme:{programme.name}"
        paid = columns["cents"][mine & (columns["actor"] == programme.payer)].sum() / -100.0
        cost = columns["cents"][mine & (columns["actor"] == "staff_and_suppliers")].sum() / 100.0
        assert paid == pytest.approx(values(cell.results, f"programme_{programme.name}_paid")[-1], abs=0.1)
        assert cost == pytest.approx(values(cell.results, f"programme_{programme.name}_cost")[-1], abs=0.1)


def test_costs_are_those_of_people() -> None:
    cell = _cell()
    each = sum(values(cell.results, f"programme_{name}_cost")[-1] for name in NAMES)
    assert values(cell.results, "resource_cost_programmes")[-1] == pytest.approx(each, rel=1e-9)
    by_education = values(cell.results, "resource_cost_programmes", "education")
    assert by_education.reshape(3, 3).sum(axis=1) == pytest.approx(values(cell.results, "resource_cost_programmes"))


@pytest.mark.parametrize(
    "name", [name for name in catalog.names("scenarios") if "programmes" in name or "ascvd" in name]
)
def test_scenarios_with_programmes(name: str) -> None:
    loaded = load_scenario(name)
    assert loaded.programmes
    assert not loaded.arm(loaded.current).programmes
    used = {use.name for arm in loaded.arms for use in arm.programmes}
    assert used == {each.name for each in loaded.programmes}


def test_without_programmes_nothing_is_added() -> None:
    model = _model()
    bare = with_programmes((), model.transitions, list(model.flag_bit))
    assert bare.transitions == model.transitions
    assert not bare.flags
    assert not bare.treatment_effects
    assert np.array_equal(model.tables["n_flags"], [len(model.flag_bit)])


@pytest.mark.parametrize("name", NAMES)
def test_in_every_round_everybody_is_counted_once(name: str) -> None:
    cell = _cell()
    rows = [row for row in cell.rounds if row["programme"] == name]
    of = {what: np.array([row[what] for row in rows]).reshape(-1, len(EDUCATION)) for what in AMOUNTS}
    assert [row["education"] for row in rows[: len(EDUCATION)]] == list(EDUCATION)
    assert all((counts >= 0.0).all() for counts in of.values())
    assert np.array_equal(of["eligible"], sum(of[each] for each in FOUND[1:]))
    assert np.array_equal(of["selected"], of["no_staff"] + of["no_places"] + of["invited"])
    assert np.array_equal(of["invited"], of["declined"] + of["started"])
    before = np.vstack([np.zeros((1, len(EDUCATION))), of["participants"][:-1]])
    assert np.array_equal(of["participants"], before + of["started"] - sum(of[each] for each in LEFT))
    assert (of["taking_part"] <= before).all()


@pytest.mark.parametrize("name", NAMES)
def test_rounds_add_up_to_the_results(name: str) -> None:
    cell, label = _cell(), f"programme_{name}"
    rows = [row for row in cell.rounds if row["programme"] == name]
    weight = _model().population.practices[0].weight

    def of(what: str, year: int) -> float:
        return weight * sum(row[what] for row in rows if row["year"] == year)

    for what in ("invited", "started", "dropped_out", "completed", "participant_years"):
        whole = values(cell.results, f"{label}_{what}")
        assert [of(what, 0), of(what, 1)] == pytest.approx(whole[:2], rel=1e-9), what
    for what in ("cost", "paid"):
        whole = values(cell.results, f"{label}_{what}")
        assert [of(f"{what}_eur", 0), of(f"{what}_eur", 1)] == pytest.approx(whole[:2], rel=1e-9), what
    last = [row for row in rows if row["round"] == rows[-1]["round"]]
    for what in ("eligible", "participants"):
        assert weight * sum(row[what] for row in last) == values(cell.results, f"{label}_{what}")[-1]
