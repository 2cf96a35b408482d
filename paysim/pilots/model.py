"""What a pilot is, once its file has been checked: who takes part, from when, under which contract, how estimated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from paysim.accounting.concentration import TRUNCATED_AT
from paysim.scenario import Scenario

Level = Literal["practice", "zone", "region"]
Selection = Literal["randomised", "stratified", "volunteers", "matched", "named"]
Look = Literal["last_year", "expected_value"]
Rollout = Literal["parallel", "staggered", "stepped_wedge", "withdrawal"]
Estimator = Literal[
    "difference_in_differences",
    "event_study",
    "matched_differences",
    "two_way_fixed_effects",
    "mixed_model",
    "group_time",
    "interrupted_time_series",
    "norm_cost",
]
Inference = Literal["cluster_t", "pooled_t", "wild_cluster_bootstrap", "randomisation"]
Analysis = Literal["intention_to_treat", "per_protocol"]
Benchmark = Literal["estimate", "own_history"]
Settled = Literal["end", "yearly"]
OwnSavings = Literal["paid", "replaced"]

TREATED_ONLY = "interrupted_time_series"
ANY_START: tuple[Estimator, ...] = ("two_way_fixed_effects", "mixed_model", "group_time")
"""Estimators that sites may start for at different times."""
GROUP_TIME = "group_time"
"""The one that needs two sites at least that start together."""
NORM_COST = "norm_cost"
COLLAPSED: tuple[Estimator, ...] = ("difference_in_differences", "event_study")
"""Estimators with one number a site, for which all kinds of inference are there."""
PAID_ON = "care_payments_per_head"
"""Outcome on which savings are paid: without what the arm on trial itself pays as savings or grants."""
UNTRUNCATED = math.inf
TRUNCATED: dict[float, str] = {float(euro): f"care_payments_below_{euro}_per_head" for euro in TRUNCATED_AT}
"""The same where what one person costs in a year counts only up to a threshold, by threshold."""

UNITS = {
    "contamination": "share of the effect",
    "drop_out": "share of sites a year",
    "region_drift": "share of the mean a year, standard deviation",
    "region_level": "share of the mean, standard deviation between regions for good",
    "practice_noise": "share of the mean, standard deviation of a site-year",
    "coding": "share by which the recorded case mix of treated sites rises under the contract",
    "carry_over": "share of the effect that stays, in each year after the contract ends",
    "selection.error": "share of the standard deviation between sites of what they gain",
}
"""The parameters of chance and of carrying out, with their units; a pilot has those that its design asks for."""
PAYMENT_UNITS = {
    "sharing": "share of measured savings",
    "loss_sharing": "share of measured losses",
    "minimum_savings_rate": "share of the benchmark",
    "gain_cap_share": "share of the benchmark",
    "loss_cap_share": "share of the benchmark",
    "investment_eur_per_head": "EUR per head when a site starts",
    "running_cost_eur_per_head_year": "EUR per head a year under the contract",
    "reserve_eur_per_head": "EUR per head when the pilot starts",
    "settlement_lag_years": "years from the end of a year to its payment",
    "truncate_above_eur": "EUR per person and year up to which payments count",
}
NO_SHARE = ("error", *(key for key, unit in PAYMENT_UNITS.items() if not unit.startswith("share")))


@dataclass(frozen=True)
class Sourced:
    """A value with its range, source and status."""

    value: float
    low: float
    high: float
    source: str
    status: str


@dataclass(frozen=True)
class Payment:
    """What the pilot pays on its measured result, and what carrying it out costs; units as in `PAYMENT_UNITS`.

    Attributes
    ----------
    gain_cap_share, loss_cap_share
        The most that is paid or repaid; the second is a stop-loss.
    benchmark
        ``estimate``: what the evaluator finds, against controls; ``own_history``: the sites' own mean of the years
        before, as most contracts do.
    settled
        ``end``: once, on all years; ``yearly``: each year for itself.
    truncate_above_eur
        What one person costs in a year counts only up to here, in savings and in the benchmark: one of `TRUNCATED`, or
        `UNTRUNCATED`.
    own_savings
        ``paid``: what the arm's own contracts pay as savings, and what organisations share out, is paid beside this;
        ``replaced``: it only moves practices to what they do, and nobody pays or receives it.
    first_euro
        Whether a rate beyond the minimum is paid whole; else only what lies beyond, which makes the minimum a corridor.
    """

    sharing: float
    loss_sharing: float
    minimum_savings_rate: float
    investment_eur_per_head: float
    running_cost_eur_per_head_year: float = 0.0
    reserve_eur_per_head: float = 0.0
    settlement_lag_years: float = 0.0
    gain_cap_share: float = 1.0
    loss_cap_share: float = 1.0
    truncate_above_eur: float = UNTRUNCATED
    benchmark: Benchmark = "estimate"
    settled: Settled = "end"
    first_euro: bool = True
    own_savings: OwnSavings = "paid"

    @property
    def paid_on(self) -> str:
        """Outcome whose savings are paid."""
        return TRUNCATED.get(self.truncate_above_eur, PAID_ON)

    def with_number(self, name: str, value: float) -> Payment:
        """Return the same terms with another value of one of `PAYMENT_UNITS`."""
        changed: dict[str, Any] = {name: value}
        return replace(self, **changed)


@dataclass(frozen=True)
class Pilot:
    """A checked pilot.

    Attributes
    ----------
    scenario_name
        As the file writes it.
    level
        What a site is: a practice of one region, or a zone or region of its own.
    regions
        Where sites are zones or regions: the names of all that may take part, the scenario being used for each.
    treated, controls
        Numbers of sites. In a stepped wedge all sites start in the end.
    named
        Sites that are treated in every trial.
    look
        What volunteers look at: their last year, or the expected value of taking part.
    start_year, years
        First contract year, counted from the start of the scenario, and length.
    waves
        How many groups start a year after each other; 1 in a parallel design.
    contract_years
        Years under the contract: all, or less where it is withdrawn before the end.
    leaves_at_loss
        Whether a site leaves once what it has seen so far makes a loss of staying.
    ramp_up
        Share of the full effect in the first, second, ... year; the last stays.
    outcomes
        Measures of `paysim.analysis.measures`; the first is primary, and practices volunteer or are matched by it.
    settings
        By the names of `UNITS`, of those that apply.
    alpha, power
        Level of the test, and power that is wanted.
    payment_terms
        The same as `payment` with ranges and sources.
    """

    name: str
    title: str
    scenario_name: str
    scenario: Scenario
    trial_arm: str
    comparator_arm: str
    treated: int
    controls: int
    selection: Selection
    strata: int
    rollout: Rollout
    start_year: int
    years: int
    waves: int
    ramp_up: tuple[float, ...]
    controls_from: Literal["same_region", "other_region"]
    settings: dict[str, Sourced]
    outcomes: tuple[str, ...]
    estimator: Estimator
    inference: Inference
    analysis: Analysis
    alpha: float
    power: float
    payment: Payment | None
    payment_terms: dict[str, Sourced]
    seed: int
    path: str
    level: Level = "practice"
    regions: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    look: Look = "last_year"
    withdrawn_after: int | None = None
    leaves_at_loss: bool = False

    @property
    def sites(self) -> int:
        """Sites in all."""
        return self.treated + self.controls

    @property
    def least_treated(self) -> int:
        """Fewest treated sites of which the estimator has a spread in every wave."""
        return max(2, self.waves * (2 if self.estimator == GROUP_TIME else 1))

    @property
    def end_year(self) -> int:
        """First year after the pilot."""
        return self.start_year + self.years

    @property
    def contract_years(self) -> int:
        """Years under the contract from the first start."""
        return self.years if self.withdrawn_after is None else self.withdrawn_after

    @property
    def sites_are_regions(self) -> bool:
        """Whether every site has a drift and a level of its own."""
        return self.level != "practice"


def resolved(pilot: Pilot) -> list[dict[str, object]]:
    """Return what the pilot settles: rows of name, value, low, high, unit, status, source."""
    plain: dict[str, tuple[object, str]] = {
        "scenario": (pilot.scenario_name, "name"),
        "trial_arm": (pilot.trial_arm, "name"),
        "comparator_arm": (pilot.comparator_arm, "name"),
        "level": (pilot.level, "name"),
        "regions": (list(pilot.regions), "names"),
        "sites.treated": (pilot.treated, f"{pilot.level}s"),
        "sites.controls": (pilot.controls, f"{pilot.level}s"),
        "selection": (pilot.selection, "name"),
        "selection.treated": (list(pilot.named), "names"),
        "design": (pilot.rollout, "name"),
        "start_year": (pilot.start_year, "year of the scenario"),
        "years": (pilot.years, "years"),
        "waves": (pilot.waves, "count"),
        "contract_years": (pilot.contract_years, "years"),
        "exit": ("expected_value" if pilot.leaves_at_loss else "by_chance", "name"),
        "ramp_up": (list(pilot.ramp_up), "share of the effect, by year"),
        "controls_from": (pilot.controls_from, "name"),
        "outcomes": (list(pilot.outcomes), "names"),
        "estimator": (pilot.estimator, "name"),
        "inference": (pilot.inference, "name"),
        "analysis": (pilot.analysis, "name"),
        "decision.level": (pilot.alpha, "probability"),
        "decision.power": (pilot.power, "probability"),
        "seed": (pilot.seed, "key"),
    }
    if pilot.payment is not None:
        plain |= {
            f"payment.{key}": (getattr(pilot.payment, key), "name") for key in ("benchmark", "settled", "own_savings")
        }
        plain["payment.first_euro"] = (pilot.payment.first_euro, "yes or no")
    source = {"status": "pilot", "source": pilot.path.rpartition("/")[2]}
    rows = [{"name": key, "value": value, "unit": unit, **source} for key, (value, unit) in plain.items()]
    terms = {key: (each, UNITS[key]) for key, each in pilot.settings.items()}
    terms |= {f"payment.{key}": (each, PAYMENT_UNITS[key]) for key, each in pilot.payment_terms.items()}
    for key, (term, unit) in terms.items():
        row = {"name": key, "value": term.value, "low": term.low, "high": term.high, "unit": unit}
        rows.append({**row, "status": term.status, "source": term.source})
    return rows
