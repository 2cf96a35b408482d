"""Social traits: education, deprivation, smoking, insurer, preferential reimbursement, and frailty."""

from __future__ import annotations

import numpy as np
from scipy.special import logit  # type: ignore[import-untyped,unused-ignore]

from paysim.errors import DataError, Problem
from paysim.population.ages import single_ages
from paysim.population.keys import Domain, Trait, keys, normal, uniform
from paysim.population.logistic import by_level, probabilities
from paysim.population.profile import RegionProfile
from paysim.population.schema import EDUCATION

_LEVELLING_STEPS = 200
_LEVELLED_WITHIN = 1e-10
_SUM_WITHIN = 1e-6
_GRADIENT_STEPS = 50
_GRADIENT_WITHIN = 1e-6
_LEVELLED_FROM, _LEVELLED_TO = 15, 74  # ages of the totals that CBS 85525NED publishes
LOW, MID, HIGH = range(3)


def education_shares(profile: RegionProfile) -> np.ndarray:
    """Return the share of each education level, ``[2, 111, 3]`` by sex and completed age.

    The national table is multiplied by one factor a level until the region's published total of ages 15-74
    holds (people still at school counted as such); then everyone below ``final_education_age`` gets the
    shares of that age.
    """
    columns, rows = profile.rows("education")
    table = np.stack([columns[level] for level in EDUCATION], axis=1)
    off = np.abs(table.sum(axis=1) - 1.0) > 0.005
    if off.any():
        message = f"shares of row {int(np.flatnonzero(off)[0]) + 1} do not sum to 1"
        raise DataError(Problem(message, key="education"))
    table /= table.sum(axis=1, keepdims=True)
    if "education_low" in profile:
        target = np.array([profile[f"education_{level}"] for level in EDUCATION])
        if abs(target.sum() - 1.0) > _SUM_WITHIN:
            raise DataError(Problem("education_low, _mid and _high must sum to 1", found=f"{target.sum():g}"))
        table = _levelled(table, _weights(profile, rows, len(table)), target)
    final = int(profile["final_education_age"])
    filled = np.where(rows < 0, rows[:, final][:, None], rows)
    filled[:, :final] = filled[:, final][:, None]
    return np.asarray(table[filled])


def _weights(profile: RegionProfile, rows: np.ndarray, size: int) -> np.ndarray:
    """Persons aged 15-74 in each row of the education table."""
    counted = slice(_LEVELLED_FROM, _LEVELLED_TO + 1)
    return np.bincount(rows[:, counted].ravel(), single_ages(profile)[:, counted].ravel(), minlength=size)


def _levelled(table: np.ndarray, weight: np.ndarray, target: np.ndarray) -> np.ndarray:
    factor = np.ones(table.shape[1])
    for _ in range(_LEVELLING_STEPS):
        shares = table * factor
        shares /= shares.sum(axis=1, keepdims=True)
        total = weight @ shares / weight.sum()
        if np.abs(total - target).max() < _LEVELLED_WITHIN:
            break
        factor *= target / total
    return np.asarray(shares)


