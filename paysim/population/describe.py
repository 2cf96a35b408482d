"""Target against result for every margin and for the joint structure that the synthesis claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.diseases.health import health_parameters
from paysim.population import health, joint, nation, traits
from paysim.population.bands import AGES, SEXES, age_labels
from paysim.population.comparison import Role, Row, share
from paysim.population.profile import RegionProfile, load_region
from paysim.population.schema import EDUCATION, Population

if TYPE_CHECKING:
    import pandas as pd

IMPORTED = "an imported file"
"""Whose people may be some of a region: their counts are scaled to it, to compare shares."""

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
        weighted to the region; those of an imported file are scaled to it, all persons apart, so that shares are
        compared. z is the difference in standard errors, nan where the standard error is 0 or
        unknown and where the role is ``derived``: nothing draws such a result from its target.
    """
    import pandas as pd

    profile = load_region(population.region) if region is None else region
    rows = [row for part in _PARTS for row in part(population, profile)]
    columns: dict[str, list[Any]] = {name: [getattr(row, name) for row in rows] for name in Row._fields}
    difference = np.array(columns["result"]) - np.array(columns["target"])
    error = np.array(columns["standard_error"])
    columns["difference"] = difference.tolist()
    drawn = (error > 0) & (np.array(columns["role"]) != "derived")
    columns["z"] = (difference / np.where(drawn, error, np.nan)).tolist()
    return pd.DataFrame({name: columns[name] for name in FRAME_COLUMNS})


def _whole(population: Population, profile: RegionProfile) -> bool:
    """Whether these are all the people that the synthesis makes of a region."""
    return len(population) == profile.simulated.total


def _persons(population: Population, profile: RegionProfile) -> Iterator[Row]:
    counts, imported = profile.persons, bool(population.import_note)
    whole = _whole(population, profile) and not imported
    weight = population.persons_in_region / len(population)
    if imported:
        people = f"all, in {IMPORTED}"
        yield Row("persons", people, "persons", float(counts.total), float(len(population)), 0.0, "derived")
        weight = counts.total / len(population)
    role: Role = "fitted" if not whole else "exact" if weight == 1.0 else "rounded"

    def count(margin: str, group: str, cells: np.ndarray, who: np.ndarray, *, places: bool = False) -> Row:
        target = float(counts.persons[cells].sum())
        if role == "exact":
            error = 0.0
        elif role == "rounded":  # every cell is off by less than one simulated person, evenly
            error = weight * np.sqrt(np.count_nonzero(cells) / 12.0)
        elif places:  # whole practices are taken, so places come and go with them: no simple sampling error
            error = np.nan
        else:
            error = weight * np.sqrt(max(target / weight * (1.0 - target / counts.total), 0.0))
        return Row(margin, group, "persons", target, weight * np.count_nonzero(who), float(error), role)

    age, everybody = population.completed_age, population.sex >= 0
    if not imported:
        yield count("persons", "all", counts.sex >= 0, everybody)._replace(standard_error=0.0)
    for sex, letter in enumerate(SEXES):
        yield count("persons by sex", letter, counts.sex == sex, population.sex == sex)
    for index, name in enumerate(population.municipalities):
        here = population.municipality == index
        yield count("persons by municipality", name, counts.municipality == index, here, places=True)
    bands = sorted({(int(low), int(high)) for low, high in zip(counts.age_from, counts.age_to, strict=True)})
    for low, high in bands:
        label = f"{low}-{high}" if high < AGES - 1 else f"{low}+"
        inside, cells = (age >= low) & (age <= high), counts.age_from == low
        yield count("persons by age", label, cells, inside)
        for sex, letter in enumerate(SEXES):
            here = inside & (population.sex == sex)
            yield count("persons by sex and age", f"{letter} {label}", cells & (counts.sex == sex), here)
    if whole:
        shape = (len(population.municipalities), 2, len(bands))
        starts = [low for low, _ in bands]
        found, wanted = np.zeros(shape), np.zeros(shape)
        band = np.searchsorted(starts, age, side="right") - 1
        np.add.at(found, (population.municipality, population.sex, band), weight)
        np.add.at(wanted, (counts.municipality, counts.sex, np.searchsorted(starts, counts.age_from)), counts.persons)
        largest, error = float(np.abs(found - wanted).max()), 0.0 if role == "exact" else np.nan
        yield Row("persons by municipality, sex and age", "largest gap", "persons", 0.0, largest, error, role)


