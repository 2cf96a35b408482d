"""Binary traits that reproduce a published margin whatever their odds ratios.

In every cell the intercept ``a`` solves ``mean(expit(a + offset_i)) = target``, so the expected share in the
cell is the published one, while odds ratios between people inside the cell are those of the offsets. The mean may be
weighted, and be that of other offsets than those of the people: then the target is that of standard people.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit  # type: ignore[import-untyped,unused-ignore]

from paysim.errors import ModelError

_TOLERANCE = 1e-9
_STEPS = 60
_LONGEST_STEP = 3.0


def probabilities(
    cell: np.ndarray,
    target: np.ndarray,
    offset: np.ndarray | float,
    weight: np.ndarray | None = None,
    standard: np.ndarray | None = None,
) -> np.ndarray:
    """Return the probability of each person, or of each group of like people.

    Parameters
    ----------
    cell
        Row of `target` of each person; -1 means that the trait cannot occur.
    target
        Expected share of each cell, from 0 to 1.
    offset
        Log odds of each person relative to others of the cell.
    weight
        Number of people in each group, or weight of each person; one each by default.
    standard
        Log odds of each person with which the target holds; `offset` by default.

    Raises
    ------
    ModelError
        The intercepts were not found.
    """
    inside = np.flatnonzero(cell >= 0)
    here = cell[inside]
    people = np.ones(len(inside)) if weight is None else weight[inside].astype(float)
    size = np.bincount(here, people, minlength=len(target))
    total = np.where(size > 0, size, 1.0)  # of weighted people less than one may stand for a cell
    shift = np.broadcast_to(np.asarray(offset if standard is None else standard, dtype=float), cell.shape)[inside]
    free = (target > 0.0) & (target < 1.0) & (size > 0)
    intercept = np.full(len(target), -np.inf)
    intercept[target >= 1.0] = np.inf
    mean_shift = np.bincount(here, people * shift, minlength=len(target)) / total
    intercept[free] = logit(target[free]) - mean_shift[free]
    for _ in range(_STEPS):
        share = expit(intercept[here] + shift)
        gap = target - np.bincount(here, people * share, minlength=len(target)) / total
        slope = np.bincount(here, people * share * (1.0 - share), minlength=len(target)) / total
        if np.abs(gap[free]).max(initial=0.0) < _TOLERANCE:
            break
        step = gap[free] / np.maximum(slope[free], 1e-12)
        intercept[free] += np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
    else:
        raise ModelError("the intercepts of a binary trait were not found")
    if standard is not None:
        share = expit(intercept[here] + np.broadcast_to(np.asarray(offset, dtype=float), cell.shape)[inside])
    result = np.zeros(len(cell))
    result[inside] = share
    return result


def by_level(values: dict[int, float], levels: np.ndarray) -> np.ndarray:
    """Return the log of an odds ratio for each person by a coded level (levels not named: ratio 1)."""
    table = np.zeros(max(int(levels.max(initial=0)), *values) + 1)
    for level, ratio in values.items():
        table[level] = np.log(ratio)
    return np.asarray(table[levels])
