"""The health side of a model: transitions, utilities and risk-factor tables, levelled on a cohort.

At base, by sex and age: infarctions and strokes equal published admissions net of transfers, deaths equal the
life table, mean utility equals the norm, and treatment keeps its coverage. `expected_at_base` shows how well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from paysim.diseases import DISEASES, REQUIRED
from paysim.diseases.ages import FIVE_YEARS, TEN_YEARS, Bands
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.disease import Built, Context, admissions, expected_deaths, fatal_share, published
from paysim.diseases.ischaemic_heart_disease import model as ischaemic_heart_disease
from paysim.diseases.mortality import model as mortality
from paysim.diseases.quality_of_life import model as quality_of_life
from paysim.diseases.risk.factors import RiskFactorTables, load_risk_factors
from paysim.diseases.starting import cohort_from_population
from paysim.diseases.stroke import model as stroke
from paysim.diseases.treatments import model as treatments
from paysim.diseases.vascular_events import VascularEvents, load_published
from paysim.diseases.vascular_prevention import model as vascular_prevention
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters
from paysim.parameters.calibrated import with_calibrated
from paysim.reading import read_table

__all__ = [
    "Cohort",
    "HealthModel",
    "build_health",
    "cohort_from_population",
    "deaths_at_base",
    "expected_at_base",
    "health_parameters",
]

COUNTRIES = ("NL", "BE")
NOBODY = np.zeros((2, AGES))
VASCULAR = {"ischaemic_heart_disease": ischaemic_heart_disease, "stroke": stroke}


def module(name: str) -> ModuleType:
    """Return the ``model.py`` of a disease folder."""
    return import_module(f"paysim.diseases.{name}.model")


def _flags() -> tuple[str, ...]:
    own = [flag for name in DISEASES for flag in getattr(module(name), "FLAGS", ())]
    return (*own, *vascular_prevention.FLAGS, *treatments.FLAGS)


FLAGS = _flags()
"""Of every model; nobody is in a state of a disease that is not simulated, see `settled`."""


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
        Treatment flag -> (share of LDL it takes away, fall of systolic pressure in mmHg) while on it.
    base_utility
        Disease-free utility ``[2, 111]``.
    decrement
        Flag -> change of utility, negative, in the order of `flags`.
    combination
        How decrements of several conditions combine.
    chronic
        Flags that end a healthy life.
    untreated_ldl
        LDL cholesterol that treatment lowers, mmol/L.
    usual_lowering
        ``[2, 4, 111]`` by how much treatment lowers LDL and systolic pressure at base, see
        `vascular_prevention.model.usual_lowering`.
    modelled_admissions
        Expected emergency admissions per inhabitant a year for diseases other than infarction and stroke, ``[2, 111]``.
    reference
        What the model was levelled on, ``[2, 111]`` each: life_table (hazard per person-year), norm (utility), and mi,
        stroke (admissions per person-year, net of transfers); and mi_bands, stroke_bands: the same as published by band
        of ten years, ``[2, 8]``; and deaths_by_rates: see `deaths_at_base`.
    report
        shortfall_deaths (a year, by sex and five-year band), floored cells, first_share of admissions, and the names of
        the transitions in deaths_by_rates.
    """

    transitions: tuple[Transition, ...]
    flags: tuple[str, ...]
    risk_factors: RiskFactorTables
    treatment_effects: Mapping[str, tuple[float, float]]
    base_utility: np.ndarray
    decrement: Mapping[str, float]
    combination: quality_of_life.Combination
    chronic: tuple[str, ...]
    untreated_ldl: float
    usual_lowering: np.ndarray
    modelled_admissions: np.ndarray
    reference: Mapping[str, np.ndarray]
    report: Mapping[str, Any]

    def transition(self, name: str) -> Transition:
        """Return a transition by name."""
        return next(each for each in self.transitions if each.name == name)


