"""Shared savings against the closed forms of a measured savings rate with noise, and of the ratchet of rebasing.

With measured rate x ~ Normal(s, SE^2), threshold m and sharing S from the first euro, z = (m - s) / SE::

    P(paid)               = 1 - Phi(z)
    E(paid) / benchmark   = S (s (1 - Phi(z)) + SE phi(z))
    d E(paid) / d s       = S (1 - Phi(z) + m / SE phi(z))

A euro saved in year y of an agreement of three years lowers the next benchmark by its weight w, so that of it
1 - w (d^3 + d^4 + d^5) / d^y is kept, with d the discount factor.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from paysim.accounting.activity import Activity
from paysim.accounting.segments import CONDITIONS, SEGMENT_CONDITION
from paysim.contracts.contract import Contract, Part
from paysim.contracts.settlement import LINES, settle_all
from paysim.contracts.shared_savings import SharedSavings
from paysim.contracts.terms import read_contract

SIGMA_OF_ONE = 2.1
"""Standard deviation of one person's yearly payments, in means (the published order of magnitude)."""

GRID = np.linspace(-9.0, 9.0, 400_001)


def _expected(terms: SharedSavings, true_rate: float, error: float, persons: float) -> tuple[float, float]:
    """Return the chance of a payment and its mean, integrating the component itself over the noise."""
    rates = true_rate + error * GRID
    paid = terms.shared(rates, np.full(len(rates), persons), np.ones(len(rates)))
    weight = norm.pdf(GRID)
    return float(np.trapezoid(weight * (paid > 0.0), GRID)), float(np.trapezoid(weight * paid, GRID))


@pytest.mark.parametrize("minimum", [0.0, 0.02, 0.039])
@pytest.mark.parametrize("true_rate", [-0.01, 0.0, 0.03])
@pytest.mark.parametrize("error", [0.005, 0.03])
def test_payment_under_noise_is_the_closed_form(minimum: float, true_rate: float, error: float) -> None:
    terms = SharedSavings(0.5, minimum_savings_rate=minimum)
    z = (minimum - true_rate) / error
    chance, mean = _expected(terms, true_rate, error, 1e4)
    assert chance == pytest.approx(1.0 - norm.cdf(z), abs=1e-4)
    assert mean == pytest.approx(0.5 * (true_rate * (1.0 - norm.cdf(z)) + error * norm.pdf(z)), abs=1e-6)
    step = 1e-4
    ends = [_expected(terms, true_rate + sign * step, error, 1e4)[1] for sign in (-1.0, 1.0)]
    slope = 0.5 * (1.0 - norm.cdf(z) + minimum / error * norm.pdf(z))
    assert (ends[1] - ends[0]) / (2.0 * step) == pytest.approx(slope, abs=2e-2)


@pytest.mark.parametrize(
    ("persons", "chance", "mean"),
    [(5_000, 0.095, 0.0025), (10_000, 0.077, 0.0015), (20_000, 0.046, 0.0007), (50_000, 0.010, 0.00012)],
)
def test_noise_alone_pays_what_it_is_known_to_pay(persons: int, chance: float, mean: float) -> None:
    """The American minimum rates by size, a known benchmark, no true savings."""
    (part,) = read_contract("us/shared_savings_one_sided").components
    found = _expected(part.terms, 0.0, SIGMA_OF_ONE / persons**0.5, persons)  # type: ignore[arg-type]
    assert found[0] == pytest.approx(chance, abs=0.001)
    assert found[1] == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize(
    ("persons", "true_rate", "power"),
    [
        (5_000, 0.01, 0.16),
        (5_000, 0.02, 0.26),
        (5_000, 0.03, 0.38),
        (5_000, 0.05, 0.64),
        (20_000, 0.01, 0.16),
        (20_000, 0.02, 0.37),
        (20_000, 0.03, 0.63),
        (20_000, 0.05, 0.95),
        (100_000, 0.01, 0.07),
        (100_000, 0.02, 0.50),
        (100_000, 0.03, 0.93),
        (100_000, 0.05, 1.00),
    ],
)
def test_the_chance_of_being_paid_for_true_savings(persons: int, true_rate: float, power: float) -> None:
    (part,) = read_contract("us/shared_savings_one_sided").components
    found = _expected(part.terms, true_rate, SIGMA_OF_ONE / persons**0.5, persons)  # type: ignore[arg-type]
    assert found[0] == pytest.approx(power, abs=0.0051)


