"""The joint structure of a population: risk factors, comorbidity, gradients by education, published levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped,unused-ignore]

from paysim.diseases.risk.factors import load_risk_factors
from paysim.parameters import Parameters
from paysim.population import health, nation
from paysim.population.bands import AGES, SEXES, age_labels, band_rows
from paysim.population.comparison import Role, Row, share
from paysim.population.conditions import CONDITIONS, prevalence
from paysim.population.profile import RegionProfile
from paysim.population.published import Level, published_levels
from paysim.population.schema import EDUCATION, RISK_FACTORS, Population
from paysim.population.traits import LOW, MID

OVERWEIGHT, OBESE = 25.0, 30.0  # kg/m2, World Health Organization
COLUMNS_OF_DISEASES = (
    *("diabetes", "poor_control", "microvascular", "prior_mi", "angina", "prior_stroke", "pad", "heart_failure"),
    *("ckd", "copd", "depression", "cancer", "dementia", "nursing_home"),
)
"""Columns of a population that say who has a disease, or which stage."""
TITLES = {
    "prior_mi": "earlier infarction",
    "prior_stroke": "earlier stroke",
    "pad": "peripheral arterial disease",
    "ckd": "chronic kidney disease",
    "ascvd": "infarction or stroke",
    "chd": "coronary heart disease",
    "angina": "chronic ischaemic heart disease",
    "copd": "COPD",
    "cvd": "cardiovascular disease",
    "two_or_more": "two or more chronic conditions",
}
PAIRS = (
    *(("ascvd", "diabetes"), ("heart_failure", "ascvd"), ("heart_failure", "diabetes"), ("ckd", "diabetes")),
    *(("ckd", "heart_failure"), ("pad", "ascvd"), ("copd", "heart_failure"), ("depression", "diabetes")),
    *(("depression", "ascvd"), ("dementia", "prior_stroke"), ("cancer", "copd"), ("prior_stroke", "prior_mi")),
)
_REGISTERED = ("diabetes", "prior_mi", "prior_stroke")  # their published prevalence is a table of the country
_WIDER = {"ischaemic_heart_disease": "chd"}  # what the published table of a disease counts
_OTHERWISE = {"depression": " (within 12 months)", "cancer": " (within 10 years)"}  # the source counts more
_STARTS = (0, 40, 50, 60, 70, 80, AGES)
_GRADIENTS = {"mi": "prior_mi", "stroke": "prior_stroke"}
_EXPOSURES = ("smoker", "diabetes", "low_education")


def title(trait: str) -> str:
    """Return the words for a trait."""
    return TITLES.get(trait, trait.replace("_", " "))


def body_mass(population: Population, parameters: Parameters) -> np.ndarray:
    """Return the body-mass index of each person in kg/m2, as the engine reads it from the z-score."""
    tables = load_risk_factors(parameters)
    bmi = RISK_FACTORS.index("bmi")
    mean, sd = (part[population.sex, population.completed_age, bmi] for part in (tables.mean, tables.sd))
    return np.asarray(mean + sd * population.z_bmi)


def all_traits(population: Population, parameters: Parameters) -> dict[str, np.ndarray]:
    """Return who has each trait that a target can name, bool arrays by name; `parameters` are those of diseases."""
    names = (*COLUMNS_OF_DISEASES, "smoker", "ex_smoker", "deprived", "preferential", "enrolled", "statin", "bp_drugs")
    found = {name: getattr(population, name) > 0 for name in names}
    bmi = body_mass(population, parameters)
    found["all"] = np.ones(len(population), dtype=bool)
    found["ascvd"] = population.ascvd
    found["chd"] = found["prior_mi"] | found["angina"]
    found["cvd"] = population.ascvd | found["angina"] | found["pad"] | found["heart_failure"]
    found["moderate_overweight"] = (bmi >= OVERWEIGHT) & (bmi < OBESE)
    found["overweight"], found["obesity"] = bmi >= OVERWEIGHT, bmi >= OBESE
    chronic = [found["chd"], *(found[name] for name in ("diabetes", "prior_stroke", "pad"))]
    chronic += [found[name] for name in ("heart_failure", "ckd", "copd", "depression", "cancer", "dementia")]
    found["two_or_more"] = np.sum(chronic, axis=0) >= 2
    return found


def published(population: Population, profile: RegionProfile, traits: Mapping[str, np.ndarray]) -> Iterator[Row]:
    """Yield published levels: overweight and obesity by age, totals, levels by education, comorbidity."""
    age = population.completed_age
    for level in published_levels(profile.country):
        trait, among = traits[level.trait], traits[level.among]
        who = among & (age >= level.age_from) & (age <= level.age_to)
        if level.sex != "both":
            who &= population.sex == ("M", "F").index(level.sex)
        if level.education != "all":
            who &= population.education == EDUCATION.index(level.education)
        if trait.any():  # a disease that the population does not have is not compared
            yield from share(_margin(level), _group(level), level.value, who, trait, level.role)


def _margin(level: Level) -> str:
    if level.among != "all":
        return "comorbidity, national level"
    name = title(level.trait)
    return name if level.role == "fitted" else f"{name}, national level"


def _group(level: Level) -> str:
    ages = f"{level.age_from}+" if level.age_to >= AGES - 1 else f"{level.age_from}-{level.age_to}"
    ages = "all ages" if ages == "0+" else ages
    parts = [f"{title(level.trait)} in {title(level.among)}" if level.among != "all" else ""]
    parts += [ages, "" if level.sex == "both" else level.sex]
    parts += ["" if level.education == "all" else f"{level.education} education"]
    parts += ["" if level.bound == "equal" else level.bound.replace("_", " ")]
    return ", ".join(part for part in parts if part)


def diseases(
    population: Population,
    profile: RegionProfile,
    parameters: Parameters,
    traits: Mapping[str, np.ndarray],
    weight: np.ndarray | None,
) -> Iterator[Row]:
    """Yield prevalence by sex and age: against what people are drawn from, and against what is published.

    People are drawn from the prevalence of the nation, which holds with the `weight` of `paysim.population.nation`.
    """
    drawn = prevalence(profile, parameters)
    for each in CONDITIONS:
        found = each.disease.stages(parameters)
        drawn[each.column] = np.sum([found[level] for level in each.levels], axis=0)
    for name, share_of in drawn.items():
        yield from _prevalence(population, title(name), share_of, traits[name], "fitted", weight)
    for name in _REGISTERED:
        columns, rows = profile.rows(name)
        share_of = np.where(rows >= 0, columns["prevalence"][rows], 0.0)
        yield from _prevalence(population, f"{title(name)}, published", share_of, traits[name], "derived")
    for folder, name in {each.disease.__name__.split(".")[-2]: each.column for each in CONDITIONS}.items():
        columns = parameters.table(f"{folder}.prevalence")
        rows = band_rows(columns, folder)
        share_of = np.where(rows >= 0, np.asarray(columns["per_1000"], float)[rows] / 1000.0, 0.0)
        name = _WIDER.get(folder, name)
        margin = f"{title(name)}{_OTHERWISE.get(name, '')}, published"
        yield from _prevalence(population, margin, share_of, traits[name], "derived")


def _prevalence(
    population: Population,
    margin: str,
    share_of: np.ndarray,
    trait: np.ndarray,
    role: Role,
    weight: np.ndarray | None = None,
) -> Iterator[Row]:
    age = population.completed_age
    expected = share_of[population.sex, age]
    for sex, letter in enumerate(SEXES):
        for low, high in pairwise(_STARTS):
            who = (population.sex == sex) & (age >= low) & (age < high)
            label = f"{letter} {low}-{high - 1}" if high < AGES else f"{letter} {low}+"
            target = 0.0
            if who.any():
                target = float(np.average(expected[who], weights=None if weight is None else weight[who]))
            yield from share(margin, label, target, who, trait, role, weight)


def comorbidity(population: Population, traits: Mapping[str, np.ndarray]) -> Iterator[Row]:
    """Yield how often one disease comes with another; the target is its share in others of the same sex and age."""
    cell = population.sex.astype(np.int64) * AGES + population.completed_age
    for trait, among in PAIRS:
        here, other = traits[among], traits[trait]
        if not (here.any() and other.any()):
            continue
        cases = np.bincount(cell[~here], other[~here], minlength=2 * AGES)
        number = np.bincount(cell[~here], minlength=2 * AGES)
        here = here & (number[cell] > 0)
        group = f"{title(trait)} in {title(among)}"
        expected = float((cases / np.maximum(number, 1))[cell[here]].mean()) if here.any() else 0.0
        yield from share("comorbidity, against others of the same sex and age", group, expected, here, other, "derived")


def education_gradients(
    population: Population, profile: RegionProfile, traits: Mapping[str, np.ndarray]
) -> Iterator[Row]:
    """Yield the odds ratio of low against mid education within sex and age, after Mantel and Haenszel.

    The target is the odds ratio of the synthesis, which holds other traits equal: exactly that for diabetes, a part
    of what is found where smoking, diabetes or deprivation add to it.
    """
    for name in ("diabetes", "mi", "stroke", "deprived", "preferential"):
        key = f"{name}_odds_low_education"
        trait = traits[_GRADIENTS.get(name, name)]
        if key not in profile or not trait.any():
            continue
        low, mid = population.education == LOW, population.education == MID
        result, error = _log_odds_ratio(population, trait, low, mid)
        if np.isfinite(result):
            margin, group = "disease by education", f"{title(_GRADIENTS.get(name, name))}, low against mid"
            role: Role = "fitted" if name == "diabetes" else "derived"
            yield Row(margin, group, "log_odds_ratio", float(np.log(profile[key])), result, error, role)


def _log_odds_ratio(
    population: Population, trait: np.ndarray, exposed: np.ndarray, others: np.ndarray
) -> tuple[float, float]:
    """Return the log odds ratio pooled over sex and five-year age, and its error.

    After Mantel and Haenszel, with the variance of Robins, Breslow and Greenland (Biometrics 1986).
    """
    stratum = population.sex.astype(np.int64) * AGES + population.completed_age // 5
    a, b, c, d = (
        np.bincount(stratum[who], minlength=2 * AGES).astype(float)
        for who in (exposed & trait, exposed & ~trait, others & trait, others & ~trait)
    )
    n = np.maximum(a + b + c + d, 1.0)
    r, s, p, q = a * d / n, b * c / n, (a + d) / n, (b + c) / n
    if r.sum() <= 0 or s.sum() <= 0:
        return np.nan, np.nan
    variance = (p * r).sum() / (2 * r.sum() ** 2) + (q * s).sum() / (2 * s.sum() ** 2)
    variance += (p * s + q * r).sum() / (2 * r.sum() * s.sum())
    return float(np.log(r.sum() / s.sum())), float(np.sqrt(variance))


def risk_factors(
    population: Population, profile: RegionProfile, weight: np.ndarray | None, *, whole: bool
) -> Iterator[Row]:
    """Yield means and deviations of z-scores, their correlations, and their shifts by smoking, diabetes, education.

    Means and deviations hold with the `weight` of `paysim.population.nation`, or, where a region has risk factors of
    its own, among its people as they are.
    """
    differ = nation.scores(profile)
    if differ is not None:
        weight = None
    columns, rows = profile.rows("risk_factors")
    row = rows[population.sex, population.completed_age]
    z = np.stack([getattr(population, f"z_{factor}") for factor in RISK_FACTORS], axis=1)
    if differ is not None:
        z = differ.of_nation(z, population.sex, population.completed_age)
    for cell, label in enumerate(age_labels(columns)):
        here = z[row == cell]
        if len(here) < 2:
            continue
        part = np.ones(len(here)) if weight is None else weight[row == cell]
        error = 0.0 if whole else 1.0 / np.sqrt(len(here))
        for i, factor in enumerate(RISK_FACTORS):
            mean = np.average(here[:, i], weights=part)
            deviation = np.sqrt(np.average((here[:, i] - mean) ** 2, weights=part))
            yield Row(f"mean of z_{factor}", label, "sd", 0.0, float(mean), error, "fitted")
            yield Row(f"deviation of z_{factor}", label, "sd", 1.0, float(deviation), error, "fitted")
    target = health.correlation_matrix(profile)
    scores = np.apply_along_axis(_normal_scores, 0, z[population.completed_age >= 20])
    result = np.corrcoef(scores, rowvar=False)
    for i, first in enumerate(RISK_FACTORS):
        for j in range(i):
            group = f"{RISK_FACTORS[j]} and {first}, 20+"
            error = (1.0 - target[i, j] ** 2) / np.sqrt(max(len(population), 1))
            margin, found = "correlation within sex and age", float(result[i, j])
            yield Row(margin, group, "correlation", target[i, j], found, error, "fitted")
    yield from _shifts(population, profile, z, row)


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Ranks as standard normals: the published correlations are those of a Gaussian copula."""
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = np.arange(len(values)) + 0.5
    return np.asarray(ndtri(rank / len(values)))