def health_parameters(country: str, *, calibrated: bool = True) -> Parameters:
    """Return the parameters of all diseases; groups are named after the folders.

    ``parameters.yaml`` of a folder holds for every country, ``parameters_nl.yaml`` or
    ``parameters_be.yaml`` for one. Values of the shipped calibration replace those of the folders.

    Parameters
    ----------
    country
        NL or BE.
    calibrated
        Whether to use the shipped calibration.

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
    fitted = calibration_file(country)
    return with_calibrated(result, fitted) if calibrated and fitted.is_file() else result


def calibration_file(country: str) -> Path:
    """Return where the shipped calibration of a country is kept."""
    return Path(__file__).parent / "calibration" / country.lower() / "calibration.yaml"


def health_correlations(country: str) -> dict[tuple[str, str], float]:
    """Return the correlations of the logarithms of calibrated values, by pair of names; of no pair without a fit."""
    file = calibration_file(country).with_name("covariance.csv")
    if not file.is_file():
        return {}
    table = read_table(file, {"first": str, "second": str, "covariance": float})
    found = dict(zip(zip(table["first"], table["second"], strict=True), map(float, table["covariance"]), strict=True))
    return {(a, b): covariance / (found[a, a] * found[b, b]) ** 0.5 for (a, b), covariance in found.items() if a < b}


def build_health(
    params: Parameters,
    cohort: Cohort,
    country: str,
    diseases: Sequence[str] = DISEASES,
    standard: Cohort | None = None,
) -> HealthModel:
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
        Which of `DISEASES` are simulated; of the others deaths stay in background mortality and the loss of utility in
        the norm, and nobody is in their states (`settled`).
    standard
        The same people, weighted and with risk factors such that they are like those of the nation: on them the
        published rates hold, and the life table and the norm of utility. By default the cohort itself.

    Raises
    ------
    ScenarioError
        If a disease or the country is unknown.
    """
    _check(country, diseases)
    tables = load_risk_factors(params)
    standard = settled(cohort if standard is None else standard, diseases)
    cohort = settled(cohort, diseases)
    context = Context(params, standard, cohort, tables, tuple(name for name in DISEASES if name in diseases))
    events = [each.events(context) for name, each in VASCULAR.items() if name in diseases]
    built = {name: module(name).build(context) for name in context.diseases if name not in REQUIRED}
    tia = [stroke.first_tia(context, each) for each in events if each.words is stroke.WORDS]
    own = [row for each in built.values() for row in each.transitions]
    others = [mortality.with_education(row, context) if row.kind == "death" else row for row in own] + tia
    ratios = [each.mortality_hr for each in built.values() if each.mortality_hr]
    implied = {name: each.deaths for name, each in built.items() if each.deaths is not None}
    by_rates = {row.name for name in implied for row in built[name].transitions}
    counted = [row for row in others if row.name not in by_rates]
    deaths_by_rates = sum(implied.values(), NOBODY)
    falling_ill = [(each, module(name).onset(params)) for name, each in implied.items()]
    deaths = mortality.build(context, events, counted, falling_ill, ratios)
    vascular = [row for each in events for row in each.transitions]
    prevention = _prevention(params, cohort, tables, events, built, tia, [*deaths.transitions, *others])
    drugs = treatments.build(context, [*vascular, *others])
    rows = (*deaths.transitions, *vascular, *others, *prevention, *drugs)
    base = quality_of_life.solve_base_utility(params, standard)
    reference = {"life_table": deaths.life_table, "deaths_by_rates": deaths_by_rates}
    reference["norm"] = quality_of_life.norms(params)
    for name, each in built.items():
        reference |= each.reference
        if params.has_table(f"{name}.prevalence"):
            reference[f"{name}_prevalence"] = published(params, f"{name}.prevalence")[2]
    effects = vascular_prevention.treatment_effects(params) | treatments.lowers(params)
    untreated = params["vascular_prevention.untreated_ldl"]
    return HealthModel(
        transitions=rows,
        flags=FLAGS,
        risk_factors=tables,
        treatment_effects=effects,
        base_utility=base.utility,
        decrement=quality_of_life.decrements(params, FLAGS),
        combination=quality_of_life.combination(params),
        chronic=tuple(flag for name in context.diseases for flag in getattr(module(name), "CHRONIC", ())),
        untreated_ldl=untreated,
        usual_lowering=vascular_prevention.usual_lowering(effects, untreated, cohort),
        modelled_admissions=sum((e.admissions for e in built.values() if e.admissions is not None), NOBODY),
        reference=reference | _levels(events, params),
        report=_report(deaths, base, events, cohort) | {"by_rates": by_rates},
    )


def settled(cohort: Cohort, diseases: Sequence[str]) -> Cohort:
    """Return the cohort without the states of diseases that are not simulated.

    Nobody would come into these states or leave them alive, so those who start in them would die out and health improve
    by itself. What such a disease does to people stays where its deaths stay: in background mortality, in the norm of
    utility by age and sex, and in background care (`paysim.care.background.with_unmodelled`). Drugs for nothing else go
    with it; who is on other preventive treatment has it for high risk. Smoking is no disease: people stay what they
    are.
    """
    gone = {
        flag
        for name in DISEASES
        if name not in diseases and name != "smoking"
        for flag in getattr(module(name), "FLAGS", ())
    }
    if not gone:
        return cohort
    gone |= {each.flag for each in treatments.TREATMENTS if gone.issuperset(each.indication)}
    none = np.zeros(len(cohort), bool)
    left = replace(cohort, flags={flag: none if flag in gone else held for flag, held in cohort.flags.items()})
    conditions = (*treatments.AFTER_EVENT, "diabetes")
    freed = cohort.any_of(conditions) & ~left.any_of(conditions) & left.any_of(("statin", "bp_drug_1"))
    return replace(left, flags={**left.flags, "high_risk": left.has("high_risk") | freed})


