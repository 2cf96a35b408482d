"""Who takes part and from when, in every trial at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paysim.analysis.measures import measure
from paysim.behaviour.participation import Weighing, takes_part
from paysim.errors import Problem, ScenarioError, nearest_name
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
        Index into the panel's sites.
    start
        Year from which the site is meant to be treated; `NEVER` for controls.
    leaves
        First year in which a treated site is no longer in the pilot; `NEVER` if it stays.
    ends
        First year after the contract was withdrawn; `NEVER` where it is not.
    willing
        Whether taking part has a positive expected value for the site; None where nobody asks.
    """

    world: Ints
    practice: Ints
    start: Ints
    leaves: Ints
    ends: int = NEVER
    willing: npt.NDArray[np.bool_] | None = None


def under_contract(allocation: Allocation, years: int) -> npt.NDArray[np.bool_]:
    """Return whether sites are meant to be under the contract ``[trial, site, year]``, whoever has left."""
    year = np.arange(years)
    return np.asarray((year >= allocation.start[:, :, None]) & (year < allocation.ends))


def allocate(pilot: Pilot, panel: Panel, trials: int, *, drop_out: float, error: float = 0.0) -> Allocation:
    """Draw the sites of all trials.

    Volunteers are the sites with most to gain, to which each adds a normal `error` of its own in every trial, in
    standard deviations of that gain between sites. By the look of the last year before the start, for an outcome that
    is better when low, those are the ones with the highest value. By expected value it is what `expected_value` says;
    places that nobody wants stay with sites that never begin.
    Matched: treated sites at random, each control the nearest left by the mean of the years before the start.
    Stratified: the same shares of treated sites in each stratum of that mean. Named: the same treated sites in every
    trial, controls at random.

    Raises
    ------
    ScenarioError
        More sites than the panel has, or a named one that it has not.
    """
    count, size = len(panel.practices), pilot.sites
    if size > count:
        message = f"more sites than {pilot.level}s; give a run of a larger region or sample"
        raise ScenarioError(Problem(message, pilot.path, key="sites", found=str(size), allowed=(f"at most {count}",)))
    outcome = panel.without[pilot.outcomes[0]]
    worlds = outcome.shape[0]
    world = (chance.uniform(pilot.seed, trials, chance.WORLD, 1)[:, 0] * worlds).astype(np.int64)
    order = np.argsort(chance.uniform(pilot.seed, trials, chance.ORDER, count), axis=1, kind="stable")
    before = outcome[:, :, : pilot.start_year]
    willing = None
    if pilot.selection == "volunteers":
        gain = expected_value(pilot, panel) if pilot.look == "expected_value" else _look(pilot, before)
        spread = error * gain.std(axis=1, keepdims=True)
        gain = gain[world] + spread[world] * chance.normal(pilot.seed, trials, chance.EXPECTING, count)
        eager = np.argsort(-gain, axis=1, kind="stable")[:, : pilot.treated]
        practice = np.concatenate([eager, _without(order, eager)[:, : pilot.controls]], axis=1)
        if pilot.look == "expected_value":
            willing = takes_part(np.take_along_axis(gain, practice, axis=1))
    elif pilot.selection == "stratified":
        practice = _stratified(order[:, :size], before.mean(axis=2)[world], pilot)
    elif pilot.selection == "matched":
        practice = _matched(order, before.mean(axis=2)[world], pilot)
    elif pilot.selection == "named":
        named = np.broadcast_to(_places(pilot, panel), (trials, pilot.treated))
        practice = np.concatenate([named, _without(order, named)[:, : pilot.controls]], axis=1)
    else:
        practice = order[:, :size]
    start = np.full(size, NEVER)
    wave = np.arange(pilot.treated) * pilot.waves // pilot.treated
    start[: pilot.treated] = pilot.start_year + wave * (pilot.years // pilot.waves)
    # The order of treated sites is random, but for volunteers, matching and names, whose waves are drawn here.
    if pilot.waves > 1 and pilot.selection != "randomised":
        mixed = np.argsort(chance.uniform(pilot.seed, trials, chance.VOLUNTEER, pilot.treated), axis=1, kind="stable")
        first = [practice] if willing is None else [practice, willing]
        for each in first:
            each[:, : pilot.treated] = np.take_along_axis(each[:, : pilot.treated], mixed, axis=1)
    leaves = _leaves(pilot, start, trials, drop_out)
    if willing is not None:
        leaves = np.where(willing, leaves, np.minimum(start, leaves))
    ends = NEVER if pilot.withdrawn_after is None else pilot.start_year + pilot.withdrawn_after
    return Allocation(world, practice, np.broadcast_to(start, practice.shape), leaves, ends, willing)


def expected_value(pilot: Pilot, panel: Panel) -> Floats:
    """Return what taking part is worth to a site that knows its own people ``[replicate, site]``, EUR per head a year.

    It knows what its people will cost under the contract, and that it is paid on the mean of its years before: who was
    dear by chance has something to gain without doing anything. Weighed as in scenarios
    (`paysim.behaviour.participation`), without aversion to risk: it is no chance what it knows.
    """
    assert pilot.payment is not None
    first, end = pilot.start_year, pilot.start_year + pilot.contract_years
    ramp = np.array([*pilot.ramp_up, *[pilot.ramp_up[-1]] * pilot.contract_years])[: pilot.contract_years]
    without, effect = (each[pilot.payment.paid_on] for each in (panel.without, panel.effect))
    benchmark = without[:, :, :first].mean(axis=2)
    costs = without[:, :, first:end].mean(axis=2) + (effect[:, :, : pilot.contract_years] * ramp).mean(axis=2)
    saved = benchmark - costs
    shared = np.where(saved > 0.0, pilot.payment.sharing, pilot.payment.loss_sharing) * saved
    return Weighing(running_cost_eur=pilot.payment.running_cost_eur_per_head_year).worth(shared)


def _look(pilot: Pilot, before: Floats) -> Floats:
    """Return the last year before the start, so that more of it promises more to gain ``[replicate, site]``."""
    sign = -1.0 if measure(pilot.outcomes[0]).better > 0 else 1.0
    return np.asarray(sign * before[:, :, -1])


def _places(pilot: Pilot, panel: Panel) -> Ints:
    for name in pilot.named:
        if name not in panel.practices:
            near = nearest_name(name, panel.practices)
            problem = Problem("no such site in this run", pilot.path, key="selection.treated", found=name, nearest=near)
            raise ScenarioError(problem)
    return np.array([panel.practices.index(name) for name in pilot.named])


def _leaves(pilot: Pilot, start: Ints, trials: int, drop_out: float) -> Ints:
    """Return the first year in which a site is gone by chance, after one year at least ``[trial, site]``."""
    draw = chance.uniform(pilot.seed, trials, chance.LEAVING, len(start))
    stays = np.full(draw.shape, float(NEVER))
    if drop_out > 0.0:
        with np.errstate(divide="ignore"):
            stays = 1.0 + np.floor(np.log(draw) / np.log1p(-min(drop_out, 1.0 - 1e-12)))
    return np.asarray(np.minimum(start + stays, NEVER), np.int64)


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
