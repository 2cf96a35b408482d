"""Estimators as an evaluator would run them, for many trials at once.

Every estimate is a weighted sum of outcomes with weights that the outcomes do not decide (but by matching on the years
before). So the same weights applied to a part of the outcome, such as drift, give the part of the estimate due to it.

One common start. The panel is collapsed to one number a site (Bertrand, Duflo and Mullainathan 2004): the mean after
the start less that before (difference in differences), less the last year before (event study), or less the trend
before carried on (interrupted time series). On a balanced panel that is the regression with site and year effects.
Standard errors are clustered by site: the sandwich with the correction of Bell and McCaffrey 2002 (CR2), in which
sites of each group have their own variance, and Welch's degrees of freedom.

Norm cost. What the treated sites cost in the years of the pilot, less what people like theirs cost in the controls: no
year before is looked at, so whatever else makes a site dearer or cheaper for good is taken for an effect.

Starts at different times. Least squares with site and year effects (two-way fixed effects), the sandwich clustered by
site with G/(G-1) (N-1)/(N-K), K without the site effects, which lie within clusters, and G-1 degrees of freedom: what
differs between sites for good cannot bias it. Where the effect grows with time it weights years oddly (Goodman-Bacon
2021). Or the mixed model (`paysim.pilots.mixed`), which also compares sites with each other as far as these differ
little; its errors are right if the model is (no drift of single sites), with the degrees of freedom within sites. Or
effects by group and time (`paysim.pilots.group_time`), whose controls are sites that have not started yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

from paysim.pilots import chance, group_time, mixed
from paysim.pilots.allocation import NEVER, Allocation, under_contract
from paysim.pilots.model import ANY_START, GROUP_TIME, Pilot

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

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
    kind, inference, seed
        As the pilot says.
    yearly
        ``[pilot year, year]`` weights that make of a site one number for each year under the contract; their mean makes
        the number of the whole pilot. None where the panel is not collapsed.
    sites
        ``[trial, site]`` weights of treated sites (positive, sum 1) and controls (negative, sum -1); 0 for who left.
    treatment
        ``[trial, site, year]`` indicator of those meant to be treated.
    partner
        ``[trial, treated]`` the control that each treated site is compared with, counted from the first control.
    ratio
        ``[trial, site, year]`` what brings a site to the case mix of the treated ones; None: nothing.
    """

    kind: str
    inference: str
    seed: int
    yearly: Floats | None = None
    sites: Floats | None = None
    treatment: Floats | None = None
    partner: Ints | None = None
    ratio: Floats | None = None

    def weights(self, outcome: Floats) -> Floats:
        """Return ``[trial, site, year]`` weights of outcomes whose sum is the estimate.

        Parameters
        ----------
        outcome
            ``[trial, site, year]``; only the mixed model looks at it, for how much sites differ.
        """
        if self.treatment is not None:
            if self.kind == "mixed_model":
                return mixed.fit(self.treatment, outcome).weights
            if self.kind == GROUP_TIME:
                return group_time.weights(self.treatment)
            inside = _inside(self.treatment)
            return np.asarray(inside / (inside**2).sum(axis=(1, 2), keepdims=True))
        assert self.yearly is not None
        assert self.sites is not None
        found = self.sites[:, :, None] * self.yearly.mean(axis=0)
        return np.asarray(found if self.ratio is None else found * self.ratio)

    def by_year(self, outcome: Floats) -> Floats:
        """Return the estimate of each year under the contract ``[trial, pilot year]``; or the same for all of them."""
        if self.yearly is None:
            return np.asarray((self.weights(outcome) * outcome).sum(axis=(1, 2))[:, None])
        assert self.sites is not None
        like = outcome if self.ratio is None else outcome * self.ratio
        return np.asarray((self.sites[:, :, None] * (like @ self.yearly.T)).sum(axis=1))

    def evaluate(self, outcome: Floats, inference: str | None = None) -> Estimate:
        """Return estimates with errors and p values of outcomes ``[trial, site, year]``."""
        if self.treatment is not None:
            if self.kind == "mixed_model":
                fitted = mixed.fit(self.treatment, outcome)
                sites, years = outcome.shape[1:]
                free = max((sites - 1.0) * (years - 1.0) - 1.0, 1.0)
                return _with_p(fitted.value, fitted.error, np.full(len(outcome), free))
            if self.kind == GROUP_TIME:
                return _with_p(*group_time.estimate(self.treatment, outcome))
            return _two_way(_inside(self.treatment), outcome)
        assert self.yearly is not None
        assert self.sites is not None
        like = outcome if self.ratio is None else outcome * self.ratio
        collapsed, how = like @ self.yearly.mean(axis=0), inference or self.inference
        if self.partner is not None:
            return paired(collapsed, self.sites, self.partner)
        if how == "pooled_t":
            return pooled(collapsed, self.sites)
        found = welch(collapsed, self.sites)
        if how == "randomisation":
            p = _randomisation(collapsed, self.sites, self.seed)
        elif how == "wild_cluster_bootstrap":
            p = _bootstrap(collapsed, self.sites, self.seed)
        else:
            return found
        return Estimate(found.value, found.error, found.freedom, p)


