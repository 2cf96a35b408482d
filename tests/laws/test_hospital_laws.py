"""What a user would try on the hospital side of a region, as sentences: on the real model, one practice and its ghosts."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from paysim.engine.cell import Base, Cell, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.engine.region import ENGINES
from paysim.errors import DataError
from paysim.kernel.records import TICKS_PER_WEEK, WEEKS_PER_YEAR
from paysim.outcomes.waits import mean_wait, percentile
from paysim.parameters import Override
from paysim.scenario import Behaviour, load_scenario
from tests.toy import few_people_model, in_order, scenario, values

SAMPLE, YEARS = 1500, 2
Changes = tuple[tuple[str, float], ...]
WAITING_TOUCHES = (
    *("clinic_", "follow_up_", "test_", "elective_", "bed_", "specialist_", "spending_hospital", "spending_total"),
    *("resource_cost_hospital", "resource_cost_total", "patient_payments", "insurer_payments"),
    *("payments_", "standardised_spending", "patient_time_cost", "travel_cost", "lost_work_cost", "societal_cost"),
)
"""Beginnings of the names of measures that a longer or shorter list may change."""


@lru_cache(maxsize=8)
def _model(parameters: Changes = ()) -> Model:
    short = replace(scenario(1, YEARS), parameters=tuple(Override(name, value) for name, value in parameters))
    return build_model(short, sample=SAMPLE)


@lru_cache(maxsize=8)
def _base(parameters: Changes = ()) -> Base:
    return run_base(_model(parameters), 0)


def _run(*processes: Any, parameters: Changes = ()) -> tuple[Cell, np.ndarray]:
    model, log = _model(parameters), []
    arm = replace(model.scenario.arm("dutch_today"), behaviour=Behaviour())
    cell = run_arm(model, _base(parameters), arm, 0, on_events=log.append, own_processes=processes)
    return cell, in_order(log)


@pytest.fixture(scope="module")
def today() -> tuple[Cell, np.ndarray]:
    return _run()


def _differ(one: Cell, other: Cell, *allowed: str) -> set[str]:
    """Return the measures that differ in any bit, of those whose names do not begin as allowed."""
    assert set(one.results["measure"]) == set(other.results["measure"])
    found = set()
    for measure in set(one.results["measure"]):
        rows = one.results["measure"] == measure
        if one.results["value"][rows].tobytes() != other.results["value"][rows].tobytes():
            found.add(measure)
    return {name for name in found if not name.startswith(allowed)}


def _by_group(cell: Cell, measure: str, dimension: str, period: int = -1) -> dict[str, float]:
    results = cell.results
    rows = (results["measure"] == measure) & (results["dimension"] == dimension) & (results["period"] == period)
    assert rows.any(), (measure, dimension)
    return dict(zip(results["group"][rows], results["value"][rows], strict=True))


def double_the_clinics(region):
    for clinic in region.hospital.clinics.values():
        clinic.capacity.factor = 2.0
    yield region.env.timeout(0)


def close_cardiology(region):
    region.hospital.clinics["cardiology"].close(WEEKS_PER_YEAR)
    yield region.env.timeout(0)


def winter_wave(region):
    """From week 20 on, for eight weeks, one in fifty people over 65 is admitted each week for ten days."""
    week = 0
    while True:
        yield region.env.timeout(TICKS_PER_WEEK)
        week += 1
        if 20 <= week < 28:
            old = region.living(from_age=65)
            region.hospital.admit(old[region.draw(old, "winter wave") < 0.02], 10.0, "acute_medical")


def test_doubling_clinic_capacity_empties_the_lists_and_only_what_waiting_touches_changes(today) -> None:
    cell, log = _run(double_the_clinics)
    assert log.tobytes() == today[1].tobytes()
    assert values(today[0].results, "clinic_waiting")[-1] > 1000
    assert values(cell.results, "clinic_waiting")[-1] == 0
    assert values(cell.results, "clinic_wait_weeks")[1] == 0.5  # seen at the end of the week of referral
    assert values(cell.results, "clinic_left")[1] == 0
    assert _differ(cell, today[0], *WAITING_TOUCHES) == set()


def test_a_clinic_closed_for_a_year_has_a_longer_list_and_the_others_do_not_notice() -> None:
    specialties = ("cardiology", "neurology", "surgery", "internal_medicine", "lung", "other")
    room = tuple((f"care.test_share_{name}", 0.0) for name in specialties)  # without tests they share nothing
    (cell, log), today = _run(close_cardiology, parameters=room), _run(parameters=room)
    assert log.tobytes() == today[1].tobytes()
    assert _differ(cell, today[0], *WAITING_TOUCHES) == set()
    for measure in ("clinic_waiting", "clinic_wait_weeks", "clinic_served", "clinic_left", "follow_up_visits"):
        closed, as_ever = (_by_group(each, measure, "specialty_quarter", 0) for each in (cell, today[0]))
        for group, value in closed.items():
            if group.startswith("cardiology"):
                assert value != as_ever[group], (measure, group)
            else:
                assert value == as_ever[group], (measure, group)
    served = _by_group(cell, "clinic_served", "specialty", 0)
    assert served["cardiology"] == 0
    lists = [_by_group(cell, "clinic_waiting", "specialty_quarter", 0)[f"cardiology Q{k}"] for k in (1, 2, 3, 4)]
    assert lists == sorted(lists)
    assert lists[-1] > 3 * _by_group(today[0], "clinic_waiting", "specialty", 0)["cardiology"]
    assert _by_group(cell, "clinic_served", "specialty", 1)["cardiology"] > 0


def test_a_winter_wave_fills_beds_and_displaces_planned_care(today) -> None:
    cell, log = _run(winter_wave)
    assert log.tobytes() == today[1].tobytes()
    wave = _by_group(cell, "bed_occupancy_share", "ward_quarter", 0)
    usual = _by_group(today[0], "bed_occupancy_share", "ward_quarter", 0)
    assert wave["acute_medical Q1"] == usual["acute_medical Q1"]
    assert wave["acute_medical Q2"] > usual["acute_medical Q2"] + 0.05
    assert {name: wave[name] for name in wave if name.startswith("surgical")} == {
        name: usual[name] for name in usual if name.startswith("surgical")
    }
    displaced = _by_group(cell, "elective_displaced", "ward", 0), _by_group(today[0], "elective_displaced", "ward", 0)
    assert displaced[0]["acute_medical"] > displaced[1]["acute_medical"]
    admitted = (
        values(cell.results, "other_emergency_admissions"),
        values(today[0].results, "other_emergency_admissions"),
    )
    assert admitted[0][0] > admitted[1][0]
    assert admitted[0][1] == admitted[1][1]


def test_with_infinite_capacity_nobody_waits() -> None:
    changes = (
        ("care.clinic_capacity_margin", 1e6),
        *((f"care.{name}_occupancy", 1e-6) for name in ("follow_up", "bed", "rehabilitation")),
        ("care.ed_occupancy", 1e-2),
    )
    cell, _ = _run(parameters=changes)
    for name in ("clinic", "test", "elective_admission", "rehabilitation"):
        assert (values(cell.results, f"{name}_wait_weeks") == 0.5).all(), name
    for name in ("clinic", "test", "elective", "rehabilitation"):
        assert (values(cell.results, f"{name}_waiting") == 0).all(), name
    for name in (
        "clinic_left",
        "test_left",
        "elective_left",
        "rehabilitation_left",
        "elective_displaced",
        "ed_crowded_share",
        "follow_up_waiting",
    ):
        assert (values(cell.results, name) == 0).all(), name


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("clinic_capacity_margin", -1.0, "without any capacity"),
        ("bed_occupancy", 0.0, "above 0"),
        ("follow_up_occupancy", -0.5, "above 0"),
    ],
)
def test_capacity_of_zero_is_refused(name: str, value: float, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        _model(((f"care.{name}", value),))
    assert f"care.{name}" in str(caught.value)


def test_a_queue_that_can_never_empty_is_flagged_with_the_reason(today) -> None:
    assert all(check["passed"] for check in today[0].checks)

    def break_scanners(region):
        region.hospital.tests.capacity.factor = 0.3
        yield region.env.timeout(0)

    cell, _ = _run(break_scanners)
    (failed,) = [check["what"] for check in cell.checks if not check["passed"]]
    assert failed.startswith("the list for tests grew in each of the last 4 quarters")
    assert values(cell.results, "test_waiting")[-1] > 1000

    def close_for_good(region):
        region.hospital.clinics["neurology"].close(10_000)
        yield region.env.timeout(0)

    closed, _ = _run(close_for_good)
    assert any("nobody is served" in check["what"] and "Neurology" in check["what"] for check in closed.checks)


def test_groups_and_quarters_add_up_to_the_region_and_the_year(today) -> None:
    cell = today[0]
    for measure, dimension in (("clinic_served", "specialty"), ("bed_days", "ward"), ("elective_displaced", "ward")):
        for period in (0, 1, -1):
            (whole,) = _by_group(cell, measure, "all", period).values()
            for part in (dimension, f"{dimension}_quarter"):
                np.testing.assert_allclose(sum(_by_group(cell, measure, part, period).values()), whole, rtol=1e-12)
    last = _by_group(cell, "clinic_waiting", "specialty_quarter", 1)
    year = _by_group(cell, "clinic_waiting", "specialty", 1)
    assert {name.removesuffix(" Q4"): value for name, value in last.items() if name.endswith("Q4")} == year
    asked, left = values(cell.results, "clinic_referred"), values(cell.results, "clinic_left")
    assert (asked > 5 * left).all()


def test_quantiles_and_means_of_counted_waits() -> None:
    counts = np.zeros((2, 10), int)
    counts[0, 2], counts[0, 4] = 6, 4
    np.testing.assert_allclose(percentile(counts, 0.5), [2 + 5 / 6, 0.0])
    np.testing.assert_allclose(percentile(counts, 0.9), [4 + 3 / 4, 0.0])
    np.testing.assert_allclose(mean_wait(counts), [0.6 * 2.5 + 0.4 * 4.5, 0.0])


@pytest.mark.slow
@pytest.mark.parametrize(("follows", "low", "high"), [(0.5, 3.0, 6.5), (0.0, 0.5, 2.5)])
def test_waits_do_not_slide_where_general_practitioners_become_fewer(follows: float, low: float, high: float) -> None:
    rule = (Override("care.hospital_follows_per_year", follows),)
    shipped = load_scenario("nl/achterhoek_four_models")
    model = build_model(replace(shipped, parameters=rule), sample=10_000)
    cell = run_arm(model, run_base(model, 0), shipped.arm("dutch_today"), 0)
    waits = values(cell.results, "clinic_wait_routine_weeks")
    referred = values(cell.results, "clinic_referred")
    assert referred[8:10].sum() < 0.95 * referred[:2].sum()
    assert 4.0 < waits[0] < 7.0
    assert low < waits[8:10].mean() < high


def test_both_engines_agree_when_a_clinic_closes_and_a_wave_comes() -> None:
    model = few_people_model(seed=1)
    arm = model.scenario.arm("dutch_today")
    results = []
    for engine in ENGINES:
        cell = run_arm(model, run_base(model, 0, engine), arm, 0, engine, own_processes=(close_cardiology, winter_wave))
        results.append(cell.results)
    for name, column in results[0].items():
        np.testing.assert_array_equal(column, results[1][name], err_msg=name)
