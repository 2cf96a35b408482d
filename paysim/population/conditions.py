"""Diseases and further treatments at base, drawn after the traits that make them more likely.

How many of a sex and age have a disease is what new cases and survival imply in a population whose rates never changed
(each disease's ``stages``); so prevalence stands still by itself in a run. Published prevalence is a check, unless
``population.prevalence`` is ``published``. Who has it is ranked as new cases are: by the risk factors, education and
diseases of the person that the disease's onset names; with diabetes as often as its hazard ratio leaves
(`paysim.population.with_diabetes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import NamedTuple

import numpy as np

from paysim.diseases.cancer import model as cancer
from paysim.diseases.chronic_kidney_disease import model as chronic_kidney_disease
from paysim.diseases.cohort import Cohort, log_relative_hazard
from paysim.diseases.copd import model as copd
from paysim.diseases.dementia import model as dementia
from paysim.diseases.depression import model as depression
from paysim.diseases.diabetes import model as diabetes
from paysim.diseases.disease import once
from paysim.diseases.heart_failure import model as heart_failure
from paysim.diseases.ischaemic_heart_disease import model as ischaemic_heart_disease
from paysim.diseases.peripheral_arterial_disease import model as peripheral_arterial_disease
from paysim.diseases.risk.factors import RISK_FACTORS, load_risk_factors
from paysim.diseases.starting import covariates_of, flags_of
from paysim.diseases.stroke import model as stroke
from paysim.diseases.treatments.model import TREATMENTS
from paysim.errors import Problem, ScenarioError
from paysim.kernel.spec import AGES, Transition
from paysim.kernel.tables import stream_key
from paysim.parameters import Parameters
from paysim.population import with_diabetes
from paysim.population.keys import Trait, uniform
from paysim.population.logistic import probabilities
from paysim.population.profile import RegionProfile
from paysim.population.schema import COLUMN_NAMES

SOURCES = ("stationary", "published")


class Condition(NamedTuple):
    """A column, the disease that explains it, and the states of `stages` at its levels 1, 2, ..."""

    column: str
    disease: ModuleType
    levels: tuple[str, ...]


CONDITIONS = (
    Condition("ckd", chronic_kidney_disease, ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5")),
    Condition("pad", peripheral_arterial_disease, ("pad",)),
    Condition("angina", ischaemic_heart_disease, ("angina",)),
    Condition("copd", copd, ("copd",)),
    Condition("heart_failure", heart_failure, ("heart_failure",)),
    Condition("depression", depression, ("depression",)),
    Condition("cancer", cancer, ("cancer_good", "cancer_mid", "cancer_poor")),
    Condition("dementia", dementia, ("mild", "severe", "nursing_home")),
)
"""In the order in which they are drawn: later ones may depend on earlier ones."""


def prevalence(profile: RegionProfile, health: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence of diabetes and of a past infarction or stroke, ``[2, 111]``, that people are drawn from.

    Raises
    ------
    ScenarioError
        If ``population.prevalence`` is not one of `SOURCES`.
    """
    source = profile.parameters.get_text("population.prevalence")
    if source not in SOURCES:
        raise ScenarioError(Problem("unknown value", key="population.prevalence", found=source, allowed=SOURCES))
    stages: dict[str, Callable[[Parameters], dict[str, np.ndarray]]] = {
        "diabetes": diabetes.stages,
        "prior_mi": ischaemic_heart_disease.stages,
        "prior_stroke": stroke.stages,
    }
    if source == "stationary":
        return {name: find(health)[name] for name, find in stages.items()}
    result = {}
    for name in stages:
        columns, rows = profile.rows(name)
        result[name] = np.where(rows >= 0, columns["prevalence"][rows], 0.0)
    return result


