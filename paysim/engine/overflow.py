"""Queues that cannot empty: what a run says of lists that grew without end, or that nobody serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

QUARTERS = 4
"""A list that grew in each of the last quarters, as many as these, is looked at."""

_WEEKS = 8.0
_TIMES_USUAL = 3.0

Queue = tuple[int, float, float]
"""Length of a list, capacity a week, and the wait in weeks that is usual."""


def overflowing(quarters: Sequence[Mapping[str, Queue]]) -> dict[str, str]:
    """Return, for each queue that cannot empty, the reason.

    Parameters
    ----------
    quarters
        Every queue at the end of each quarter of a run, by what it is called.
    """
    found: dict[str, str] = {}
    for name, (length, capacity, usual) in (quarters[-1] if quarters else {}).items():
        if length and capacity <= 0.0:
            found[name] = f"{length:,} people wait for {name} and nobody is served: capacity is 0 at the end of the run"
            continue
        lengths = [each[name][0] for each in quarters[-QUARTERS - 1 :]]
        grew = len(lengths) > QUARTERS and all(one < other for one, other in pairwise(lengths))
        weeks = length / max(capacity, 1e-9)
        if grew and weeks > max(_WEEKS, _TIMES_USUAL * usual):
            found[name] = (
                f"the list for {name} grew in each of the last {QUARTERS} quarters, from {lengths[0]:,} to {length:,} "
                f"people, {weeks:.0f} weeks of work: more is asked for than capacity allows, so it cannot empty"
            )
    return found
