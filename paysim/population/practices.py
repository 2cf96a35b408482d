"""General practices of a region: how many, how large, with which staff; and who is on whose list.

Within a municipality practices are drawn from a mix of solo, duo and group practices until their working time
covers the inhabitants at the norm of persons per full-time GP. List sizes are proportional to working time
times a log-normal factor and sum exactly to the inhabitants; people join a practice of their municipality at
random.
"""

from __future__ import annotations

import numpy as np

from paysim.errors import DataError, Problem
from paysim.population.bands import apportion
from paysim.population.keys import Domain, Trait, keys, normal, uniform
from paysim.population.profile import RegionProfile
from paysim.population.schema import Practice

_MOST_PRACTICES = 10_000
_MOST_STAFF = 8
_ROUND_UP_FROM = 0.25
PROFESSIONS = ("gp", "nurse", "mental_nurse")
"""Nurses are those for somatic care, and those for mental health."""


def make_practices(profile: RegionProfile, seed: int) -> tuple[Practice, ...]:
    """Draw the practices of every municipality, in the order of municipalities.

    Working time sums to inhabitants / norm in each municipality; list sizes sum to the inhabitants.
    """
    supply_growth(profile, profile.year, 1)  # so that faults show before a run
    practices: list[Practice] = []
    for index, name in enumerate(profile.municipalities):
        inhabitants = int(profile.simulated.persons[profile.simulated.municipality == index].sum())
        if inhabitants:
            practices += _of_municipality(profile, seed, index, name, inhabitants)
    return tuple(practices)


def _of_municipality(profile: RegionProfile, seed: int, index: int, name: str, inhabitants: int) -> list[Practice]:
    norm = profile["patients_per_gp_fte"]
    needed = inhabitants / norm
    numbers = keys(seed, Domain.PRACTICE, index * _MOST_PRACTICES + np.arange(_MOST_PRACTICES))
    solo, duo = profile["practice_share_solo"], profile["practice_share_duo"]
    if solo + duo > 1.0 or norm <= 0:
        raise DataError(Problem("shares of solo and duo practices sum to more than 1", key="practice_share_duo"))
    sizes = np.array([profile[f"practice_fte_{kind}"] for kind in ("solo", "duo", "group")])
    kind = np.searchsorted([solo, solo + duo], uniform(numbers, Trait.PRACTICE_SIZE), side="right")
    total = np.cumsum(sizes[kind])
    count = int(np.searchsorted(total, needed)) + 1
    if count > 1 and total[count - 1] - needed > needed - total[count - 2]:
        count -= 1
    fte = sizes[kind[:count]] * (needed / total[count - 1])
    spread = np.exp(profile["list_size_sd_log"] * normal(numbers[:count], Trait.LIST_SIZE))
    lists = apportion(inhabitants, fte * spread)
    nurse, mental = (fte * profile[f"{name}_fte_per_gp_fte"] for name in ("nurse", "mental_nurse"))
    return [
        Practice(
            name=f"{name} {number + 1:02d}",
            municipality=index,
            list_size=int(lists[number]),
            gp_fte=float(fte[number]),
            gps=side_by_side(fte[number]),
            nurse_fte=float(nurse[number]),
            nurses=side_by_side(nurse[number]),
            mental_nurse_fte=float(mental[number]),
            mental_nurses=side_by_side(mental[number]),
            weight=profile.weight,
        )
        for number in range(count)
        if lists[number] > 0
    ]


def supply_growth(profile: RegionProfile, first_year: int, years: int) -> np.ndarray:
    """Return the growth of working time ``[years, 3]`` by profession, share a year, from calendar year `first_year` on.

    Before the first year of the table nothing changes.

    Raises
    ------
    DataError
        If the supply of a profession would shrink to nothing within a year.
    """
    table, calendar = profile.table("staff_supply"), first_year + np.arange(years)
    growth = np.zeros((years, len(PROFESSIONS)))
    for k, profession in enumerate(PROFESSIONS):
        rows = np.flatnonzero(np.array(table["profession"]) == profession)
        rows = rows[np.argsort(table["year_from"][rows])]
        known = np.concatenate([[0.0], table["growth"][rows]])
        growth[:, k] = known[np.searchsorted(table["year_from"][rows], calendar, side="right")]
        growth[:, k] += profile[f"{profession}_supply_shift"]
        if (growth[:, k] <= -1.0).any():
            what = "with the growth of the table staff_supply the profession shrinks to nothing"
            raise DataError(Problem(what, key=f"population.{profession}_supply_shift"))
    return growth


def side_by_side(fte: float) -> int:
    """Return how many people share out a working time: whole, rounded up from a quarter, 1 to 8; 0 of none."""
    return 0 if fte <= 0.0 else int(np.clip(np.ceil(fte - _ROUND_UP_FROM), 1, _MOST_STAFF))


def join_practices(practices: tuple[Practice, ...], municipality: np.ndarray, seed: int) -> np.ndarray:
    """Put every person on the list of a practice of the municipality, at random.

    Parameters
    ----------
    municipality
        Of each person, sorted.

    Returns
    -------
    numpy.ndarray
        Index of the practice of each person, int32.
    """
    draws = uniform(keys(seed, Domain.PLACEMENT, np.arange(len(municipality))), Trait.PLACE)
    order = np.lexsort((draws, municipality))
    lists = np.array([practice.list_size for practice in practices])
    joined = np.empty(len(municipality), dtype=np.int32)
    joined[order] = np.repeat(np.arange(len(practices), dtype=np.int32), lists)
    return joined
