"""Claims of persons: what each service costs its payer, and what the patient bears of it.

What a patient bears is arithmetic on one person's year. With `charged` what was put down to this person since the
contract year began (spending that counts towards a deductible, or co-payments), the patient bears ``min(charged,
limit)``; a period's share is the growth of that amount. Amounts are rounded to cents once, on the running total, so
that the periods of a year always add up to the year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paysim.errors import ModelError

_ROWS_AT_A_TIME = 8_192  # keeps the working copy of whole-number counts in the processor's cache

Floats = NDArray[np.float64]
Cents = NDArray[np.int64]


class PaysPerUnit(Protocol):
    """A component of a contract that may pay a price per unit of a service."""

    def prices_eur(self, service_names: tuple[str, ...]) -> Floats:
        """Return the ``[service]`` price per unit, zero for what it does not pay by the unit."""
        ...


def tariff_table(components: Iterable[PaysPerUnit], service_names: Sequence[str]) -> Floats:
    """Return what a payer pays per unit of each service under all `components` together.

    Returns
    -------
    ndarray
        ``[service]`` in euro; lump sums (capitation, bundles, grants) are not prices and count as zero.
    """
    names = tuple(service_names)
    table = np.zeros(len(names))
    for component in components:
        table += component.prices_eur(names)
    return table


def liable_eur(counts: ArrayLike, tariffs: Floats, exempt: NDArray[np.bool_]) -> Floats:
    """Return each person's spending that counts towards the deductible.

    Parameters
    ----------
    counts
        ``[n, service]`` quantities, of any numeric type.
    tariffs
        ``[service]`` euro per unit, see `tariff_table`.
    exempt
        ``[service]`` True for services outside the deductible.

    Returns
    -------
    ndarray
        ``[n]`` euro.

    Raises
    ------
    ModelError
        If the three do not have the same services.
    """
    counts = np.asarray(counts)
    if counts.ndim != 2 or tariffs.shape != (counts.shape[1],) or exempt.shape != tariffs.shape:
        raise ModelError(f"claims: counts {counts.shape}, tariffs {tariffs.shape} and exempt {exempt.shape} do not fit")
    prices = np.where(exempt, 0.0, tariffs)
    liable = np.empty(len(counts))
    for start in range(0, len(counts), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        np.matmul(counts[rows].astype(np.float64, copy=False), prices, out=liable[rows])
    return liable


def borne_cents(
    charged_before_eur: ArrayLike,
    charged_after_eur: ArrayLike,
    limit_eur: ArrayLike,
    applies: NDArray[np.bool_] | None = None,
) -> Cents:
    """Return what each patient bears of what was charged between two moments of one contract year.

    Parameters
    ----------
    charged_before_eur, charged_after_eur
        ``[n]`` charged to the person since the year began, at the start and the end of the period.
    limit_eur
        The most of a year: one number or ``[n]``; infinite where there is no limit.
    applies
        ``[n]`` False for people who owe nothing in this year (minors); None: everybody owes.

    Returns
    -------
    ndarray
        ``[n]`` whole cents (int64); over a year they sum to ``min(charged, limit)`` exactly.
    """
    limit = np.rint(np.multiply(limit_eur, 100.0))
    share = _borne(charged_after_eur, limit) - _borne(charged_before_eur, limit)
    return (share if applies is None else np.where(applies, share, 0.0)).astype(np.int64)


def _borne(charged_eur: ArrayLike, limit: Floats) -> Floats:
    """Return ``[n]`` whole cents, as floats: at most `limit` of what was charged."""
    cents = np.multiply(charged_eur, 100.0)
    np.rint(cents, out=cents)
    return np.minimum(cents, limit, out=cents)
