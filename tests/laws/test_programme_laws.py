"""Programmes, said as sentences: they cost what they cost, act through their flags alone, and reach whom they say."""

from __future__ import annotations

import copy
from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from paysim.care.programmes import EDUCATION, Programme, ProgrammeUse, read_programme
from paysim.care.programmes.reading import ProgrammeReader, _programme
from paysim.engine.cell import Base, Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.engine.region import ENGINES, Region
from paysim.kernel.records import WEEKS_PER_PERIOD
from paysim.reading import bind
from paysim.scenario import Arm, Behaviour
from tests.toy import few_people, in_order, scenario, values

YEARS = 2
MONEY = (
    "societal_cost",
    "standardised_spending",
    "spending_",
    "resource_cost_",
    "programme_",
    *(f"{who}_hours_in_programmes" for who in ("gp", "nurse", "other")),
    "practice_revenue",
    "practice_costs",
    "practice_margin",
)


def changed(name: str, **numbers: float) -> Programme:
    """Return a shipped programme with some numbers replaced, by the last parts of their places, dots written as __."""
    programme = read_programme(name)
    data = copy.deepcopy(programme.document.data)
    todo = {key.replace("__", "."): value for key, value in numbers.items()}

    def walk(at: Any, place: str) -> None:
        if isinstance(at, dict) and "status" in at:
            for key, value in todo.items():
                if place.endswith(f".{key}"):
                    at["value"] = value
                    at["range"] = [min(value, at["range"][0]), max(value, at["range"][1])]
        elif isinstance(at, dict):
            for key, each in at.items():
                walk(each, f"{place}.{key}")
        elif isinstance(at, list):
            for each in at:
                walk(each, place)

    walk(data, "")
    document = replace(programme.document, data=data)
    return _programme(bind(ProgrammeReader, document), document)


def null(programme: Programme) -> Programme:
    """Return a programme whose every effect is none."""
    data = copy.deepcopy(programme.document.data)
    for tier in data["stratify"]["tiers"]:
        effects = tier.get("effects", {})
        for ratio in effects.get("hazard_ratios", {}).values():
            ratio["value"] = 1.0
        for key in ("ldl_fall", "sbp_fall"):
            if key in effects:
                effects[key]["value"] = 0.0
        for rate in effects.get("starts", {}).values():
            rate["value"] = 0.0
    document = replace(programme.document, data=data)
    return _programme(bind(ProgrammeReader, document), document)


EASY = {"uptake": 1.0, "sensitivity": 1.0, "deliver__practices": 1.0, "dropout": 0.0}


def model_of(*programmes: Programme, people: int = 600, years: int = YEARS) -> Model:
    return build_model(replace(scenario(1, years), programmes=programmes), population=few_people(people))


def arm_of(model: Model, *uses: ProgrammeUse) -> Arm:
    return replace(model.scenario.arm("dutch_today"), behaviour=Behaviour(), programmes=uses)


def use_all(model: Model, payer: str | None = "insurers") -> Arm:
    return arm_of(model, *(ProgrammeUse(each.name, 0, payer) for each in model.programmes))


def run(model: Model, base: Base, arm: Arm, watch: Any = None, engine: Any = "compiled") -> tuple[Cell, np.ndarray]:
    log: list[np.ndarray] = []
    cell = run_arm(model, base, arm, 0, engine, on_events=log.append, own_processes=(watch,) if watch else ())
    return cell, in_order(log)


@lru_cache(maxsize=1)
def _null() -> tuple[Model, Base]:
    names = ("ascvd_secondary_prevention", "smoking_cessation", "inclisiran_in_primary_care", "diabetes_care")
    model = model_of(*(null(read_programme(name)) for name in names))
    return model, run_base(model, 0)


def test_a_programme_with_an_effect_of_zero_changes_cost_but_no_health_to_the_bit() -> None:
    model, base = _null()
    without, log = run(model, base, arm_of(model))
    with_it, other = run(model, base, use_all(model))
    assert log.tobytes() == other.tobytes()
    either = with_it.results["value"], without.results["value"]
    paid = (either[0] != either[1]) & ~(np.isnan(either[0]) & np.isnan(either[1]))
    differing = set(with_it.results["measure"][paid])
    assert differing
    assert all(name.startswith(MONEY) for name in differing), sorted(differing)
    assert values(with_it.results, "resource_cost_programmes")[-1] > 0.0
    for name in ("qalys", "deaths", "life_years", "gp_contacts", "wait_nurse_days", "spending_hospital"):
        assert np.array_equal(values(with_it.results, name), values(without.results, name))


