"""Prevalence of a population whose rates never changed: closed forms, and the same people counted another way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from paysim.diseases.disease import implied_incidence, passing, stationary
from paysim.kernel.spec import AGES

NOBODY_DIES = np.zeros((2, AGES))
MIDDLE = np.arange(AGES) + 0.5
GOMPERTZ = np.stack([np.exp(-9.8 + 0.09 * np.arange(AGES)), np.exp(-10.2 + 0.09 * np.arange(AGES))])
STEP = 0.1
"""Of the solver, years: it is of second order, so a mean over a completed age is off by its square at the most."""


def both(rate: float | np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.asarray(rate, float), (2, AGES)).copy()


def mean_over_ages(of_age: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the mean of a function of exact age over each completed age, ``[111]``."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    ages = np.arange(AGES)[:, None] + (nodes + 1) / 2
    return np.asarray((of_age(ages) * weights / 2).sum(axis=1))


def test_new_cases_add_up_when_nobody_is_cured_or_dies() -> None:
    found = stationary(NOBODY_DIES, {"ill": both(0.004)})["ill"]
    np.testing.assert_allclose(found, 0.004 * both(MIDDLE), atol=0.004 * STEP**2)


def test_mortality_alike_for_all_changes_no_share() -> None:
    one = stationary(NOBODY_DIES, {"ill": both(0.004)})["ill"]
    np.testing.assert_allclose(stationary(GOMPERTZ, {"ill": both(0.004)})["ill"], one, rtol=1e-12)


@pytest.mark.parametrize("cured", [0.05, 0.5, 2.0])
def test_new_cases_and_cures_balance(cured: float) -> None:
    found = stationary(GOMPERTZ, {"ill": both(0.01)}, [("ill", None, cured)])["ill"]
    closed = mean_over_ages(lambda a: 0.01 / cured * (1 - np.exp(-cured * a)))
    np.testing.assert_allclose(found, both(closed), atol=0.01 * STEP**2 * max(1.0, cured))
    assert found[0, 100] == pytest.approx(0.01 / cured, rel=0.01)


def test_constant_excess_mortality_follows_the_riccati_equation() -> None:
    """``dp/da = i - e p (1 - p)`` has two standing points; from zero the lower one is approached."""
    i, e = 0.004, 0.03
    apart = np.sqrt(1 - 4 * i / e)
    low, high = (1 - apart) / 2, (1 + apart) / 2

    def closed(age: np.ndarray) -> np.ndarray:
        shrunk = np.exp(-e * apart * age)
        return low * high * (1 - shrunk) / (high - low * shrunk)

    found = stationary(both(0.5), {"ill": both(i)}, excess={"ill": e})["ill"]
    np.testing.assert_allclose(found, both(mean_over_ages(closed)), atol=i * STEP**2)


def test_two_stages_in_line() -> None:
    """With rate u from the first to the second, nobody cured: ``p1 = i/u (1 - exp(-u a))`` and ``p1 + p2 = i a``."""
    i, u = 0.003, 0.2
    found = stationary(GOMPERTZ, {"mild": both(i)}, [("mild", "severe", u)])
    np.testing.assert_allclose(found["mild"] + found["severe"], i * both(MIDDLE), atol=i * STEP**2)
    mild = mean_over_ages(lambda a: i / u * (1 - np.exp(-u * a)))
    np.testing.assert_allclose(found["mild"], both(mild), atol=i * STEP**2)


def test_three_stages_at_one_rate_are_an_erlang_chain() -> None:
    """A third stage after two waits of mean ``1/u``: who entered so long ago, ``i`` times the integral of Erlang(2)."""
    i, u = 0.002, 1.0
    found = stationary(NOBODY_DIES, {"1": both(i)}, [("1", "2", u), ("2", "3", u), ("3", None, u)])
    assert found["3"][0, 80] == pytest.approx(i / u, rel=1e-3)
    second = mean_over_ages(lambda a: i / u * (1 - np.exp(-u * a) * (1 + u * a)))
    np.testing.assert_allclose(found["2"], both(second), atol=i * STEP**2)


def test_moves_conserve_people() -> None:
    plain = stationary(NOBODY_DIES, {"a": both(0.004)})["a"]
    moves = [("a", "b", 0.3), ("b", "c", both(0.1)), ("c", "a", 0.2)]
    parts = stationary(NOBODY_DIES, {"a": both(0.004)}, moves)
    np.testing.assert_allclose(sum(parts.values()), plain, rtol=1e-9)


def _counted(
    life: np.ndarray, entry: np.ndarray, worse: np.ndarray, ratios: tuple[float, float], extra: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Follow a birth cohort of well, mild and severe people in absolute numbers; return shares and survivors by age.

    The hazard of death of the well is what makes all die as in the life table.
    """
    shares = np.zeros((2, AGES))
    alive = np.zeros(AGES)
    state = np.array([1.0, 0.0, 0.0, 0.0, 0.0])  # well, mild, severe, and years lived mild and severe over a share
    for age in range(AGES):

        def change(_: float, y: np.ndarray, age: int = age) -> np.ndarray:
            well, mild, severe = y[:3]
            total = well + mild + severe
            usual = (life[age] * total - extra * severe) / (well + ratios[0] * mild + ratios[1] * severe)
            new, step = entry[age] * total, worse[age] * mild
            return np.array(
                [
                    -new - usual * well,
                    new - step - ratios[0] * usual * mild,
                    step - (ratios[1] * usual + extra) * severe,
                    mild / total,
                    severe / total,
                ]
            )

        alive[age] = state[:3].sum()
        state[3:] = 0.0
        state = solve_ivp(change, (0.0, 1.0), state, rtol=1e-9, atol=1e-14).y[:, -1]
        shares[:, age] = state[3:]
    return shares[0], shares[1], alive