def education(profile: RegionProfile, sex: np.ndarray, age: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Draw education by sex and age: 0 low, 1 mid, 2 high."""
    upto = np.cumsum(education_shares(profile), axis=2)
    u = uniform(draw, Trait.EDUCATION)
    return np.asarray((u > upto[sex, age, LOW]).astype(np.int8) + (u > upto[sex, age, MID]), dtype=np.int8)


def education_odds(profile: RegionProfile, trait: str, education: np.ndarray) -> np.ndarray:
    """Return the log odds of a trait by education against mid education."""
    ratios = {LOW: profile[f"{trait}_odds_low_education"], HIGH: profile[f"{trait}_odds_high_education"]}
    return by_level(ratios, education)


def deprived(
    profile: RegionProfile, education: np.ndarray, practice: np.ndarray, seed: int, draw: np.ndarray
) -> np.ndarray:
    """Draw who lives in a deprived area: more of low education, and gathered in some practices."""
    places = normal(keys(seed, Domain.PRACTICE, np.arange(int(practice.max()) + 1)), Trait.PRACTICE_DEPRIVED)
    offset = education_odds(profile, "deprived", education) + profile["deprived_between_practices"] * places[practice]
    target = np.array([profile["deprived_share"]])
    chance = probabilities(np.zeros(len(draw), dtype=np.int64), target, offset)
    return (uniform(draw, Trait.DEPRIVED) < chance).astype(np.int8)


def smoker(chance: np.ndarray, sex: np.ndarray, age: np.ndarray, education: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Draw current smoking with the probability ``[2, 111, 3]`` of a sex, completed age and education."""
    return np.asarray(uniform(draw, Trait.SMOKER) < chance[sex, age, education], dtype=np.int8)


def smoking_chances(profile: RegionProfile, people: np.ndarray) -> np.ndarray:
    """Return the probability of smoking by sex, completed age and education, ``[2, 111, 3]``.

    The share of a sex and age is the published one. The published log odds between education levels are crude within
    broad ages of both sexes, so the odds used within sex and age are solved until the crude ones over all `people`
    ``[2, 111, 3]`` of those ages are as published.
    """
    columns, rows = profile.rows("smoking")
    gradient, gradient_rows = profile.rows("smoking_by_education")
    wanted = logit(np.stack([gradient[level] for level in EDUCATION], axis=1))
    wanted -= wanted[:, [MID]]
    cell = np.repeat(rows[:, :, None], len(EDUCATION), axis=2)
    band = np.repeat(gradient_rows[:, :, None], len(EDUCATION), axis=2)
    code = np.broadcast_to(np.arange(len(EDUCATION)), cell.shape)
    counted = (band >= 0) & (cell >= 0)
    group = np.where(counted, band * len(EDUCATION) + code, wanted.size).ravel()
    number = np.bincount(group, people.ravel(), minlength=wanted.size + 1)
    used = wanted.copy()
    for _ in range(_GRADIENT_STEPS):
        offset = np.where(band >= 0, used[band, code], 0.0)
        chance = probabilities(cell.ravel(), columns["smokers"], offset.ravel(), people.ravel())
        smokers = np.bincount(group, people.ravel() * chance, minlength=wanted.size + 1)
        share = (smokers / np.maximum(number, 1.0))[:-1].reshape(wanted.shape)
        known = np.asarray((share > 0).all(axis=1))
        crude = logit(np.where(known[:, None], share, 0.5))
        gap = np.where(known[:, None], wanted - (crude - crude[:, [MID]]), 0.0)
        if np.abs(gap).max() < _GRADIENT_WITHIN:
            break
        used += gap
    return chance.reshape(cell.shape)


def ex_smoking_chances(profile: RegionProfile) -> np.ndarray:
    """Return the probability that somebody who does not smoke has smoked, ``[2, 111, 3]``; 0 below the youngest age."""
    columns, rows = profile.rows("ex_smoking")
    table = np.stack([columns[level] for level in EDUCATION], axis=1)
    return np.where(rows[:, :, None] >= 0, table[rows], 0.0)


def ex_smoker(
    profile: RegionProfile,
    sex: np.ndarray,
    age: np.ndarray,
    education: np.ndarray,
    smoker: np.ndarray,
    draw: np.ndarray,
) -> np.ndarray:
    """Draw who has smoked and stopped, among those who do not smoke: published by sex, age and education."""
    chance = ex_smoking_chances(profile)[sex, age, education]
    return np.asarray((smoker == 0) & (uniform(draw, Trait.EX_SMOKER) < chance), dtype=np.int8)


def preferential_odds(
    profile: RegionProfile, age: np.ndarray, education: np.ndarray, deprived: np.ndarray
) -> np.ndarray:
    """Return the log odds of preferential reimbursement of each person."""
    old = age >= profile["preferential_old_from_age"]
    return np.asarray(
        education_odds(profile, "preferential", education)
        + np.log(profile["preferential_odds_deprived"]) * deprived
        + np.log(profile["preferential_odds_old"]) * old
    )


def preferential(
    profile: RegionProfile, age: np.ndarray, education: np.ndarray, deprived: np.ndarray, draw: np.ndarray
) -> np.ndarray:
    """Draw preferential (increased) reimbursement; nobody has it where the country does not know it."""
    if "preferential_share" not in profile:
        return np.zeros(len(draw), dtype=np.int8)
    offset = preferential_odds(profile, age, education, deprived)
    target = np.array([profile["preferential_share"]])
    chance = probabilities(np.zeros(len(draw), dtype=np.int64), target, offset)
    return np.asarray(uniform(draw, Trait.PREFERENTIAL) < chance, dtype=np.int8)


def frailty(profile: RegionProfile, draw: np.ndarray) -> np.ndarray:
    """Draw frailty: log-normal with expectation 1 in every cell of age, sex and education."""
    sigma = profile["frailty_sigma"]
    return np.asarray(np.exp(sigma * normal(draw, Trait.FRAILTY) - sigma * sigma / 2))


def insurer(profile: RegionProfile, draw: np.ndarray) -> np.ndarray:
    """Draw the insurer by regional shares."""
    shares = np.array([profile[f"insurer_{name}"] for name in profile.insurers])
    upto = np.cumsum(shares / shares.sum())[:-1]
    return np.searchsorted(upto, uniform(draw, Trait.INSURER), side="right").astype(np.int8)
