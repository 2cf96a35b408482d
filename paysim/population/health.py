"""Health at base: diabetes, earlier infarction and stroke, risk factors, treatment and programmes."""

from __future__ import annotations

import numpy as np

from paysim.errors import DataError, Problem
from paysim.parameters import Parameters
from paysim.population.bands import AGES
from paysim.population.keys import Trait, normal, uniform
from paysim.population.logistic import probabilities
from paysim.population.profile import RegionProfile
from paysim.population.schema import RISK_FACTORS
from paysim.population.traits import HIGH, LOW, MID, education_odds
from paysim.population.with_diabetes import log_odds

SKEWED = ("hdl", "bmi")
"""Risk factors with a log-normal shape; the others are normal."""

ADULT = 18
"""Age from which drugs are drawn: a child of whom a registry says infarction is not treated as an adult."""


def _with_prevalence(
    share: np.ndarray,
    sex: np.ndarray,
    age: np.ndarray,
    offset: np.ndarray,
    draw: np.ndarray,
    trait: Trait,
    weight: np.ndarray | None,
    more: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Draw a trait that has the `share` of a sex and age among weighted people without the log odds `more`."""
    cell = sex.astype(np.int64) * AGES + age
    chance = probabilities(cell, share.ravel(), offset + more, weight, offset)
    return (uniform(draw, trait) < chance).astype(np.int8)


def diabetes(
    profile: RegionProfile,
    share: np.ndarray,
    sex: np.ndarray,
    age: np.ndarray,
    education: np.ndarray,
    draw: np.ndarray,
    weight: np.ndarray | None = None,
    more: np.ndarray | None = None,
) -> np.ndarray:
    """Draw diabetes: the `share` of a sex and age ``[2, 111]``, with odds by education.

    Parameters
    ----------
    weight
        ``[n]`` at which the share holds, see `paysim.population.nation.weights`; one each by default.
    more
        Log odds ``[2, 111]`` by which a region with body masses of its own has more diabetes at the same education.
    """
    offset = education_odds(profile, "diabetes", education)
    return _with_prevalence(
        share, sex, age, offset, draw, Trait.DIABETES, weight, 0.0 if more is None else more[sex, age]
    )


def prior_mi(
    profile: RegionProfile,
    share: np.ndarray,
    sex: np.ndarray,
    age: np.ndarray,
    education: np.ndarray,
    smoker: np.ndarray,
    diabetes: np.ndarray,
    draw: np.ndarray,
    values: Parameters,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Draw earlier infarction by sex and age; more often with diabetes, smoking, low education."""
    ratio = np.array([[profile["mi_hr_diabetes_men"]], [profile["mi_hr_diabetes_women"]]])
    by_diabetes = log_odds(values, "prior_mi", share, ratio)[sex, age]
    offset = education_odds(profile, "mi", education) + by_diabetes * diabetes
    offset += np.log(profile["mi_odds_smoker"]) * smoker
    return _with_prevalence(share, sex, age, offset, draw, Trait.PRIOR_MI, weight)


def prior_stroke(
    profile: RegionProfile,
    share: np.ndarray,
    sex: np.ndarray,
    age: np.ndarray,
    education: np.ndarray,
    smoker: np.ndarray,
    diabetes: np.ndarray,
    prior_mi: np.ndarray,
    draw: np.ndarray,
    values: Parameters,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Draw earlier stroke or transient attack by sex and age; more often after an infarction too."""
    by_diabetes = log_odds(values, "prior_stroke", share, profile["stroke_hr_diabetes"])[sex, age]
    offset = education_odds(profile, "stroke", education) + by_diabetes * diabetes
    offset += np.log(profile["stroke_odds_smoker"]) * smoker + np.log(profile["stroke_odds_prior_mi"]) * prior_mi
    return _with_prevalence(share, sex, age, offset, draw, Trait.PRIOR_STROKE, weight)


def correlation_matrix(profile: RegionProfile) -> np.ndarray:
    """Return the published correlations of pressure, total and HDL cholesterol and BMI, ``[4, 4]``."""
    columns = profile.table("risk_factor_correlations")
    matrix = np.eye(len(RISK_FACTORS))
    for first, second, value in zip(columns["first"], columns["second"], columns["correlation"], strict=True):
        i, j = RISK_FACTORS.index(first), RISK_FACTORS.index(second)
        matrix[i, j] = matrix[j, i] = value
    return matrix


def risk_factors(
    profile: RegionProfile,
    sex: np.ndarray,
    age: np.ndarray,
    education: np.ndarray,
    smoker: np.ndarray,
    diabetes: np.ndarray,
    draw: np.ndarray,
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Draw risk factors as z-scores within sex and age.

    In each cell the published shifts by smoking, diabetes and education explain part of the covariance; a
    Gaussian remainder with the covariance (published - explained) adds the rest, so that correlations over
    all people of the cell are the published ones. HDL and BMI are then given a log-normal shape. Every cell
    ends with mean 0 and deviation 1 over people of the weights `weight` ``[n]`` (one each by default), who are as those
    of the nation: see `paysim.population.nation`.

    Returns
    -------
    numpy.ndarray
        ``[n, 4]``: sbp, tc, hdl, bmi.
    """
    columns, rows = profile.rows("risk_factors")
    mean = np.stack([columns[f"{factor}_mean"] for factor in RISK_FACTORS], axis=1)
    sd = np.stack([columns[f"{factor}_sd"] for factor in RISK_FACTORS], axis=1)
    published = correlation_matrix(profile)
    shift = _shifts(profile, education, smoker, diabetes)
    noise = np.stack([normal(draw, Trait.RISK_FACTOR, i) for i in range(len(RISK_FACTORS))], axis=1)
    row = rows[sex, age]
    z = np.zeros((len(draw), len(RISK_FACTORS)))
    for cell in np.unique(row[row >= 0]):
        people = np.flatnonzero(row == cell)
        part = np.ones(len(people)) if weight is None else weight[people]
        if not part.any():  # people as the nation has none, imported ones
            part = np.ones(len(people))
        part = part / part.sum()
        explained = shift[people] / sd[cell]
        explained -= part @ explained
        rest = published - (explained.T * part) @ explained
        try:
            root = np.linalg.cholesky(rest)
        except np.linalg.LinAlgError as exc:
            message = "shifts or correlations of risk factors leave no positive variance"
            raise DataError(Problem(message, key="risk_factor_shifts")) from exc
        here = _standard(explained + noise[people] @ root.T, part)
        for i, factor in enumerate(RISK_FACTORS):
            if factor in SKEWED:
                sigma = np.sqrt(np.log1p((sd[cell, i] / mean[cell, i]) ** 2))
                here[:, i] = np.exp(sigma * here[:, i])
        z[people] = _standard(here, part)
    return z


def _standard(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Centre and scale columns to mean 0 and deviation 1 over shares of people (a cell of one person gets 0)."""
    centred = values - part @ values
    spread = np.sqrt(part @ centred**2)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _shifts(profile: RegionProfile, education: np.ndarray, smoker: np.ndarray, diabetes: np.ndarray) -> np.ndarray:
    """Return the shift of each risk factor of each person in its own unit, ``[n, 4]``."""
    columns = profile.table("risk_factor_shifts")
    position = np.zeros(3)
    position[[LOW, MID, HIGH]] = 1.0, profile["mid_education_position"], 0.0
    exposure = {
        "smoker": smoker.astype(float),
        "diabetes": diabetes.astype(float),
        "low_education": position[education],
    }
    shift = np.zeros((len(smoker), len(RISK_FACTORS)))
    for index, name in enumerate(columns["exposure"]):
        for i, factor in enumerate(RISK_FACTORS):
            shift[:, i] += columns[factor][index] * exposure[name]
    return shift


def treatment_shares(
    profile: RegionProfile, drug: str, age: np.ndarray, ascvd: np.ndarray, diabetes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what share of each group takes a drug, so that the total of every age band is as published.

    Secondary prevention and diabetes have their own shares; what remains of the total falls to all others.
    Where the total leaves them less than the floor, they get the floor and the other two shares shrink in
    proportion.

    Returns
    -------
    row
        Row of the treatment table of each person, -1 below its youngest age.
    group
        0 others and all under `ADULT`, 1 diabetes from the treatment age, 2 ASCVD.
    shares
        ``[rows + 1, 3]``; the last row is for people below the youngest age of the table.
    """
    columns, rows = profile.rows("treatment")
    row = rows[0, age]
    from_age = profile["diabetes_treatment_from_age"]
    group = np.where(ascvd, 2, np.where((diabetes == 1) & (age >= from_age), 1, 0)) * (age >= ADULT)
    size = len(columns[drug])
    number = np.zeros((size + 1, 3))
    np.add.at(number, (row, group), 1.0)
    own = np.array([0.0, profile[f"{drug}_diabetes"], profile[f"{drug}_ascvd"]])
    shares = np.tile(own, (size + 1, 1))
    for band in range(size):
        wanted = columns[drug][band] * number[band].sum()
        asked = float(number[band] @ own)
        floor = min(profile["primary_prevention_floor"] * number[band, 0], wanted)
        others = max(wanted - asked, floor)
        shares[band] *= min(1.0, (wanted - others) / asked) if asked > 0 else 1.0
        shares[band, 0] = min(1.0, others / number[band, 0]) if number[band, 0] else 0.0
    return row, group, shares


def _treated(
    profile: RegionProfile,
    drug: str,
    age: np.ndarray,
    ascvd: np.ndarray,
    diabetes: np.ndarray,
    offset: np.ndarray,
) -> np.ndarray:
    """Return each person's probability of treatment; `offset` (log odds) ranks the group of others."""
    row, group, shares = treatment_shares(profile, drug, age, ascvd, diabetes)
    cell = np.where((group == 0) & (row >= 0), row, -1)
    return np.where(group == 0, probabilities(cell, shares[:-1, 0], offset), shares[row, group])


def bp_drugs(
    profile: RegionProfile,
    age: np.ndarray,
    ascvd: np.ndarray,
    diabetes: np.ndarray,
    z_sbp: np.ndarray,
    draw: np.ndarray,
) -> np.ndarray:
    """Draw the number of blood-pressure drugs, 0 to 2 (two or more)."""
    offset = np.log(profile["bp_drugs_odds_per_sd_pressure"]) * z_sbp
    treated = uniform(draw, Trait.BP_DRUGS) < _treated(profile, "bp_drugs", age, ascvd, diabetes, offset)
    second = uniform(draw, Trait.SECOND_BP_DRUG) < profile["two_bp_drugs"]
    return (treated.astype(np.int8) + (treated & second)).astype(np.int8)


def statin(
    profile: RegionProfile,
    age: np.ndarray,
    ascvd: np.ndarray,
    diabetes: np.ndarray,
    bp_drugs: np.ndarray,
    draw: np.ndarray,
) -> np.ndarray:
    """Draw statin use; among people without ASCVD or diabetes more often with blood-pressure drugs."""
    offset = np.log(profile["statin_odds_bp_drugs"]) * (bp_drugs > 0)
    chance = _treated(profile, "statin", age, ascvd, diabetes, offset)
    return (uniform(draw, Trait.STATIN) < chance).astype(np.int8)


def programme_shares(profile: RegionProfile) -> np.ndarray:
    """Return the enrolled share of adults by indication: none, high risk under treatment, ASCVD, diabetes."""
    type_2 = profile["programme_diabetes"] * profile["type_2_share"]
    return np.array([0.0, profile["programme_high_risk"], profile["programme_ascvd"], type_2])


def programme_indication(ascvd: np.ndarray, diabetes: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Return 0 none, 1 treated for high risk only, 2 ASCVD, 3 diabetes (diabetes wins over ASCVD)."""
    return np.where(diabetes == 1, 3, np.where(ascvd, 2, np.where(treated, 1, 0)))


def enrolled(
    profile: RegionProfile,
    age: np.ndarray,
    ascvd: np.ndarray,
    diabetes: np.ndarray,
    treated: np.ndarray,
    draw: np.ndarray,
) -> np.ndarray:
    """Draw enrolment in a chronic-care programme of general practice, for adults with an indication."""
    chance = programme_shares(profile)[programme_indication(ascvd, diabetes, treated)]
    chance = np.where(age >= profile["programme_from_age"], chance, 0.0)
    return (uniform(draw, Trait.ENROLLED) < chance).astype(np.int8)