def evaluator(pilot: Pilot, allocation: Allocation, outcome: Floats, case_mix: Floats | None = None) -> Evaluator:
    """Return the pilot's estimator for these allocations.

    Parameters
    ----------
    outcome
        ``[trial, site, year]`` up to the end of the pilot; only matching looks at it, at the years before the start.
    case_mix
        ``[trial, site, year]`` what the people of a site would cost by the norm, 1 being the mean of all sites; only
        the norm-cost comparison looks at it.
    """
    first, end = pilot.start_year, pilot.end_year
    if pilot.estimator in ANY_START:
        meant = under_contract(allocation, end).astype(float)
        return Evaluator(pilot.estimator, "cluster_t", pilot.seed, treatment=meant)
    years = first + np.arange(pilot.contract_years)
    after = (np.arange(end) == years[:, None]).astype(float)
    if pilot.estimator == "norm_cost":
        before = np.zeros(end)
    elif pilot.estimator == "event_study":
        before = (np.arange(end) == first - 1).astype(float)
    elif pilot.estimator == "interrupted_time_series":
        before = np.stack([_carried_on(first, int(year), end) for year in years])
    else:
        before = np.where(np.arange(end) < first, 1.0 / first, 0.0)
    partner = _partners(pilot, outcome) if pilot.estimator == "matched_differences" else None
    sites = _site_weights(pilot, allocation, partner)
    ratio = None
    if pilot.estimator == "norm_cost":
        assert case_mix is not None
        of_treated = (np.maximum(sites, 0.0)[:, :, None] * case_mix).sum(axis=1, keepdims=True)
        ratio = of_treated / case_mix
    kind, inference, yearly = pilot.estimator, pilot.inference, after - before
    return Evaluator(kind, inference, pilot.seed, yearly=yearly, sites=sites, partner=partner, ratio=ratio)


def _carried_on(first: int, year: int, end: int) -> Floats:
    """Return weights of years that give the trend before the start carried on to a year."""
    middle = (first - 1) / 2.0
    before = np.arange(first) - middle
    weights = np.zeros(end)
    weights[:first] = 1.0 / first + before * (year - middle) / (before**2).sum()
    return weights


def _partners(pilot: Pilot, outcome: Floats) -> Ints:
    """Return the nearest control of each treated site by the mean of the years before, with replacement."""
    before = outcome[:, :, : pilot.start_year].mean(axis=2)
    distance = np.abs(before[:, : pilot.treated, None] - before[:, None, pilot.treated :])
    return np.asarray(distance.argmin(axis=2))


def _site_weights(pilot: Pilot, allocation: Allocation, partner: Ints | None) -> Floats:
    treated = allocation.start < NEVER
    kept = np.ones(treated.shape, bool)
    if pilot.analysis == "per_protocol":
        kept = allocation.leaves >= pilot.start_year + pilot.contract_years
        kept[:, :2] = True  # two treated sites at least, or there is nothing to estimate
    counts = (kept & treated).astype(float)
    counts /= counts.sum(axis=1, keepdims=True)
    if pilot.estimator == "interrupted_time_series":
        return counts
    against = (~treated).astype(float)
    if partner is not None:
        against = np.zeros(treated.shape)
        np.add.at(against, (np.arange(len(partner))[:, None], pilot.treated + partner), counts[:, : pilot.treated])
    return np.asarray(counts - against / against.sum(axis=1, keepdims=True))


