"""Ages of people of whom only a band is known.

Bands are cut at the starts of the national age shape (single years or five years, whichever the country has),
so that wide bands get the country's shape within them. Inside a piece the density of ages is a straight line
that follows the neighbouring pieces of the region, so that no steps appear at borders while every band keeps
exactly its count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.errors import DataError, Problem
from paysim.population.bands import AGES, fraction_within_band, slopes_within_bands, years_in_open_band
from paysim.population.profile import RegionProfile

OLDEST = 111.0


@dataclass(frozen=True)
class Pieces:
    """The bands of a region, cut at the starts of the national age shape.

    Attributes
    ----------
    start, width
        ``[K]`` first age and years of each piece; the last is open.
    band
        ``[K]`` index of the band that holds the piece.
    share
        ``[2, K]`` of the persons of the band.
    before
        ``[2, K]`` share of the persons of the band in younger pieces.
    persons
        ``[2, K]`` of the region, by sex.
    slope
        ``[2, K]`` of the density, see `slopes_within_bands`.
    """

    start: np.ndarray
    width: np.ndarray
    band: np.ndarray
    share: np.ndarray
    before: np.ndarray
    persons: np.ndarray
    slope: np.ndarray


def pieces(profile: RegionProfile) -> Pieces:
    """Cut the bands of a region.

    Raises
    ------
    DataError
        The national age shape leaves an age out.
    """
    counts = profile.persons
    bands = np.unique(counts.age_from)
    columns, rows = profile.rows("age_shape")
    if (rows < 0).any():
        raise DataError(Problem("every sex and age needs a row", key="age_shape"))
    start = np.union1d(bands, columns["age_from"])
    width = np.append(np.diff(start), OLDEST - start[-1]).astype(float)
    band = np.searchsorted(bands, start, side="right") - 1
    years = np.minimum(columns["age_to"] + 1, OLDEST) - columns["age_from"]
    density = (columns["persons"] / years)[rows[:, start]]
    mass = density * width
    totals = np.stack([np.bincount(band, each, minlength=len(bands)) for each in mass])
    share = mass / totals[:, band]
    upto = np.cumsum(share, axis=1)
    first = np.searchsorted(band, band)
    before = (upto - share) - (upto - share)[:, first]
    own = np.zeros((2, len(bands)))
    np.add.at(own, (counts.sex, np.searchsorted(bands, counts.age_from)), counts.persons)
    persons = own[:, band] * share
    slope = np.stack([slopes_within_bands(each, width) for each in persons])
    return Pieces(start, width, band, share, before, persons, slope)


def ages(profile: RegionProfile, row: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Return the age in years of each person, inside the band of the person.

    Parameters
    ----------
    row
        Of each person, in `RegionProfile.simulated`.
    draws
        A uniform of each person.
    """
    counts, cut = profile.simulated, pieces(profile)
    low, high = counts.age_from[row].astype(float), counts.age_to[row].astype(float)
    band = np.searchsorted(np.unique(counts.age_from), counts.age_from)[row]
    last = np.searchsorted(cut.band, band, side="right") - 1
    age = np.empty(len(row))
    for sex in (0, 1):
        mine = np.flatnonzero(counts.sex[row] == sex)
        here = np.searchsorted(cut.band + cut.before[sex], band[mine] + draws[mine], side="right") - 1
        here = np.minimum(here, last[mine])
        inside = np.clip((draws[mine] - cut.before[sex, here]) / cut.share[sex, here], 0.0, 1.0)
        age[mine] = cut.start[here] + cut.width[here] * fraction_within_band(inside, cut.slope[sex, here])
        is_open = here == len(cut.start) - 1
        mean, limit = profile["oldest_band_mean_years"], cut.width[-1]
        age[mine[is_open]] = cut.start[-1] + years_in_open_band(inside[is_open], mean, limit)
    upper = np.where(high >= OLDEST - 1, OLDEST, high + 1)
    return np.asarray(np.clip(age, low, np.nextafter(upper, 0.0)))


def single_ages(profile: RegionProfile) -> np.ndarray:
    """Return the persons of the region by sex and completed age, ``[2, 111]``, as `ages` spreads them."""
    cut = pieces(profile)
    age = np.arange(AGES + 1)
    result = np.zeros((2, AGES))
    for k, (start, width) in enumerate(zip(cut.start, cut.width, strict=True)):
        t = np.clip((age - start) / width, 0.0, 1.0)
        upto = (1.0 - cut.slope[:, k, None]) * t + cut.slope[:, k, None] * t * t
        result += cut.persons[:, k, None] * np.diff(upto)
    return result
