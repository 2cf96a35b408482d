"""Prevention as states: at risk, enrolled in the programme, on a statin, on one or two blood-pressure drugs.

Who is treated at base is data; how many start follows: in every group (high risk, diabetes, after an event)
the starts are solved such that coverage by age stays what it is while people stop and newcomers join::

    starts = stops + (coverage - coverage of newcomers) x newcomers + growth of coverage with age x members

So without a change in what practices do, treatment neither spreads nor wanes. What practices do multiplies
the starts (lever ``prevention``). Trial effects per unit are with the diseases; here are the units a drug
gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, Bands, between_middles, fit_level
from paysim.diseases.cohort import Cohort, can_happen, hazards, log_relative_hazard
from paysim.diseases.risk.factors import RISK_FACTORS, RiskFactorTables
from paysim.diseases.risk.score2 import load_score2, slopes_by_age
from paysim.diseases.treatments.model import AFTER_EVENT, LEVER, RECENT
from paysim.diseases.vascular_events import mean_predictor
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

FLAGS = ("high_risk", "enrolled", "statin", "bp_drug_1", "bp_drug_2")
INDICATIONS = ("diabetes", "prior_mi", "prior_stroke", "high_risk")
COVERAGE_BANDS = Bands((0, 40, 50, 60, 70, 80))

_NO_HAZARD = np.zeros((2, AGES))


@dataclass(frozen=True)
class Newcomers:
    """People who join a group in a year: rate per person of joining, ``[n]``.

    `event` are survivors of an admission, `mild_event` people with a first TIA.
    """

    high_risk: np.ndarray
    diabetes: np.ndarray
    event: np.ndarray
    mild_event: np.ndarray


def treatment_effects(params: Parameters) -> dict[str, tuple[float, float]]:
    """Return, per treatment flag, the share of LDL it takes away and the fall of systolic pressure (mmHg)."""
    p = params.group("vascular_prevention")
    taken = p["adherence"]
    one, two = p["sbp_fall_one_drug"], p["sbp_fall_two_drugs"]
    return {
        "statin": (p["statin_ldl_fall"] * taken, 0.0),
        "bp_drug_1": (0.0, one * taken),
        "bp_drug_2": (0.0, (two - one) * taken),
    }


def lowered(effects: Mapping[str, tuple[float, float]], untreated_ldl: float, cohort: Cohort) -> np.ndarray:
    """Return by how much treatments lower LDL (mmol/L) and systolic pressure (mmHg) of each person, ``[2, n]``.

    Each lipid drug lowers what the others leave.
    """
    left, sbp = np.ones(len(cohort)), np.zeros(len(cohort))
    for flag, (share, fall) in effects.items():
        left[cohort.has(flag)] *= 1.0 - share
        sbp[cohort.has(flag)] += fall
    return np.stack([untreated_ldl * (1.0 - left), sbp])


def usual_lowering(effects: Mapping[str, tuple[float, float]], untreated_ldl: float, cohort: Cohort) -> np.ndarray:
    """Return the mean of `lowered` by indication and age, ``[2, 4, 111]``: none, high risk, diabetes, after an event.

    The groups are those in which coverage stands still; only a change beyond it moves a hazard.
    """
    after = cohort.any_of(AFTER_EVENT)
    diabetes = cohort.has("diabetes") & ~after
    high = cohort.has("high_risk") & ~after & ~diabetes
    falls = lowered(effects, untreated_ldl, cohort)
    groups = (~(after | diabetes | high), high, diabetes, after)
    return np.stack([[_mean_by_age(cohort, members, fall)[0] for members in groups] for fall in falls])


def stops(params: Parameters) -> tuple[Transition, Transition]:
    """Return stop_statin and stop_bp: the mean hazards from two to five years of the persistence curves."""
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


def becomes_high_risk(params: Parameters, cohort: Cohort, tables: RiskFactorTables, leaving: np.ndarray) -> Transition:
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
        return np.asarray(np.divide(total, persons, out=np.zeros_like(total), where=persons > 0))

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
    first = _keep_coverage(p, cohort, first, stop_1, new, "bp_drug_within_year_after_event")
    return (
        _keep_coverage(p, cohort, enrol, stop_0, new, None),
        _keep_coverage(p, cohort, statin, hazards(stop_statin, cohort), new, "statin_within_year_after_event"),
        first,
        _keep_step(p, cohort, second, stop_1, hazards(first, cohort)),
    )


def _start(
    name: str,
    flag: str,
    log_hazard: np.ndarray,
    slopes: Mapping[str, np.ndarray],
    log_hr: Mapping[str, float],
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
    """Solve the rates by age and group; `boost` names the share treated within a year after an event."""
    (flag,) = row.sets
    held = cohort.has(flag)
    after = cohort.any_of(AFTER_EVENT)
    diabetes = cohort.has("diabetes") & ~after
    high = cohort.has("high_risk") & ~after & ~diabetes
    early = p[boost] if boost else 0.0
    needs = []
    nobody = np.zeros(len(cohort))
    for members, joining, soon in (
        (high, new.high_risk, nobody),
        (diabetes, new.diabetes, nobody),
        (after, new.event + new.mild_event, early * new.event),
    ):
        coverage, growth = _coverage_by_age(cohort, members, held)
        staying = members * (stopping * held + growth)
        needs.append(staying + joining * (coverage - held) - soon * ~held)
    # Who had an event within the year is treated at the boosted rate, solved apart.
    untreated = ~held & (high | diabetes | after)
    if boost:
        untreated &= ~cohort.any_of(RECENT)
    events = cohort.has("prior_mi").astype(float) + cohort.has("prior_stroke")
    has_diabetes = cohort.has("diabetes").astype(float)
    groups = [(diabetes, has_diabetes, needs[1].sum()), (after, events, needs[2].sum())]
    level, (of_diabetes, past) = _solve_starts(p, cohort, row, sum(needs), untreated, groups)
    ratios = {"diabetes": of_diabetes, "prior_mi": past, "prior_stroke": past}
    if boost:
        among = cohort.by_age(untreated & after)
        usual = float((level * among).sum() / among.sum()) if among.any() else float(level.mean())
        ratios |= dict.fromkeys(RECENT, max(float(np.log(-np.log1p(-early))) - usual - past, 0.0))
    return replace(row, log_hazard=row.log_hazard + level, log_hr=dict(row.log_hr) | ratios)


def _keep_step(p: Parameters, cohort: Cohort, row: Transition, stopping: np.ndarray, joining: np.ndarray) -> Transition:
    """Solve the rate of the second drug by age: its share among people on the first stays what it is."""
    members, held = cohort.has("bp_drug_1"), cohort.has("bp_drug_2")
    coverage, growth = _coverage_by_age(cohort, members, held)
    need = members * (growth + stopping * (held - coverage)) + joining * coverage
    level, _ = _solve_starts(p, cohort, row, need, can_happen(row, cohort), [])
    return replace(row, log_hazard=row.log_hazard + level)


def _coverage_by_age(cohort: Cohort, members: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, per person, the treated share of a group at that age, and its growth per year of age."""
    by_age = _mean_by_age(cohort, members, held)
    return cohort.at(by_age), cohort.at(np.gradient(by_age, axis=1))


