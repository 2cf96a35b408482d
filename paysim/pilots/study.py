"""A pilot carried out many times: what it would find, beside what is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from paysim.analysis.measures import measure
from paysim.errors import Problem, ScenarioError
from paysim.pilots import chance
from paysim.pilots.allocation import NEVER, Allocation, allocate
from paysim.pilots.estimators import Evaluator, evaluator
from paysim.pilots.model import PAID_ON, UNITS, Pilot
from paysim.pilots.money import Money, settle
from paysim.pilots.panel import Panel

Floats = npt.NDArray[np.float64]

TRIALS = 2000
SOURCES = {
    "selection": "who was chosen: regression to the mean, other trends, chance of the sites",
    "drift": "the region's own change over time",
    "noise": "change of single practices that the model does not hold",
    "contamination": "controls that do some of it too",
    "timing": "how years and sites with different effects are weighted, with those who left",
}
"""Where an error can come from; the parts add up to the whole, because estimates are sums of weighted outcomes."""


@dataclass(frozen=True)
class Outcome:
    """What many trials found for one outcome, in its unit.

    Attributes
    ----------
    mean
        Under the comparator.
    true_effect
        On the treated sites over the pilot, mean of trials, with ramp-up and drop-out.
    region_effect
        On all people of the region if all practices took part, with ramp-up and nobody leaving.
    estimate, bias, rmse
        Mean estimate; less the true effect of the same trial; root mean square of that.
    coverage
        Share of intervals that hold the true effect of their trial.
    type_1
        Share of trials that reject when the contract does nothing.
    power
        Share of trials that reject with an estimate of the sign of the true effect; None where that is exactly zero.
    wrong_sign
        Share of trials that reject with the other sign; None where there is none.
    detectable
        Minimum detectable effect at the wanted power: (z + z) x standard deviation of estimates without effect.
    detectable_formula
        The same by MDE = (z + z) x CV x mean x sqrt(2 (1-r) (1/nT + 1/nC)), and the floor; only for differences in
        differences.
    detectable_floor
        What no number of sites takes away: drift of the region that its controls, of another region, do not share.
    cv, correlation
        Of the mean of the years before and after, over practices: what goes into the formula.
    bias_by_source, variance_by_source
        By `SOURCES`: mean, and variance between trials, of the part of the error.
    """

    name: str
    label: str
    unit: str
    mean: float
    true_effect: float
    region_effect: float
    estimate: float
    bias: float
    rmse: float
    coverage: float
    type_1: float
    power: float | None
    wrong_sign: float | None
    detectable: float
    detectable_formula: float | None
    detectable_floor: float
    cv: float
    correlation: float
    bias_by_source: Mapping[str, float]
    variance_by_source: Mapping[str, float]


@dataclass(frozen=True)
class Study:
    """All outcomes of a pilot, and the money where it pays by result."""

    pilot: Pilot
    trials: int
    practices: int
    worlds: int
    outcomes: tuple[Outcome, ...]
    money: Money | None


def run_pilot(pilot: Pilot, panel: Panel, trials: int = TRIALS, settings: Mapping[str, float] | None = None) -> Study:
    """Carry out a pilot many times.

    Parameters
    ----------
    settings
        Other values for some of `UNITS`, to see what depends on them.

    Raises
    ------
    ScenarioError
        More sites than practices, or no trials.
    """
    if trials < 2:
        raise ScenarioError(Problem("at least 2 trials expected", key="trials", found=str(trials)))
    used = dict.fromkeys(UNITS, 0.0) | {key: each.value for key, each in pilot.settings.items()} | dict(settings or {})
    allocation = allocate(pilot, panel, trials, drop_out=used["drop_out"], error=used["selection.error"])
    outcomes, money = [], None
    primary = _parts(pilot, panel, pilot.outcomes[0], allocation, used)
    for name in pilot.outcomes:
        parts = primary if name == pilot.outcomes[0] else _parts(pilot, panel, name, allocation, used)
        # Matched on what an evaluator sees of the primary outcome before the start.
        method = evaluator(pilot, allocation, primary["selection"] + primary["drift"] + primary["noise"])
        outcomes.append(_summary(pilot, panel, name, allocation, parts, method, used["region_drift"]))
        if name == PAID_ON and pilot.payment is not None:
            money = settle(pilot, pilot.payment, allocation, parts, method)
    return Study(pilot, trials, len(panel.practices), len(panel.people), tuple(outcomes), money)


def sweep(pilot: Pilot, panel: Panel, trials: int = TRIALS) -> list[dict[str, object]]:
    """Return the primary outcome with each uncertain setting at both ends of its range, one row each."""
    rows: list[dict[str, object]] = []
    for key, term in pilot.settings.items():
        for value in dict.fromkeys((term.low, term.high)):
            found = run_pilot(pilot, panel, trials, {key: value}).outcomes[0]
            row = {
                name: getattr(found, name)
                for name in ("true_effect", "bias", "rmse", "coverage", "type_1", "power", "detectable")
            }
            rows.append({"setting": key, "value": value, "unit": UNITS[key], **row})
    return rows


def _parts(
    pilot: Pilot, panel: Panel, name: str, allocation: Allocation, used: Mapping[str, float]
) -> dict[str, Floats]:
    """Return what the outcome is made of, ``[trial, site, year]`` each."""
    end = pilot.end_year
    year = np.arange(end)
    world, practice = allocation.world[:, None], allocation.practice
    trials, sites = practice.shape
    without = panel.without[name][world, practice, :end]
    mean = float(panel.without[name][:, :, :end].mean())
    effect = panel.effect[name]
    ramp = np.array([*pilot.ramp_up, *[pilot.ramp_up[-1]] * end])

    def of_year(exposure: npt.NDArray[np.int64]) -> Floats:
        known = np.clip(exposure, 0, panel.years - 1)
        return np.asarray(effect[world[:, :, None], practice[:, :, None], known] * ramp[np.clip(exposure, 0, end)])

    start = allocation.start[:, :, None]
    treated = (year >= start) & (year < allocation.leaves[:, :, None])
    caused = np.where(treated, of_year(year - start), 0.0)
    since = np.broadcast_to(year - pilot.start_year, (trials, sites, end))
    beside = (year >= pilot.start_year) & (year < start)
    spilled = np.where(beside, used["contamination"] * of_year(since), 0.0)
    here = chance.normal(pilot.seed, trials, chance.DRIFT_HERE, end).cumsum(axis=1)
    there = here
    if pilot.controls_from == "other_region":
        there = chance.normal(pilot.seed, trials, chance.DRIFT_THERE, end).cumsum(axis=1)
    own = (allocation.start < NEVER)[:, :, None]
    drift = used["region_drift"] * mean * np.where(own, here[:, None, :], there[:, None, :])
    noise = used["practice_noise"] * mean * chance.normal(pilot.seed, trials, chance.NOISE, sites, end)
    return {
        "selection": without,
        "drift": drift,
        "noise": noise,
        "contamination": spilled,
        "caused": caused,
    }


def true_effect(pilot: Pilot, allocation: Allocation, caused: Floats) -> Floats:
    """Return the true mean effect on meant treated site-years of each trial."""
    meant = np.arange(pilot.end_year) >= allocation.start[:, :, None]
    return np.asarray((caused * meant).sum(axis=(1, 2)) / meant.sum(axis=(1, 2)))


def _region_effect(pilot: Pilot, panel: Panel, name: str) -> float:
    ramp = np.array([*pilot.ramp_up, *[pilot.ramp_up[-1]] * pilot.years])[: pilot.years]
    by_practice = (panel.effect[name][:, :, : pilot.years] * ramp).mean(axis=2)
    return float((by_practice * panel.people).sum() / panel.people.sum())


def _summary(
    pilot: Pilot,
    panel: Panel,
    name: str,
    allocation: Allocation,
    parts: Mapping[str, Floats],
    method: Evaluator,
    drift: float,
) -> Outcome:
    nothing = parts["selection"] + parts["drift"] + parts["noise"]
    found = method.evaluate(nothing + parts["caused"] + parts["contamination"])
    null = method.evaluate(nothing)
    truth = true_effect(pilot, allocation, parts["caused"])
    error = found.value - truth
    source = {key: method.estimate(parts[key]) for key in ("selection", "drift", "noise", "contamination")}
    source["timing"] = method.estimate(parts["caused"]) - truth
    reject = found.p <= pilot.level
    agrees = np.sign(found.value) == np.sign(truth.mean())
    tails = float(ndtri(1.0 - pilot.level / 2.0) + ndtri(pilot.power))
    mean = float(panel.without[name][:, :, : pilot.end_year].mean())
    cv, correlation = _spread(pilot, parts["selection"] + parts["noise"], mean)
    formula, floor = None, 0.0
    if method.years is not None and pilot.controls_from == "other_region":
        floor = tails * drift * abs(mean) * float(np.sqrt(2.0) * walk_spread(method.years))
    if pilot.estimator == "difference_in_differences":
        sizes = 1.0 / pilot.treated + 1.0 / pilot.controls
        of_sites = tails * cv * abs(mean) * float(np.sqrt(max(0.0, 2.0 * (1.0 - correlation)) * sizes))
        formula = float(np.hypot(of_sites, floor))
    is_null = not truth.any()
    about = measure(name)
    return Outcome(
        name=name,
        label=about.label,
        unit=about.unit,
        mean=mean,
        true_effect=float(truth.mean()),
        region_effect=_region_effect(pilot, panel, name),
        estimate=float(found.value.mean()),
        bias=float(error.mean()),
        rmse=float(np.sqrt((error**2).mean())),
        coverage=float((np.abs(error) <= found.half_width(pilot.level)).mean()),
        type_1=float((null.p <= pilot.level).mean()),
        power=None if is_null else float((reject & agrees).mean()),
        wrong_sign=None if is_null else float((reject & ~agrees).mean()),
        detectable=tails * float(null.value.std(ddof=1)),
        detectable_formula=formula,
        detectable_floor=floor,
        cv=cv,
        correlation=correlation,
        bias_by_source={key: _clean(each.mean(), mean) for key, each in source.items()},
        variance_by_source={key: _clean(each.std(), mean) ** 2 for key, each in source.items()},
    )


def _clean(value: float, scale: float) -> float:
    """Return 0 for what is only rounding, such as drift that cancels."""
    return float(value) if abs(value) > 1e-12 * abs(scale) else 0.0


def walk_spread(years: Floats) -> float:
    """Return the standard deviation that a random walk of unit steps has in a weighted sum of `years` ``[year]``."""
    return float(np.sqrt((np.cumsum(years[::-1]) ** 2).sum()))


def _spread(pilot: Pilot, nothing: Floats, mean: float) -> tuple[float, float]:
    """Return coefficient of variation and correlation of the means before and after, over sites within trials."""
    first = pilot.start_year
    pair = np.stack([nothing[:, :, :first].mean(axis=2), nothing[:, :, first:].mean(axis=2)])
    pair = pair - pair.mean(axis=2, keepdims=True)
    divisor = nothing.shape[0] * (nothing.shape[1] - 1)
    variance = float((pair**2).sum() / divisor / 2.0)
    if variance <= 0.0 or mean == 0.0:
        return 0.0, 0.0
    return float(np.sqrt(variance) / abs(mean)), float((pair[0] * pair[1]).sum() / divisor / variance)