def _shifts(population: Population, profile: RegionProfile, z: np.ndarray, row: np.ndarray) -> Iterator[Row]:
    """Yield regression coefficients of each risk factor on its exposures together, within sex and age, 20 and over."""
    columns, table = profile.table("risk_factors"), profile.table("risk_factor_shifts")
    adult = np.flatnonzero((population.completed_age >= 20) & (row >= 0))
    if len(adult) <= len(columns["age_from"]) + len(_EXPOSURES):
        return
    cell = row[adult]
    number = np.maximum(np.bincount(cell), 1)
    position = np.array([1.0, profile["mid_education_position"], 0.0])
    exposure = np.stack(
        [population.smoker[adult], population.diabetes[adult], position[population.education[adult]]], axis=1
    ).astype(float)
    values = z[adult] * np.stack([columns[f"{factor}_sd"][cell] for factor in RISK_FACTORS], axis=1)
    for part in (exposure, values):
        for k in range(part.shape[1]):
            part[:, k] -= (np.bincount(cell, part[:, k]) / number)[cell]
    inverse = np.linalg.pinv(exposure.T @ exposure)
    coefficient = inverse @ exposure.T @ values
    spread = (values - exposure @ coefficient).std(axis=0)
    for index, name in enumerate(table["exposure"]):
        e = _EXPOSURES.index(name)
        for i, (factor, unit) in enumerate(zip(RISK_FACTORS, ("mmHg", "mmol/L", "mmol/L", "kg/m2"), strict=True)):
            error = float(spread[i] * np.sqrt(inverse[e, e]))
            margin, group = "shift of a risk factor within sex and age", f"{factor} by {title(name)}"
            yield Row(margin, group, unit, float(table[factor][index]), float(coefficient[e, i]), error, "derived")
