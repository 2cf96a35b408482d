"""The health side of a model: transitions, utilities and risk-factor tables, levelled on a cohort.

At base, by sex and age: infarctions and strokes equal published admissions net of transfers, deaths equal the
life table, mean utility equals the norm, and treatment keeps its coverage. `expected_at_base` shows how well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paysim.diseases import DISEASES, REQUIRED
from paysim.diseases.ages import FIVE_YEARS, TEN_YEARS, Bands
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.diabetes import model as diabetes
from paysim.diseases.ischaemic_heart_disease import model as ischaemic_heart_disease
from paysim.diseases.mortality import model as mortality
from paysim.diseases.quality_of_life import model as quality_of_life
from paysim.diseases.risk.factors import RiskFactorTables, load_risk_factors
from paysim.diseases.starting import cohort_from_population
from paysim.diseases.stroke import model as stroke
from paysim.diseases.vascular_events import VascularEvents
from paysim.diseases.vascular_prevention import model as vascular_prevention
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

__all__ = [
    "Cohort",
    "HealthModel",
    "build_health",
    "cohort_from_population",
    "expected_at_base",
    "health_parameters",
]

COUNTRIES = ("NL", "BE")
FLAGS = (
    *("diabetes", "prior_mi", "recent_mi", "prior_stroke", "recent_stroke", "high_risk"),
    *("enrolled", "statin", "bp_drug_1", "bp_drug_2"),
)


@dataclass(frozen=True)
class HealthModel:
    """Everything the engine needs to know about health.

    Attributes
    ----------
    transitions
        In a fixed order.
    flags
        Names of the flags, in a fixed order.
    risk_factors
        Means and standard deviations by sex and age.
    treatment_effects
        Treatment flag -> fall of (LDL in mmol/L, systolic pressure in mmHg) while on it.
    base_utility
        Disease-free utility ``[2, 111]``.
    decrement
        Flag -> change of utility, negative.
    reference
        What the model was levelled on, ``[2, 111]`` each: life_table (hazard per person-year), norm
        (utility), and mi, stroke (admissions per person-year, net of transfers); and mi_bands, stroke_bands:
        the same as published by band of ten years, ``[2, 8]``.
    report
        shortfall_deaths (a year, by sex and five-year band), floored cells, first_share of admissions.
    """

    transitions: tuple[Transition, ...]
    flags: tuple[str, ...]
    risk_factors: RiskFactorTables
    treatment_effects: Mapping[str, tuple[float, float]]
    base_utility: np.ndarray
    decrement: Mapping[str, float]
    reference: Mapping[str, np.ndarray]
    report: Mapping[str, Any]

    def transition(self, name: str) -> Transition:
        """Return a transition by name."""
        return next(each for each in self.transitions if each.name == name)


def health_parameters(country: str) -> Parameters:
    """Return the parameters of all diseases; groups are named after the folders.

    ``parameters.yaml`` of a folder holds for every country, ``parameters_nl.yaml`` or
    ``parameters_be.yaml`` for one.

    Raises
    ------
    ScenarioError
        If the country is unknown.
    """
    if country not in COUNTRIES:
        near = nearest_name(country.upper(), COUNTRIES)
        raise ScenarioError(Problem("unknown country", key="country", found=country, allowed=COUNTRIES, nearest=near))
    result = Parameters()
    for folder in sorted(path for path in Path(__file__).parent.iterdir() if path.is_dir()):
        for name in ("parameters.yaml", f"parameters_{country.lower()}.yaml"):
            if (folder / name).is_file():
                result |= Parameters.load(folder / name, folder.name)
    return result


def build_health(params: Parameters, cohort: Cohort, country: str, diseases: Sequence[str] = DISEASES) -> HealthModel:
    """Build the transitions of a model and level them on a cohort.

    Parameters
    ----------
    params
        From `health_parameters` of the same country.
    cohort
        The people at base, see `cohort_from_population`.
    country
        NL or BE.
    diseases
        Which of `DISEASES` are simulated; deaths of the others stay in background mortality.

    Raises
    ------
    ScenarioError
        If a disease or the country is unknown.
    """
    _check(country, diseases)
    tables = load_risk_factors(params)
    modules = {"ischaemic_heart_disease": ischaemic_heart_disease, "stroke": stroke}
    events = [module.build(params, cohort, tables) for name, module in modules.items() if name in diseases]
    onset = [diabetes.build(params, cohort, tables)] if "diabetes" in diseases else []
    tia = [stroke.first_tia(params, cohort, each) for each in events if each.words is stroke.WORDS]
    deaths = mortality.build(params, cohort, events, diabetes=bool(onset))
    prevention = _prevention(params, cohort, tables, events, onset, tia, deaths)
    rows = (
        *deaths.transitions,
        *(row for each in events for row in each.transitions),
        *tia,
        *onset,
        *prevention,
    )
    reference = {"life_table": deaths.life_table, "norm": quality_of_life.norms(params)}
    report: dict[str, Any] = {"shortfall_deaths": deaths.shortfall, "shortfall_bands": FIVE_YEARS.starts}
    for each in events:
        event, recurrent = each.words.event, hazards(each.recurrent, cohort).sum()
        total = hazards(each.first, cohort).sum() + recurrent
        reference |= {event: each.published.admissions, f"{event}_bands": each.published.band_rates}
        report[f"{event}_first_share"] = float(1 - recurrent / total) if total > 0 else 1.0
        report[f"{event}_floored"] = each.floored
    return HealthModel(
        transitions=rows,
        flags=FLAGS,
        risk_factors=tables,
        treatment_effects=vascular_prevention.treatment_effects(params),
        base_utility=quality_of_life.base_utility(params, cohort),
        decrement=quality_of_life.decrements(params),
        reference=reference,
        report=report,
    )


def _check(country: str, diseases: Sequence[str]) -> None:
    if country not in COUNTRIES:
        raise ScenarioError(Problem("unknown country", key="country", found=country, allowed=COUNTRIES))
    for name in diseases:
        if name not in DISEASES:
            near = nearest_name(name, DISEASES)
            raise ScenarioError(Problem("unknown disease", key="diseases", found=name, allowed=DISEASES, nearest=near))
    for name in REQUIRED:
        if name not in diseases:
            raise ScenarioError(Problem(f"every model needs {name}", key="diseases", allowed=DISEASES))


def _prevention(
    params: Parameters,
    cohort: Cohort,
    tables: RiskFactorTables,
    events: Sequence[VascularEvents],
    onset: Sequence[Transition],
    tia: Sequence[Transition],
    deaths: mortality.Mortality,
) -> tuple[Transition, ...]:
    """Return the rows of prevention, solved on who joins and leaves each group in a year."""
    first = np.zeros(len(cohort))
    surviving = np.zeros(len(cohort))
    for each in events:
        rate = hazards(each.first, cohort)
        first += rate
        surviving += rate * (1 - cohort.at(each.published.fatal))
    joining = np.zeros(len(cohort)) + sum(hazards(row, cohort) for row in onset)
    mild = np.zeros(len(cohort)) + sum(hazards(row, cohort) for row in tia)
    dying = np.zeros(len(cohort)) + sum(hazards(row, cohort) for row in deaths.transitions)
    after = cohort.any_of(vascular_prevention.AFTER_EVENT)
    high_risk = vascular_prevention.becomes_high_risk(params, cohort, tables, first + mild + joining + dying)
    new = vascular_prevention.Newcomers(
        high_risk=hazards(high_risk, cohort),
        diabetes=np.where(after, 0.0, joining),
        event=np.where(after, 0.0, surviving),
        mild_event=np.where(after, 0.0, mild),
    )
    return (
        high_risk,
        *vascular_prevention.starts(params, cohort, tables, new),
        *vascular_prevention.stops(params),
    )


def expected_at_base(model: HealthModel, cohort: Cohort) -> dict[str, Any]:
    """Compare what the model expects of a cohort in a year at base with what is published.

    Returns
    -------
    dict
        ``events``: rows of event, sex, age_from, persons, expected (admissions a year), target (smoothed
        published rate net of transfers at the cohort's ages), published (crude rate of the band times
        persons), floored.
        ``deaths``: rows of sex, age_from, persons, expected, life_table, by five-year band.
        ``utility``: rows of sex, age_from, persons, mean, norm.
        ``flows``: rows of transition, expected a year, for all transitions but timers.
    """
    rows = {row.name: hazards(row, cohort) for row in model.transitions}
    persons = cohort.by_age()
    events: list[dict[str, Any]] = []
    dying = np.zeros(len(cohort))
    for row in model.transitions:
        if row.kind == "death":
            dying += rows[row.name]
        elif row.kind == "event":
            before, inside = cohort.at(row.dies_before_care), cohort.at(row.dies_in_care)
            dying += rows[row.name] * (before + (1 - before) * inside)
    for event in ("mi", "stroke"):
        if f"{event}_first" not in rows:
            continue
        reach = 1 - cohort.at(model.transition(f"{event}_first").dies_before_care)
        expected = cohort.by_age((rows[f"{event}_first"] + rows[f"{event}_recurrent"]) * reach)
        target = persons * model.reference[event]
        crude = persons * TEN_YEARS.spread(model.reference[f"{event}_bands"])
        columns = {"persons": persons, "expected": expected, "target": target, "published": crude}
        floored = model.report[f"{event}_floored"]
        for line in _by_band(TEN_YEARS, columns):
            line["floored"] = bool(floored[line["sex"], TEN_YEARS.starts.index(line["age_from"])])
            events.append({"event": event} | line)
    death_columns = {
        "persons": persons,
        "expected": cohort.by_age(dying),
        "life_table": persons * model.reference["life_table"],
    }
    utility = quality_of_life.utilities(model.base_utility, dict(model.decrement), cohort)
    means = _by_band(
        FIVE_YEARS,
        {"persons": persons, "mean": cohort.by_age(utility), "norm": persons * model.reference["norm"]},
    )
    for line in means:
        for name in ("mean", "norm"):
            line[name] = line[name] / line["persons"] if line["persons"] else float("nan")
    return {
        "events": events,
        "deaths": _by_band(FIVE_YEARS, death_columns),
        "utility": means,
        "flows": [{"transition": name, "expected": float(rate.sum())} for name, rate in rows.items() if rate.any()],
    }


def _by_band(bands: Bands, columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    sums = {name: bands.sums(value) for name, value in columns.items()}
    return [
        {"sex": s, "age_from": start} | {name: float(value[s, k]) for name, value in sums.items()}
        for s in range(2)
        for k, start in enumerate(bands.starts)
    ]
