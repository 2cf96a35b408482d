"""The people of a region beside those of its nation: what makes its disease levels differ from the national ones.

Published rates and prevalences by sex and age are those of a nation. Where fewer people learned long or more of them
smoke, more fall ill at the same age. So levels are solved on *standard people*: those of the region, each weighted
by how many more or fewer of that sex and age have such an education and smoking in the nation::

    weight = P_nation(education | sex, age) / P_region(education | sex, age)
           * P_nation(smoking | sex, age, education) / P_region(smoking | sex, age, education)

The region's own people, unweighted, then have more or fewer cases than the nation, as their risk factors say; those of
the nation have the published ones. Where a region has risk factors of its own, standard people have the nation's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from paysim.diseases.ages import FEWEST_PERSONS, TEN_YEARS
from paysim.diseases.cohort import Cohort
from paysim.diseases.disease import Onset
from paysim.diseases.risk.factors import RiskFactorTables, load_risk_factors
from paysim.kernel.spec import COVARIATES
from paysim.parameters import Parameters
from paysim.population.ages import single_ages
from paysim.population.bands import AGES
from paysim.population.profile import RegionProfile, load_region
from paysim.population.schema import EDUCATION, RISK_FACTORS, Population
from paysim.population.traits import education_shares, smoking_chances

NATIONS = {"NL": "netherlands", "BE": "belgium"}
"""Country -> the region whose people have the published rates."""
_OF_SMOKING = ("smoking", "smoking_by_education")


@cache
def nation(country: str) -> RegionProfile:
    """Return the reference population of a country."""
    return load_region(NATIONS[country])


@dataclass(frozen=True)
class Shares:
    """What is expected of people by sex, completed age and education, ``[2, 111, 3]`` each.

    Attributes
    ----------
    education
        Share of each level among people of a sex and age.
    smoking
        Share of smokers among people of a sex, age and education.
    """

    education: np.ndarray
    smoking: np.ndarray


@cache
def national_shares(country: str) -> Shares:
    """Return what is expected of the people of a nation."""
    profile = nation(country)
    education = education_shares(profile)
    return Shares(education, smoking_chances(profile, single_ages(profile)[:, :, None] * education))


def shares(profile: RegionProfile) -> Shares:
    """Return what is expected of the people of a region.

    A region without a table of smoking of its own has the smokers of the nation at the same sex, age and education.
    """
    national, education = national_shares(profile.country), education_shares(profile)
    national_tables = [_is_national(profile, name) for name in _OF_SMOKING]  # reads both, whatever the first says
    if all(national_tables):
        return Shares(education, national.smoking)
    return Shares(education, smoking_chances(profile, single_ages(profile)[:, :, None] * education))


def weights(
    profile: RegionProfile,
    sex: np.ndarray,
    age: np.ndarray,
    education: np.ndarray,
    smoker: np.ndarray,
    *,
    drawn: bool = True,
) -> np.ndarray | None:
    """Return the weight ``[n]`` with which people have the education and smoking of the nation; None where all are one.

    Parameters
    ----------
    age
        Completed years.
    drawn
        Whether education and smoking were drawn from the profile. Those of other people are counted, by sex and ten
        years of age; a cell with fewer than `FEWEST_PERSONS` has a weight of one.
    """
    nation = national_shares(profile.country)
    if not drawn:
        return _counted(nation, sex, age, education, smoker)
    own = shares(profile)
    if np.array_equal(own.education, nation.education) and own.smoking is nation.smoking:
        return None
    of_smokers = _ratio(nation.smoking, own.smoking)
    of_others = _ratio(1.0 - nation.smoking, 1.0 - own.smoking)
    cell = (sex, age, education)
    of_smoking = np.where(smoker != 0, of_smokers[cell], of_others[cell])
    return np.asarray(_ratio(nation.education, own.education)[cell] * of_smoking)


def _ratio(wanted: np.ndarray, have: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(wanted, have, out=np.ones_like(wanted), where=have > 0.0))


def _counted(nation: Shares, sex: np.ndarray, age: np.ndarray, education: np.ndarray, smoker: np.ndarray) -> np.ndarray:
    """Return weights at which each band of people, as they are counted, has the education and smoking of the nation."""
    bands, levels = len(TEN_YEARS.starts), len(EDUCATION)
    band = sex.astype(np.int64) * bands + TEN_YEARS.of_age[age]
    smoking = nation.smoking[sex, age]
    wanted = np.zeros((2 * bands, 2, levels))
    for level in range(levels):
        of_level = nation.education[sex, age, level]
        wanted[:, 1, level] = np.bincount(band, of_level * smoking[:, level], 2 * bands)
        wanted[:, 0, level] = np.bincount(band, of_level * (1.0 - smoking[:, level]), 2 * bands)
    have = np.zeros_like(wanted)
    cell = (band, (np.asarray(smoker) != 0).astype(np.int64), education.astype(np.int64))
    np.add.at(have, cell, 1.0)
    return np.asarray(np.where(have >= FEWEST_PERSONS, _ratio(wanted, have), 1.0)[cell])


@dataclass(frozen=True)
class Scores:
    """Risk factors of a region on the scale of its nation: ``z = shift + scale * (z within the region)``.

    Attributes
    ----------
    shift, scale
        ``[2, 111, 4]`` in deviations of the nation's people of that sex and age.
    """

    shift: np.ndarray
    scale: np.ndarray

    def of_region(self, z: np.ndarray, sex: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return z-scores ``[n, 4]`` within a region on the scale of the nation."""
        return np.asarray(self.shift[sex, age] + self.scale[sex, age] * z)

    def of_nation(self, z: np.ndarray, sex: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return the z-scores ``[n, 4]`` that people of a region would have with the risk factors of the nation."""
        return np.asarray((z - self.shift[sex, age]) / self.scale[sex, age])


def scores(profile: RegionProfile) -> Scores | None:
    """Return how the risk factors of a region differ from those of the nation; None where they do not."""
    if _is_national(profile, "risk_factors"):
        return None
    (own, row), (national, national_row) = profile.rows("risk_factors"), nation(profile.country).rows("risk_factors")
    shape = (2, AGES, len(RISK_FACTORS))
    shift, scale, known = np.zeros(shape), np.ones(shape), (row >= 0) & (national_row >= 0)
    for k, name in enumerate(RISK_FACTORS):
        here, there = row[known], national_row[known]
        mean, sd = national[f"{name}_mean"][there], national[f"{name}_sd"][there]
        shift[known, k] = (own[f"{name}_mean"][here] - mean) / sd
        scale[known, k] = own[f"{name}_sd"][here] / sd
    return Scores(shift, scale)


def more_cases(differ: Scores, onset: Onset, health: Parameters) -> np.ndarray:
    """Return the log odds ``[2, 111]`` by which more have a disease where risk factors differ from those of the nation.

    ``b (m_region - m_nation) + b^2 (s_region^2 - s_nation^2) / 2`` summed over risk factors, with b the slope of new
    cases: exact for a rare disease and normal, independent risk factors.
    """
    sd, total = load_risk_factors(health).sd, np.zeros((2, AGES))
    for k, name in enumerate(RISK_FACTORS):
        per_sd = onset.slopes.get(name, 0.0) * sd[:, :, k]
        total += per_sd * differ.shift[:, :, k] + per_sd**2 * (differ.scale[:, :, k] ** 2 - 1.0) / 2.0
    return total


def standard_people(profile: RegionProfile, people: Population, cohort: Cohort, tables: RiskFactorTables) -> Cohort:
    """Return the cohort on which the levels of diseases are solved: with the traits of the nation at each sex and age.

    Imported people keep their own risk factors, because nothing tells them from those of the nation.
    """
    imported = bool(people.import_note)
    weight = weights(profile, cohort.sex, cohort.age, people.education, people.smoker, drawn=not imported)
    differ = None if imported else scores(profile)
    if differ is None:
        return replace(cohort, weight=weight)
    covariates = cohort.covariates.copy()
    z = np.stack([getattr(people, f"z_{name}") for name in RISK_FACTORS], axis=1)
    more = (z - differ.of_nation(z, cohort.sex, cohort.age)) * tables.sd[cohort.sex, cohort.age]
    for k, name in enumerate(RISK_FACTORS):
        covariates[:, COVARIATES.index(name)] -= more[:, k]
    return replace(cohort, weight=weight, covariates=covariates)


def _is_national(profile: RegionProfile, name: str) -> bool:
    """Whether a table of a region says the same as that of its nation."""
    own, national = profile.table(name), nation(profile.country).table(name)
    return all(bool(np.array_equal(np.asarray(own[column]), np.asarray(national[column]))) for column in national)