@pytest.mark.parametrize("hires", [True, False])
def test_every_hour_is_a_cost_once_and_none_is_free(hires: bool) -> None:
    """A programme carries the wages of its hours; general practice gets no cheaper, and what it pays is what it costs.

    Hours that practices pay for anyway are taken off the total, and off what practices pay; of staff that is hired
    there are none.
    """
    model, base = _null()
    employed = tuple(ProgrammeUse(each.name, 0, "insurers", hires) for each in model.programmes)
    without, with_it = (run(model, base, arm)[0] for arm in (arm_of(model), arm_of(model, *employed)))

    def more(measure: str) -> float:
        return float(values(with_it.results, measure)[-1] - values(without.results, measure)[-1])

    in_practices = sum(
        float(values(with_it.results, f"programme_{each.name}_cost")[-1])
        for each in model.programmes
        if each.provider == "practices"
    )
    lent, costs = more("staff_lent_to_programmes"), more("resource_cost_programmes")
    assert np.array_equal(*(values(each.results, "resource_cost_general_practice") for each in (with_it, without)))
    assert lent == 0.0 if hires else 0.0 < lent < in_practices
    assert more("resource_cost_total") == pytest.approx(costs - lent, rel=1e-9)
    assert more("practice_costs") == pytest.approx(in_practices - lent, rel=1e-6)
    paid = sum(
        float(values(with_it.results, f"programme_{each.name}_paid")[-1])
        for each in model.programmes
        if each.provider == "practices"
    )
    assert more("practice_margin") == pytest.approx(paid - in_practices + lent, abs=1.0)


def _staffed(nurses: float) -> tuple[Model, Base]:
    people = few_people(600)
    practices = tuple(replace(each, nurse_fte=each.nurse_fte * nurses) for each in people.practices)
    programme = null(read_programme("diabetes_care"))
    short = replace(scenario(1, YEARS), programmes=(programme,))
    model = build_model(short, population=replace(people, practices=practices))
    return model, run_base(model, 0)


def test_a_programme_that_hires_nobody_takes_the_hours_that_are_left_and_says_so() -> None:
    started, label = "programme_diabetes_care_started", "programme_diabetes_care"
    model, base = _staffed(0.4)
    (name,) = (each.name for each in model.programmes)
    hired, own = (run(model, base, arm_of(model, ProgrammeUse(name, 0, None, hires)))[0] for hires in (True, False))
    assert 0.0 <= values(own.results, started)[-1] < 0.5 * values(hired.results, started)[-1]
    assert values(own.results, f"{label}_not_asked_for_want_of_staff")[-1] > 0.0
    by_level = [values(own.results, f"{label}_eligible_{level}_education") for level in EDUCATION]
    np.testing.assert_allclose(np.sum(by_level, axis=0), values(own.results, f"{label}_eligible"))
    assert any(not each["passed"] and each["id"].startswith("staff:") for each in own.checks)
    assert not any(each["id"].startswith("staff:") for each in hired.checks)


def test_hours_left_are_lent_at_the_wage() -> None:
    """Where nobody is short of hours, hired and employed staff do the same; all hours employed were paid for already."""
    label = "programme_diabetes_care"
    model, base = _staffed(50.0)
    (name,) = (each.name for each in model.programmes)
    hired, own = (run(model, base, arm_of(model, ProgrammeUse(name, 0, None, hires)))[0] for hires in (True, False))
    differing = set(own.results["measure"][(own.results["value"] != hired.results["value"])])
    assert differing == {
        *("staff_lent_to_programmes", "resource_cost_total", "resource_cost_total_discounted", "societal_cost"),
        *("societal_cost_discounted", "practice_costs", "practice_costs_programmes", "practice_margin"),
        "practice_margin_per_gp_fte",
    }
    wages = model.care.costs.wages()
    hours = {each: values(own.results, f"{label}_hours_{each}")[-1] for each in ("practice_nurse", "gp", "assistant")}
    eur = {"practice_nurse": wages.nurse_eur, "gp": wages.gp_eur, "assistant": wages.assistant_eur}
    assert values(own.results, "staff_lent_to_programmes")[-1] == pytest.approx(
        sum(hours[each] * eur[each] for each in hours), rel=1e-9
    )