def _levels(events: Sequence[VascularEvents], params: Parameters) -> dict[str, np.ndarray]:
    """Return published admissions by event; those for stroke of any kind."""
    found: dict[str, np.ndarray] = {}
    for each in events:
        whole = load_published(params, each.words.group)
        found |= {each.words.event: whole.admissions, f"{each.words.event}_bands": whole.band_rates}
    return found


def _report(
    deaths: mortality.Mortality,
    base: quality_of_life.BaseUtility,
    events: Sequence[VascularEvents],
    cohort: Cohort,
) -> dict[str, Any]:
    report: dict[str, Any] = {"shortfall_deaths": deaths.shortfall, "shortfall_bands": FIVE_YEARS.starts}
    report |= {"utility_capped": base.capped, "utility_gap": base.gap}
    for each in events:
        event, recurrent = each.words.event, hazards(each.recurrent, cohort).sum()
        total = hazards(each.first, cohort).sum() + recurrent
        report[f"{event}_first_share"] = float(1 - recurrent / total) if total > 0 else 1.0
        report[f"{event}_floored"] = each.floored
    return report


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
    built: Mapping[str, Built],
    tia: Sequence[Transition],
    rows: Sequence[Transition],
) -> tuple[Transition, ...]:
    """Return the rows of prevention, solved on who joins and leaves each group in a year."""
    first = np.zeros(len(cohort))
    surviving = np.zeros(len(cohort))
    for each in events:
        rate = hazards(each.first, cohort)
        first += rate
        surviving += rate * (1 - cohort.at(each.published.fatal))
    for row in rows:
        if row.kind == "event" and set(row.sets) & set(treatments.AFTER_EVENT):
            rate = hazards(row, cohort)
            first += rate
            surviving += rate * (1 - fatal_share(row, cohort))
    onset = (
        [row for row in built["diabetes"].transitions if row.name == "diabetes_onset"] if "diabetes" in built else []
    )
    joining = np.zeros(len(cohort)) + sum(hazards(row, cohort) for row in onset)
    mild = np.zeros(len(cohort)) + sum(hazards(row, cohort) for row in tia)
    dying = np.zeros(len(cohort)) + sum(hazards(row, cohort) for row in rows if row.kind == "death")
    after = cohort.any_of(treatments.AFTER_EVENT)
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
    for event, service in (("mi", "admission_mi"), ("stroke", "admission_stroke")):
        if f"{event}_first" not in rows:
            continue
        expected = admissions([row for row in model.transitions if row.service == service], cohort)
        target = persons * model.reference[event]
        crude = persons * TEN_YEARS.spread(model.reference[f"{event}_bands"])
        columns = {"persons": persons, "expected": expected, "target": target, "published": crude}
        floored = model.report[f"{event}_floored"]
        for line in _by_band(TEN_YEARS, columns):
            line["floored"] = bool(floored[line["sex"], TEN_YEARS.starts.index(line["age_from"])])
            events.append({"event": event} | line)
    death_columns = {
        "persons": persons,
        "expected": deaths_at_base(model, cohort),
        "life_table": persons * model.reference["life_table"],
    }
    utility = quality_of_life.utilities(model.base_utility, model.decrement, cohort, model.combination)
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


def deaths_at_base(model: HealthModel, cohort: Cohort) -> np.ndarray:
    """Return the deaths of a year at base by sex and age, ``[2, 111]``, that are levelled on the life table.

    They are the expected deaths of the cohort, but of the few with the deadliest diseases (`Built.deaths`) those of as
    many as the rates imply, whoever is ill at the start.
    """
    dying = cohort.by_age() * model.reference["deaths_by_rates"]
    for row in model.transitions:
        if row.name not in model.report["by_rates"]:
            dying += expected_deaths(row, cohort)
    return np.asarray(dying)


def _by_band(bands: Bands, columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    sums = {name: bands.sums(value) for name, value in columns.items()}
    return [
        {"sex": s, "age_from": start} | {name: float(value[s, k]) for name, value in sums.items()}
        for s in range(2)
        for k, start in enumerate(bands.starts)
    ]
