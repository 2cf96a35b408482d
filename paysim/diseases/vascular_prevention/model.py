"""Prevention as states: at risk, enrolled in the programme, on a statin, on one or two blood-pressure drugs.

Who is treated at base is data; how many start follows: in every group (high risk, diabetes, after an event) the
starts are solved such that coverage stays what it is while people stop, and while newcomers join untreated::

    starts = stops + (coverage - coverage of newcomers) x newcomers

So without a change in what practices do, treatment neither spreads nor wanes. What practices do multiplies the
starts (lever ``prevention``). Trial effects per unit are with the diseases; here are the units a drug gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, between_middles
from paysim.diseases.cohort import Cohort, can_happen, hazards, log_relative_hazard
from paysim.diseases.risk.factors import RISK_FACTORS, RiskFactorTables
from paysim.diseases.risk.score2 import load_score2, slopes_by_age
from paysim.diseases.vascular_events import mean_predictor
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

INDICATIONS = ("diabetes", "prior_mi", "prior_stroke", "high_risk")
AFTER_EVENT, RECENT = ("prior_mi", "prior_stroke"), ("recent_mi", "recent_stroke")
LEVER = "prevention"

_NO_HAZARD = np.zeros((2, AGES))


@dataclass(frozen=True)
class Newcomers:
    """People who join a group in a year: rate per person of joining, ``[n]``."""

    high_risk: np.ndarray
    diabetes: np.ndarray
    event: np.ndarray


def treatment_effects(params: Parameters) -> dict[str, tuple[float, float]]:
    """Return, per treatment flag, the fall of LDL (mmol/L) and of systolic pressure (mmHg) it gives."""
    p = params.group("vascular_prevention")
    taken = p["adherence"]
    one, two = p["sbp_fall_one_drug"], p["sbp_fall_two_drugs"]
    return {
        "statin": (p["statin_ldl_fall"] * p["untreated_ldl"] * taken, 0.0),
        "bp_drug_1": (0.0, one * taken),
        "bp_drug_2": (0.0, (two - one) * taken),
    }


def stops(params: Parameters) -> tuple[Transition, Transition]:
    """Return stop_statin and stop_bp: constant hazards between two and five years of the persistence curves."""
    p = params.group("vascular_prevention")

    def hazard(name: str, gain: float = 0.0) -> float:
        at_2, at_5 = p.get_list(name)
        return float(np.log(at_2 / (at_5 + gain)) / 3)

    # Support raises the share still on treatment at 5 years; earlier and later hazards fall in proportion.
    primary = p.get_list("statin_on_treatment_primary")
    supported = float(np.log(np.log(primary[1] + p["support_gain"]) / np.log(primary[1])))
    later = np.log(hazard("statin_on_treatment_secondary") / hazard("statin_on_treatment_primary"))
    statin = Transition(
        name="stop_statin",
        kind="treatment_stop",
        log_hazard=_NO_HAZARD + np.log(hazard("statin_on_treatment_primary")),
        required=("statin",),
        log_hr={"prior_mi": float(later), "prior_stroke": float(later), "enrolled": supported},
        clears=("statin",),
        source="persistence curves",
    )
    bp = p.get_list("bp_on_treatment")
    blood_pressure = Transition(
        name="stop_bp",
        kind="treatment_stop",
        log_hazard=_NO_HAZARD + np.log(hazard("bp_on_treatment")),
        required=("bp_drug_1",),
        log_hr={"enrolled": float(np.log(np.log(bp[1] + p["support_gain"]) / np.log(bp[1])))},
        clears=("bp_drug_1", "bp_drug_2"),
        source="persistence curves",
    )
    return statin, blood_pressure


def becomes_high_risk(
    params: Parameters, cohort: Cohort, tables: RiskFactorTables, leaving: np.ndarray
) -> Transition:
    """Return the onset of registered high risk, at the rate that keeps its share by age.

    With P the share at high risk among people without diabetes or a past event,
    ``rate = dP/da / (1 - P) + P (exit of those at high risk - exit of the others)``, ranked by SCORE2.

    Parameters
    ----------
    leaving
        ``[n]`` hazard per person-year of dying or of moving to diabetes or an event.
    """
    free = ~cohort.any_of(("diabetes", *AFTER_EVENT))
    risk = cohort.has("high_risk") & free

    def mean(amount: np.ndarray, among: np.ndarray) -> np.ndarray:
        total = FIVE_YEARS.sums(cohort.by_age(amount * among))
        persons = FIVE_YEARS.sums(cohort.by_age(among))
        return np.divide(total, persons, out=np.zeros_like(total), where=persons > 0)

    share = np.clip(between_middles(FIVE_YEARS, mean(risk, free)), 0.0, 0.98)
    gap = between_middles(FIVE_YEARS, mean(leaving, risk) - mean(leaving, free & ~risk))
    growth = np.gradient(share, axis=1)
    rate = np.maximum(growth / (1 - share) + share * np.maximum(gap, 0.0), 0.0)
    rate = np.where(share > 0, rate, 0.0)
    slopes = slopes_by_age(load_score2(params))
    slopes.pop("diabetes")
    with np.errstate(divide="ignore"):
        shape = np.log(rate) - mean_predictor(slopes, tables)
    row = Transition(
        name="becomes_high_risk",
        kind="onset",
        log_hazard=shape,
        forbidden=("high_risk", "diabetes", *AFTER_EVENT),
        slopes=slopes,
        sets=("high_risk",),
        source="solved to keep the share by age of the cohort, ranked by SCORE2",
    )
    wanted = cohort.by_age(can_happen(row, cohort) * cohort.at(rate)).sum()
    have = hazards(row, cohort).sum()
    return replace(row, log_hazard=shape + np.log(wanted / have)) if wanted > 0 else row


def starts(params: Parameters, cohort: Cohort, tables: RiskFactorTables, new: Newcomers) -> tuple[Transition, ...]:
    """Return enrol, start_statin, start_bp_drug_1, start_bp_drug_2 with rates that keep coverage at base."""
    p = params.group("vascular_prevention")
    stop_statin, stop_bp = stops(params)
    helped = float(np.log(p["start_hr_enrolled"]))
    sbp = np.full((2, AGES), p["start_slope_sbp"])
    centred = -sbp * tables.mean[:, :, RISK_FACTORS.index("sbp")]
    enrol = _start("enrol", "enrolled", _NO_HAZARD, {}, {})
    statin = _start("start_statin", "statin", _NO_HAZARD, {}, {"enrolled": helped})
    first = _start("start_bp_drug_1", "bp_drug_1", centred, {"sbp": sbp}, {"enrolled": helped})
    second = _start("start_bp_drug_2", "bp_drug_2", centred, {"sbp": sbp}, {"enrolled": helped})
    second = replace(second, required=("bp_drug_1",))
    stop_1, stop_0 = hazards(stop_bp, cohort), np.zeros(len(cohort))
    return (
        _keep_coverage(p, cohort, enrol, stop_0, new, None),
        _keep_coverage(p, cohort, statin, hazards(stop_statin, cohort), new, "statin_within_year_after_event"),
        _keep_coverage(p, cohort, first, stop_1, new, "bp_drug_within_year_after_event"),
        _keep_step(p, cohort, second, stop_1),
    )


def _start(
    name: str, flag: str, log_hazard: np.ndarray, slopes: Mapping[str, np.ndarray], log_hr: Mapping[str, float]
) -> Transition:
    return Transition(
        name=name,
        kind="treatment_start",
        log_hazard=log_hazard,
        required_any=INDICATIONS,
        forbidden=(flag,),
        slopes=slopes,
        log_hr=log_hr,
        sets=(flag,),
        health_lever=LEVER,
        source="solved to keep coverage at base",
    )


def _keep_coverage(
    p: Parameters, cohort: Cohort, row: Transition, stopping: np.ndarray, new: Newcomers, boost: str | None
) -> Transition:
    """Solve the rate of each group; `boost` names the share treated within a year after an event."""
    (flag,) = row.sets
    held = cohort.has(flag)
    after = cohort.any_of(AFTER_EVENT)
    diabetes = cohort.has("diabetes") & ~after
    high = cohort.has("high_risk") & ~after & ~diabetes
    within = p[boost] if boost else 0.0

    def rate(members: np.ndarray, joining: np.ndarray, early: float = 0.0) -> float:
        """Log rate that a relative hazard of one has in this group."""
        size, joins = members.sum(), joining.sum()
        coverage = (held & members).sum() / size if size else 0.0
        arriving = (joining * held).sum() / joins if joins else 0.0
        need = (stopping * (held & members)).sum()
        need += joins * (coverage - arriving - early * (1 - arriving))
        # Who had an event within the year is treated at the boosted rate, solved apart.
        open_ = members & ~held & ~(cohort.any_of(RECENT) if early else np.zeros(len(cohort), bool))
        amount = np.exp(cohort.at(row.log_hazard) + log_relative_hazard(row, cohort))[open_].sum()
        least, most = p["least_start_rate"], p["most_start_rate"]
        mean = np.clip(need / max(int(open_.sum()), 1), max(least, 1e-6), most)
        return float(np.log(mean * max(int(open_.sum()), 1) / amount)) if amount > 0 else float(np.log(mean))

    base = rate(high, new.high_risk)
    in_diabetes = rate(diabetes, new.diabetes)
    past = rate(after, new.event, within)
    ratios: dict[str, float] = {"diabetes": in_diabetes - base, "prior_mi": past - base, "prior_stroke": past - base}
    if boost:
        boosted = float(np.log(-np.log1p(-within))) - past
        ratios |= dict.fromkeys(RECENT, max(boosted, 0.0))
    return replace(row, log_hazard=row.log_hazard + base, log_hr=dict(row.log_hr) | ratios)


def _keep_step(p: Parameters, cohort: Cohort, row: Transition, stopping: np.ndarray) -> Transition:
    """Solve the rate of the second drug: as many step up as stop."""
    need = (stopping * cohort.has("bp_drug_2")).sum()
    amount = hazards(row, cohort).sum()
    persons = can_happen(row, cohort).sum()
    if amount <= 0:
        return replace(row, log_hazard=row.log_hazard + np.log(max(p["least_start_rate"], 1e-6)))
    mean = np.clip(need / persons, max(p["least_start_rate"], 1e-6), p["most_start_rate"])
    return replace(row, log_hazard=row.log_hazard + np.log(mean * persons / amount))


def flags(groups: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the flags of this folder, in order."""
    return ("high_risk", "enrolled", "statin", "bp_drug_1", "bp_drug_2", *groups)
