"""Decisions that find no rest: practices that go back and forth quarter after quarter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paysim.kernel.records import CONDITIONS, LEVERS

QUARTERS = 4
"""Turns in a row that count as going back and forth."""

LEAST = 0.02
"""Change of a lever in a quarter that is more than a small correction."""


def oscillating(levers: np.ndarray, practices: Sequence[str]) -> dict[str, str]:
    """Return, for each lever that finds no rest, what happens, with the first practice and quarter.

    Parameters
    ----------
    levers
        ``[quarter, practice, condition, lever]``.
    practices
        Names.
    """
    change = np.diff(levers, axis=0)
    turns = (change[1:] * change[:-1] < 0.0) & (np.minimum(np.abs(change[1:]), np.abs(change[:-1])) > LEAST)
    if len(turns) < QUARTERS:
        return {}
    restless = np.logical_and.reduce([turns[k : len(turns) - QUARTERS + 1 + k] for k in range(QUARTERS)])
    found = {}
    for k, name in enumerate(LEVERS):
        mine = restless[..., k]
        if mine.any():
            quarter, practice, condition = (int(each[0]) for each in np.nonzero(mine))
            number = int(mine.any(axis=(0, 2)).sum())
            found[name] = (
                f"{number} of {len(practices)} practices go back and forth with {name}, first {practices[practice]} "
                f"from quarter {quarter + 1} on for patients with {CONDITIONS[condition]}: decisions find no rest"
            )
    return found
