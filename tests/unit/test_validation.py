"""Estimates against closed forms and a second implementation; targets and their reading; how a value is judged."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paysim.analysis.comparison import Limits, counted, judged, shown, with_chance
from paysim.analysis.estimates import estimate, kaplan_meier
from paysim.analysis.observation import _LOG, _SNAPSHOT, _TRAITS, Observation
from paysim.analysis.targets import COLUMNS, Target, read_targets, shipped_names, shipped_targets, standard_population
from paysim.diseases.health import health_parameters
from paysim.errors import DataError, ModelError, ScenarioError
from paysim.kernel.records import ADMITTED, DIED, NEVER, TICKS_PER_YEAR
from paysim.kernel.spec import AGES
from paysim.population import load_region

PROCESSES = ("birthday", "ill", "dies")
FLAGS = ("statin", "diabetes", "gout")
NOBODY = {"among": (), "low": None, "high": None, "standard": "national", "area": "NL", "year": "", "section": "s"}


def target(measure: str, what: tuple[str, ...] = (), value: float | None = 1.0, unit: str = "per_1000", **more: object):
    fields = {
        **NOBODY,
        "id": "t",
        "measure": measure,
        "what": what,
        "value": value,
        "unit": unit,
        "sex": "all",
        "age_from": 0,
        "age_to": 120,
        "tolerance": 0.1,
        "tolerance_kind": "percent",
        "role": "check",
        "status": "assumed",
        "source": "made up",
        "why": "",
    }
    return Target(**{**fields, **more})  # type: ignore[arg-type]


def observation(
    ages: list[float],
    events: list[tuple[float, int, int, int]] = (),  # type: ignore[assignment]
    *,
    years: int = 2,
    flags: list[int] | None = None,
    sex: list[int] | None = None,
    exits: dict[int, float] | None = None,
    education: list[int] | None = None,
) -> Observation:
    """People of some ages at tick 0, with events (year, person, process, outcome) and exits in years."""
    n = len(ages)
    people = np.zeros(n, _TRAITS)
    people["id"] = np.arange(n)
    people["birth"] = [-round(age * TICKS_PER_YEAR) for age in ages]
    people["exit"] = NEVER
    people["sex"] = sex or [0] * n
    people["education"] = education or [0] * n
    for person, year in (exits or {}).items():
        people["exit"][person] = round(year * TICKS_PER_YEAR)
    log = np.zeros(len(events), _LOG)
    for k, (year, person, process, outcome) in enumerate(events):
        log[k] = (round(year * TICKS_PER_YEAR), person, process, outcome)
    snapshots = []
    for k in range(years + 1):
        here = np.flatnonzero(people["exit"] > k * TICKS_PER_YEAR)
        seen = np.zeros(len(here), _SNAPSHOT)
        seen["person"], seen["flags"] = here, np.array(flags or [0] * n)[here]
        seen["bmi"], seen["utility"] = 20.0 + here, 0.5
        snapshots.append(seen)
    from paysim.analysis.observation import Observer

    observer = Observer.__new__(Observer)
    observer._people = people
    lived = np.stack([observer._person_years(k * TICKS_PER_YEAR) for k in range(years)])
    return Observation(PROCESSES, FLAGS, 0, years, people, log, tuple(snapshots), lived)


def test_person_time_is_split_at_the_birthday_and_ends_at_exit():
    seen = observation([40.25, 60.0], exits={1: 1.5})
    lived = seen.person_years[:, 0, :, 0]
    assert lived[0, 40] == pytest.approx(0.75)
    assert lived[0, 41] == pytest.approx(0.25)
    assert lived[1, 61] == pytest.approx(0.5)
    assert lived.sum() == pytest.approx(3.5)


@given(st.floats(0, 109), st.floats(0.01, 2.0))
def test_person_time_adds_up_whatever_the_birthday(age, end):
    seen = observation([age], exits={0: end})
    assert seen.person_years.sum() == pytest.approx(min(end, 2.0), abs=1e-6)


def test_events_are_counted_at_the_age_they_happen():
    seen = observation([40.75], [(0.1, 0, 1, ADMITTED), (0.9, 0, 1, ADMITTED)])
    assert seen.events(["ill"])[0, 0, 40, 0] == 1
    assert seen.events(["ill"])[0, 0, 41, 0] == 1
    assert seen.events(["ill"], [DIED]).sum() == 0


@pytest.mark.parametrize(("names", "near"), [(["il"], "ill"), (["dies", "birthdya"], "birthday")])
def test_unknown_processes_name_the_nearest(names, near):
    with pytest.raises(DataError, match=near):
        observation([1.0]).events(names)


def test_unknown_flags_name_the_nearest():
    with pytest.raises(DataError, match="statin"):
        observation([1.0]).holds(0, ["statins"])


def test_first_events_are_followed_to_death_or_the_end():
    seen = observation(
        [50, 50, 50],
        [(0.5, 0, 1, ADMITTED), (1.0, 0, 1, ADMITTED), (0.25, 1, 1, ADMITTED), (0.75, 1, 2, DIED)],
        exits={1: 0.75},
    )
    first, time, died = seen.follow_up(["ill"])
    assert list(first["person"]) == [0, 1]
    assert list(time / TICKS_PER_YEAR) == pytest.approx([1.5, 0.5])
    assert list(died) == [False, True]


def test_survival_without_censoring_is_a_share_with_a_binomial_error():
    time = np.arange(1, 101)
    survival, error = kaplan_meier(np.append(time, 200), np.append(np.ones(100, bool), False), 40)
    share = 61 / 101
    assert survival == pytest.approx(share)
    assert error == pytest.approx(math.sqrt(share * (1 - share) / 101))


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40), st.integers(1, 20))
def test_kaplan_meier_agrees_with_a_second_implementation(cases, until):
    expected = 1.0
    for t in sorted({t for t, event in cases if event and t <= until}):
        at_risk = sum(x >= t for x, _ in cases)
        expected *= 1.0 - sum(x == t and event for x, event in cases) / at_risk
    found, _ = kaplan_meier(np.array([t for t, _ in cases]), np.array([e for _, e in cases]), until)
    if expected > 0.0 and max(t for t, _ in cases) < until:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(expected)


def test_a_rate_that_is_the_same_at_all_ages_needs_no_standard():
    ages = [float(a) for a in range(0, 100, 5) for _ in range(4)]
    events = [(0.5, k, 1, ADMITTED) for k in range(0, len(ages), 4)]
    found = estimate(target("incidence", ("ill",)), observation(ages, events))
    assert found.value == pytest.approx(1000.0 / 8.0)


def test_a_rate_is_weighted_by_the_population_of_the_published_value():
    young, old = [30.5] * 10, [80.5] * 10
    seen = observation(young + old, [(0.2, 10, 1, ADMITTED)], years=1)
    weight = standard_population("NL")[0]
    both = weight[30:35].sum() + weight[80:85].sum()
    expected = 1000.0 * weight[80:85].sum() / both / 10.0
    found = estimate(target("incidence", ("ill",), sex="M"), seen)
    assert found.value == pytest.approx(expected)
    assert found.error == pytest.approx(expected)  # one event
    assert found.cases == pytest.approx(1.0 / 1000.0 * 20.0)


def test_counts_are_those_of_the_area():
    seen = observation([50.0] * 10, [(0.3, 0, 1, ADMITTED)], years=1, sex=[0] * 10)
    found = estimate(target("incidence", ("ill",), unit="count", sex="M", age_from=50, age_to=54), seen)
    assert found.value == pytest.approx(standard_population("NL")[0, 50:55].sum() / 10.0)


def test_prevalence_multimorbidity_and_coverage_of_flags():
    seen = observation([50.0] * 4, flags=[0b011, 0b010, 0b110, 0b000])
    share = {"unit": "proportion", "sex": "M"}
    assert estimate(target("prevalence", ("diabetes",), **share), seen).value == pytest.approx(0.75)
    assert estimate(target("prevalence", ("statin", "gout"), **share), seen).value == pytest.approx(0.5)
    assert estimate(target("multimorbidity", ("statin", "diabetes", "gout"), **share), seen).value == pytest.approx(0.5)
    found = estimate(target("coverage", ("statin",), among=("diabetes",), **share), seen)
    assert found.value == pytest.approx(1 / 3)
    assert not found.repeats


def test_shares_above_a_limit_and_means():
    seen = observation([50.0] * 10, years=1)
    assert estimate(target("share_at_or_above", ("bmi>=25",), unit="proportion"), seen).value == pytest.approx(0.5)
    found = estimate(target("mean_risk_factor", ("bmi",), unit="kg/m2"), seen)
    assert found.value == pytest.approx(24.5)
    assert found.error == pytest.approx(math.sqrt(np.var(np.arange(10)) / 10))


def life_table_of(hazard: float, education: int = 0) -> tuple[list[float], list[tuple[float, int, int, int]], dict]:
    rng = np.random.default_rng(1)
    ages = [float(a) for a in range(110) for _ in range(40)]
    exits = {k: float(t) for k, t in enumerate(rng.exponential(1.0 / hazard, len(ages))) if t < 2.0}
    return ages, [(year, person, 2, DIED) for person, year in exits.items()], exits


def test_life_expectancy_under_a_constant_hazard_is_its_inverse():
    ages, events, exits = life_table_of(0.05)
    found = estimate(target("life_expectancy", unit="years", sex="M"), observation(ages, events, exits=exits))
    assert found.value == pytest.approx(20.0, abs=3.5 * found.error)
    assert 0.1 < found.error < 2.5


def test_chiangs_error_is_the_spread_over_repeated_samples():
    rng, values, errors = np.random.default_rng(2), [], []
    ages = [float(a) for a in range(0, 100, 2) for _ in range(20)]
    for _ in range(60):
        times = rng.exponential(1.0 / 0.08, len(ages))
        exits = {k: float(t) for k, t in enumerate(times) if t < 2.0}
        events = [(year, person, 2, DIED) for person, year in exits.items()]
        found = estimate(target("life_expectancy", unit="years", sex="M"), observation(ages, events, exits=exits))
        values.append(found.value)
        errors.append(found.error)
    assert np.std(values) == pytest.approx(np.mean(errors), rel=0.3)


def test_the_gap_by_education_is_high_less_low():
    ages = [float(a) for a in range(110) for _ in range(20)]
    rng = np.random.default_rng(3)
    education = [2 * (k % 2) for k in range(len(ages))]
    times = rng.exponential(1.0, len(ages)) / np.where(np.array(education) == 2, 0.05, 0.1)
    exits = {k: float(t) for k, t in enumerate(times) if t < 2.0}
    events = [(year, person, 2, DIED) for person, year in exits.items()]
    seen = observation(ages, events, exits=exits, education=education)
    found = estimate(target("life_expectancy_gap_education", unit="years", sex="M"), seen)
    assert found.value == pytest.approx(10.0, abs=3.5 * found.error)


def test_ten_year_risk_goes_on_with_the_hazard_of_the_years_seen():
    events = [(0.5, k, 1, ADMITTED) for k in range(10)]
    seen = observation([60.0] * 100, events, flags=[2] * 100)
    found = estimate(target("risk_10_years", ("ill",), among=("diabetes",), unit="proportion"), seen)
    assert found.value == pytest.approx(1.0 - 0.9**5)


def test_case_fatality_and_survival_are_complements():
    events = [(0.1, k, 1, DIED if k < 20 else ADMITTED) for k in range(100)]
    seen = observation([70.0] * 100, events, exits=dict.fromkeys(range(20), 0.1))
    fatal = estimate(target("case_fatality_1_year", ("ill",), 0.25, "proportion"), seen)
    alive = estimate(target("survival_1_year", ("ill",), 0.75, "proportion"), seen)
    assert fatal.value == pytest.approx(0.2)
    assert alive.value == pytest.approx(0.8)
    assert fatal.cases == pytest.approx(25.0)
    assert math.isnan(estimate(target("survival_5_years", ("ill",), 0.5, "proportion"), seen).value)


ABOUT = Limits("t", "s", "what", "per_1000", "check", "assumed", "made up", "why")


@pytest.mark.parametrize(
    ("observed", "simulated", "exposure", "within"),
    [
        (1000.0, 1049.0, 1.0, True),
        (1000.0, 1051.0, 1.0, False),
        (100.0, 129.0, 1.0, True),
        (100.0, 131.0, 1.0, False),
        (100.0, 190.0, 0.1, True),  # a tenth was simulated: ten cases stand for a hundred
        (100.0, 190.1, 0.1, True),
        (100.0, 0.0, 0.1, False),  # ten expected, none seen
        (100.0, 0.0, 0.08, None),  # eight expected: even none could be chance
        (100.0, 700.0, 0.01, None),
    ],
)
def test_counts_are_judged_by_percent_or_by_chance(observed, simulated, exposure, within):
    found = counted(ABOUT, observed, simulated, 0.05, exposure)
    assert found.within is within
    assert (found.state == "too few cases") is (within is None)
    assert within is None or found.lower <= observed <= found.upper
    assert found.simulated_low <= simulated <= found.simulated_high


def test_values_without_a_tolerance_are_shown_and_not_judged():
    assert shown(ABOUT, 1.0, 2.0).within is None
    assert with_chance(ABOUT, 1.0, 2.0, 0.1, None, 1e9, count=True).within is None


def test_few_cases_are_judged_by_the_error_of_what_is_no_count():
    many = with_chance(ABOUT, 80.0, 80.4, 0.5, 0.3, 400, count=False, absolute=True)
    few = with_chance(ABOUT, 80.0, 80.4, 0.5, 0.3, 399, count=False, absolute=True)
    assert (many.within, few.within) == (False, True)
    assert few.upper == pytest.approx(81.5)


@pytest.mark.parametrize("region", ["achterhoek", "middenkempen"])
def test_shipped_targets_are_sound(region):
    profile = load_region(region)
    targets = shipped_targets(profile, health_parameters(profile.country))
    names = [each.id for each in targets]
    assert len(set(names)) == len(names)
    for each in targets:
        assert each.source
        assert each.role in ("calibrate", "check", "held_out")
        assert each.status in ("found", "derived", "recalled", "assumed")
        assert each.value is not None or each.by_age is not None or profile.country != "NL"
        assert each.cells.any()
    assert any(each.role == "held_out" for each in targets)


def test_no_published_number_is_written_twice():
    """Rows of the package's tables are targets by reference: nothing in nl.csv repeats a band of theirs."""
    profile = load_region("achterhoek")
    targets = shipped_targets(profile, health_parameters("NL"))
    banded = {(t.measure, t.what, t.sex, t.age_from, t.age_to) for t in targets if t.by_age is not None}
    single = {(t.measure, t.what, t.sex, t.age_from, t.age_to) for t in targets if t.by_age is None}
    assert not {key for key in banded & single if key[3:] != (0, 120)}


