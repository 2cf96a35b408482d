"""How unequally payments fall on people: shares of the dearest, what age and sex explain, and who stays dear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TRUNCATED_AT = (25_000, 50_000, 100_000)
"""EUR per person and year above which payments are also added up apart, so that savings can be measured without what
few very dear people cost by chance (a convention: about the dearest percent, and twice and four times that)."""


def top_share(paid: Floats, share: float) -> float:
    """Return the part of all payments that the dearest `share` of people take; NaN without payments.

    Parameters
    ----------
    paid
        ``[n]`` euro per person.
    share
        Of people, above 0 and at most 1; a person on the border counts in part.
    """
    total = float(paid.sum())
    if total <= 0.0:
        return float("nan")
    wanted = share * paid.size
    whole = int(wanted)
    ordered = np.sort(paid)[::-1]
    part = (wanted - whole) * ordered[whole] if whole < paid.size else 0.0
    return float((ordered[:whole].sum() + part) / total)


def beyond(paid: Floats) -> Floats:
    """Return what of each person's payments lies above each threshold of `TRUNCATED_AT` ``[n, threshold]``, EUR.

    A person who was there for a part of the year has the whole threshold, as in `contracts.shared_savings`.
    """
    return np.asarray(np.maximum(paid[:, None] - np.array(TRUNCATED_AT, float), 0.0))


def explained_share(paid: Floats, group: NDArray[np.integer]) -> float:
    """Return the share of the variance of payments that the means of groups explain, less what chance explains.

    This is the adjusted R squared of a regression on indicators of the groups; NaN where all pay the same.

    Parameters
    ----------
    paid, group
        ``[n]`` euro per person, and number of the person's group.
    """
    count = np.bincount(group)
    groups = int((count > 0).sum())
    deviation = paid - paid.mean()
    total = float((deviation**2).sum())
    if total <= 0.0 or paid.size <= groups:
        return float("nan")
    between = float((np.bincount(group, deviation) ** 2 / np.maximum(count, 1)).sum())
    left = (total - between) / (paid.size - groups)
    return 1.0 - left / (total / (paid.size - 1))


def persistence(before: Floats, now: Floats, share: float) -> float:
    """Return which part of the dearest `share` of people of one year belongs to them in the next; NaN without people.

    Parameters
    ----------
    before, now
        ``[n]`` euro of the same people in two successive years.
    """
    size = round(share * before.size)
    if size == 0:
        return float("nan")
    was, still = (np.argsort(-each, kind="stable")[:size] for each in (before, now))
    return float(np.intersect1d(was, still, assume_unique=True).size / size)


class Payments:
    """What was paid for each person in this year and the two before, row by row.

    Rows are those of the engine; who leaves or dies makes room for somebody else, so a row's past counts only while
    its person stays the same.
    """

    YEARS = 3

    def __init__(self, rows: int) -> None:
        self._past = np.full((self.YEARS - 1, 2, rows), np.nan)  # years ago less one; curative, all
        self._person = np.full(rows, -1, np.int64)

    def follow(self, left: NDArray[np.integer], taken: NDArray[np.integer]) -> None:
        """Let the past of people follow them from rows `left` to `taken`."""
        self._past[:, :, taken] = self._past[:, :, left]
        self._past[:, :, left] = np.nan
        self._person[taken] = self._person[left]
        self._person[left] = -1

    def close(
        self,
        person: NDArray[np.int64],
        rows: NDArray[np.integer],
        curative: Floats,
        long_term: Floats,
        group: NDArray[np.integer],
    ) -> Floats:
        """Return the measures of `NAMES` of a year, and make it the past.

        Parameters
        ----------
        person
            ``[N]`` number of the person in every row.
        rows
            ``[n]`` rows of who was there in this year.
        curative, long_term
            ``[n]`` euro paid for them under the insurance act, and for long-term care.
        group
            ``[n]`` number of the group of sex and age.
        """
        self._past[:, :, person != self._person] = np.nan
        every = curative + long_term
        found = [top_share(curative, share) for share in (0.01, 0.05, 0.10)] if rows.size else [np.nan] * 3
        found.append(explained_share(curative, group) if rows.size else np.nan)
        before = self._past[0, 0, rows]
        known = ~np.isnan(before)
        found.append(persistence(before[known], curative[known], 0.05))
        for k, now in enumerate((curative, every)):
            years = self._past[:, k, rows].sum(axis=0) + now
            known = ~np.isnan(years)
            found.append(top_share(years[known], 0.01) if known.any() else np.nan)
        self._past[1:] = self._past[:-1].copy()
        self._past[0] = np.nan
        self._past[0][:, rows] = curative, every
        self._person = person.copy()
        return np.array(found)


NAMES = (
    "payments_top_1_share",
    "payments_top_5_share",
    "payments_top_10_share",
    "payments_explained_by_age_sex",
    "payments_top_5_persistence",
    "payments_top_1_share_3_years",
    "payments_top_1_share_3_years_with_long_term_care",
)