def test_the_same_programme_costs_the_same_whoever_pays_and_the_provider_bears_what_nobody_pays() -> None:
    model, base = _null()
    paid, _ = run(model, base, use_all(model))
    unpaid, _ = run(model, base, use_all(model, payer=None))
    assert np.array_equal(
        values(paid.results, "resource_cost_programmes"), values(unpaid.results, "resource_cost_programmes")
    )
    assert values(unpaid.results, "spending_programmes")[-1] == 0.0
    label = "programme_diabetes_care"
    cost = values(unpaid.results, f"{label}_cost")[-1]
    assert values(unpaid.results, f"{label}_borne_by_provider")[-1] == cost > 0.0
    borne = [values(unpaid.results, f"programme_{each.name}_cost")[-1] for each in model.programmes]
    margins = [values(cell.results, "practice_margin")[-1] for cell in (paid, unpaid)]
    gain = values(paid.results, "spending_programmes")[-1] - sum(borne)
    assert margins[0] - margins[1] == pytest.approx(gain + sum(borne), rel=1e-6)


def test_an_exaggerated_effect_arrives_where_it_should_and_with_the_right_sign() -> None:
    cessation = changed("smoking_cessation", quit_smoking=100.0, places_per_1000=1000.0, **EASY)
    model = model_of(cessation)
    base = run_base(model, 0)
    smokers = {}
    for arm in (arm_of(model), use_all(model)):
        seen: list[Region] = []

        def look(region: Region, seen: list[Region] = seen) -> Generator[Any, Any, None]:
            seen.append(region)
            yield region.env.timeout(0)

        run(model, base, arm, look)
        people = seen[0].state.people
        alive = people[people["alive"] == 1]
        smokers[arm.programmes] = int(((alive["flags"] & model.flag_bit["smoker"]) != 0).sum())
    without, with_it = smokers.values()
    assert with_it < 0.5 * without


def test_fewer_admissions_where_only_admissions_are_touched() -> None:
    copd = changed("copd_self_management", copd_admission=0.001, places_per_1000=1000.0, **EASY)
    model = model_of(copd, people=1500)
    base = run_base(model, 0)
    process = model.processes.index("copd_admission")
    counts = []
    for arm in (arm_of(model), use_all(model)):
        _, log = run(model, base, arm)
        counts.append(int((log["process"] == process).sum()))
    assert counts[0] >= 5
    assert counts[1] < 0.5 * counts[0]


def test_a_treatment_that_a_programme_starts_is_started_and_ends_with_it() -> None:
    lipid = changed(
        "inclisiran_in_primary_care",
        inclisiran=50.0,
        places_per_1000=1000.0,
        non_hdl_from=0.5,
        **{**EASY, "dropout": 0.7},
    )
    model = model_of(lipid)
    seen: list[Region] = []

    def look(region: Region) -> Generator[Any, Any, None]:
        seen.append(region)
        yield region.env.timeout(0)

    run(model, run_base(model, 0), use_all(model), look)
    people = seen[0].state.people
    alive = people[people["alive"] == 1]
    treated = (alive["flags"] & model.flag_bit["inclisiran"]) != 0
    member = (alive["flags"] & model.flag_bit["in_inclisiran_in_primary_care"]) != 0
    assert treated.any()
    assert not (treated & ~member).any()


@pytest.mark.parametrize("per_1000", [0.0, 20.0])
def test_places_are_never_exceeded(per_1000: float) -> None:
    model = model_of(changed("smoking_cessation", places_per_1000=per_1000, **EASY), years=1)
    most = []

    def watch(region: Region) -> Generator[Any, Any, None]:
        while True:
            yield region.env.timeout(7 * 24 * 3600 * 1000)
            people = region.state.people
            member = (people["flags"] & model.flag_bit["in_smoking_cessation"]) != 0
            most.append(int((member & (people["alive"] == 1)).sum()))

    run(model, run_base(model, 0), use_all(model), watch)
    places = int(per_1000 * sum(each.list_size for each in model.population.practices) / 1000)
    assert max(most) == places


