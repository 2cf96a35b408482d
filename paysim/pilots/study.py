"""A pilot carried out many times: what it would find, beside what is true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from paysim.analysis.measures import PER_HEAD, measure
from paysim.errors import DataError, Problem, ScenarioError
from paysim.pilots.allocation import NEVER, Allocation, allocate, under_contract
from paysim.pilots.estimators import Evaluator, evaluator, pooled
from paysim.pilots.flows import flows_of
from paysim.pilots.grants import grants
from paysim.pilots.model import COLLAPSED, NORM_COST, PAID_ON, TRUNCATED, UNITS, Pilot
from paysim.pilots.money import Money, leave_at_loss, settle
from paysim.pilots.panel import PARTIES, Panel
from paysim.pilots.parts import SOURCES, caused_by, make_parts, true_effect, with_effect, without_effect
from paysim.pilots.yearly import event_rows

Floats = npt.NDArray[np.float64]

TRIALS = 2000


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
        On all people of the region if all practices took part, with ramp-up and nobody leaving: `region_effect`.
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
    half_width
        Of the interval at the level of the test, mean of trials.
    estimate_by_people, half_width_by_people
        Mean estimate, and half its interval, with sites weighed by their people: what can be scaled up to totals.
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
    half_width: float
    estimate_by_people: float
    half_width_by_people: float
    bias_by_source: Mapping[str, float]
    variance_by_source: Mapping[str, float]


@dataclass(frozen=True)
class Withdrawn:
    """What is left of the effect in the years after the contract was withdrawn, in the unit of the outcome.

    Attributes
    ----------
    left, estimate
        Truth and mean estimate: the mean of the years after, less that of the years before.
    finds_something
        Share of trials that reject that nothing is left.
    """

    name: str
    left: float
    estimate: float
    finds_something: float


@dataclass(frozen=True)
class Study:
    """All outcomes of a pilot, and the money where it pays by result.

    Attributes
    ----------
    practices, worlds
        Sites and replicates of the panel.
    inferences
        Of the primary outcome with fewer than `FEW` sites: rows of inference, type I error and power.
    by_year
        Of the primary outcome, as `paysim.pilots.yearly.event_rows`: the event study beside the truth.
    withdrawn
        Of a withdrawal design, by outcome.
    parties
        Where it pays: rows of party, what the contract does to its money (mean, 10% and 90% of trials, EUR per head a
        year of the treated sites) and the share of trials in which that is a loss.
    weight
        Persons of the region for one simulated.
    people
        People of the region; where sites are zones or regions, of all of them.
    stayed, willing
        Share of years under the contract that treated sites kept to it; share of sites asked to which it was worth
        something (None where nobody asks).
    """

    pilot: Pilot
    trials: int
    practices: int
    worlds: int
    outcomes: tuple[Outcome, ...]
    money: Money | None
    inferences: tuple[Mapping[str, object], ...] = ()
    by_year: tuple[Mapping[str, float], ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    parties: tuple[Mapping[str, object], ...] = ()
    weight: float = 1.0
    stayed: float = 1.0
    willing: float | None = None
    people: float = 0.0

    def scaled_up(self) -> list[dict[str, object]]:
        """Return what a mean trial says of the whole region if all took part, with its interval, and the truth.

        Sites count by their people, in the truth too.
        Rows of outcome; money per head also in million EUR a year of all `people` (``million_*``).
        """
        rows: list[dict[str, object]] = []
        for each in self.outcomes:
            middle, half = each.estimate_by_people, each.half_width_by_people
            values = {"low": middle - half, "estimate": middle, "high": middle + half, "truth": each.region_effect}
            row: dict[str, object] = {"name": each.name, "label": each.label, **values, "unit": each.unit}
            if each.unit == PER_HEAD:
                row |= {f"million_{key}": value * self.people / 1e6 for key, value in values.items()}
            rows.append(row)
        return rows


FEW = 40
"""Sites below which errors by cluster are not to be trusted without a look at other inferences."""


def run_pilot(
    pilot: Pilot,
    panel: Panel,
    trials: int = TRIALS,
    settings: Mapping[str, float] | None = None,
    *,
    brief: bool = False,
) -> Study:
    """Carry out a pilot many times.

    Parameters
    ----------
    settings
        Other values for some of `UNITS`, to see what depends on them.
    brief
        Only the primary outcome and what is paid, without other inferences and other parties.

    Raises
    ------
    ScenarioError, DataError
        More sites than there are, no trials, or no case mix for a norm.
    """
    if trials < 2:
        raise ScenarioError(Problem("at least 2 trials expected", key="trials", found=str(trials)))
    if pilot.estimator == NORM_COST and panel.case_mix is None:
        raise DataError(Problem("the panel has no case mix, which a norm needs", pilot.path, key="estimator.kind"))
    paid_on = PAID_ON if pilot.payment is None else pilot.payment.paid_on
    if paid_on != PAID_ON and paid_on not in panel.without:
        message = "the panel does not hold what single persons cost: simulate the pilot anew"
        raise DataError(Problem(message, pilot.path, key="payment.truncate_above_eur"))
    used = dict.fromkeys(UNITS, 0.0) | {key: each.value for key, each in pilot.settings.items()} | dict(settings or {})
    allocation = allocate(pilot, panel, trials, drop_out=used["drop_out"], error=used["selection.error"])
    if pilot.leaves_at_loss:
        allocation = leave_at_loss(pilot, allocation, lambda who: make_parts(pilot, panel, paid_on, who, used))
    outcomes, withdrawn, money = [], [], None
    inferences: tuple[Mapping[str, object], ...] = ()
    primary = make_parts(pilot, panel, pilot.outcomes[0], allocation, used)
    case_mix = recorded = None
    if panel.case_mix is not None:
        case_mix = panel.case_mix[allocation.world[:, None], allocation.practice, : pilot.end_year]
        recorded = case_mix * (1.0 + used["coding"] * under_contract(allocation, pilot.end_year))
    # Matched on what an evaluator sees of the primary outcome before the start.
    method = evaluator(pilot, allocation, without_effect(primary), recorded)
    honest = evaluator(pilot, allocation, without_effect(primary), case_mix) if used["coding"] else method
    wanted = {pilot.outcomes[0], PAID_ON if pilot.payment is not None else pilot.outcomes[0]}
    for name in (each for each in pilot.outcomes if not brief or each in wanted):
        first = name == pilot.outcomes[0]
        parts = primary if first else make_parts(pilot, panel, name, allocation, used)
        outcomes.append(_summary(pilot, panel, name, allocation, parts, (method, honest), used["region_drift"]))
        if first and not brief and pilot.sites < FEW and pilot.estimator in COLLAPSED:
            inferences = _inferences(pilot, parts, method)
        if pilot.withdrawn_after is not None:
            withdrawn.append(_withdrawn(pilot, name, allocation, parts))
        if name == PAID_ON and pilot.payment is not None:
            money = _money(pilot, panel, allocation, parts, method, used, brief=brief)
    parties = () if brief or pilot.payment is None else _parties(pilot, panel, allocation, used)
    meant = under_contract(allocation, pilot.end_year)
    kept = meant & (np.arange(pilot.end_year) < allocation.leaves[:, :, None])
    willing = None if allocation.willing is None else float(allocation.willing[:, : pilot.treated].mean())
    return Study(
        pilot=pilot,
        trials=trials,
        practices=len(panel.practices),
        worlds=len(panel.people),
        outcomes=tuple(outcomes),
        money=money,
        inferences=inferences,
        by_year=() if brief else event_rows(pilot, allocation, primary),
        withdrawn=tuple(withdrawn),
        parties=parties,
        weight=panel.weight,
        stayed=float(kept.sum() / meant.sum()),
        willing=willing,
        people=float(panel.people.sum(axis=1).mean()) * (1.0 if pilot.sites_are_regions else panel.weight),
    )


def sweep(pilot: Pilot, panel: Panel, trials: int = TRIALS) -> list[dict[str, object]]:
    """Return the primary outcome with each uncertain setting at both ends of its range, one row each."""
    rows: list[dict[str, object]] = []
    for key, term in pilot.settings.items():
        for value in dict.fromkeys((term.low, term.high)):
            found = run_pilot(pilot, panel, trials, {key: value}, brief=True).outcomes[0]
            row = {
                name: getattr(found, name)
                for name in ("true_effect", "bias", "rmse", "coverage", "type_1", "power", "detectable")
            }
            rows.append({"setting": key, "value": value, "unit": UNITS[key], **row})
    return rows


def _inferences(pilot: Pilot, parts: Mapping[str, Floats], method: Evaluator) -> tuple[Mapping[str, object], ...]:
    """Return type I error and power by every way to judge the same estimate."""
    nothing = without_effect(parts)
    whole = with_effect(parts)
    is_null = not parts["caused"].any()
    rows: list[Mapping[str, object]] = []
    for how in ("cluster_t", "pooled_t", "wild_cluster_bootstrap", "randomisation"):
        if pilot.treated == 1 and how in ("cluster_t", "wild_cluster_bootstrap"):
            continue
        null, found = method.evaluate(nothing, how), method.evaluate(whole, how)
        power = None if is_null else float((found.p <= pilot.alpha).mean())
        rows.append({"inference": how, "type_1": float((null.p <= pilot.alpha).mean()), "finds_effect": power})
    return tuple(rows)


def _withdrawn(pilot: Pilot, name: str, allocation: Allocation, parts: Mapping[str, Floats]) -> Withdrawn:
    """Return what is left after the contract ended, by the difference in differences of the years after it."""
    year = np.arange(pilot.end_year)
    after = (year >= allocation.ends) / (pilot.end_year - allocation.ends)
    before = (year < pilot.start_year) / pilot.start_year
    own = (allocation.start < NEVER).astype(float)
    others = 1.0 - own
    sites = own / own.sum(axis=1, keepdims=True) - others / np.maximum(others.sum(axis=1, keepdims=True), 1.0)
    whole = with_effect(parts)
    found = pooled(whole @ (after - before), sites)
    left = ((parts["caused"] @ after) * own).sum(axis=1) / own.sum(axis=1)
    return Withdrawn(name, float(left.mean()), float(found.value.mean()), float((found.p <= pilot.alpha).mean()))


def _money(
    pilot: Pilot,
    panel: Panel,
    allocation: Allocation,
    paid_on: Mapping[str, Floats],
    method: Evaluator,
    used: Mapping[str, float],
    *,
    brief: bool,
) -> Money:
    """Return what the pilot pays, `paid_on` being the parts of all payments for care."""
    assert pilot.payment is not None
    names = {pilot.payment.paid_on} if brief else {pilot.payment.paid_on, *TRUNCATED.values()}
    known = sorted(name for name in names - {PAID_ON} if name in panel.without)
    each = {PAID_ON: paid_on} | {name: make_parts(pilot, panel, name, allocation, used) for name in known}

    def moved(effect: Floats) -> Floats:
        return caused_by(pilot, effect, allocation, used["carry_over"])

    people = float(panel.people.mean())
    found = flows_of(panel, pilot, people)
    flows = None if found is None else found.each(moved)
    others = {who: moved(panel.effect[name]) for who, name in PARTIES.items() if name in panel.effect}
    fixed = grants(pilot, people)
    return settle(pilot, pilot.payment, allocation, each, method, fixed, flows, None if brief else others)


def _parties(
    pilot: Pilot, panel: Panel, allocation: Allocation, used: Mapping[str, float]
) -> tuple[Mapping[str, object], ...]:
    rows: list[Mapping[str, object]] = []
    for party, name in PARTIES.items():
        if name not in panel.without:
            continue
        truth = true_effect(pilot, allocation, caused_by(pilot, panel.effect[name], allocation, used["carry_over"]))
        low, high = np.quantile(truth, (0.1, 0.9))
        what = {"party": party, "measure": name, "mean": float(truth.mean()), "low": float(low), "high": float(high)}
        rows.append(what | {"loses": float((truth < 0.0).mean())})
    return tuple(rows)


def region_effect(pilot: Pilot, panel: Panel, name: str) -> float:
    """Return what the contract does to all people of the region if all sites took part, over the contract's years.

    Totals of the years of both arms, divided by what `paysim compare` divides them by: without ramp-up it is the
    difference of the arms over so long a horizon. Ramp-up takes its share of the difference of each year's totals.
    """
    years = pilot.contract_years
    ramp = np.array([*pilot.ramp_up, *[pilot.ramp_up[-1]] * years])[:years]
    without, trial = np.moveaxis(panel.of_region(name)[..., :years], 1, 0)  # [total or base, replicate, year]
    mixed = without + ramp * (trial - without)
    return float((_ratio(*mixed) - _ratio(*without)).mean())


def _ratio(total: Floats, base: Floats) -> Floats:
    """Return totals over bases ``[replicate]``, both added up over years."""
    return np.asarray(total.sum(axis=1) / base.sum(axis=1))


def _summary(
    pilot: Pilot,
    panel: Panel,
    name: str,
    allocation: Allocation,
    parts: Mapping[str, Floats],
    methods: tuple[Evaluator, Evaluator],
    drift: float,
) -> Outcome:
    """Return what trials found; the second of the methods is the same without more coding."""
    method, honest = methods
    nothing = without_effect(parts)
    whole = with_effect(parts)
    found, null = method.evaluate(whole), method.evaluate(nothing)
    by_people = method.evaluate(whole * _share_of_people(panel, allocation)[:, :, None])
    weights = honest.weights(whole)
    truth = true_effect(pilot, allocation, parts["caused"])
    error = found.value - truth
    source = {key: (weights * parts[key]).sum(axis=(1, 2)) for key in SOURCES if key in parts}
    source["coding"] = found.value - (weights * whole).sum(axis=(1, 2))
    source["timing"] = (weights * parts["caused"]).sum(axis=(1, 2)) - truth
    reject = found.p <= pilot.alpha
    agrees = np.sign(found.value) == np.sign(truth.mean())
    tails = float(ndtri(1.0 - pilot.alpha / 2.0) + ndtri(pilot.power))
    mean = float(panel.without[name][:, :, : pilot.end_year].mean())
    # Drift of each site is a part of how sites differ; drift of a group is not, and more sites do not help.
    cv, correlation = _spread(pilot, nothing if pilot.sites_are_regions else nothing - parts["drift"], mean)
    formula, floor = None, 0.0
    if method.yearly is not None and pilot.controls_from == "other_region":
        floor = tails * drift * abs(mean) * float(np.sqrt(2.0) * walk_spread(method.yearly.mean(axis=0)))
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
        region_effect=region_effect(pilot, panel, name),
        estimate=float(found.value.mean()),
        bias=float(error.mean()),
        rmse=float(np.sqrt((error**2).mean())),
        coverage=float((np.abs(error) <= found.half_width(pilot.alpha)).mean()),
        type_1=float((null.p <= pilot.alpha).mean()),
        power=None if is_null else float((reject & agrees).mean()),
        wrong_sign=None if is_null else float((reject & ~agrees).mean()),
        detectable=tails * float(null.value.std(ddof=1)),
        detectable_formula=formula,
        detectable_floor=floor,
        cv=cv,
        correlation=correlation,
        half_width=float(found.half_width(pilot.alpha).mean()),
        estimate_by_people=float(by_people.value.mean()),
        half_width_by_people=float(by_people.half_width(pilot.alpha).mean()),
        bias_by_source={key: _clean(each.mean(), mean) for key, each in source.items()},
        variance_by_source={key: _clean(each.std(), mean) ** 2 for key, each in source.items()},
    )


def _share_of_people(panel: Panel, allocation: Allocation) -> Floats:
    """Return the people of sites over the mean of treated sites, or of controls ``[trial, site]``."""
    people = panel.people[allocation.world[:, None], allocation.practice]
    share = np.empty_like(people)
    for group in (allocation.start < NEVER, allocation.start >= NEVER):
        number = np.maximum(group.sum(axis=1, keepdims=True), 1)
        mean = np.where(group, people, 0.0).sum(axis=1, keepdims=True) / number
        share = np.where(group, people / np.where(mean > 0.0, mean, 1.0), share)
    return share


def _clean(value: float, scale: float) -> float:
    """Return 0 for what is only rounding, such as drift that cancels."""
    return float(value) if abs(value) > 1e-12 * abs(scale) else 0.0


def walk_spread(years: Floats) -> float:
    """Return the standard deviation that a random walk of unit steps has in a weighted sum of `years` ``[year]``."""
    return float(np.sqrt((np.cumsum(years[::-1]) ** 2).sum()))


def _spread(pilot: Pilot, nothing: Floats, mean: float) -> tuple[float, float]:
    """Return coefficient of variation and correlation of the means before and after, over sites within trials."""
    first, end = pilot.start_year, pilot.start_year + pilot.contract_years
    pair = np.stack([nothing[:, :, :first].mean(axis=2), nothing[:, :, first:end].mean(axis=2)])
    pair = pair - pair.mean(axis=2, keepdims=True)
    divisor = nothing.shape[0] * (nothing.shape[1] - 1)
    variance = float((pair**2).sum() / divisor / 2.0)
    if variance <= 0.0 or mean == 0.0:
        return 0.0, 0.0
    return float(np.sqrt(variance) / abs(mean)), float((pair[0] * pair[1]).sum() / divisor / variance)
