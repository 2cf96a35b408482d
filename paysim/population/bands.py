"""Tables by sex and age band, turned into one row number for every sex and completed age.

Also the smoothing of ages within a published band: within a band the density of ages is a straight line whose
slope follows the neighbouring bands, so that a five-year table gives no steps at its borders while every band
keeps exactly its count.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paysim.errors import DataError, Problem

AGES = 111
"""Completed ages 0..110; the last is open."""

SEXES = ("M", "F")
"""Letters used in files, in the order of the codes: 0 man, 1 woman."""


def band_rows(columns: Mapping[str, Any], file: str) -> np.ndarray:
    """Return the row of a banded table that holds each sex and completed age.

    Parameters
    ----------
    columns
        ``age_from`` and ``age_to`` (both included; beyond 110 means open) and, where sexes differ, ``sex``.

    Returns
    -------
    numpy.ndarray
        ``[2, 111]`` int64, -1 where the table has no row.

    Raises
    ------
    DataError
        A band ends before it begins, or two rows cover the same sex and age.
    """
    rows = np.full((2, AGES), -1, dtype=np.int64)
    sexes = columns.get("sex")
    for row, (low, high) in enumerate(zip(columns["age_from"], columns["age_to"], strict=True)):
        if high < low:
            raise DataError(
                Problem(f"row {row + 1}: the band ends before it begins", file, key="age_to", found=str(high))
            )
        for sex in (0, 1) if sexes is None else (SEXES.index(sexes[row]),):
            part = rows[sex, int(low) : int(high) + 1]
            if (part >= 0).any():
                message = f"row {row + 1} overlaps row {int(part.max()) + 1}"
                raise DataError(Problem(message, file, key="age_from", found=f"{low}-{high}"))
            part[:] = row
    return rows


def age_labels(columns: Mapping[str, Any]) -> list[str]:
    """Return a label such as ``M 40-44`` or ``80+`` for every row of a banded table."""
    labels = []
    for row, (low, high) in enumerate(zip(columns["age_from"], columns["age_to"], strict=True)):
        band = f"{low}+" if high >= AGES - 1 else f"{low}-{high}"
        labels.append(f"{columns['sex'][row]} {band}" if "sex" in columns else band)
    return labels


def apportion(total: int, shares: np.ndarray) -> np.ndarray:
    """Divide a whole number in proportion to `shares` by largest remainder; the parts sum to `total`."""
    quota = total * shares / shares.sum()
    parts: np.ndarray = np.floor(quota).astype(np.int64)
    order = np.argsort(-(quota - parts), kind="stable")
    parts[order[: total - int(parts.sum())]] += 1
    return parts


def slopes_within_bands(counts: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Return the relative slope of the density of ages within each of a row of adjacent bands.

    Parameters
    ----------
    counts, widths
        Persons in each band, and years it spans (the last, open band included with any width).

    Returns
    -------
    numpy.ndarray
        ``a`` in [-1, 1]: density ``(1 - a) + 2 a t`` at the fraction ``t`` of the band, mean 1.
    """
    density = counts / widths
    left = np.concatenate(([2 * density[0] - (density[0] + density[1]) / 2], (density[:-1] + density[1:]) / 2))
    right = np.concatenate(((density[:-1] + density[1:]) / 2, [0.0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(density > 0, (right - left) / (2 * density), 0.0)
    return np.clip(slope, -1.0, 1.0)


def fraction_within_band(uniform: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Invert the distribution function ``(1 - a) t + a t**2`` of the fraction of a band already lived."""
    rest = 1.0 - slope
    return np.asarray(2.0 * uniform / (rest + np.sqrt(rest * rest + 4.0 * slope * uniform)))


def years_in_open_band(uniform: np.ndarray, mean_years: float, limit_years: float) -> np.ndarray:
    """Draw years beyond the start of the open band: exponential with `mean_years`, cut at `limit_years`."""
    inside = -np.expm1(-limit_years / mean_years)
    return np.asarray(-mean_years * np.log1p(-uniform * inside))