def test_uptake_by_education_is_as_stated() -> None:
    programme = changed(
        "smoking_cessation", uptake=0.5, odds_ratio_low_education=0.25, odds_ratio_high_education=4.0,
        sensitivity=1.0, deliver__practices=1.0, places_per_1000=1000.0, again_after_years=0.25, dropout=0.0, duration_years=0.1,
    )  # fmt: skip
    assert programme.invite.uptake == pytest.approx({"low": 0.2, "mid": 0.5, "high": 0.8})
    model = model_of(null(programme), people=900)
    seen: list[Region] = []
    counts = np.zeros((2, 3))

    def watch(region: Region) -> Generator[Any, Any, None]:
        seen.append(region)
        while True:
            yield region.env.timeout(7 * 24 * 3600 * 1000)
            (delivery,) = region.programmes
            if delivery.week % WEEKS_PER_PERIOD == WEEKS_PER_PERIOD - 1:
                for k, what in enumerate(("invited", "started")):
                    counts[k] += [delivery._counts[f"{what}_{name}"] for name in ("low", "mid", "high")]

    run(model, run_base(model, 0), use_all(model), watch)
    invited, started = counts
    assert invited.min() > 100
    error = 4.0 * np.sqrt(np.array([0.2, 0.5, 0.8]) * np.array([0.8, 0.5, 0.2]) / invited)
    assert (np.abs(started / invited - [0.2, 0.5, 0.8]) < error).all()


def test_involving_residents_raises_uptake_of_all() -> None:
    involved = changed("smoking_cessation", resident_involvement=1.5).invite.uptake
    usual = changed("smoking_cessation").invite.uptake
    assert all(involved[name] > usual[name] for name in usual)


def test_the_highest_risk_is_invited_first() -> None:
    """With few places those who take part have a higher risk than those who are identified and do not."""
    programme = changed("vascular_risk_management", places_per_1000=5.0, **EASY)
    model = model_of(null(programme), people=1500, years=1)
    risk = {}

    def watch(region: Region) -> Generator[Any, Any, None]:
        yield region.env.timeout(7 * 24 * 3600 * 1000)
        (delivery,) = region.programmes
        rows = delivery._identified(int(region.env.now), 0)["row"]
        score = delivery.scores.of("score2", region.state.people, rows)
        member = np.isin(rows, delivery.row)
        risk.update(member=score[member].min(), other=score[~member].max())

    run(model, run_base(model, 0), use_all(model), watch)
    assert risk["member"] >= risk["other"]


def test_a_programme_begins_in_its_year() -> None:
    model, base = _null()
    late = arm_of(model, ProgrammeUse("diabetes_care", 1, "insurers"))
    cell, _ = run(model, base, late)
    invited = values(cell.results, "programme_diabetes_care_invited")
    assert invited[0] == 0.0 < invited[1]
    assert values(cell.results, "resource_cost_programmes")[0] == 0.0


def test_participants_move_to_the_tier_of_their_present_risk() -> None:
    programme = null(
        changed("ascvd_secondary_prevention", places_per_1000=1000.0, **EASY)
    )  # a fall of LDL changes risk
    model = model_of(programme, people=1500)
    moved: list[np.ndarray] = []

    def watch(region: Region) -> Generator[Any, Any, None]:
        for _ in range(53):
            yield region.env.timeout(7 * 24 * 3600 * 1000)
        (delivery,) = region.programmes
        flags = region.state.people["flags"][delivery.row]
        held = (flags[:, None] & delivery._tier_bit) != 0
        assert (held.sum(axis=1) == 1).all()
        assert np.array_equal(held.argmax(axis=1), delivery.tier)
        score = delivery.scores.of("smart2", region.state.people, delivery.row)
        moved.append(np.array([delivery.tier, np.maximum(delivery._tier_of(score, flags), 0)]))

    run(model, run_base(model, 0), use_all(model), watch)
    (tiers,) = moved
    assert np.array_equal(*tiers)  # re-stratified in that week
    assert len(set(tiers[0])) > 1


def test_both_engines_agree_with_programmes_on() -> None:
    names = ("ascvd_secondary_prevention", "transitional_care", "smoking_cessation", "inclisiran_in_primary_care")
    easy = {**EASY, "dropout": 1.0, "places_per_1000": 200.0, "non_hdl_from": 0.5}
    model = model_of(*(changed(name, **easy) for name in names), people=160, years=1)
    cells, logs, states = [], [], []
    for engine in ENGINES:
        seen: list[Region] = []

        def look(region: Region, seen: list[Region] = seen) -> Generator[Any, Any, None]:
            seen.append(region)
            yield region.env.timeout(0)

        cell, log = run(model, run_base(model, 0, engine), use_all(model), look, engine)
        cells.append(cell)
        logs.append(log)
        states.append(seen[0].state)
    assert logs[0].tobytes() == logs[1].tobytes()
    assert states[0].people["flags"].tobytes() == states[1].people["flags"].tobytes()
    assert np.array_equal(cells[0].results["value"], cells[1].results["value"], equal_nan=True)
    assert values(cells[0].results, "programme_smoking_cessation_started")[-1] > 0.0
