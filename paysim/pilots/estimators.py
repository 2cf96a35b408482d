"""Estimators as an evaluator would run them, for many trials at once.

Every estimate is a weighted sum of outcomes with weights that the outcomes do not decide (but by matching on the years
before). So the same weights applied to a part of the outcome, such as drift, give the part of the estimate due to it.

One common start. The panel is collapsed to one number a site (Bertrand, Duflo and Mullainathan 2004): the mean after
the start less that before (difference in differences), less the last year before (event study), or less the trend
before carried on (interrupted time series). On a balanced panel that is the regression with site and year effects.
Standard errors are clustered by site: the sandwich with the correction of Bell and McCaffrey 2002 (CR2), in which
sites of each group have their own variance, and Welch's degrees of freedom.

Starts at different times. Least squares with site and year effects (two-way fixed effects), the sandwich clustered by
site with G/(G-1) (N-1)/(N-K), K without the site effects, which lie within clusters, and G-1 degrees of freedom. It
is no mixed model: sites have fixed effects, so that what differs between sites for good cannot bias it. Where the
effect grows with time it weights years oddly (Goodman-Bacon 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from paysim.pilots import chance
from paysim.pilots.allocation import NEVER, Allocation
from paysim.pilots.model import Pilot

Floats = npt.NDArray[np.float64]

RESAMPLES = 199
"""Draws of the bootstrap and of randomisation inference; p values are multiples of 1/200."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """Results by trial, ``[trial]`` each: estimate, standard error, degrees of freedom, two-sided p value."""

    value: Floats
    error: Floats
    freedom: Floats
    p: Floats

    def half_width(self, level: float) -> Floats:
        """Return half the width of the interval at 1 - `level`."""
        return np.asarray(stdtrit(self.freedom, 1.0 - level / 2.0) * self.error)


@dataclass(frozen=True, eq=False)
class Evaluator:
    """An estimator made ready for the allocations of all trials.

    Attributes
    ----------
    years
        ``[year]`` weights that make one number of a site; None with two-way fixed effects.
    sites
        ``[trial, site]`` weights of treated sites (positive, sum 1) and controls (negative, sum -1); 0 for who left.
    treatment
        ``[trial, site, year]`` indicator less site and year means, with two-way fixed effects.
    """

    inference: str
    seed: int
    years: Floats | None = None
    sites: Floats | None = None
    treatment: Floats | None = None

    def estimate(self, outcome: Floats) -> Floats:
        """Return the estimate ``[trial]`` of outcomes ``[trial, site, year]``."""
        if self.treatment is not None:
            below = (self.treatment**2).sum(axis=(1, 2))
            return np.asarray((self.treatment * outcome).sum(axis=(1, 2)) / below)
        assert self.years is not None
        assert self.sites is not None
        return np.asarray((self.sites * (outcome @ self.years)).sum(axis=1))

    def evaluate(self, outcome: Floats) -> Estimate:
        """Return estimates with errors and p values of outcomes ``[trial, site, year]``."""
        if self.treatment is not None:
            return _two_way(self.treatment, outcome)
        assert self.years is not None
        assert self.sites is not None
        collapsed = outcome @ self.years
        found = welch(collapsed, self.sites)
        if self.inference == "randomisation":
            p = _randomisation(collapsed, self.sites, found, self.seed)
        elif self.inference == "wild_cluster_bootstrap":
            p = _bootstrap(collapsed, self.sites, found, self.seed)
        else:
            return found
        return Estimate(found.value, found.error, found.freedom, p)


def evaluator(pilot: Pilot, allocation: Allocation, outcome: Floats) -> Evaluator:
    """Return the pilot's estimator for these allocations.

    Parameters
    ----------
    outcome
        ``[trial, site, year]`` up to the end of the pilot; only matching looks at it, at the years before the start.
    """
    first, end = pilot.start_year, pilot.end_year
    year = np.arange(end)
    if pilot.estimator == "two_way_fixed_effects":
        treated = (year >= allocation.start[:, :, None]).astype(float)
        inside = treated - treated.mean(axis=2, keepdims=True) - treated.mean(axis=1, keepdims=True)
        return Evaluator("cluster_t", pilot.seed, treatment=inside + treated.mean(axis=(1, 2), keepdims=True))
    after = np.where(year >= first, 1.0 / pilot.years, 0.0)
    before = np.where(year < first, 1.0 / first, 0.0)
    if pilot.estimator == "event_study":
        before = (year == first - 1).astype(float)
    elif pilot.estimator == "interrupted_time_series":
        before = _carried_on(first, pilot.years, end)
    sites = _site_weights(pilot, allocation, outcome)
    return Evaluator(pilot.inference, pilot.seed, years=after - before, sites=sites)


def _carried_on(first: int, years: int, end: int) -> Floats:
    """Return weights of years that give the trend before the start carried on, in the mean year of the pilot."""
    before = np.arange(first) - (first - 1) / 2.0
    middle = first + (years - 1) / 2.0 - (first - 1) / 2.0
    weights = np.zeros(end)
    weights[:first] = 1.0 / first + before * middle / (before**2).sum()
    return weights


def _site_weights(pilot: Pilot, allocation: Allocation, outcome: Floats) -> Floats:
    treated = allocation.start < NEVER
    kept = np.ones(treated.shape, bool)
    if pilot.analysis == "per_protocol":
        kept = allocation.leaves >= pilot.end_year
        kept[:, :2] = True  # two treated sites at least, or there is nothing to estimate
    counts = (kept & treated).astype(float)
    counts /= counts.sum(axis=1, keepdims=True)
    if pilot.estimator == "interrupted_time_series":
        return counts
    against = (~treated).astype(float)
    if pilot.estimator == "matched_differences":
        before = outcome[:, :, : pilot.start_year].mean(axis=2)
        distance = np.abs(before[:, : pilot.treated, None] - before[:, None, pilot.treated :])
        nearest = distance.argmin(axis=2)  # with replacement
        against = np.zeros(treated.shape)
        np.add.at(against, (np.arange(len(nearest))[:, None], pilot.treated + nearest), counts[:, : pilot.treated])
    return np.asarray(counts - against / against.sum(axis=1, keepdims=True))


def welch(collapsed: Floats, sites: Floats) -> Estimate:
    """Return a weighted difference of means ``[trial]``, or the mean where there are no controls.

    Equals least squares of one number a site on treatment, with CR2 errors when weights are equal within groups.
    """
    value = (sites * collapsed).sum(axis=1)
    parts = []
    for sign in (1.0, -1.0):
        weight = np.maximum(sign * sites, 0.0)
        count = 1.0 / np.maximum((weight**2).sum(axis=1), 1e-300)  # effective number of sites
        mean = (weight * collapsed).sum(axis=1, keepdims=True)
        if not weight.any():
            continue
        spread = (weight**2 * (collapsed - mean) ** 2).sum(axis=1) * count / np.maximum(count - 1.0, 1e-9)
        parts.append((spread, count))
    variance = np.sum([spread for spread, _ in parts], axis=0)
    below = np.sum([spread**2 / np.maximum(count - 1.0, 1e-9) for spread, count in parts], axis=0)
    freedom = np.maximum(variance**2 / np.maximum(below, 1e-300), 1.0)
    return _with_p(value, np.sqrt(variance), freedom)


def _two_way(treatment: Floats, outcome: Floats) -> Estimate:
    _, sites, years = outcome.shape
    below = (treatment**2).sum(axis=(1, 2))
    value = (treatment * outcome).sum(axis=(1, 2)) / below
    inside = outcome - outcome.mean(axis=2, keepdims=True) - outcome.mean(axis=1, keepdims=True)
    residual = inside + outcome.mean(axis=(1, 2), keepdims=True) - treatment * value[:, None, None]
    scores = (treatment * residual).sum(axis=2)
    cells, columns = sites * years, years + 1  # site effects lie within clusters and are not counted
    correction = sites / (sites - 1.0) * (cells - 1.0) / (cells - columns)
    error = np.sqrt(correction * (scores**2).sum(axis=1)) / below
    return _with_p(value, error, np.full(len(value), sites - 1.0))


def _with_p(value: Floats, error: Floats, freedom: Floats) -> Estimate:
    t = np.abs(value) / np.where(error > 0.0, error, 1.0)
    p = np.where(error > 0.0, 2.0 * stdtr(freedom, -t), np.where(np.abs(value) > 0.0, 0.0, 1.0))
    return Estimate(value, error, freedom, p)


def _statistic(found: Estimate) -> Floats:
    return np.abs(found.value) / np.maximum(found.error, 1e-300)


def _randomisation(collapsed: Floats, sites: Floats, found: Estimate, seed: int) -> Floats:
    """Return p values of the studentised difference when sites change places at random (Young 2019)."""
    order = np.argsort(chance.uniform(seed, RESAMPLES, chance.PERMUTED, sites.shape[1]), axis=1, kind="stable")
    seen = _statistic(found)
    more = [_statistic(welch(collapsed[:, each], sites)) >= seen * (1.0 - 1e-12) for each in order]
    return np.asarray((1.0 + np.sum(more, axis=0)) / (1.0 + RESAMPLES))


def _bootstrap(collapsed: Floats, sites: Floats, found: Estimate, seed: int) -> Floats:
    """Return p values of the wild cluster bootstrap with the null imposed (Cameron, Gelbach and Miller 2008)."""
    centre = (np.abs(sites) * collapsed).sum(axis=1, keepdims=True) / np.abs(sites).sum(axis=1, keepdims=True)
    residual = collapsed - centre
    signs = np.where(chance.uniform(seed, RESAMPLES, chance.SIGNS, sites.shape[1]) < 0.5, -1.0, 1.0)
    seen = _statistic(found)
    more = [_statistic(welch(residual * each, sites)) >= seen * (1.0 - 1e-12) for each in signs]
    return np.asarray((1.0 + np.sum(more, axis=0)) / (1.0 + RESAMPLES))