@pytest.mark.parametrize(("area", "millions"), [("NL", 17.47), ("BE", 11.52), ("BE_flanders", 6.65), ("who", 0.1)])
def test_standard_populations_have_their_size(area, millions):
    weights = standard_population(area)
    assert weights.shape == (2, AGES)
    assert (weights > 0).all()
    assert weights.sum() / 1e6 == pytest.approx(millions, rel=0.003)


ROW = {
    "id": "mine",
    "measure": "prevalence",
    "what": "diabetes",
    "sex": "M",
    "age_from": "40",
    "age_to": "120",
    "value": "0.1",
    "unit": "proportion",
    "tolerance": "0.1",
    "tolerance_kind": "percent",
    "area": "NL",
    "year": "2020",
    "role": "held_out",
    "status": "found",
    "source": "a study",
}


def write_rows(write, *rows):
    names = list(rows[0])
    lines = [",".join(names), *(",".join(row[name] for name in names) for row in rows)]
    return write("targets.csv", "\n".join(lines) + "\n")


def test_a_table_of_targets_is_read(write):
    (found,) = read_targets(write_rows(write, ROW), {"ill"}, {"diabetes"})
    assert (found.id, found.what, found.sexes, found.value) == ("mine", ("diabetes",), (0,), 0.1)
    assert found.cells.sum() == AGES - 40
    assert set(ROW) <= set(COLUMNS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"measure": "prevalance"}, "targets.csv:2:.*measure.*prevalence"),
        ({"what": "diabetis"}, "targets.csv:2:.*what.*unknown flag.*'diabetes'"),
        ({"what": ""}, "a flag is missing"),
        ({"value": "0,1"}, "columns"),
        ({"value": "much"}, "targets.csv:2:.*value.*number expected"),
        ({"value": "nan"}, "value"),
        ({"unit": "per_thousand"}, "per_1000"),
        ({"tolerance": "-0.1"}, "tolerance.*out of range"),
        ({"tolerance_kind": "interval"}, "low"),
        ({"role": "heldout"}, "held_out"),
        ({"status": "known"}, "status"),
        ({"sex": "X"}, "sex"),
        ({"age_from": "130"}, "age_from"),
        ({"age_from": "40.5"}, "whole number"),
        ({"age_from": "60", "age_to": "50"}, "ends before it begins"),
        ({"source": ""}, "source"),
        ({"id": ""}, "id"),
        ({"area": "FR", "unit": "count"}, "inhabitants"),
        ({"measure": "life_expectancy", "unit": "years"}, "names nothing here"),
        ({"measure": "share_at_or_above", "what": "bmi"}, "bmi>=30"),
        ({"measure": "mean_risk_factor", "what": "sbpp", "unit": "mmHg"}, "'sbp'"),
    ],
)
def test_faults_of_a_table_are_named_with_their_place(write, change, message):
    with pytest.raises(DataError, match=message):
        read_targets(write_rows(write, {**ROW, **change}), {"ill"}, {"diabetes"})


