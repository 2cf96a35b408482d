"""From a population to the cohort a model starts with: risk factors as values, flags nobody publishes.

Three flags are not in a population and are set here. ``recent_mi`` and ``recent_stroke``: as many of the
people with a past event as survived one last year at the published rates. ``high_risk``: people without
diabetes or a past event whose SCORE2 is over the Dutch limit for treatment, or who are already on preventive
treatment.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paysim.diseases.ages import TEN_YEARS
from paysim.diseases.cohort import Cohort, check_length, keyed_share
from paysim.diseases.ischaemic_heart_disease.model import WORDS as IHD
from paysim.diseases.risk.factors import RISK_FACTORS, RiskFactorTables, load_risk_factors
from paysim.diseases.risk.score2 import load_score2, needs_treatment
from paysim.diseases.stroke.model import WORDS as STROKE
from paysim.diseases.vascular_events import Words, load_published
from paysim.kernel.spec import AGES, COVARIATES
from paysim.parameters import Parameters

COLUMNS = (
    *("person", "sex", "age", "education", "deprived", "smoker", "frailty"),
    *(f"z_{name}" for name in RISK_FACTORS),
    *("diabetes", "prior_mi", "prior_stroke", "statin", "bp_drugs", "enrolled"),
)


def cohort_from_population(population: Any, params: Parameters, tables: RiskFactorTables | None = None) -> Cohort:
    """Return the cohort of a population.

    Parameters
    ----------
    population
        Anything with a seed and the columns of `COLUMNS`, each ``[n]``: sex 0 or 1, age in years, education
        0 to 2, smoker and conditions 0 or 1, bp_drugs 0 to 2, z_* scores, frailty with mean one.
    params
        From `paysim.diseases.health.health_parameters`.
    tables
        Means and standard deviations of the risk factors; read from `params` when left out.

    Raises
    ------
    ModelError
        If a column is missing or has another length.
    """
    n = check_length(population, COLUMNS)
    tables = load_risk_factors(params) if tables is None else tables
    sex = np.asarray(population.sex, np.int64)
    age = np.clip(np.floor(np.asarray(population.age)), 0, AGES - 1).astype(np.int64)
    education = np.asarray(population.education)
    columns = {
        "smoker": np.asarray(population.smoker, float),
        "edu_low": (education == 0).astype(float),
        "edu_high": (education == 2).astype(float),
        "log_frailty": np.log(np.asarray(population.frailty, float)),
    }
    for k, name in enumerate(RISK_FACTORS):
        z = np.asarray(getattr(population, f"z_{name}"), float)
        columns[name] = tables.mean[sex, age, k] + tables.sd[sex, age, k] * z
    covariates = np.zeros((n, len(COVARIATES)))
    for name, value in columns.items():
        covariates[:, COVARIATES.index(name)] = value
    flags = {
        name: np.asarray(getattr(population, name)) > 0
        for name in ("diabetes", "prior_mi", "prior_stroke", "statin", "enrolled")
    }
    flags["bp_drug_1"] = np.asarray(population.bp_drugs) >= 1
    flags["bp_drug_2"] = np.asarray(population.bp_drugs) >= 2
    cohort = Cohort(sex, age, covariates, flags, np.asarray(population.deprived), education)
    for words in (IHD, STROKE):
        flags[words.recent] = _recent(population, params, cohort, words)
    over = needs_treatment(
        load_score2(params), params, sex, age, *(columns[name] for name in ("smoker", "sbp", "tc", "hdl"))
    )
    treated = cohort.any_of(("statin", "bp_drug_1"))
    flags["high_risk"] = (over | treated) & ~cohort.any_of(("diabetes", "prior_mi", "prior_stroke"))
    return cohort


def _recent(population: Any, params: Parameters, cohort: Cohort, words: Words) -> np.ndarray:
    """Choose who of those with a past event had it within the year, keyed by person."""
    published = load_published(params, words.group)
    survivors = TEN_YEARS.sums(cohort.by_age(cohort.at(published.admissions * (1 - published.by_30_days))))
    prior = TEN_YEARS.sums(cohort.by_age(cohort.has(words.prior)))
    share = np.divide(survivors, prior, out=np.zeros_like(prior), where=prior > 0)
    share = TEN_YEARS.spread(np.minimum(share, 0.5))
    return np.asarray(cohort.has(words.prior) & keyed_share(population, cohort.at(share), words.recent))