def _mean_by_age(cohort: Cohort, members: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Return the mean of an amount among members by age, the same for both sexes, ``[2, 111]``."""
    persons, total = (COVERAGE_BANDS.sums(cohort.by_age(each)).sum(axis=0) for each in (members, members * amount))
    whole = total.sum() / max(persons.sum(), 1.0)
    # A thin band leans on the whole group: ten persons' weight.
    mean = (total + 10 * whole) / (persons + 10)
    return between_middles(COVERAGE_BANDS, np.stack([mean, mean]))


def _solve_starts(
    p: Parameters,
    cohort: Cohort,
    row: Transition,
    need: np.ndarray,
    untreated: np.ndarray,
    groups: Sequence[tuple[np.ndarray, np.ndarray, float]],
) -> tuple[np.ndarray, list[float]]:
    """Return log levels by age and a log factor per group that bring starts to the need of both margins.

    Mean rates of a margin stay between `least_start_rate` and `most_start_rate`. A group is (members, how
    many times its factor applies to each person, starts needed).
    """
    least, most = max(p["least_start_rate"], 1e-6), p["most_start_rate"]

    def bounded(wanted: np.ndarray, persons: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(wanted, least * persons, most * persons))

    def both_sexes(by_age: np.ndarray) -> np.ndarray:
        return np.broadcast_to(by_age.sum(axis=0), (2, AGES))

    open_by_age = both_sexes(cohort.by_age(untreated))
    if not open_by_age.any():
        return np.full((2, AGES), np.log(least)), [0.0] * len(groups)
    by_band = bounded(COVERAGE_BANDS.sums(both_sexes(cohort.by_age(need))), COVERAGE_BANDS.sums(open_by_age))
    relative = cohort.at(row.log_hazard) + log_relative_hazard(row, cohort)
    level, factors = np.zeros((2, AGES)), [0.0] * len(groups)
    for _ in range(12):
        shifted = relative + sum((x * times for x, (_, times, _) in zip(factors, groups, strict=True)), np.zeros(1))
        amount = both_sexes(cohort.by_age(np.where(untreated, np.exp(shifted), 0.0)))
        level = fit_level(by_band, amount, COVERAGE_BANDS, open_by_age)
        for k, (members, times, starts_needed) in enumerate(groups):
            who = untreated & members
            if not who.any():
                continue
            wanted = float(bounded(np.asarray(starts_needed), who.sum()))
            rates = np.exp((shifted + cohort.at(level))[who])
            factors[k] += float(np.clip(np.log(wanted / rates.sum()) * rates.sum() / (rates @ times[who]), -1, 1))
    return level, factors