def _education(population: Population, profile: RegionProfile) -> Iterator[Row]:
    shares = traits.education_shares(profile)
    columns, rows = profile.rows("education")
    age, labels = population.completed_age, age_labels(columns)
    row = rows[population.sex, age]
    for cell in np.unique(row[row >= 0]):
        who = row == cell
        for level, name in enumerate(EDUCATION):
            target = float(shares[population.sex[who], age[who], level].mean())
            yield from share(f"education {name}", labels[cell], target, who, population.education == level)


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
        yield from share(margin, label, float(columns[column][cell]), row == cell, trait, role)


def _smoking(population: Population, profile: RegionProfile) -> Iterator[Row]:
    chances, age = nation.shares(profile).smoking, population.completed_age
    columns, rows = profile.rows("smoking")
    row, expected = rows[population.sex, age], chances[population.sex, age, population.education]
    for cell, label in enumerate(age_labels(columns)):
        here = row == cell
        if here.any():
            yield from share("smoking", label, float(expected[here].mean()), here, population.smoker)
    gradient, rows = profile.rows("smoking_by_education")
    row = rows[population.sex, age]
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
            role: Role = "fitted" if population.region == nation.NATIONS[profile.country] else "derived"
            yield Row("smoking by education", group, "log_odds_ratio", target, result, error, role)


def _ex_smoking(population: Population, profile: RegionProfile) -> Iterator[Row]:
    chances = traits.ex_smoking_chances(profile)
    columns, rows = profile.rows("ex_smoking")
    age = population.completed_age
    row = rows[population.sex, age]
    for cell, label in enumerate(age_labels(columns)):
        who = (row == cell) & (population.smoker == 0)
        target = float(chances[population.sex[who], age[who], population.education[who]].mean()) if who.any() else 0.0
        yield from share("ex-smoking among those who do not smoke", label, target, who, population.ex_smoker == 1)


def _joint(population: Population, profile: RegionProfile) -> Iterator[Row]:
    diseases = health_parameters(profile.country)
    who = joint.all_traits(population, diseases)
    yield from joint.published(population, profile, who)
    weight = nation.weights(
        profile,
        population.sex,
        population.completed_age,
        population.education,
        population.smoker,
        drawn=not population.import_note,
    )
    yield from joint.diseases(population, profile, diseases, who, weight)
    yield from joint.comorbidity(population, who)
    yield from joint.education_gradients(population, profile, who)
    yield from joint.risk_factors(population, profile, weight, whole=_whole(population, profile))


def _treatment(population: Population, profile: RegionProfile) -> Iterator[Row]:
    taken = {"statin": population.statin > 0, "bp_drugs": population.bp_drugs > 0}
    for drug, trait in taken.items():
        yield from _by_table(population, profile, drug, "treatment", drug, trait, "fitted")
        yield from share(
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
        yield from share(
            "enrolled",
            names[code],
            float(target),
            adult & (indication == code),
            population.enrolled,
            "fitted",
        )


def _other(population: Population, profile: RegionProfile) -> Iterator[Row]:
    everyone = population.sex >= 0
    for name in ("deprived", "preferential"):
        if f"{name}_share" in profile:
            target, trait = profile[f"{name}_share"], getattr(population, name)
            error = _clustered_error(population, trait, target, whole=_whole(population, profile))
            yield Row(name, "all", "proportion", target, float(trait.mean()), error, "assumed")
    for index, name in enumerate(profile.insurers):
        yield from share("insurer", name, profile[f"insurer_{name}"], everyone, population.insurer == index, "assumed")
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


def _clustered_error(population: Population, trait: np.ndarray, target: float, *, whole: bool) -> float:
    """Deprived areas gather in practices, so in a sample practices are what is drawn, not people."""
    if whole:
        return float(np.sqrt(max(target * (1.0 - target), 0.0) / len(population)))
    lists, count = np.bincount(population.practice), len(population.practices)
    if count < 2:
        return np.nan
    excess = np.bincount(population.practice, trait) - lists * trait.mean()
    return float(np.sqrt((excess**2).sum() * count / (count - 1)) / len(population))


_PARTS = (_persons, _education, _smoking, _ex_smoking, _joint, _treatment, _other)
