"""Programmes: whom they reach, by education, what they cost, and the hours they take. For all only, and by programme.

Every measure begins with ``programme_<name>_``, zero in an arm without that programme. What a programme does to health,
use and spending is in the other measures; its cost and payments are among those of spending too, by group.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.care.programmes import COUNTS, EDUCATION, PROFESSIONS
from paysim.outcomes.protocol import Counted, Measure

_WHO: dict[str, tuple[str, ...]] = {"gp": ("gp",), "nurse": ("practice_nurse",)}
_WHO |= {"other": tuple(name for name in PROFESSIONS if (name,) not in _WHO.values())}
"""Whose hours are counted over all programmes."""


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield reach, cost and hours of every programme, hours of all, and the practice nurses' share of theirs."""
    if not counted.programme_names:
        return
    quarters = counted.arrays["programmes"].reshape(counted.years, -1, len(counted.programme_names), len(COUNTS))
    for k, name in enumerate(counted.programme_names):
        yield from _programme(f"programme_{name}", quarters[:, :, k], counted.weight)
    for who, professions in _WHO.items():
        at = [COUNTS.index(f"hours_{name}") for name in professions]
        hours = quarters[:, :, :, at].sum(axis=(1, 2, 3))[:, None] * counted.weight
        yield Measure(f"{who}_hours_in_programmes", "hours", hours)
    nurses = quarters[:, :, :, COUNTS.index("hours_practice_nurse")].sum(axis=(1, 2))[:, None] * counted.weight
    employed = np.maximum(counted.contact_hours[:, :, 2].sum(axis=1)[:, None] * counted.weight, 1e-9)
    whole = nurses.sum(axis=0) / employed.sum(axis=0)
    yield Measure("programme_share_of_nurse_hours", "share", nurses / employed, whole=whole)


def _programme(label: str, quarters: np.ndarray, weight: float) -> Iterator[Measure]:
    """Yield the measures of one programme from its counts ``[years, quarters, COUNTS]``."""

    def at_end(name: str) -> np.ndarray:
        return np.asarray(quarters[:, -1, COUNTS.index(name)][:, None] * weight)

    def in_year(name: str) -> np.ndarray:
        return np.asarray(quarters[:, :, COUNTS.index(name)].sum(axis=1)[:, None] * weight)

    def of_all(what: str, count: object) -> np.ndarray:
        return np.asarray(sum(count(f"{what}_{name}") for name in EDUCATION))  # type: ignore[operator]

    for what in ("eligible", "identified", "participants"):
        stock = of_all(what, at_end)
        yield Measure(f"{label}_{what}", "persons", stock, whole=stock[-1])
    for what in ("invited", "started"):
        yield Measure(f"{label}_{what}", "persons", of_all(what, in_year))
    for what in ("dropped_out", "completed"):
        yield Measure(f"{label}_{what}", "persons", in_year(what))
    short = at_end("no_staff")
    yield Measure(f"{label}_not_asked_for_want_of_staff", "persons", short, whole=short[-1])
    years = of_all("years", in_year)
    yield Measure(f"{label}_participant_years", "years", years)
    for name in EDUCATION:
        found, part = at_end(f"eligible_{name}"), at_end(f"participants_{name}")
        yield Measure(f"{label}_eligible_{name}_education", "persons", found, whole=found[-1])
        reach = _ratio(part, found)
        yield Measure(f"{label}_reach_{name}_education", "share", reach, whole=reach[-1])
    cost, paid = in_year("cost_eur"), in_year("paid_eur")
    yield Measure(f"{label}_cost", "EUR", cost)
    yield Measure(f"{label}_paid", "EUR", paid)
    yield Measure(f"{label}_borne_by_provider", "EUR", cost - paid)
    each, whole = _ratio(cost, years), _ratio(cost.sum(axis=0), years.sum(axis=0))
    yield Measure(f"{label}_cost_per_participant_year", "EUR", each, whole=whole)
    for name in PROFESSIONS:
        hours = in_year(f"hours_{name}")
        yield Measure(f"{label}_hours_{name}", "hours", hours)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.zeros(np.shape(above)), where=below > 0.0))
