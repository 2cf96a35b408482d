"""What an outcome of a trial is made of, part by part, and the true effect."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from paysim.pilots import chance
from paysim.pilots.allocation import NEVER, Allocation, under_contract
from paysim.pilots.model import Pilot
from paysim.pilots.panel import Panel

Floats = npt.NDArray[np.float64]

SOURCES = {
    "selection": "who was chosen: regression to the mean, other trends, chance of the sites",
    "level": "regions that are dearer or cheaper for good, beyond their people",
    "drift": "the region's own change over time",
    "noise": "change of single practices that the model does not hold",
    "contamination": "controls that do some of it too",
    "coding": "treated sites that record more, so that their people look dearer than they are",
    "timing": "how years and sites with different effects are weighted, with those who left",
}
"""Where an error can come from; the parts add up to the whole, because estimates are sums of weighted outcomes."""


def make_parts(
    pilot: Pilot, panel: Panel, name: str, allocation: Allocation, used: Mapping[str, float]
) -> dict[str, Floats]:
    """Return what the outcome is made of, ``[trial, site, year]`` each: `SOURCES` but the last two, and what is caused.

    Parameters
    ----------
    used
        A value for each of `UNITS`.
    """
    end = pilot.end_year
    year = np.arange(end)
    world, practice = allocation.world[:, None], allocation.practice
    trials, sites = practice.shape
    without = panel.without[name][world, practice, :end]
    mean = float(panel.without[name][:, :, :end].mean())
    elapsed = np.broadcast_to(year - pilot.start_year, (trials, sites, end))
    beside = (year >= pilot.start_year) & (year < allocation.start[:, :, None]) & (year < allocation.ends)
    spilled = np.where(beside, used["contamination"] * _of_year(pilot, panel.effect[name], allocation, elapsed), 0.0)
    drift = used["region_drift"] * mean * _walks(pilot, allocation)
    noise = used["practice_noise"] * mean * chance.normal(pilot.seed, trials, chance.NOISE, sites, end)
    level = np.zeros_like(without)
    if pilot.sites_are_regions:
        of_site = chance.normal(pilot.seed, trials, chance.LEVEL_OF_SITE, sites)
        level += used["region_level"] * mean * of_site[:, :, None]
    return {
        "selection": without,
        "level": level,
        "drift": drift,
        "noise": noise,
        "contamination": spilled,
        "caused": caused_by(pilot, panel.effect[name], allocation, used["carry_over"]),
    }


def caused_by(pilot: Pilot, effect: Floats, allocation: Allocation, carry_over: float) -> Floats:
    """Return what the contract does to the sites of each trial ``[trial, site, year]``.

    Parameters
    ----------
    effect
        ``[replicate, site, year]`` what it does in its first, second, ... year.
    carry_over
        Share of it that stays after the contract ends, in each year again.
    """
    end = pilot.end_year
    year = np.arange(end)
    trials, sites = allocation.practice.shape
    start = allocation.start[:, :, None]
    leaves = np.minimum(allocation.leaves, allocation.ends)[:, :, None]
    treated = (year >= start) & (year < leaves)
    caused = np.where(treated, _of_year(pilot, effect, allocation, year - start), 0.0)
    if allocation.ends < NEVER:  # what the last year did fades
        since = np.maximum(year - allocation.ends + 1, 0)
        stayed = (allocation.start < NEVER) & (allocation.leaves > allocation.ends)
        last = np.broadcast_to(allocation.ends - 1 - start, (trials, sites, end))
        after = stayed[:, :, None] & (since > 0)
        caused = np.where(after, _of_year(pilot, effect, allocation, last) * carry_over**since, caused)
    return caused


def _of_year(pilot: Pilot, effect: Floats, allocation: Allocation, exposure: npt.NDArray[np.int64]) -> Floats:
    """Return the effect on sites after so many years under the contract ``[trial, site, year]``, with ramp-up."""
    ramp = np.array([*pilot.ramp_up, *[pilot.ramp_up[-1]] * pilot.end_year])
    world, practice = allocation.world[:, None, None], allocation.practice[:, :, None]
    known = np.clip(exposure, 0, effect.shape[2] - 1)
    return np.asarray(effect[world, practice, known] * ramp[np.clip(exposure, 0, pilot.end_year)])


def without_effect(parts: Mapping[str, Floats]) -> Floats:
    """Return the outcome when the contract does nothing ``[trial, site, year]``."""
    return parts["selection"] + parts["level"] + parts["drift"] + parts["noise"]


def with_effect(parts: Mapping[str, Floats]) -> Floats:
    """Return the outcome with what the contract does, to controls too ``[trial, site, year]``."""
    return without_effect(parts) + parts["caused"] + parts["contamination"]


def _walks(pilot: Pilot, allocation: Allocation) -> Floats:
    """Return random walks of unit steps by site ``[trial, site, year]``: one for all, for each group, or for each."""
    trials, sites = allocation.practice.shape
    end = pilot.end_year
    if pilot.sites_are_regions:
        return chance.normal(pilot.seed, trials, chance.DRIFT_OF_SITE, sites, end).cumsum(axis=2)
    here = there = chance.normal(pilot.seed, trials, chance.DRIFT_HERE, end).cumsum(axis=1)
    if pilot.controls_from == "other_region":
        there = chance.normal(pilot.seed, trials, chance.DRIFT_THERE, end).cumsum(axis=1)
    own = (allocation.start < NEVER)[:, :, None]
    return np.where(own, here[:, None, :], there[:, None, :])


def true_effect(pilot: Pilot, allocation: Allocation, caused: Floats) -> Floats:
    """Return the true mean effect on meant treated site-years of each trial."""
    meant = under_contract(allocation, pilot.end_year)
    return np.asarray((caused * meant).sum(axis=(1, 2)) / meant.sum(axis=(1, 2)))
