"""Practices: money, hours, staff, lists, what became of needs, and levers; for all and by practice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.accounting.segments import CONDITIONS
from paysim.kernel.records import ASKED, PLANNED
from paysim.outcomes.protocol import PROFESSIONS, Counted, Measure

_NEEDS = {
    "needs_combined": "combined with a pending appointment",
    "needs_dropped": "dropped",
    "needs_later": "asks again later",
    "needs_out_of_hours": "went to out-of-hours care",
    "needs_emergency": "went to the emergency department",
    "needs_seen_after_hours": "seen by the own practice out of hours",
}
_MISSED = "missed the appointment"
_NOT_HELD = {"planned_combined": _NEEDS["needs_combined"], "planned_dropped": _NEEDS["needs_dropped"]}
_TICKS_PER_HOUR = 3600 * 1000


def with_all(values: np.ndarray) -> np.ndarray:
    """Put the sum over practices ``[..., P]`` in front: ``[..., 1 + P]``."""
    return np.concatenate([values.sum(axis=-1, keepdims=True), values], axis=-1)


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield what practices earn and spend, how they work, and what becomes of needs."""
    yield from _money(counted)
    yield from _hours(counted)
    yield from _lists(counted)
    yield from _needs(counted)
    yield from _levers(counted)


def _needs(counted: Counted) -> Iterator[Measure]:
    """Yield what became of patients' own needs, and of what practices planned themselves."""
    access, outcomes = counted.by_year(counted.arrays["access"]) * counted.weight, counted.process_outcomes
    own, planned = access[:, :, ASKED], access[:, :, PLANNED]  # [Y, P, outcomes]
    answered = [outcomes.index(name) for name in ("booked", *_NEEDS.values())]
    again = own[:, :, outcomes.index(_NEEDS["needs_later"])]
    yield Measure("needs", "needs", with_all(own[:, :, answered].sum(axis=2) - again))
    for name, outcome in _NEEDS.items():
        yield Measure(name, "needs", with_all(own[:, :, outcomes.index(outcome)]))
    yield Measure("planned_visits", "visits", with_all(planned[:, :, answered].sum(axis=2)))
    for name, outcome in _NOT_HELD.items():
        yield Measure(name, "visits", with_all(planned[:, :, outcomes.index(outcome)]))
    missed = (own + planned)[:, :, outcomes.index(_MISSED)]
    yield Measure("appointments_missed", "appointments", with_all(missed))


def _money(counted: Counted) -> Iterator[Measure]:
    """Yield the income statement: revenue and costs by kind, and what is left for the owners before their own pay."""
    revenue = counted.by_year(counted.arrays["revenue"]) * counted.weight
    bills = counted.by_year(counted.arrays["bills"]) * counted.weight
    result = with_all(revenue.sum(axis=2) - bills.sum(axis=2))
    yield Measure("practice_revenue", "EUR", with_all(revenue.sum(axis=2)))
    yield Measure("practice_costs", "EUR", with_all(bills.sum(axis=2)))
    yield Measure("practice_margin", "EUR", result)
    for what, names, euros in (("revenue", counted.revenue_kinds, revenue), ("costs", counted.bills, bills)):
        for k, name in enumerate(names):
            yield Measure(f"practice_{what}_{name}", "EUR", with_all(euros[:, :, k]))
    fte = with_all(_working(counted)[:, :, 0] * counted.weight)
    each = np.divide(result, fte, out=np.zeros_like(result), where=fte > 0.0)
    yield Measure("practice_margin_per_gp_fte", "EUR per GP FTE a year", each, whole=each.mean(axis=0))


def _working(counted: Counted) -> np.ndarray:
    """Return working time of `PROFESSIONS`, mean of a year ``[Y, P, 3]``."""
    return _mean_of_years(counted, counted.arrays["fte"])


def _mean_of_years(counted: Counted, values: np.ndarray) -> np.ndarray:
    """Return the mean of each year's quarters ``[Y, ...]`` of values by quarter ``[T, ...]``."""
    return np.asarray(values.reshape(counted.years, -1, *values.shape[1:]).mean(axis=1))


def _gp_hours(counted: Counted) -> np.ndarray | float:
    """Return the hours in the book of GPs over those of their working time, mean of a year ``[Y, P]``."""
    if "gp_hours" not in counted.practice_lever_names:
        return 1.0
    at = counted.practice_lever_names.index("gp_hours")
    return _mean_of_years(counted, counted.arrays["practice_levers"][:, :, at])