def test_unknown_and_missing_columns_name_the_nearest(write):
    with pytest.raises(DataError, match=r"unknown column.*'measure'"):
        read_targets(write_rows(write, {("measur" if k == "measure" else k): v for k, v in ROW.items()}), {}, {})
    with pytest.raises(DataError, match="column is missing"):
        read_targets(write_rows(write, {k: v for k, v in ROW.items() if k != "role"}), {}, {})


def test_an_id_must_not_come_twice(write):
    with pytest.raises(DataError, match="comes twice; first on line 2"):
        read_targets(write_rows(write, ROW, ROW), {"ill"}, {"diabetes"})


def test_shipped_names_can_be_used_before_the_model_has_them():
    processes, flags = shipped_names()
    assert {"mi_first", "heart_failure_admission"} <= processes
    assert {"diabetes", "copd"} <= flags
    assert not processes & {"diabetes"}


def test_the_standard_scenario_has_one_passive_arm_and_every_disease():
    from paysim.analysis.validation import standard_scenario
    from paysim.diseases import DISEASES

    for region, arm in (("achterhoek", "dutch_today"), ("middenkempen", "dutch_terms")):
        scenario = standard_scenario(region, years=3, seed=7)
        assert [each.name for each in scenario.arms] == [arm]
        assert scenario.arms[0].behaviour.name == "passive"
        assert (scenario.region, scenario.horizon_years, scenario.seed) == (region, 3, 7)
        assert scenario.diseases == DISEASES
    with pytest.raises(ScenarioError, match="achterhoek"):
        standard_scenario("achterhook")