def _paid_by_year(weights: tuple[float, ...], saved: float, in_year: int) -> np.ndarray:
    """Return what is paid for six contract years under two agreements, when one year of the first costs less."""
    terms = SharedSavings(1.0, loss_rate=1.0, base_year_weights=weights, trend="none", rebase_every_years=3)

    def year(cost: float) -> Activity:
        plain = Activity.empty(("gp_consult",), ("a",), 1.0)
        plain.person_years[0, 0] = 1000.0
        payments = np.zeros((*plain.person_years.shape, len(LINES)))
        payments[0, 0, LINES.index("hospital")] = cost
        return Activity(**{**vars(plain), "lines": LINES, "payments": payments})

    costs = [1e6 - saved * (number == in_year) for number in range(6)]
    contract = Contract("savings", "savings", "insurers", "practices", (Part("savings", terms),))
    settled = settle_all([contract], [year(cost) for cost in costs], list(range(6)), [year(1e6)] * 3)
    return np.array([each.practice_revenue().sum() for each in settled])


@pytest.mark.parametrize(
    ("weights", "kept"),
    [((0.1, 0.3, 0.6), (0.73, 0.18, -0.69)), ((1.0, 1.0, 1.0), (0.11, 0.09, 0.06))],
)
def test_the_ratchet_takes_savings_back(weights: tuple[float, ...], kept: tuple[float, ...]) -> None:
    discount = 0.97
    for year, published in enumerate(kept):
        paid = _paid_by_year(weights, 1000.0, year) - _paid_by_year(weights, 0.0, year)
        whole = float(paid @ discount ** np.arange(6.0)) / (1000.0 * discount**year)
        weight = weights[year] / sum(weights)
        closed = 1.0 - weight * sum(discount**power for power in (3, 4, 5)) / discount**year
        assert whole == pytest.approx(closed, rel=1e-9)
        assert whole == pytest.approx(published, abs=0.0051)


def _book_of(years: list[dict[int, float]]) -> tuple[list[Activity], list[Activity]]:
    """Return a base year and years with payments by segment, a thousand people in each segment that is named."""

    def year(payments: dict[int, float]) -> Activity:
        plain = Activity.empty(("gp_consult",), ("a",), 1.0)
        paid = np.zeros((*plain.person_years.shape, len(LINES)))
        for segment, euros in payments.items():
            plain.person_years[0, segment] = 1000.0
            paid[0, segment, LINES.index("hospital")] = euros
        return Activity(**{**vars(plain), "lines": LINES, "payments": paid})

    return [year(years[0])], [year(each) for each in years[1:]]


def _paid(terms: SharedSavings, years: list[dict[int, float]]) -> list[float]:
    past, later = _book_of(years)
    contract = Contract("savings", "savings", "insurers", "practices", (Part("savings", terms),))
    settled = settle_all([contract], later, list(range(len(later))), past)
    return [float(each.practice_revenue().sum()) for each in settled]


@pytest.mark.parametrize("pooled", [False, True])
def test_an_advance_is_taken_off_savings_until_it_is_paid_back_and_off_nothing_else(pooled: bool) -> None:
    terms = SharedSavings(1.0, loss_rate=0.5, trend="none", pooled=pooled, recouped_eur_per_person=100.0)
    years = [{0: 1e6}, {0: 0.94e6}, {0: 1.02e6}, {0: 0.93e6}, {0: 0.98e6}]
    assert _paid(terms, years) == pytest.approx([0.0, -10_000.0, 30_000.0, 20_000.0], abs=1e-6)
    without = SharedSavings(1.0, loss_rate=0.5, trend="none", pooled=pooled)
    assert _paid(without, years) == pytest.approx([60_000.0, -10_000.0, 70_000.0, 20_000.0], abs=1e-6)


def test_savings_of_a_target_group_are_those_of_its_people() -> None:
    vascular = int(np.flatnonzero(CONDITIONS.index("vascular") == SEGMENT_CONDITION)[0])
    years = [{0: 1e6, vascular: 4e6}, {0: 2e6, vascular: 3.8e6}]
    terms = SharedSavings(1.0, loss_rate=1.0, trend="none", conditions=("vascular",))
    assert _paid(terms, years) == pytest.approx([0.2e6])
    assert _paid(SharedSavings(1.0, loss_rate=1.0, trend="none"), years) == pytest.approx([-0.8e6])
