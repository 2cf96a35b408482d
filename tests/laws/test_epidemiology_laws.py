"""Laws of the whole disease set on a sample: rates, standing prevalence, timers, trends, and what must not move.

A share of people by sex and age can change for three reasons: chance, the ages within a band, and a fault. The ages are
taken out by standardising to the ages at the start; chance is in the standard error; what is left is the drift.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

from paysim.analysis.observation import FATAL, Observation, Observer
from paysim.analysis.validation import standard_scenario
from paysim.diseases.ages import FIVE_YEARS
from paysim.diseases.cancer.model import ACTIVE as CANCER
from paysim.diseases.cancer.model import YEARS_ACTIVE
from paysim.diseases.health import health_parameters
from paysim.engine.cell import Base, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.engine.region import Region
from paysim.engine.start import initial_state
from paysim.kernel.hazards import hazard
from paysim.kernel.records import ADMITTED, FIRST_TRANSITION, NEVER, TICKS_PER_YEAR, TREATED, State
from paysim.parameters import Override
from paysim.population import Population, synthesize
from tests.toy import differences, few_people, in_order, running_rates

PERSONS, YEARS = 20_000, 3
ERRORS = 4.5
"""Standard errors: about one in 150,000 for each comparison, and there are a few dozen."""
STATES: dict[str, tuple[str, ...]] = {
    "diabetes": ("diabetes",),
    "poor control": ("poor_control",),
    "infarction": ("prior_mi",),
    "chronic heart disease": ("angina",),
    "stroke": ("prior_stroke",),
    "peripheral disease": ("pad",),
    "kidney disease": ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5"),
    "heart failure": ("heart_failure",),
    "COPD": ("copd",),
    "depression": ("depression",),
    "cancer": CANCER,
    "cancer survivor": ("cancer_survivor",),
    "dementia": ("dementia",),
    "smoker": ("smoker",),
}
STAGES = {flag: (flag,) for flag in ("ckd_3b", "ckd_4", "ckd_5", *CANCER, "dementia_severe", "nursing_home")}
HEALTH = ("death", "event", "onset", "timer")
TREND = {"trends.incidence": "on", "trends.smoking": "on", "trends.mi": -0.1, "trends.stroke": -0.05}


@dataclass
class Seen:
    """One arm of a model, observed, with its last state and its whole log in order."""

    model: Model
    observation: Observation
    state: State
    log: np.ndarray


def scenario(years: int, changes: dict[str, float | str] | None = None) -> Any:
    overrides = tuple(Override(name, value) for name, value in (changes or {}).items())
    return replace(standard_scenario("achterhoek", years), base_years=1, parameters=overrides)


@cache
def people() -> Population:
    return synthesize("achterhoek", seed=1, sample=PERSONS)


@cache
def model_with(changes: tuple[tuple[str, float | str], ...] = ()) -> Model:
    return build_model(scenario(YEARS, dict(changes)), population=people())


def run(model: Model, years: int, *, engine: Any = "compiled", base: Base | None = None) -> Seen:
    observer = Observer(model, years)
    log: list[np.ndarray] = []
    kept: dict[str, State] = {}

    def take(events: np.ndarray) -> None:
        log.append(events.copy())
        observer.on_events(events)

    def look(region: Region) -> Generator[Any, Any, None]:
        kept["state"] = region.state
        yield region.env.timeout(0)

    run_arm(
        model,
        base or run_base(model, 0, engine),
        model.scenario.arms[0],
        0,
        engine,
        on_events=take,
        own_processes=(observer.watch, look),
    )
    return Seen(model, observer.result(), kept["state"], in_order(log))


@cache
def usual_base() -> Base:
    return run_base(model_with(), 0)


@cache
def usual() -> Seen:
    return run(model_with(), YEARS, base=usual_base())


def test_people_have_every_disease() -> None:
    seen = usual().observation
    for name, flags in STATES.items():
        assert seen.holds(0, flags).sum() > 50, name


def test_nothing_happens_after_death() -> None:
    seen = usual().observation
    assert (seen.log["tick"] <= seen.people["exit"][seen.log["person"]]).all()
    assert len(np.unique(seen.entries((), FATAL)["person"])) == len(seen.entries((), FATAL))


# Prevalence -----------------------------------------------------------------------------------------------------------


def standardised(seen: Observation, snapshot: int, flags: Sequence[str], ages: np.ndarray) -> tuple[float, float]:
    """Return cases at a snapshot standardised to the people of the first, and their variance."""
    bands = FIVE_YEARS
    first, now = (bands.sums(seen.count(k).sum(axis=2) * ages) for k in (0, snapshot))
    held = seen.holds(snapshot, flags).astype(float)
    cases = bands.sums(seen.count(snapshot, held).sum(axis=2) * ages)
    share = np.divide(cases, now, out=np.zeros_like(cases), where=now > 0)
    variance = np.divide(first**2 * share * (1 - share), now, out=np.zeros_like(cases), where=now > 0)
    return float((first * share).sum()), float(variance.sum())


def drift(seen: Observation, years: int, flags: Sequence[str], ages: np.ndarray) -> tuple[float, float]:
    """Return the change of standardised prevalence per year, and its standard error, as shares of it.

    Those who are ill at both moments are the same people: chance is in those who came and went, of whom there are as
    many as differ.
    """
    (before, _), (after, _) = (standardised(seen, k, flags, ages) for k in (0, years))
    ids = [set(seen.snapshots[k]["person"][seen.holds(k, flags)].tolist()) for k in (0, years)]
    moved = len(ids[0] ^ ids[1])
    return (after / before - 1) / years, np.sqrt(moved) / before / years


@pytest.mark.parametrize("name", STATES)
def test_prevalence_by_age_stands_still(name: str) -> None:
    seen = usual().observation
    change, error = drift(seen, YEARS, STATES[name], np.ones((2, 1)))
    assert abs(change) < 0.02 + 3.5 * error, (change, error)


@pytest.mark.slow
@pytest.mark.parametrize("group", ["men", "women", "60 and over"])
def test_prevalence_by_age_stands_still_in_the_whole_region(group: str) -> None:
    seen = whole_region()
    ages = np.zeros((2, 111))
    ages[{"men": slice(0, 1), "women": slice(1, 2)}.get(group, slice(0, 2)), 60 if group.startswith("60") else 0 :] = 1
    drifts = {name: drift(seen, 5, flags, ages) for name, flags in (STATES | STAGES).items()}
    wrong = {name: found for name, found in drifts.items() if abs(found[0]) > 0.02 + 2 * found[1]}
    assert not wrong


@cache
def whole_region() -> Observation:
    model = build_model(scenario(5))
    observer = Observer(model, 5)
    run_arm(
        model,
        run_base(model, 0),
        model.scenario.arms[0],
        0,
        on_events=observer.on_events,
        own_processes=(observer.watch,),
    )
    return observer.result()


# Timers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "processes"),
    [
        ("recent_mi", ("mi_first", "mi_recurrent")),
        ("recent_stroke", ("stroke_first", "stroke_recurrent", "haemorrhagic_stroke")),
        ("recent_cancer", tuple(f"{flag}_onset" for flag in CANCER)),
    ],
)
def test_the_first_year_lasts_a_year(flag: str, processes: tuple[str, ...]) -> None:
    seen = usual().observation
    log = seen.entries(processes, None if flag == "recent_cancer" else (ADMITTED,))
    for k in range(1, YEARS + 1):
        now = seen.start + k * TICKS_PER_YEAR
        within = log[(log["tick"] > now - TICKS_PER_YEAR) & (log["tick"] <= now)]
        alive = set(seen.snapshots[k]["person"].tolist())
        held = set(seen.snapshots[k]["person"][seen.holds(k, [flag])].tolist())
        came = {p for p in within["person"].tolist() if p in alive}
        newcomers = set(np.flatnonzero(seen.people["entry"] > now - TICKS_PER_YEAR).tolist())
        assert held - newcomers == came - newcomers, flag
        assert held


def timer(model: Model, name: str) -> int:
    return FIRST_TRANSITION + [row.name for row in model.transitions].index(name)


def test_cancer_ends_five_years_after_diagnosis() -> None:
    seen = usual()
    rows = {int(key): row for row, key in enumerate(seen.state.people["id"]) if key >= 0}
    found = 0
    for flag in CANCER:
        number = timer(seen.model, f"{flag}_onset")
        for entry in seen.log[seen.log["process"] == number]:
            row = rows.get(int(entry["person"]))
            if row is None:  # who left: the row is somebody else's
                continue
            person = seen.state.people[row]
            if person["alive"] and person["flags"] & seen.model.flag_bit[flag]:
                due = person["due"][timer(seen.model, f"{flag}_ends")]
                assert due == entry["tick"] + YEARS_ACTIVE * TICKS_PER_YEAR
                found += 1
    assert found > 100


@cache
def beginning() -> tuple[Model, State]:
    model = model_with()
    return model, initial_state(model, -TICKS_PER_YEAR, 2.0, 0)


@pytest.mark.parametrize(
    ("flag", "with_flag", "name", "low", "high"),
    [
        ("recent_mi", "", "recent_mi_ends", 0.0, 1.0),
        ("recent_stroke", "", "recent_stroke_ends", 0.0, 1.0),
        ("recent_cancer", "", "recent_cancer_ends", 0.0, 1.0),
        ("cancer_good", "recent_cancer", "cancer_good_ends", 4.0, 5.0),
        ("cancer_good", "not recent_cancer", "cancer_good_ends", 0.0, 4.0),
        ("cancer_survivor", "", "cancer_survivor_ends", 0.0, 5.0),
    ],
)
def test_who_is_in_a_state_at_the_start_leaves_it_at_any_moment(
    flag: str, with_flag: str, name: str, low: float, high: float
) -> None:
    model, state = beginning()
    rows = state.people[state.listed]
    held = rows["flags"] & model.flag_bit[flag] != 0
    if with_flag:
        recent = rows["flags"] & model.flag_bit["recent_cancer"] != 0
        held &= ~recent if with_flag.startswith("not") else recent
    left = (rows["due"][held, timer(model, name)] + TICKS_PER_YEAR) / TICKS_PER_YEAR
    assert len(left) > 30
    assert ((left > low) & (left <= high)).all()
    passed, span = high - left, high - low
    table = np.broadcast_to(next(row.loss for row in model.transitions if row.name == name), (2, 111))
    loss = table[rows["sex"][held], rows["age"][held]]
    if span == 1.0:  # the first year: the person's own hazard of death
        deaths = [timer(model, row.name) for row in model.transitions if row.kind == "death"]
        loss = running_rates(rows)[held][:, deaths].sum(axis=1)
    loss = np.where(np.abs(loss) < 1e-6, 1e-6, loss)
    share = np.expm1(-loss * passed) / np.expm1(-loss * span)
    assert kstest(share, "uniform").pvalue > 1e-3
    assert (rows["due"][~(rows["flags"] & model.flag_bit[flag] != 0), timer(model, name)] == NEVER).all()


# Trends ---------------------------------------------------------------------------------------------------------------


def test_trends_that_are_off_leave_no_trace() -> None:
    changed = model_with((("trends.mi", -0.2), ("trends.stroke", -0.2), ("trends.smoking_points", 0.01)))
    assert changed.tables.tobytes() == model_with().tables.tobytes()
    assert not model_with().tables[0]["trend"].any()
    assert health_parameters("NL").get_text("trends.incidence") == "off"


@cache
def trending() -> Model:
    return model_with(tuple(TREND.items()))


@pytest.mark.parametrize(
    ("name", "per_year"),
    [
        ("mi_first", 0.9),
        ("mi_recurrent", 0.9),
        ("angina_onset", 0.9),
        ("stroke_first", 0.95),
        ("haemorrhagic_stroke", 0.95),
        ("tia_first", 0.95),
        ("dementia_onset", 1.0),
        ("death_background", 1.0),
    ],
)
def test_a_trend_lowers_hazards_by_its_percentage_a_year(name: str, per_year: float) -> None:
    model, state = trending(), beginning()[1]
    r, tables = timer(model, name), model.tables[0]
    rows = np.flatnonzero(running_rates(state.people)[:, r] > 0)
    compared = 0
    for years in (1.0, 4.5):
        tick = int((years - 1.0) * TICKS_PER_YEAR)  # the base run begins a year before
        for row in rows[:: max(1, len(rows) // 20)]:
            person = state.people[row]
            practice = state.practices[person["practice"]]
            now = hazard(person, tables, practice, r, tick)
            start = hazard(person, tables, practice, r, -TICKS_PER_YEAR)
            assert now / start == pytest.approx(per_year**years, rel=1e-9)
            compared += 1
    assert compared >= 40


@cache
def with_trends() -> Seen:
    return run(trending(), YEARS)


def test_a_trend_of_smoking_takes_its_points_a_year() -> None:
    """Base year and three more, against the same people without it."""
    shares = []
    for seen in (usual().observation, with_trends().observation):
        adults = np.zeros((2, 111))
        adults[:, 18:] = 1.0
        cases, _ = standardised(seen, YEARS, ["smoker"], adults)
        shares.append(cases / float((seen.count(0).sum(axis=2) * adults).sum()))
    points = model_with().parameters["trends.smoking_points"]
    assert shares[0] - shares[1] == pytest.approx((YEARS + 1) * points, abs=0.007)


def test_trends_lower_what_they_say_and_nothing_else() -> None:
    usually, less = usual().observation, with_trends().observation
    names = ["mi_first", "mi_recurrent"]
    before, after = (int(seen.events(names).sum()) for seen in (usually, less))
    expected = np.mean([0.9 ** (k + 1.5) for k in range(YEARS)])
    assert abs(after - expected * before) < ERRORS * np.sqrt(before)
    assert after < before
    for name in ("diabetes_onset", "dementia_onset", "depression_onset"):
        one, two = (int(seen.events([name]).sum()) for seen in (usually, less))
        assert abs(one - two) < 0.05 * one + 3, name


# Common random numbers, and the two engines ---------------------------------------------------------------------------


@dataclass
class Clocks:
    """Clocks of health processes at the end of an arm, and who ever started or stopped a treatment."""

    ids: np.ndarray
    due: np.ndarray = field(repr=False)
    clock: np.ndarray = field(repr=False)
    treated: set[int] = field(repr=False)


def clocks(seen: Seen) -> Clocks:
    rows = seen.state.listed
    columns = [FIRST_TRANSITION + k for k, row in enumerate(seen.model.transitions) if row.kind in HEALTH]
    kinds = [row.kind for row in seen.model.transitions]
    treats = [FIRST_TRANSITION + k for k, kind in enumerate(kinds) if kind.startswith("treatment")]
    started = seen.log["outcome"] == TREATED  # asked for before the arm, maybe
    touched = set(seen.log["person"][np.isin(seen.log["process"], treats) | started].tolist())
    people = seen.state.people[rows]
    return Clocks(people["id"], people["due"][:, columns], people["clock"][:, columns], touched)


def test_a_treatment_switched_off_moves_nobody_else() -> None:
    """From one base run on, without starts of SGLT2 inhibitors all who are on no treatment keep every clock of their health, to the bit."""
    model = model_with()
    tables = model.tables.copy()
    tables[0]["log_hazard"][timer(model, "start_sglt2")] = -np.inf
    one, two = usual(), run(replace(model, tables=tables), YEARS, base=usual_base())
    started = [int((seen.log["process"] == timer(model, "start_sglt2")).sum()) for seen in (one, two)]
    assert started[0] > 10
    assert started[1] < started[0] / 3  # clocks that ran in the base year run on until something changes
    mine, theirs = clocks(one), clocks(two)
    # Who lives longer may have another child: those who are in both runs are compared.
    ids, here, there = np.intersect1d(mine.ids, theirs.ids, return_indices=True)
    assert len(ids) > max(len(mine.ids), len(theirs.ids)) - 5
    same = np.array([each not in mine.treated | theirs.treated for each in ids.tolist()])
    assert same.mean() > 0.6
    here, there = here[same], there[same]
    np.testing.assert_array_equal(mine.due[here], theirs.due[there])
    np.testing.assert_array_equal(mine.clock[here].view(np.int64), theirs.clock[there].view(np.int64))


def test_both_engines_agree_with_all_diseases_and_trends() -> None:
    changes = dict(TREND)
    model = build_model(scenario(1, changes), population=few_people(120))
    assert len(model.scenario.diseases) == 12
    one, two = (run(model, 1, engine=engine) for engine in ("compiled", "reference"))
    assert len(one.log) > 2_000
    assert one.log.tobytes() == two.log.tobytes()
    assert not differences(one.state, two.state)


@pytest.mark.slow
def test_utility_stays_at_the_norm_when_diseases_are_left_out():
    """Patients of a disease nobody can get would die out, and health improve by itself: so nobody is one."""
    few = ("mortality", "smoking", "diabetes", "ischaemic_heart_disease", "stroke", "heart_failure")
    scenario = replace(standard_scenario("achterhoek"), diseases=few, population="closed", base_years=10)
    built = build_model(scenario, 10_000)
    people = run_base(built, 0).state.people
    alive = people[people["alive"] == 1]
    for low, high in ((18, 65), (65, 75), (75, 85), (85, 111)):
        here = alive[(alive["age"] >= low) & (alive["age"] < high)]
        norm = built.health.reference["norm"][here["sex"], here["age"]].mean()
        assert here["utility"].mean() == pytest.approx(norm, abs=0.01), low