@pytest.mark.parametrize("more", [{"years": 0}, {"seed": -1}, {"replicates": 0}, {"sample": 0}, {"years": 1.5}])
def test_numbers_that_no_run_can_be_made_of_are_refused(more):
    import paysim as ps

    with pytest.raises(ScenarioError):
        ps.validate("achterhoek", **more)


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """A small validation with targets of a user's own, and a table of payments that may not be shown."""
    import paysim as ps

    folder = tmp_path_factory.mktemp("validation")
    own = folder / "own.csv"
    rows = [
        ROW,
        {**ROW, "id": "unheard", "what": "dementia_severe|gout", "tolerance_kind": "none"},
        {**ROW, "id": "fenced", "what": "statin", "tolerance_kind": "interval"},
    ]
    rows[1]["what"] = "copd"
    names = [*ROW, "low", "high"]
    lines = [",".join(names), *(",".join(row.get(n, "0.0" if n == "low" else "1.0") for n in names) for row in rows)]
    own.write_text("\n".join(lines) + "\n", "utf-8")
    secret = folder / "payments.csv"
    bands = [f"{sex},{low},{low + 4 if low < 95 else 120},7{low + 123}.4" for sex in "MF" for low in range(0, 100, 5)]
    secret.write_text("sex,age_lo,age_hi,euro_per_insured_year\n" + "\n".join(bands) + "\n", "utf-8")
    return ps.validate("achterhoek", years=1, sample=1_500, targets=[own, secret]), folder


