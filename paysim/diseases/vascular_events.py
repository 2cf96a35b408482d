"""Myocardial infarction and stroke: first and recurrent events, death before and in care.

The level comes from published admissions, net of transfers, plus deaths that never reached a hospital; the
risk equations only rank people inside a cell of sex and age::

    first_i = rate(sex, age) exp(lp_i) / mean of exp(lp) over the people who can have a first event
    rate    = (admissions + deaths outside hospital - expected recurrences) / share without a past event

Recurrences are the published rate in the mean of all who have had the event, ranked by SMART2, age included. A country
other than the Netherlands scales all events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from paysim.diseases.ages import Bands, banded, fit_level, national_weights, smooth_rates
from paysim.diseases.cohort import Cohort, can_happen, hazards, log_relative_hazard
from paysim.diseases.disease import Context, once, passing, stationary
from paysim.diseases.hospital_events import at_once, case_fatality, mortality_after
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.diseases.risk.equations import first_event_slopes
from paysim.diseases.risk.factors import RISK_FACTORS, RiskFactorTables
from paysim.diseases.risk.smart2 import age_term, load_smart2
from paysim.diseases.risk.smart2 import slopes_by_age as smart2_slopes
from paysim.diseases.treatments.model import effects_on
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

COMORBIDITY = ("depression", "copd", "pad", "angina", "poor_control", "ckd_3a", "ckd_3b", "ckd_4", "ckd_5")
"""Flags whose hazard ratio for a first event is a parameter ``hr_<flag>`` of the disease, where it has one (``hr_ckd``
for all stages): they are no covariates of the risk equation."""

EGFR = {"ckd_3a": 52.0, "ckd_3b": 37.0, "ckd_4": 22.0, "ckd_5": 10.0}
"""Middle of each stage, mL/min/1.73m2 (KDIGO limits 60, 45, 30, 15), for the kidney term of SMART2."""
EGFR_USUAL = 78.0
"""Mean of the people SMART2 was derived in (recalled), for those without kidney disease."""


@dataclass(frozen=True)
class Words:
    """How a disease names its things."""

    group: str
    event: str
    prior: str
    recent: str
    other_prior: str
    service: str
    smart2_of_other: str
    outcome: str
    equation_outcome: str


@dataclass(frozen=True)
class Published:
    """Published rates of a disease by sex and single age, ``[2, 111]``.

    Attributes
    ----------
    admissions
        Admissions per inhabitant a year, net of transfers.
    band_rates
        The same as crude rates of the published bands, ``[2, bands]``.
    before_care
        Share of events that kill before any care.
    by_30_days, by_1_year
        Mortality after an admission.
    """

    admissions: np.ndarray
    band_rates: np.ndarray
    bands: Bands
    before_care: np.ndarray
    by_30_days: np.ndarray
    by_1_year: np.ndarray

    @property
    def events(self) -> np.ndarray:
        """Events per inhabitant a year, those that kill before care included."""
        return np.asarray(self.admissions / (1 - self.before_care))

    @property
    def fatal(self) -> np.ndarray:
        """Share of events that kill, before care or within 30 days of admission."""
        return np.asarray(self.before_care + (1 - self.before_care) * self.by_30_days)

    def without(self, other: Published) -> Published:
        """Return the events that are not of another kind: both rates are of the same inhabitants."""
        admissions = np.maximum(self.admissions - other.admissions, 1e-12)

        def rest(name: str) -> np.ndarray:
            mine, theirs = getattr(self, name) * self.admissions, getattr(other, name) * other.admissions
            return np.asarray(np.clip((mine - theirs) / admissions, 0.001, 0.95))

        outside = self.events * self.before_care - other.events * other.before_care
        before = np.clip(outside / (admissions + np.maximum(outside, 0.0)), 0.0, 0.9)
        by_30_days = rest("by_30_days")
        return Published(
            admissions=admissions,
            band_rates=self.band_rates - other.band_rates,
            bands=self.bands,
            before_care=before,
            by_30_days=by_30_days,
            by_1_year=np.maximum(rest("by_1_year"), by_30_days),
        )


@once
def load_published(params: Parameters, group: str, kind: str = "") -> Published:
    """Read and smooth the published tables of a group; `kind` is a prefix of the tables' names.

    Without a kind, mortality of men of 75-84 is mended with the printed totals.
    """
    p = params.group(group)
    weights = national_weights(params.table("mortality.national_population"))
    bands, per_1000 = banded(p.table(f"{kind}admissions"), "per_1000")
    crude = per_1000 / 1000 * (1 - p["transfer_share"])
    admissions = smooth_rates(bands, crude, weights)
    if kind:
        by_30_days, by_1_year = case_fatality(params, group, f"{kind}case_fatality")
    else:
        by_30_days, by_1_year = _case_fatality(p, admissions * weights)
    death_bands, deaths = banded(p.table(f"{kind}deaths"), "per_1000")
    before_care = _before_care(death_bands, deaths / 1000, admissions, by_30_days, weights)
    scale = p["national_scale"]
    return Published(admissions * scale, crude * scale, bands, before_care, by_30_days, by_1_year)


def _case_fatality(p: Parameters, cases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smooth mortality after admission, mending the men of 75-84 (the source repeats the women's value).

    The cell is solved so that the case-weighted mean equals the men's printed total, and kept between its
    neighbours.
    """
    table, totals = p.table("case_fatality"), p.table("case_fatality_totals")
    smooth = []
    for column in ("by_30_days", "by_1_year"):
        bands, printed = banded(table, column)
        weight = bands.sums(cases)[0]
        cell = bands.starts.index(75)
        total = float(np.asarray(totals[column])[list(totals["sex"]).index("M")])
        others = np.delete(printed[0] * weight, cell).sum()
        solved = (total * weight.sum() - others) / weight[cell]
        printed[0, cell] = np.clip(solved, printed[0, cell - 1], printed[0, cell + 1])
        smooth.append(np.minimum(smooth_rates(bands, printed, cases), 0.95))
    return smooth[0], np.maximum(smooth[1], smooth[0])


