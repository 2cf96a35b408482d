"""What people obey in every run, on one real practice: all accounted for, and effects reach whom they should."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from paysim.engine.cell import Cell, run_arm, run_base
from paysim.engine.model import build_model
from paysim.engine.region import Region
from paysim.kernel import records as rec
from paysim.kernel.records import NEVER, PREVENTION, TICKS_PER_YEAR, VISIT_INTENSITY
from paysim.parameters import Override
from tests.one_practice import YEARS, Changes, base_of, model_of, passive, run_of
from tests.toy import few_people, in_order, scenario, values

# --- 2: people ---------------------------------------------------------------------------------------------------


def _arrivals() -> np.ndarray:
    """Return the ticks, ends of weeks, at which people come to the region during an arm."""
    model = model_of()
    weeks = np.arange((model.scenario.base_years + YEARS) * rec.WEEKS_PER_YEAR + 1)
    arrived = np.floor(model.migration.arrivals_per_year * weeks / rec.WEEKS_PER_YEAR + 1e-9)
    ticks = np.repeat(weeks[1:] * rec.TICKS_PER_WEEK, np.diff(arrived).astype(int))
    ticks = ticks - model.scenario.base_years * TICKS_PER_YEAR
    return ticks[ticks > 0]


def test_people_and_person_time_are_conserved(today: tuple[Cell, np.ndarray]) -> None:
    cell, log = today
    at_fork = base_of().state.people[base_of().state.listed]
    alive = int(at_fork["alive"].sum())
    births = log["tick"][log["outcome"] == rec.BORN]
    deaths = log["tick"][np.isin(log["outcome"], [rec.DIED, rec.DIED_BEFORE_CARE])]
    departures = log["tick"][log["outcome"] == rec.DEPARTED]
    arrivals = _arrivals()
    end = YEARS * TICKS_PER_YEAR
    lived = alive * YEARS
    for ticks, sign in ((births, 1), (arrivals, 1), (deaths, -1), (departures, -1)):
        assert len(ticks) > 5
        lived += sign * (end - ticks).sum() / TICKS_PER_YEAR
    weight = model_of().population.practices[0].weight
    np.testing.assert_allclose(values(cell.results, "person_years")[YEARS] / weight, lived, rtol=1e-12)
    flows = (("births", births), ("deaths", deaths), ("departures", departures), ("arrivals", arrivals - 1))
    for measure, ticks in flows:
        by_year = np.bincount(ticks // TICKS_PER_YEAR, minlength=YEARS)
        np.testing.assert_allclose(values(cell.results, measure)[:YEARS] / weight, by_year, err_msg=measure)
    # One death a person, and nothing after it.
    died = log[np.isin(log["outcome"], [rec.DIED, rec.DIED_BEFORE_CARE])]
    assert len(set(died["person"])) == len(died)
    when = dict(zip(died["person"].tolist(), died["tick"].tolist(), strict=True))
    assert all(when.get(event["person"], NEVER) >= event["tick"] for event in log)
    dead_before = set(at_fork["id"][at_fork["alive"] == 0].tolist())
    assert not dead_before & set(log["person"].tolist())


def test_qalys_lie_below_life_years(today: tuple[Cell, np.ndarray]) -> None:
    lived, qalys = (values(today[0].results, name, "age") for name in ("person_years", "qalys"))
    assert (qalys < lived).all()
    assert (qalys > 0.4 * lived).all()


def test_life_years_are_lost_by_the_life_table_at_each_death(today: tuple[Cell, np.ndarray]) -> None:
    cell, log = today
    died = log[np.isin(log["outcome"], [rec.DIED, rec.DIED_BEFORE_CARE])]
    people = base_of().state.people
    row = {int(person): k for k, person in enumerate(people["id"]) if people["alive"][k]}
    died = died[[int(person) in row for person in died["person"]]]
    who = people[[row[int(person)] for person in died["person"]]]
    hazard, step = model_of().health.reference["life_table"], 0.01
    ahead = np.arange(0.0, 150.0, step) + step / 2
    lost = 0.0
    for sex, birth, tick in zip(who["sex"], who["birth"], died["tick"], strict=True):
        age = np.minimum(((tick - birth) / TICKS_PER_YEAR + ahead).astype(int), 110)
        lost += np.exp(-np.cumsum(hazard[sex, age]) * step).sum() * step
    weight = model_of().population.practices[0].weight
    np.testing.assert_allclose(values(cell.results, "years_of_life_lost")[YEARS] / weight, lost, rtol=0.01)


def test_healthy_years_and_dalys_hang_together(today: tuple[Cell, np.ndarray]) -> None:
    by_age = {
        name: values(today[0].results, name, "age_sex")
        for name in ("person_years", "life_years", "healthy_life_years", "qalys", "years_with_disability")
    }
    lived, healthy = by_age["person_years"], by_age["healthy_life_years"]
    np.testing.assert_array_equal(lived, by_age["life_years"])
    assert ((healthy >= 0) & (healthy <= lived * (1 + 1e-12))).all()
    best = by_age["qalys"] + by_age["years_with_disability"]  # disease-free utility, integrated
    assert (best <= lived * (1 + 1e-12)).all()
    assert (by_age["years_with_disability"][healthy < 0.9 * lived] > 0).all()
    assert healthy.sum() > 0.5 * lived.sum()


def test_a_sample_is_weighted_to_the_region(today: tuple[Cell, np.ndarray]) -> None:
    model = model_of()
    at_fork = int(base_of().state.people["alive"][base_of().state.listed].sum())
    share = at_fork / len(model.population)
    first = values(today[0].results, "person_years")[0]
    assert abs(first / (model.population.persons_in_region * share) - 1.0) < 0.02


# --- 6: an exaggerated effect reaches what it should -----------------------------------------------------------


EXAGGERATED = (
    ("births.level", 1.8, "births", 1.4, 2.3),
    ("migration.gross_turnover", 5.0, "departures", 3.0, 9.0),
    ("migration.gross_turnover", 5.0, "arrivals", 4.0, 4.8),
    ("care.gp_contact_level", 1.3, "needs", 1.25, 1.35),
    ("care.gp_contact_level", 1.3, "gp_contacts", 1.05, 1.35),
    ("ischaemic_heart_disease.recurrent_later", 30.0, "mi_admissions", 2.0, 1e9),
    ("stroke.national_scale", 8.0, "stroke_admissions", 2.0, 1e9),
    ("care.referral_per_contact", 2.0, "specialist_trajectories", 1.1, 3.0),
    ("care.chronic_controls_diabetes", 3.0, "chronic_controls", 1.1, 3.0),
    ("care.patience_urgent_days", 1e-3, "out_of_hours_contacts", 1.2, 10.0),
    ("vascular_prevention.least_start_rate", 100.0, "statin_years", 1.05, 10.0),
)

# They go the way of another above, of a disease's events and of what practices do for the chronically ill.
ALIKE = ("stroke.national_scale", "care.chronic_controls_diabetes")


@lru_cache(maxsize=1)
def _exaggerated(name: str, value: float) -> Cell:
    return run_of(parameters=((name, value),))[0]


@pytest.mark.parametrize(
    ("name", "times", "measure", "least", "most"),
    [
        pytest.param(*row, marks=pytest.mark.slow if row[0] in ALIKE else (), id=f"{row[0]}-{row[2]}")
        for row in EXAGGERATED
    ],
)
def test_an_exaggerated_parameter_reaches_its_outcome(
    today: tuple[Cell, np.ndarray], name: str, times: float, measure: str, least: float, most: float
) -> None:
    parameters = model_of().parameters
    cell = _exaggerated(name, float(parameters[name]) * times)
    ratio = values(cell.results, measure)[YEARS] / values(today[0].results, measure)[YEARS]
    assert least < ratio < most


def _set_levers(activity: dict[int, float], health: dict[int, float], condition: Any = slice(None)) -> Any:
    def process(region: Region) -> Generator[Any, Any, None]:
        practices = region.state.practices
        for field, levers in (("activity_levers", activity), ("health_levers", health)):
            for which, value in levers.items():
                practices[field][0, condition, which] = value
        region.practices.levers_changed(int(region.env.now))
        yield region.env.timeout(0)

    return process


def test_prevention_treats_people_and_treatment_saves_them() -> None:
    """From lever to treatment to events, with the drugs' effects exaggerated; against drugs that do nothing."""
    many: Changes = (("ischaemic_heart_disease.national_scale", 8.0),)
    strong: Changes = (
        ("ischaemic_heart_disease.rr_per_mmol_ldl", 0.02),
        ("ischaemic_heart_disease.rr_per_10_mmhg", 0.02),
    )
    # All that treatment, programme or better control can change: rate ratios of trials, and what control and support do.
    ratios = [str(row["name"]) for row in model_of().parameters.frame() if str(row["unit"]).startswith("rate ratio")]
    control = [name for name in model_of().parameters if name.endswith(("hr_poor_control", "quit_hr_enrolled"))]
    assert len(ratios) > 15
    assert len(control) >= 3
    useless: Changes = tuple((name, 1.0) for name in (*ratios, *control))
    found = {}
    for what, changes in (("strong", strong), ("useless", useless)):
        for effort, value in (
            ("base", 1.0),
            ("push", 1e4),
        ):  # everybody indicated: programmes hold nine in ten of them at base
            process = _set_levers({PREVENTION: value}, {PREVENTION: value})
            cell, _ = run_of(parameters=(*many, *changes), process=process)
            found[what, effort] = {
                name: values(cell.results, name)[YEARS]
                for name in ("statin_years", "bp_drug_years", "programme_years", "mi_admissions")
            }
    for what in ("strong", "useless"):
        for name in ("statin_years", "bp_drug_years", "programme_years"):
            assert found[what, "push"][name] > 1.05 * found[what, "base"][name], (what, name)
    assert found["strong", "push"]["mi_admissions"] < found["strong", "base"]["mi_admissions"]
    # Drugs that do nothing move infarctions only through nothing at all: treated or not, the clocks are the same.
    assert found["useless", "push"]["mi_admissions"] == found["useless", "base"]["mi_admissions"]