def test_a_validation_lists_every_target_once(validated):
    found, _ = validated
    frame = found.frame
    assert frame["id"].is_unique
    assert {"mine", "fenced", "payments", "life_expectancy_M", "mi_admissions_M_60_69"} <= set(frame["id"])
    judged = frame[frame["within"].notna()]
    inside = (judged["simulated"] >= judged["lower"] - 1e-9) & (judged["simulated"] <= judged["upper"] + 1e-9)
    assert (inside == judged["within"].astype(bool)).all()
    assert frame.loc[frame["state"] == "not modelled", "simulated"].isna().all()
    assert sum(found.states.values()) == len(frame)
    assert frame.set_index("id").loc["fenced", ["lower", "upper"]].tolist() == [0.0, 1.0]


def test_a_validation_becomes_json_a_page_and_a_figure(validated, tmp_path):
    from paysim.report.validation import page, write_validation

    found, _ = validated
    files = write_validation(found, tmp_path / "out")
    assert {path.suffix for path in files} == {".png", ".csv", ".json", ".md"}
    read = json.loads((tmp_path / "out" / "validation.json").read_text())
    keys = {"id", "observed", "simulated", "lower", "upper", "within", "role"}
    assert all(keys <= set(each) for each in read["targets"])
    assert len(read["targets"]) == len(found.comparisons)
    text = page(found)
    assert f"**{found.summary}.**" in text
    assert all("**no** |" in text for each in found.comparisons if each.within is False)
    published = {line.split("|")[2].strip().replace(",", "") for line in text.splitlines() if line.count("|") > 3}
    assert not published & {f"7{low + 123}" for low in range(0, 100, 5)}


