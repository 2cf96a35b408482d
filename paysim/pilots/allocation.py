"""Who takes part and from when, in every trial at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paysim.analysis.measures import measure
from paysim.errors import Problem, ScenarioError
from paysim.pilots import chance
from paysim.pilots.model import Pilot
from paysim.pilots.panel import Panel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEVER = 10_000
"""Start of a site that is never treated."""


@dataclass(frozen=True, eq=False)
class Allocation:
    """Sites of every trial, the treated ones first; all arrays ``[trial, site]`` but `world` ``[trial]``.

    Attributes
    ----------
    world
        Replicate of the panel.
    practice
        Index into the panel's practices.
    start
        Year from which the site is meant to be treated; `NEVER` for controls.
    leaves
        First year in which a treated site is no longer in the pilot; `NEVER` if it stays.
    """

    world: Ints
    practice: Ints
    start: Ints
    leaves: Ints


def allocate(pilot: Pilot, panel: Panel, trials: int, *, drop_out: float, error: float = 0.0) -> Allocation:
    """Draw the sites of all trials.

    Volunteers are the practices with most to gain by the look of the last year before the start: for an outcome that is
    better when low those with the highest value, to which each adds a normal `error` of its own in every trial, in
    standard deviations of that value between practices. Matched: treated sites at random, each control the nearest
    left by the mean of the years before the start. Stratified: the same shares of treated sites in each stratum of
    that mean.

    Raises
    ------
    ScenarioError
        More sites than the panel has practices.
    """
    count, size = len(panel.practices), pilot.sites
    if size > count:
        message = "more sites than practices; give a run of a larger region or sample"
        raise ScenarioError(Problem(message, pilot.path, key="sites", found=str(size), allowed=(f"at most {count}",)))
    outcome = panel.without[pilot.outcomes[0]]
    worlds = outcome.shape[0]
    world = (chance.uniform(pilot.seed, trials, chance.WORLD, 1)[:, 0] * worlds).astype(np.int64)
    order = np.argsort(chance.uniform(pilot.seed, trials, chance.ORDER, count), axis=1, kind="stable")
    before = outcome[:, :, : pilot.start_year]
    if pilot.selection == "volunteers":
        sign = -1.0 if measure(pilot.outcomes[0]).better > 0 else 1.0
        last = before[world, :, -1]
        spread = error * last.std(axis=1, keepdims=True)
        look = last + spread * chance.normal(pilot.seed, trials, chance.EXPECTING, count)
        eager = np.argsort(-sign * look, axis=1, kind="stable")[:, : pilot.treated]
        rest = _without(order, eager)
        practice = np.concatenate([eager, rest[:, : pilot.controls]], axis=1)
    elif pilot.selection == "stratified":
        practice = _stratified(order[:, :size], before.mean(axis=2)[world], pilot)
    elif pilot.selection == "matched":
        practice = _matched(order, before.mean(axis=2)[world], pilot)
    else:
        practice = order[:, :size]
    start = np.full(size, NEVER)
    wave = np.arange(pilot.treated) * pilot.waves // pilot.treated
    start[: pilot.treated] = pilot.start_year + wave * (pilot.years // pilot.waves)
    # The order of treated sites is random, but for volunteers and matching, whose waves are drawn here.
    if pilot.waves > 1 and pilot.selection != "randomised":
        mixed = np.argsort(chance.uniform(pilot.seed, trials, chance.VOLUNTEER, pilot.treated), axis=1, kind="stable")
        practice[:, : pilot.treated] = np.take_along_axis(practice[:, : pilot.treated], mixed, axis=1)
    draw = chance.uniform(pilot.seed, trials, chance.LEAVING, size)
    stays = np.full(draw.shape, float(NEVER))
    if drop_out > 0.0:
        with np.errstate(divide="ignore"):
            stays = 1.0 + np.floor(np.log(draw) / np.log1p(-min(drop_out, 1.0 - 1e-12)))
    leaves = np.minimum(start + stays, NEVER).astype(np.int64)
    return Allocation(world, practice, np.broadcast_to(start, practice.shape), leaves)


def _without(order: Ints, taken: Ints) -> Ints:
    """Return each row of `order` without those taken."""
    free = np.ones(order.shape, bool)
    np.put_along_axis(free, taken, False, axis=1)
    kept = np.take_along_axis(free, order, axis=1)
    return np.asarray(order[kept].reshape(len(order), -1))


def _stratified(drawn: Ints, before: Floats, pilot: Pilot) -> Ints:
    """Return the drawn sites, sorted so that treated ones come evenly from strata of what was before."""
    size = drawn.shape[1]
    value = np.take_along_axis(before, drawn, axis=1)
    rank = np.argsort(np.argsort(value, axis=1, kind="stable"), axis=1, kind="stable")
    stratum = rank * pilot.strata // size
    within = np.zeros_like(stratum)  # place in the stratum, in the random order of the draw
    sizes = np.bincount(np.arange(size) * pilot.strata // size, minlength=pilot.strata)
    for k in range(pilot.strata):
        mine = stratum == k
        within = np.where(mine, np.cumsum(mine, axis=1) - 1, within)
    share = (within + 0.5) / sizes[stratum]
    first = np.argsort(share, axis=1, kind="stable")
    return np.take_along_axis(drawn, first, axis=1)


def _matched(order: Ints, before: Floats, pilot: Pilot) -> Ints:
    """Return random treated sites, each with the nearest practice left; controls beyond these are random."""
    treated, pool = order[:, : pilot.treated], order[:, pilot.treated :].copy()
    value = np.take_along_axis(before, pool, axis=1)
    rows = np.arange(len(order))
    chosen = []
    for k in range(pilot.treated):
        distance = np.abs(value - before[rows, treated[:, k]][:, None])
        nearest = distance.argmin(axis=1)
        chosen.append(pool[rows, nearest])
        value[rows, nearest] = np.inf
    found = np.stack(chosen, axis=1)
    rest = _without(order, np.concatenate([treated, found], axis=1))
    return np.concatenate([treated, found, rest[:, : pilot.controls - pilot.treated]], axis=1)
