"""From a population to the cohort a model starts with: risk factors as values, flags nobody publishes.

Flags that are not in a population are set here, keyed by person. ``recent_mi``, ``recent_stroke``, ``recent_cancer``,
``recent_tia``: as many of those with the disease as fell ill within the year (90 days for the last) at the published
rates. ``cancer_survivor``: as many as the rates imply. ``rehabilitation``: the covered share. ``high_risk``: people
without diabetes or a past event whose SCORE2 is over the Dutch limit for treatment, or who are already on preventive
treatment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, between_middles
from paysim.diseases.cancer import model as cancer
from paysim.diseases.cohort import Cohort, check_length, keyed_share
from paysim.diseases.disease import switched_on
from paysim.diseases.frailty import model as frailty
from paysim.diseases.heart_failure import model as heart_failure
from paysim.diseases.ischaemic_heart_disease import model as ischaemic_heart_disease
from paysim.diseases.risk.factors import RISK_FACTORS, RiskFactorTables, load_risk_factors
from paysim.diseases.risk.score2 import load_score2, needs_treatment
from paysim.diseases.stroke import model as stroke
from paysim.kernel.spec import AGES, COVARIATES
from paysim.parameters import Parameters

COLUMNS = (
    *("person", "sex", "age", "education", "deprived", "smoker", "frailty"),
    *(f"z_{name}" for name in RISK_FACTORS),
    *("diabetes", "prior_mi", "prior_stroke", "statin", "bp_drugs", "enrolled"),
)
SINGLE = (
    *("diabetes", "poor_control", "microvascular", "prior_mi", "angina", "prior_stroke", "pad", "heart_failure"),
    *("copd", "depression", "nursing_home", "smoker", "ex_smoker"),
    *("statin", "enrolled", "antiplatelet", "ezetimibe", "pcsk9", "inclisiran", "sglt2", "glp1"),
)
"""Columns of a population that are flags by themselves; a column that is missing holds for nobody."""
STAGED = {
    "ckd": ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5"),
    "cancer": ("cancer_good", "cancer_mid", "cancer_poor"),
}
"""Columns whose levels 1, 2, ... are flags."""
HELD = (*SINGLE, *STAGED, "dementia", "bp_drugs")


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
    check_length(population, COLUMNS)
    tables = load_risk_factors(params) if tables is None else tables
    sex = np.asarray(population.sex, np.int64)
    age = np.clip(np.floor(np.asarray(population.age)), 0, AGES - 1).astype(np.int64)
    people = {name: getattr(population, name) for name in (*COLUMNS, *HELD) if hasattr(population, name)}
    scores = {name: np.asarray(people[f"z_{name}"], float) for name in RISK_FACTORS}
    covariates = covariates_of(people, scores, tables, sex, age)
    covariates[:, COVARIATES.index("log_frailty")] += frailty.changing_part(population, params)
    flags = flags_of(people)
    if not switched_on(params, "trends.education"):
        _beside_contemporaries(covariates, sex, age)
    cohort = Cohort(sex, age, covariates, flags, np.asarray(population.deprived), np.asarray(population.education))
    for disease in (ischaemic_heart_disease, stroke):
        share = disease.stages(params)
        prior, recent = disease.WORDS.prior, disease.WORDS.recent
        within = np.divide(share[recent], share[prior], out=np.zeros((2, AGES)), where=share[prior] > 0)
        flags[recent] = cohort.has(prior) & keyed_share(population, cohort.at(np.minimum(within, 0.5)), recent)
    soon = np.minimum(
        stroke.stages(params)["recent_tia"] / np.maximum(stroke.stages(params)["prior_stroke"], 1e-12), 0.5
    )
    lately = keyed_share(population, cohort.at(soon), "recent_tia")
    flags["recent_tia"] = cohort.has("prior_stroke") & ~flags["recent_stroke"] & lately
    # Of the people after a stroke without an antiplatelet drug, as many as of all have had a haemorrhage.
    free = 1 - params["treatments.antiplatelet_coverage"]
    bled = np.minimum(stroke.haemorrhage_share(params) / max(free, 0.01), 1.0)
    chosen = keyed_share(population, cohort.at(bled), "prior_haemorrhage")
    flags["prior_haemorrhage"] = cohort.has("prior_stroke") & ~cohort.has("antiplatelet") & chosen
    share = heart_failure.stages(params)
    within = share["recent_hf_admission"] / np.maximum(share["heart_failure"], 1e-12)
    recent = keyed_share(population, cohort.at(within), "recent_hf_admission")
    flags["recent_hf_admission"] = cohort.has("heart_failure") & recent
    flags |= _cancer(population, params, cohort)
    covered = np.full((2, AGES), params["treatments.rehabilitation_coverage"])
    chosen = keyed_share(population, cohort.at(covered), "rehabilitation")
    flags["rehabilitation"] = cohort.has("prior_mi") & chosen
    smoker, sbp, tc, hdl = (covariates[:, COVARIATES.index(name)] for name in ("smoker", "sbp", "tc", "hdl"))
    over = needs_treatment(load_score2(params), params, sex, age, smoker, sbp, tc, hdl)
    treated = cohort.any_of(("statin", "bp_drug_1"))
    flags["high_risk"] = (over | treated) & ~cohort.any_of(("diabetes", "prior_mi", "prior_stroke"))
    return cohort


def _beside_contemporaries(covariates: np.ndarray, sex: np.ndarray, age: np.ndarray) -> None:
    """Take the mean of people of the same sex and age from the covariates of education.

    What counts then is schooling beside one's contemporaries. Published rates by age hold for people with the schooling
    of that age now; as better educated people grow old they stay what they are, and the gradient within an age too.
    """
    cell = sex * AGES + age
    persons = FIVE_YEARS.sums(np.bincount(cell, minlength=2 * AGES).reshape(2, AGES))
    for name in ("edu_low", "edu_high"):
        column = covariates[:, COVARIATES.index(name)]
        held = FIVE_YEARS.sums(np.bincount(cell, column, minlength=2 * AGES).reshape(2, AGES))
        # A thin band leans on all ages of both sexes: ten persons' weight.
        mean = (held + 10 * held.sum() / max(persons.sum(), 1)) / (persons + 10)
        column -= between_middles(FIVE_YEARS, mean)[sex, age]


def covariates_of(
    people: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    tables: RiskFactorTables,
    sex: np.ndarray,
    age: np.ndarray,
) -> np.ndarray:
    """Return the covariates ``[n, C]`` of people from their columns and the z-scores of their risk factors."""
    education = np.asarray(people["education"])
    columns = {
        "smoker": np.asarray(people["smoker"], float),
        "edu_low": (education == 0).astype(float),
        "edu_high": (education == 2).astype(float),
        "log_frailty": np.log(np.asarray(people["frailty"], float)),
    }
    for k, name in enumerate(RISK_FACTORS):
        columns[name] = tables.mean[sex, age, k] + tables.sd[sex, age, k] * scores[name]
    covariates = np.zeros((len(sex), len(COVARIATES)))
    for name, value in columns.items():
        covariates[:, COVARIATES.index(name)] = value
    return covariates


def flags_of(people: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return flag -> who holds it, ``[n]`` booleans, from the columns that are there; others hold for nobody."""
    none = np.zeros(len(people["sex"]), np.int8)
    held = {name: np.asarray(people.get(name, none)) for name in HELD}
    flags = {name: held[name] > 0 for name in SINGLE}
    flags |= {flag: held[name] == k for name, levels in STAGED.items() for k, flag in enumerate(levels, start=1)}
    flags |= {f"bp_drug_{k}": held["bp_drugs"] >= k for k in (1, 2)}
    return flags | {"dementia": held["dementia"] >= 1, "dementia_severe": held["dementia"] >= 2}


def _cancer(population: Any, params: Parameters, cohort: Cohort) -> dict[str, np.ndarray]:
    """Choose who fell ill within the year, and who is a survivor of five to ten years, keyed by person."""
    share = cancer.stages(params)
    recent = np.zeros(len(cohort), bool)
    for flag, new in cancer.recent_shares(params).items():
        recent |= cohort.has(flag) & keyed_share(population, cohort.at(new), f"recent {flag}")
    free = ~cohort.any_of(cancer.ACTIVE)
    active = sum(share[flag] for flag in cancer.ACTIVE)
    survivor = np.minimum(share["cancer_survivor"] / np.maximum(1 - active, 0.1), 0.9)
    chosen = keyed_share(population, cohort.at(survivor), "cancer_survivor")
    # A population without a single case knows nothing of cancer: then there are no survivors either.
    known = bool(cohort.any_of(cancer.ACTIVE).any())
    return {"recent_cancer": recent, "cancer_survivor": free & chosen & known}