def test_the_health_lever_alone_treats_and_the_activity_lever_alone_visits() -> None:
    process_of = {name: k for k, name in enumerate(model_of().processes)}

    def fired(process: Any) -> dict[str, int]:
        _, log = run_of(process=process, unlimited=True)
        return {name: int((log["process"] == k).sum()) for name, k in process_of.items()}

    calm = fired(_set_levers({}, {}))
    health = fired(_set_levers({}, {PREVENTION: 10.0}))
    activity = fired(_set_levers({VISIT_INTENSITY: 2.0}, {}))
    assert health["enrol"] + health["start_statin"] > calm["enrol"] + calm["start_statin"]
    # Those who live on a little longer ask for a little more.
    assert abs(health["follow_up"] - calm["follow_up"]) < 0.01 * calm["follow_up"]
    assert abs(health["need"] - calm["need"]) < 0.01 * calm["need"]
    assert activity["follow_up"] > 1.2 * calm["follow_up"]
    untouched = set(process_of) - {"follow_up", *rec.FIXED_PROCESSES}
    assert {name: activity[name] for name in untouched} == {name: calm[name] for name in untouched}


# --- Common random numbers ---------------------------------------------------------------------------------------


def test_people_whom_an_arm_does_not_touch_have_identical_histories() -> None:
    """Unlimited capacity: more visits for diabetics of one practice change nobody else's life by a tick."""
    process = _set_levers({VISIT_INTENSITY: 2.5, PREVENTION: 2.0}, {PREVENTION: 3.0}, condition=2)
    diabetes = model_of((), 1, True).flag_bit["diabetes"]
    seen: set[int] = set()

    def look(region: Region) -> Generator[Any, Any, None]:
        yield from process(region)
        people = region.state.people
        while True:
            ill = people["id"][((people["flags"] & diabetes) != 0) & (people["practice"] == 0)]
            seen.update(ill.tolist())
            yield region.env.timeout(rec.TICKS_PER_WEEK)

    _, calm = run_of(unlimited=True)
    _, busy = run_of(unlimited=True, process=look)
    assert (calm["value"][calm["outcome"] == rec.BOOKED] == 0).all(), "capacity is not unlimited"
    touched = np.array(sorted(seen))
    untouched = np.setdiff1d(busy["person"], touched)
    assert 10 < len(touched) < 0.2 * len(untouched)
    mine, theirs = (log[np.isin(log["person"], untouched)] for log in (calm, busy))
    assert mine.tobytes() == theirs.tobytes()
    changed = [log[np.isin(log["person"], touched)] for log in (calm, busy)]
    assert len(changed[1]) > 1.1 * len(changed[0])


def test_with_queues_the_other_practice_is_still_untouched() -> None:
    population = few_people(200)
    nobody_moves = (Override("migration.practice_change_rate", 0.0),)
    model = build_model(replace(scenario(1, YEARS), parameters=nobody_moves), population=population)
    base = run_base(model, 0)
    logs = []
    for process in (_set_levers({}, {}), _set_levers({VISIT_INTENSITY: 2.5}, {PREVENTION: 3.0})):
        log: list[np.ndarray] = []
        run_arm(model, base, passive(model), 0, on_events=log.append, own_processes=(process,))
        logs.append(in_order(log))
    mine, theirs = (log[log["practice"] == 1] for log in logs)
    assert len(mine) > 1000
    assert mine.tobytes() == theirs.tobytes()
    mine, theirs = (log[log["practice"] == 0] for log in logs)
    assert mine.tobytes() != theirs.tobytes()
    # Queues carry the change to others of the practice, but most events stay where they are.
    same = np.isin(mine[["tick", "person", "process"]], theirs[["tick", "person", "process"]]).mean()
    assert 0.3 < same < 1.0