def _before_care(
    bands: Bands, deaths: np.ndarray, admissions: np.ndarray, by_30_days: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return the share of events that kill outside hospital: deaths beyond those within 30 days of admission.

    Per band, floored at zero; linear in between with the bands' totals kept.
    """
    outside = np.maximum(deaths * bands.sums(weights) - bands.sums(weights * admissions * by_30_days), 0.0)
    inside = bands.sums(weights * admissions)
    share = outside / (outside + inside)
    ends = (*bands.starts[1:], 100)
    middle = (np.array(bands.starts) + np.array(ends)) / 2
    result = np.zeros((2, AGES))
    for s in range(2):
        nodes = share[s].copy()
        for _ in range(60):
            result[s] = np.interp(np.arange(AGES) + 0.5, middle, nodes)
            implied = bands.sums(np.vstack([weights[s] * admissions[s] * result[s] / (1 - result[s])] * 2))[0]
            nodes *= np.divide(outside[s], implied, out=np.zeros_like(implied), where=implied > 0) ** 0.7
            nodes = np.minimum(nodes, 0.9)
    return result


@dataclass(frozen=True)
class VascularEvents:
    """The transitions of one disease and what they were levelled on."""

    words: Words
    published: Published
    first: Transition
    recurrent: Transition
    ends: Transition
    floored: np.ndarray  # [2, 10-year bands] whether first events stand at their floor

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """First event, recurrent event, end of the first year."""
        return (self.first, self.recurrent, self.ends)


def mean_predictor(slopes: Mapping[str, np.ndarray], tables: RiskFactorTables) -> np.ndarray:
    """Return the linear predictor of a non-smoker with mean risk factors, ``[2, 111]``."""
    value = np.zeros((2, AGES))
    for k, name in enumerate(RISK_FACTORS):
        if name in slopes:
            value += slopes[name] * tables.mean[:, :, k]
    return value


def comorbidity(params: Parameters, group: str) -> dict[str, float]:
    """Return flag -> log hazard ratio of the comorbidities that the parameters of a group name."""
    found = {}
    for flag in COMORBIDITY:
        name = f"{group}.hr_{'ckd' if flag.startswith('ckd_') else flag}"
        if name in params:
            found[flag] = float(np.log(params[name]))
    return found


def treatment_slopes(p: Parameters) -> dict[str, np.ndarray]:
    """Return the trial effects per unit fall since base: ldl_drop (mmol/L) and sbp_drop (mmHg)."""
    ldl, sbp = np.log(p["rr_per_mmol_ldl"]), np.log(p["rr_per_10_mmhg"]) / 10
    return {"ldl_drop": np.full((2, AGES), ldl), "sbp_drop": np.full((2, AGES), sbp)}


def smoker_left(params: Parameters, slopes: Mapping[str, np.ndarray], cases: np.ndarray) -> float:
    """Return the log hazard ratio of former smokers: a share of that of smokers at the ages of the cases."""
    mean = float((slopes["smoker"] * cases).sum() / cases.sum()) if cases.sum() > 0 else float(slopes["smoker"].mean())
    return params["smoking.ex_smoker_excess"] * mean


def shares_with_past_event(params: Parameters, words: Words, published: Published) -> dict[str, np.ndarray]:
    """Return the share of inhabitants in the year after an event and later, ``[2, 111]`` each.

    What admissions, recurrences and survival imply in a population whose rates never changed.
    """
    p = params.group(words.group)
    relative = recurrence_by_age(params, words, published)
    later = p["recurrent_later"] * p["national_scale"] * relative
    recent = first_year_rate(params, words, published) * p["national_scale"] * relative
    return _shares(params, words, published, recent, later)


def recurrence_by_age(params: Parameters, words: Words, published: Published) -> np.ndarray:
    """Return recurrences at each age against the mean of all with a past event, ``[2, 111]``. Source: SMART2."""
    p = params.group(words.group)
    flat = np.full((2, AGES), p["recurrent_later"] * p["national_scale"])
    past = _shares(params, words, published, flat, flat)
    people = (past["recent"] + past["later"]) * national_weights(params.table("mortality.national_population"))
    relative = np.exp(age_term(load_smart2(params)))
    return np.broadcast_to(relative * people.sum() / (people * relative).sum(), (2, AGES))


def _shares(
    params: Parameters, words: Words, published: Published, recent: np.ndarray, later: np.ndarray
) -> dict[str, np.ndarray]:
    """Return shares with a past event, given recurrences per person-year in the first year and later, ``[2, 111]``."""
    p = params.group(words.group)
    life, alive = life_table_hazard(params), 1 - published.by_30_days
    in_first_year = mortality_after(published.by_30_days, published.by_1_year)
    excess = np.maximum(in_first_year - life, 0.0)
    year_ends = passing(1.0, excess + recent * alive)
    # Who has a recurrence and survives it starts a new first year: among the admitted already.
    return stationary(
        life,
        {"recent": published.admissions * alive},
        [("recent", "later", year_ends), ("recent", None, recent * alive), ("later", None, later * alive)],
        hr={"later": faded(params, p["mortality_hr"])},
        excess={"recent": excess},
    )


def first_year_rate(params: Parameters, words: Words, published: Published) -> float:
    """Return recurrences per person-year in the first year, men and women by their share of survivors."""
    men, women = params.get_list(f"{words.group}.recurrent_first_year")
    weights = national_weights(params.table("mortality.national_population"))
    survivors = (weights * published.admissions * (1 - published.by_30_days)).sum(axis=1)
    return float(survivors / survivors.sum() @ -np.log1p(-np.array([men, women])))


def build_events(
    context: Context, words: Words, published: Published, early: Mapping[str, float] | None = None
) -> VascularEvents:
    """Level the first and recurrent events of a disease on a cohort.

    `early` names further states in which a recurrence is likely, and the logarithm of its hazard ratio there; it ends
    them. Source: published admissions 2022, case fatality 2020-2022, recurrence rates; see the disease's folder.
    """
    params, cohort, tables = context.params, context.cohort, context.tables
    p = params.group(words.group)
    fatal: dict[str, np.ndarray | float] = {
        "dies_before_care": published.before_care,
        "dies_in_care": at_once(published.by_30_days, published.by_1_year),
        "admission_days": p["admission_days"],
    }
    fatal["trend"] = context.trend(words.event)
    recurrent = _recurrent(params, cohort, tables, words, published, fatal, early or {})
    first, floored = _first(params, cohort, tables, words, published, recurrent, fatal)
    ends = Transition(
        name=f"{words.recent}_ends",
        kind="timer",
        log_hazard=np.zeros((2, AGES)),
        required=(words.recent,),
        clears=(words.recent,),
        delay_years=1.0,
        source="definition: the first year after an event",
    )
    return VascularEvents(words, published, first, recurrent, ends, floored)


def _recurrent(
    params: Parameters,
    cohort: Cohort,
    tables: RiskFactorTables,
    words: Words,
    published: Published,
    fatal: Mapping[str, np.ndarray | float],
    early: Mapping[str, float],
) -> Transition:
    p, smart2 = params.group(words.group), load_smart2(params)
    slopes = smart2_slopes(smart2, params["risk.smart2_mean_non_hdl"])
    first_year = first_year_rate(params, words, published)
    survivors = cohort.by_age(cohort.at(published.admissions * (1 - published.by_30_days)))
    kidney = {flag: _egfr_term(smart2, egfr) - _egfr_term(smart2, EGFR_USUAL) for flag, egfr in EGFR.items()}
    log_hr = {
        words.recent: float(np.log(first_year / p["recurrent_later"])),
        "diabetes": smart2["diabetes"],
        words.other_prior: smart2[words.smart2_of_other],
        "pad": smart2["pad"],
        "ex_smoker": smoker_left(params, slopes, survivors),
    }
    log_hr |= kidney | effects_on(params, words.outcome) | dict(early)
    shape = age_term(smart2) - mean_predictor(slopes, tables)
    row = Transition(
        name=f"{words.event}_recurrent",
        kind="event",
        log_hazard=shape,
        required=(words.prior,),
        slopes=slopes | treatment_slopes(p),
        log_hr=log_hr,
        sets=(words.recent,),
        clears=tuple(early),
        service=words.service,
        source="published recurrence rates, ranked by SMART2",
        **fatal,  # type: ignore[arg-type]
    )
    able = can_happen(row, cohort)
    relative = np.exp(cohort.at(shape) + log_relative_hazard(row, cohort, without=(words.recent, *early)))
    mean = cohort.total(relative * able) / cohort.total(able) if able.any() else 1.0
    return _with_level(row, np.full((2, AGES), np.log(p["recurrent_later"] * p["national_scale"] / mean)))


def _egfr_term(smart2: Mapping[str, float], egfr: float) -> float:
    return smart2["egfr"] * egfr + smart2["egfr_sq"] * egfr**2


def _first(
    params: Parameters,
    cohort: Cohort,
    tables: RiskFactorTables,
    words: Words,
    published: Published,
    recurrent: Transition,
    fatal: Mapping[str, np.ndarray | float],
) -> tuple[Transition, np.ndarray]:
    p = params.group(words.group)
    slopes = first_event_slopes(params, words.equation_outcome)
    diabetes = slopes.pop("diabetes")
    events = published.events
    cases = cohort.by_age(cohort.at(events))
    log_hr = {
        "diabetes": float((diabetes * cases).sum() / cases.sum()) if cases.sum() > 0 else float(diabetes.mean()),
        words.other_prior: float(np.log(p["hr_other_event"])),
        "ex_smoker": smoker_left(params, slopes, cases),
    }
    log_hr |= comorbidity(params, words.group) | effects_on(params, words.outcome)
    shape = np.log(np.maximum(events, 1e-12)) - mean_predictor(slopes, tables)
    row = Transition(
        name=f"{words.event}_first",
        kind="event",
        log_hazard=shape,
        forbidden=(words.prior,),
        slopes=slopes | treatment_slopes(p),
        log_hr=log_hr,
        sets=(words.prior, words.recent),
        clears=("high_risk",),
        service=words.service,
        source="published admissions and deaths 2022, ranked by the risk equation",
        **fatal,  # type: ignore[arg-type]
    )
    reach = 1 - published.before_care
    wanted = published.bands.sums(cohort.by_age(cohort.at(published.admissions)))
    again = published.bands.sums(cohort.by_age(hazards(recurrent, cohort) * cohort.at(reach)))
    floor = p["least_first_share"] * wanted
    amount = cohort.by_age(hazards(row, cohort) * cohort.at(reach))
    level = fit_level(np.maximum(wanted - again, floor), amount, published.bands, cohort.by_age())
    return _with_level(row, level), (wanted - again < floor) & (wanted > 0)


def _with_level(row: Transition, level: np.ndarray) -> Transition:
    return replace(row, log_hazard=row.log_hazard + level)