def test_the_figure_puts_missed_values_outside(validated):
    from paysim.report.validation import _deviation

    found, _ = validated
    for each in found.comparisons:
        if each.within is not None:
            assert (abs(_deviation(each)) <= 1.0 + 1e-9) == each.within


def test_every_domain_is_drawn_once_on_sheets_that_can_be_read(validated):
    from paysim.report.validation import figure, images, overview, sheets

    found, _ = validated
    judged = [each for each in found.comparisons if each.within is not None]
    domains = list(dict.fromkeys(each.section for each in judged))
    assert [name for part in sheets(found) for name in part] == domains
    whole = overview(found)
    assert [text.get_text() for text in whole.get_yticklabels()] == domains
    assert whole.figure.get_size_inches()[1] < 9.0
    assert sum(len(line.get_xdata()) for line in whole.lines if line.get_marker() in "osD") == len(judged)
    points = 0
    for part in sheets(found):
        ax = figure(found, part)
        points += sum(len(line.get_xdata()) for line in ax.lines if line.get_marker() in "osD")
        assert ax.figure.get_size_inches()[1] < 12.0, part
    assert points == len(judged)
    assert list(images(found, "x"))[:2] == ["x.png", "x_1.png"]


def test_replicates_halve_the_variance_of_rates_and_not_of_prevalences():
    from paysim.analysis.estimates import Estimate
    from paysim.analysis.validation import _pooled

    rate = _pooled([Estimate(1.0, 0.2, 1.1, 50.0), Estimate(3.0, 0.2, 1.1, 50.0)])
    assert rate == Estimate(2.0, pytest.approx(0.2 / math.sqrt(2)), 1.1, 100.0, True)
    share = _pooled([Estimate(1.0, 0.2, 1.1, 50.0, False)] * 2)
    assert (share.error, share.cases) == (pytest.approx(0.2), 50.0)