def paired(collapsed: Floats, sites: Floats, partner: Ints) -> Estimate:
    """Return the mean difference within pairs ``[trial]``, clustered by the control that pairs share.

    Sites matched on what they were before are alike, so pairs and not sites are the units (Abadie and Spiess 2022); a
    control that several treated sites have in common makes one cluster of them. The correction is that of Bell and
    McCaffrey (CR2), which is G/(G-1) for G clusters of one size; degrees of freedom are one less than their effective
    number.
    """
    treated = partner.shape[1]
    weight = sites[:, :treated]
    difference = collapsed[:, :treated] - np.take_along_axis(collapsed[:, treated:], partner, axis=1)
    value = (weight * difference).sum(axis=1)
    scores = np.zeros((len(value), collapsed.shape[1] - treated))
    np.add.at(scores, (np.arange(len(value))[:, None], partner), weight * (difference - value[:, None]))
    share = np.maximum(-sites[:, treated:], 0.0)  # of each cluster: the weight of its control
    variance = (scores**2 / np.maximum(1.0 - share, 1e-9)).sum(axis=1)
    freedom = np.maximum(1.0 / (share**2).sum(axis=1) - 1.0, 1.0)
    return _with_p(value, np.sqrt(variance), freedom)


def pooled(collapsed: Floats, sites: Floats) -> Estimate:
    """Return a weighted difference of means with one variance for both groups, so that one treated site will do.

    With equal weights this is the t test of two groups: with a single treated site it asks whether that lies among the
    controls (Donald and Lang 2007; Crawford and Howell 1998).
    """
    value = (sites * collapsed).sum(axis=1)
    squares, freedom, size = np.zeros(len(value)), -2.0, np.zeros(len(value))
    for sign in (1.0, -1.0):
        weight = np.maximum(sign * sites, 0.0)
        there = weight > 0.0
        mean = (weight * collapsed).sum(axis=1, keepdims=True)
        squares = squares + (there * (collapsed - mean) ** 2).sum(axis=1)
        freedom = freedom + there.sum(axis=1)
        size = size + (weight**2).sum(axis=1)
    freedom = np.maximum(freedom, 1.0)
    return _with_p(value, np.sqrt(squares / freedom * size), freedom)


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


def _inside(treatment: Floats) -> Floats:
    """Return an indicator less its site and year means."""
    inside = treatment - treatment.mean(axis=2, keepdims=True) - treatment.mean(axis=1, keepdims=True)
    return np.asarray(inside + treatment.mean(axis=(1, 2), keepdims=True))


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


def _statistic(collapsed: Floats, sites: Floats) -> Floats:
    """Return the studentised difference; with a single site in a group only one variance can be had."""
    alone = (np.abs(sites) > 1.0 - 1e-9).any()
    found = pooled(collapsed, sites) if alone else welch(collapsed, sites)
    return np.asarray(np.abs(found.value) / np.maximum(found.error, 1e-300))


def _randomisation(collapsed: Floats, sites: Floats, seed: int) -> Floats:
    """Return p values of the studentised difference when sites change places at random (Young 2019)."""
    order = np.argsort(chance.uniform(seed, RESAMPLES, chance.PERMUTED, sites.shape[1]), axis=1, kind="stable")
    seen = _statistic(collapsed, sites)
    more = [_statistic(collapsed[:, each], sites) >= seen * (1.0 - 1e-12) for each in order]
    return np.asarray((1.0 + np.sum(more, axis=0)) / (1.0 + RESAMPLES))


def _bootstrap(collapsed: Floats, sites: Floats, seed: int) -> Floats:
    """Return p values of the wild cluster bootstrap with the null imposed (Cameron, Gelbach and Miller 2008)."""
    centre = (np.abs(sites) * collapsed).sum(axis=1, keepdims=True) / np.abs(sites).sum(axis=1, keepdims=True)
    residual = collapsed - centre
    signs = np.where(chance.uniform(seed, RESAMPLES, chance.SIGNS, sites.shape[1]) < 0.5, -1.0, 1.0)
    seen = _statistic(collapsed, sites)
    more = [_statistic(residual * each, sites) >= seen * (1.0 - 1e-12) for each in signs]
    return np.asarray((1.0 + np.sum(more, axis=0)) / (1.0 + RESAMPLES))