def draw_conditions(
    health: Parameters,
    columns: dict[str, np.ndarray],
    sex: np.ndarray,
    age: np.ndarray,
    draw: np.ndarray,
    weight: np.ndarray | None = None,
    standard_z: np.ndarray | None = None,
) -> None:
    """Add the columns of all diseases and treatments that are not there yet.

    Parameters
    ----------
    columns
        The people's traits so far, ``[n]`` each: education, smoking, risk factors, frailty and events among them.
    age
        Completed years.
    weight, standard_z
        ``[n]`` and ``[n, 4]``: the weights and risk factors with which people are as those of the nation, whose
        prevalence by sex and age holds; by default all alike, as they are. See `paysim.population.nation`.
    """
    tables = load_risk_factors(health)

    def covariates_at(z: np.ndarray) -> np.ndarray:
        return covariates_of(columns, dict(zip(RISK_FACTORS, z.T, strict=True)), tables, sex, age)

    own = np.stack([columns[f"z_{name}"] for name in RISK_FACTORS], axis=1)
    covariates = covariates_at(own)
    standard = covariates if standard_z is None else covariates_at(standard_z)
    for each in CONDITIONS:
        if each.column not in columns:
            cohort = Cohort(sex, age, covariates, flags_of(columns), columns["deprived"], columns["education"])
            columns[each.column] = _draw(each, health, cohort, draw, weight, standard)
            if each.column == "dementia":
                at_home = np.minimum(columns["dementia"], 2).astype(np.int8)
                columns.setdefault("nursing_home", (columns["dementia"] == 3).astype(np.int8))
                columns["dementia"] = at_home
    if "nursing_home" not in columns:
        columns["nursing_home"] = _nursing_home(health, columns["dementia"], sex, age, draw)
    known = columns["diabetes"] == 1
    share = diabetes.stages(health)
    ill = np.maximum(share["diabetes"], 1e-12)
    for name in ("poor_control", "microvascular"):
        chance = (share[name] / ill)[sex, age]
        chosen = known & (uniform(draw, Trait.CONDITION, int(stream_key(name))) < chance)
        columns.setdefault(name, chosen.astype(np.int8))
    _draw_treatments(health, columns, draw)


def _draw(
    each: Condition,
    health: Parameters,
    cohort: Cohort,
    draw: np.ndarray,
    weight: np.ndarray | None,
    standard: np.ndarray,
) -> np.ndarray:
    """Draw a column: whether a person is ill, ranked by the onset of the disease, then at which level."""
    found, onset = each.disease.stages(health), each.disease.onset(health)
    upto = np.cumsum([found[name] for name in each.levels], axis=0)
    lasting = each.column in with_diabetes.LASTING and "diabetes" in onset.log_hr
    without = {"diabetes"} if lasting else set()
    log_hr = {flag: value for flag, value in onset.log_hr.items() if flag not in without}
    row = Transition("rank", "onset", np.zeros((2, AGES)), slopes=onset.slopes, log_hr=log_hr)
    cell = cohort.sex * AGES + cohort.age
    offset = log_relative_hazard(row, cohort)
    differ = standard is not cohort.covariates
    of_nation = log_relative_hazard(row, replace(cohort, covariates=standard)) if differ else offset
    if lasting:
        more = cohort.at(_with_diabetes(health, each.column)) * cohort.has("diabetes")
        offset, of_nation = offset + more, of_nation + more
    chance = probabilities(cell, upto[-1].ravel(), offset, weight, of_nation)
    u = uniform(draw, Trait.CONDITION, int(stream_key(each.column)))
    # Within the ill the place of the draw is uniform again: it tells the level.
    place = np.divide(u, chance, out=np.ones_like(u), where=chance > 0)
    limits = upto[:, cohort.sex, cohort.age] / np.maximum(upto[-1][cohort.sex, cohort.age], 1e-12)
    level = 1 + (place[None, :] >= limits[:-1]).sum(axis=0)
    return np.where(u < chance, level, 0).astype(np.int8)


@once
def _with_diabetes(health: Parameters, column: str) -> np.ndarray:
    """Return the log odds ratio ``[2, 111]`` of the disease of a column, with diabetes against without."""
    each = next(each for each in CONDITIONS if each.column == column)
    found = each.disease.stages(health)
    ratio = float(np.exp(each.disease.onset(health).log_hr["diabetes"]))
    return with_diabetes.log_odds(health, column, np.sum([found[name] for name in each.levels], axis=0), ratio)


def _nursing_home(
    health: Parameters, stage: np.ndarray, sex: np.ndarray, age: np.ndarray, draw: np.ndarray
) -> np.ndarray:
    """Draw who of the people with a known, moderate or severe dementia lives in a nursing home."""
    found = dementia.stages(health)
    share = found["nursing_home"] / np.maximum(found["nursing_home"] + found["severe"], 1e-12)
    u = uniform(draw, Trait.CONDITION, int(stream_key("nursing_home")))
    return np.asarray((stage == 2) & (u < share[sex, age]), dtype=np.int8)


def _draw_treatments(health: Parameters, columns: dict[str, np.ndarray], draw: np.ndarray) -> None:
    for each in TREATMENTS:
        if each.flag not in COLUMN_NAMES or each.flag in columns:
            continue
        held: Mapping[str, np.ndarray] = flags_of(columns)
        able = np.logical_or.reduce([held[flag] for flag in each.indication])
        able &= np.logical_and.reduce([held[flag] for flag in each.needs], initial=True)
        u = uniform(draw, Trait.TREATMENT, int(stream_key(each.flag)))
        columns[each.flag] = (able & (u < health[f"treatments.{each.flag}_coverage"])).astype(np.int8)