def test_a_target_can_be_changed(validated):
    """Targets are plain values: a calibration may replace them."""
    plain = target("prevalence", ("diabetes",), 0.2, "proportion")
    assert replace(plain, value=0.3).value == 0.3


@pytest.mark.parametrize(
    ("simulated", "why"),
    [(2.0, "too high, says it"), (0.5, "no reason is known for a value this low"), (1.0, "too high, says it")],
)
def test_a_reason_explains_a_miss_on_its_own_side_only(simulated, why):
    about = replace(ABOUT, why="above: too high, says it")
    assert judged(about, 1.0, simulated, 0.1).why == why
    both = judged(replace(ABOUT, why="chance: both ways"), 1.0, simulated, 0.1)
    assert both.why == "chance: both ways"
    other = judged(replace(ABOUT, why="below: too low"), 1.0, simulated, 0.1)
    assert other.why == ("no reason is known for a value this high" if simulated > 1.1 else "too low")


def test_targets_that_only_chance_judges_are_counted_apart(validated):
    found, _ = validated
    firm, loose = found.judged["by_tolerance"], found.judged["by_chance"]
    assert firm["judged"] + loose["judged"] == found.states["met"] + found.states["missed"]
    assert firm["met"] + loose["met"] == found.states["met"]
    assert loose["judged"] == sum(each.rule.endswith(" SE") for each in found.comparisons if each.within is not None)
    assert f"{firm['met']} of {firm['judged']} targets met within their tolerance" in found.summary
    assert "can hardly fail" in found.summary
    assert found.as_dict()["judged"] == found.judged


def test_smart2_is_taken_at_the_simulated_people_over_the_years_seen():
    """Two people whom only an earlier event tells apart from healthy ones; the equation's own arithmetic is the check."""
    params = health_parameters("NL")
    events = [(0.5, 0, 1, ADMITTED), (1.5, 1, 2, DIED)]
    seen = replace(observation([60.0, 70.0], events, flags=[2, 2], exits={1: 1.5}), parameters=params)
    wanted = target("smart2_risk", ("ill",), among=("diabetes",), unit="proportion", age_from=40, age_to=79)
    found = estimate(wanted, seen)
    assert found.value == pytest.approx(0.5)
    assert 0.0 < found.observed < 0.5
    older = estimate(replace(wanted, age_from=65), seen)
    assert older.observed > found.observed
    assert older.value == 0.0
    assert math.isnan(estimate(replace(wanted, age_from=75), seen).value)
    with pytest.raises(ModelError, match="parameters"):
        estimate(wanted, replace(seen, parameters=None))