def _hours(counted: Counted) -> Iterator[Measure]:
    services = counted.by_year(counted.arrays["services"].sum(axis=2))  # [Y, P, S]
    longer = counted.by_year(counted.longer_hours())  # [Y, P, professions]
    for k, (who, minutes) in enumerate(zip(PROFESSIONS, counted.staff_minutes.T, strict=True)):
        hours = services @ minutes / 60.0 + longer[:, :, k]
        yield Measure(f"{who}_hours", "hours", with_all(hours * counted.weight))
    busy = counted.by_year(counted.arrays["busy"]) / _TICKS_PER_HOUR  # [Y, P, 4]
    for who, lanes in PROFESSIONS.items():
        used = with_all(busy[:, :, lanes].sum(axis=2))
        # The book of GPs is as long as they work; nurses' working time has what they work more or less already.
        of_working_time = _gp_hours(counted) if who == "gp" else 1.0
        room = with_all(counted.contact_hours[:, :, lanes].sum(axis=2) * of_working_time)
        share = np.divide(used, room, out=np.zeros_like(used), where=room > 0.0)
        yield Measure(f"{who}_utilisation", "share", share, whole=share.mean(axis=0))
    fte = _working(counted)
    for k, who in enumerate(PROFESSIONS):
        working = with_all(fte[:, :, k] * counted.weight)
        yield Measure(f"{who}_fte", "full-time equivalents", working, whole=working.mean(axis=0))


def _lists(counted: Counted) -> Iterator[Measure]:
    """Yield who finds a practice, and one's own doctor in it."""
    closed = _mean_of_years(counted, counted.arrays["closed"])
    share = np.concatenate([closed.mean(axis=1, keepdims=True), closed], axis=1)
    yield Measure("lists_closed", "share", share, whole=share.mean(axis=0))
    at_work = with_all((_working(counted)[:, :, 0] > 0.0) * counted.weight)
    yield Measure("practices_at_work", "practices", at_work, whole=at_work.mean(axis=0))
    without = counted.by_year(counted.arrays["unlisted_years"]) * counted.weight  # [Y, P, G]
    yield Measure("years_without_practice", "person-years", with_all(without.sum(axis=2)))
    of_condition = without.reshape(*without.shape[:2], -1, len(CONDITIONS)).sum(axis=2)
    for k, name in enumerate(CONDITIONS):
        yield Measure(f"years_without_practice_{name}", "person-years", with_all(of_condition[:, :, k]))
    yield Measure("changes_refused", "persons", counted.by_year(counted.arrays["refused"]) * counted.weight)
    yield Measure("patients_let_go", "persons", counted.by_year(counted.arrays["let_go"]) * counted.weight)
    own = counted.by_year(counted.arrays["own"])  # [Y, P, 2]
    of_all, own = with_all(own[:, :, 0]), with_all(own[:, :, 1])
    yield Measure("own_gp_share", "share", _share(own, of_all), whole=_share(own.sum(axis=0), of_all.sum(axis=0)))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.zeros(whole.shape), where=whole > 0))


def _levers(counted: Counted) -> Iterator[Measure]:
    """Yield levers averaged over quarters, and over conditions and practices by person-years.

    Prevention concerns people with a chronic condition only.
    """
    years = counted.arrays["person_years"]  # [T, P, G]
    weight = years.reshape(*years.shape[:2], -1, 3).sum(axis=2)  # [T, P, 3]
    for k, name in enumerate(counted.lever_names):
        concerned = weight.copy()
        if name == "prevention":
            concerned[:, :, 0] = 0.0
        value = counted.by_year(counted.arrays["levers"][..., k] * concerned).sum(axis=2)
        size = np.maximum(counted.by_year(concerned).sum(axis=2), 1e-12)
        yield Measure(
            f"lever_{name}",
            "ratio to base",
            with_all(value) / with_all(size),
            whole=with_all(value.sum(axis=0)) / with_all(size.sum(axis=0)),
        )
    people = years.sum(axis=2)  # [T, P]
    size = np.maximum(counted.by_year(people), 1e-12)
    for k, name in enumerate(counted.practice_lever_names):
        value = counted.by_year(counted.arrays["practice_levers"][:, :, k] * people)
        yield Measure(
            f"lever_{name}",
            "ratio to base",
            with_all(value) / with_all(size),
            whole=with_all(value.sum(axis=0)) / with_all(size.sum(axis=0)),
        )