def test_a_birth_cohort_counted_in_heads_gives_the_same_shares() -> None:
    ages = np.arange(AGES)
    life = GOMPERTZ[0]
    entry = np.where(ages < 90, np.exp(-8.5 + 0.06 * ages), 0.0)
    worse = np.full(AGES, 0.1)
    mild, severe, alive = _counted(life, entry, worse, (1.5, 2.0), 0.01)
    # The cohort dies as the life table says: people are conserved in the comparison itself.
    np.testing.assert_allclose(alive[1:], np.exp(-np.cumsum(life)[:-1]), rtol=1e-6)
    found = stationary(
        np.stack([life, life]),
        {"mild": both(entry)},
        [("mild", "severe", both(worse))],
        hr={"mild": 1.5, "severe": 2.0},
        excess={"severe": 0.01},
    )
    for mine, theirs in ((found["mild"], mild), (found["severe"], severe)):
        np.testing.assert_allclose(mine[0], theirs, rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(mine[0], mine[1])


def test_excess_mortality_lowers_the_share() -> None:
    plain, deadly = (stationary(GOMPERTZ, {"ill": both(0.004)}, hr={"ill": ratio})["ill"] for ratio in (1.0, 3.0))
    assert (deadly <= plain + 1e-12).all()
    assert deadly[0, 85] < 0.8 * plain[0, 85]


def test_shares_stay_shares_under_impossible_rates() -> None:
    found = stationary(both(0.2), {"ill": both(0.5)}, hr={"ill": 50.0}, excess={"ill": 1.0})["ill"]
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize("hazard", [0.0, 0.05, 0.8])
def test_a_state_of_fixed_length_keeps_its_survivors_and_its_years(hazard: float) -> None:
    """Two years long: of those who enter ``exp(-2 h)`` reach its end, after ``(1 - exp(-2 h)) / h`` years in the mean."""
    i, years = 0.001, 2.0
    rate = passing(years, hazard)
    moves = [("new", "old", rate), ("new", None, hazard), ("old", None, 0.5)]
    found = stationary(NOBODY_DIES, {"new": both(i)}, moves)
    mean = years if hazard == 0 else (1 - np.exp(-years * hazard)) / hazard
    assert found["new"][0, 100] == pytest.approx(i * mean, rel=1e-6)
    assert found["old"][0, 100] == pytest.approx(i * np.exp(-years * hazard) / 0.5, rel=1e-6)


def test_lengths_by_age_are_taken_one_by_one() -> None:
    hazards = np.linspace(0.0, 3.0, 222).reshape(2, AGES)
    found = passing(1.0, hazards)
    assert found.shape == (2, AGES)
    assert found[0, 0] == 1.0
    assert found[1, 50] == passing(1.0, float(hazards[1, 50]))


def test_implied_incidence_is_stationary_the_other_way_round() -> None:
    life = GOMPERTZ
    ages = np.arange(AGES)
    wanted = np.broadcast_to(0.2 / (1 + np.exp(-(ages + 0.5 - 65) / 8)), (2, AGES))
    found = stationary(life, {"ill": implied_incidence(life, wanted, 1.5)}, hr={"ill": 1.5})["ill"]
    np.testing.assert_allclose(found[:, 30:100], wanted[:, 30:100], atol=0.002)
    assert found[0, 80] > 0.15
