"""Target against result for every margin and for the joint structure that the synthesis claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped,unused-ignore]

from paysim.population import health, traits
from paysim.population.bands import AGES, SEXES, age_labels
from paysim.population.profile import RegionProfile, load_region
from paysim.population.schema import EDUCATION, RISK_FACTORS, Population

if TYPE_CHECKING:
    import pandas as pd

Role = Literal["exact", "fitted", "assumed", "derived"]


FRAME_COLUMNS = (
    "margin",
    "group",
    "unit",
    "target",
    "result",
    "difference",
    "standard_error",
    "z",
    "role",
)


class Row(NamedTuple):
    """One comparison.

    Attributes
    ----------
    standard_error
        Of the result as a draw from the target; 0 when the synthesis fixes the value, nan when not computed.
    role
        ``exact``: reproduced person by person; ``fitted``: a target of the synthesis; ``assumed``: a target
        that is our assumption; ``derived``: not imposed, follows from the rest.
    """

    margin: str
    group: str
    unit: str
    target: float
    result: float
    standard_error: float
    role: Role


def describe(population: Population, region: RegionProfile | None = None) -> pd.DataFrame:
    """Compare a population, or a sample, with the margins of its region.

    Parameters
    ----------
    region
        The profile; by default the one in the catalogue that has the population's name.

    Returns
    -------
    pandas.DataFrame
        margin, group, unit, target, result, difference, standard_error, z, role. Counts of a sample are
        weighted to the region. z is the difference in standard errors, nan where the standard error is 0 or
        unknown.
    """
    import pandas as pd

    profile = load_region(population.region) if region is None else region
    rows = [row for part in _PARTS for row in part(population, profile)]
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in Row._fields}
    difference = np.array(columns["result"]) - np.array(columns["target"])
    error = np.array(columns["standard_error"])
    columns["difference"] = difference.tolist()
    columns["z"] = (difference / np.where(error > 0, error, np.nan)).tolist()
    return pd.DataFrame({name: columns[name] for name in FRAME_COLUMNS})


def _share(
    margin: str, group: str, target: float, who: np.ndarray, trait: np.ndarray, role: Role = "fitted"
) -> Iterator[Row]:
    number = int(np.count_nonzero(who))
    if number:
        error = np.nan if role == "derived" else float(np.sqrt(max(target * (1.0 - target), 0.0) / number))
        yield Row(margin, group, "proportion", target, float(np.mean(trait[who])), error, role)


def _persons(population: Population, profile: RegionProfile) -> Iterator[Row]:
    counts = profile.persons
    whole = len(population) == population.persons_in_region
    weight = population.persons_in_region / len(population)
    role: Role = "exact" if whole else "fitted"

    def count(margin: str, group: str, unit: str, target: float, who: np.ndarray, *, places: bool) -> Row:
        # Whole practices are taken, so places come and go with their practices: no simple sampling error.
        spread = np.nan if places else weight * np.sqrt(max(target / weight * (1.0 - target / counts.total), 0.0))
        return Row(margin, group, unit, target, weight * np.count_nonzero(who), 0.0 if whole else float(spread), role)

    yield count("persons", "all", "persons", counts.total, population.sex >= 0, places=False)
    for index, name in enumerate(population.municipalities):
        target = int(counts.persons[counts.municipality == index].sum())
        yield count("persons by municipality", name, "persons", target, population.municipality == index, places=True)
    age = population.completed_age
    bands = sorted({(int(low), int(high)) for low, high in zip(counts.age_from, counts.age_to, strict=True)})
    for sex, letter in enumerate(SEXES):
        for low, high in bands:
            target = int(counts.persons[(counts.sex == sex) & (counts.age_from == low)].sum())
            label = f"{letter} {low}-{high}" if high < AGES - 1 else f"{letter} {low}+"
            who = (population.sex == sex) & (age >= low) & (age <= high)
            yield count("persons by sex and age", label, "persons", target, who, places=False)
    if whole:
        band = np.searchsorted([low for low, _ in bands], age, side="right") - 1
        shape = (len(population.municipalities), 2, len(bands))
        found = np.zeros(shape)
        np.add.at(found, (population.municipality, population.sex, band), 1.0)
        wanted = np.zeros(shape)
        place = np.searchsorted([low for low, _ in bands], counts.age_from)
        np.add.at(wanted, (counts.municipality, counts.sex, place), counts.persons)
        largest = float(np.abs(found - wanted).max())
        yield Row("persons by municipality, sex and age", "largest gap", "persons", 0.0, largest, 0.0, "exact")


def _education(population: Population, profile: RegionProfile) -> Iterator[Row]:
    shares = traits.education_shares(profile)
    columns, rows = profile.rows("education")
    age, labels = population.completed_age, age_labels(columns)
    row = rows[population.sex, age]
    for cell in np.unique(row[row >= 0]):
        who = row == cell
        for level, name in enumerate(EDUCATION):
            target = float(shares[population.sex[who], age[who], level].mean())
            yield from _share(f"education {name}", labels[cell], target, who, population.education == level)


def _by_table(
    population: Population,
    profile: RegionProfile,
    margin: str,
    table: str,
    column: str,
    trait: np.ndarray,
    role: Role,
) -> Iterator[Row]:
    columns, rows = profile.rows(table)
    row = rows[population.sex, population.completed_age]
    for cell, label in enumerate(age_labels(columns)):
        yield from _share(margin, label, float(columns[column][cell]), row == cell, trait, role)


def _smoking(population: Population, profile: RegionProfile) -> Iterator[Row]:
    yield from _by_table(population, profile, "smoking", "smoking", "smokers", population.smoker, "fitted")
    gradient, rows = profile.rows("smoking_by_education")
    row = rows[population.sex, population.completed_age]
    for cell, label in enumerate(age_labels(gradient)):
        for level in ("low", "high"):
            code, middle = EDUCATION.index(level), EDUCATION.index("mid")
            here, others = (
                (row == cell) & (population.education == code),
                (row == cell) & (population.education == middle),
            )
            a, b = population.smoker[here].mean(), population.smoker[others].mean()
            if not (0 < a < 1 and 0 < b < 1):
                continue
            result = float(np.log(a / (1 - a)) - np.log(b / (1 - b)))
            p, q = gradient[level][cell], gradient["mid"][cell]
            target = float(np.log(p / (1 - p)) - np.log(q / (1 - q)))
            error = float(np.sqrt(1 / (here.sum() * a * (1 - a)) + 1 / (others.sum() * b * (1 - b))))
            group = f"{level} against mid, {label}"
            yield Row("smoking by education", group, "log_odds_ratio", target, result, error, "fitted")


def _diseases(population: Population, profile: RegionProfile) -> Iterator[Row]:
    for name in ("diabetes", "prior_mi", "prior_stroke"):
        yield from _by_table(population, profile, name, name, "prevalence", getattr(population, name), "fitted")
    diabetic = population.diabetes == 1
    ascvd = population.ascvd
    age = population.completed_age
    if diabetic.any():
        cases = np.bincount(age[~diabetic], ascvd[~diabetic], minlength=AGES)
        rate = cases / np.maximum(np.bincount(age[~diabetic], minlength=AGES), 1)
        expected = float(rate[age[diabetic]].mean())
        yield from _share(
            "infarction or stroke in diabetes",
            "against others of the same age",
            expected,
            diabetic,
            ascvd,
            "derived",
        )


def _risk_factors(population: Population, profile: RegionProfile) -> Iterator[Row]:
    columns, rows = profile.rows("risk_factors")
    row = rows[population.sex, population.completed_age]
    weight = 1.0 / np.sqrt(max(len(population), 1))
    whole = len(population) == population.persons_in_region
    z = np.stack([getattr(population, f"z_{factor}") for factor in RISK_FACTORS], axis=1)
    for cell, label in enumerate(age_labels(columns)):
        here = z[row == cell]
        if len(here) < 2:
            continue
        error = 0.0 if whole else 1.0 / np.sqrt(len(here))
        for i, factor in enumerate(RISK_FACTORS):
            yield Row(f"mean of z_{factor}", label, "sd", 0.0, float(here[:, i].mean()), error, "fitted")
            yield Row(f"deviation of z_{factor}", label, "sd", 1.0, float(here[:, i].std()), error, "fitted")
    target = health.correlation_matrix(profile)
    scores = np.apply_along_axis(_normal_scores, 0, z[population.completed_age >= 20])
    result = np.corrcoef(scores, rowvar=False)
    for i, first in enumerate(RISK_FACTORS):
        for j in range(i):
            name = f"{RISK_FACTORS[j]} and {first}, 20+"
            error = (1.0 - target[i, j] ** 2) * weight
            yield Row(
                "correlation within sex and age",
                name,
                "correlation",
                target[i, j],
                float(result[i, j]),
                error,
                "fitted",
            )


def _normal_scores(values: np.ndarray) -> np.ndarray:
    """Ranks as standard normals: the published correlations are those of a Gaussian copula."""
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = np.arange(len(values)) + 0.5
    return np.asarray(ndtri(rank / len(values)))


def _treatment(population: Population, profile: RegionProfile) -> Iterator[Row]:
    taken = {"statin": population.statin > 0, "bp_drugs": population.bp_drugs > 0}
    for drug, trait in taken.items():
        yield from _by_table(population, profile, drug, "treatment", drug, trait, "fitted")
        yield from _share(
            f"{drug} after infarction or stroke",
            "all",
            profile[f"{drug}_ascvd"],
            population.ascvd,
            trait,
            "derived",
        )
    indication = health.programme_indication(population.ascvd, population.diabetes, taken["statin"] | taken["bp_drugs"])
    adult = population.completed_age >= profile["programme_from_age"]
    names = ("no indication", "treated for high risk", "infarction or stroke", "diabetes")
    for code, target in enumerate(health.programme_shares(profile)):
        yield from _share(
            "enrolled",
            names[code],
            float(target),
            adult & (indication == code),
            population.enrolled,
            "fitted",
        )


def _other(population: Population, profile: RegionProfile) -> Iterator[Row]:
    everyone = population.sex >= 0
    share, unit = float(population.deprived.mean()), "proportion"
    error = _deprived_error(population, profile["deprived_share"])
    yield Row("deprived", "all", unit, profile["deprived_share"], share, error, "assumed")
    for index, name in enumerate(profile.insurers):
        yield from _share("insurer", name, profile[f"insurer_{name}"], everyone, population.insurer == index, "assumed")
    error = float(np.sqrt(np.expm1(profile["frailty_sigma"] ** 2) / len(population)))
    yield Row("frailty", "mean", "ratio", 1.0, float(population.frailty.mean()), error, "assumed")
    fte = sum(practice.gp_fte for practice in population.practices)
    per_fte = len(population) / fte
    yield Row(
        "practices",
        "persons per full-time GP",
        "persons",
        profile["patients_per_gp_fte"],
        per_fte,
        np.nan,
        "fitted",
    )


def _deprived_error(population: Population, target: float) -> float:
    """Deprived areas gather in practices, so in a sample practices are what is drawn, not people."""
    if len(population) == population.persons_in_region:
        return float(np.sqrt(max(target * (1.0 - target), 0.0) / len(population)))
    lists, count = np.bincount(population.practice), len(population.practices)
    if count < 2:
        return np.nan
    excess = np.bincount(population.practice, population.deprived) - lists * population.deprived.mean()
    return float(np.sqrt((excess**2).sum() * count / (count - 1)) / len(population))


_PARTS = (_persons, _education, _smoking, _diseases, _risk_factors, _treatment, _other)
