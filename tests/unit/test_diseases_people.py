"""A small synthetic population from published national prevalences; other tests of diseases load `make_people`."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from paysim.diseases.ages import TEN_YEARS, national_weights
from paysim.diseases.health import health_parameters
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters
from paysim.population.conditions import draw_conditions
from paysim.population.keys import Domain, keys

# Share by sex and band 0-29, 30-39, ..., 90 and over: Nivel 2017 and 2020, vzinfo.nl 2021, rounded.
PREVALENCE = {
    "prior_mi": [
        [0, 0.001, 0.008, 0.027, 0.05, 0.072, 0.082, 0.073],
        [0, 0, 0.003, 0.009, 0.016, 0.026, 0.039, 0.042],
    ],
    "prior_stroke": [
        [0, 0.002, 0.007, 0.022, 0.06, 0.125, 0.195, 0.21],
        [0, 0.003, 0.007, 0.018, 0.044, 0.098, 0.17, 0.2],
    ],
    "diabetes": [
        [0.004, 0.013, 0.037, 0.087, 0.165, 0.24, 0.265, 0.26],
        [0.005, 0.012, 0.03, 0.066, 0.125, 0.2, 0.253, 0.25],
    ],
}
TREATED = [0, 0, 0.03, 0.12, 0.25, 0.35, 0.35, 0.3]


def make_people(n: int, seed: int = 1) -> SimpleNamespace:
    """Draw `n` people with the columns that `cohort_from_population` reads."""
    rng = np.random.default_rng(seed)
    weights = national_weights(health_parameters("NL").table("mortality.national_population"))
    cell = rng.choice(weights.size, n, p=(weights / weights.sum()).ravel())
    sex, age = cell // AGES, cell % AGES
    band = TEN_YEARS.of_age[age]
    has = {name: rng.random(n) < np.array(share)[sex, band] for name, share in PREVALENCE.items()}
    event, high = has["prior_mi"] | has["prior_stroke"], rng.random(n) < np.array(TREATED)[band]

    def share(of_event: float, of_diabetes: float, of_high: float) -> np.ndarray:
        chance = np.select([event, has["diabetes"], high], [of_event, of_diabetes, of_high])
        return rng.random(n) < chance

    return SimpleNamespace(
        seed=seed,
        person=np.arange(n),
        sex=sex.astype(np.int8),
        age=age + rng.random(n),
        education=rng.choice(3, n, p=[0.26, 0.42, 0.32]).astype(np.int8),
        deprived=(rng.random(n) < 0.1).astype(np.int8),
        smoker=((age >= 15) & (rng.random(n) < 0.2)).astype(np.int8),
        **{f"z_{name}": rng.standard_normal(n) for name in ("sbp", "tc", "hdl", "bmi")},
        **{name: held.astype(np.int8) for name, held in has.items()},
        statin=share(0.75, 0.6, 0.6).astype(np.int8),
        bp_drugs=(share(0.7, 0.7, 0.8) * (1 + (rng.random(n) < 0.4))).astype(np.int8),
        enrolled=share(0.65, 0.87, 0.4).astype(np.int8),
        frailty=np.exp(rng.normal(-0.245, 0.7, n)),
    )


def make_ill_people(n: int, params: Parameters, seed: int = 1) -> SimpleNamespace:
    """Draw `n` people with all diseases and treatments as well, at the prevalence that the parameters imply."""
    people = make_people(n, seed)
    columns = {name: value for name, value in vars(people).items() if name != "seed"}
    former = np.random.default_rng(seed + 1).random(n) < 0.3
    columns["ex_smoker"] = ((people.age >= 25) & (people.smoker == 0) & former).astype(np.int8)
    age = people.age.astype(np.int64)
    draw_conditions(params, columns, people.sex.astype(np.int64), age, keys(seed, Domain.PERSON, people.person))
    return SimpleNamespace(seed=seed, **columns)


def test_people_look_like_the_netherlands():
    people = make_people(40_000)
    assert abs(people.prior_stroke.mean() - 0.03) < 0.003
    assert abs(people.diabetes.mean() - 0.066) < 0.005
    assert abs((people.age >= 65).mean() - 0.198) < 0.01  # CBS 2021
