"""What a hospital is paid for one more planned admission, and what it makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from paysim.accounting.book import Book
from paysim.accounting.episodes import Stays
from paysim.behaviour import load_behaviour
from paysim.behaviour.hospital import ELECTIVE, FOLLOW_UP, elective_margin, follow_up_margin, stay_margin
from paysim.contracts.admission_tariff import AdmissionPrice, AdmissionTariff
from paysim.contracts.contract import Contract, Part
from paysim.contracts.coverage import coverage
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.settlement import practice_net, settle
from paysim.contracts.tariff import Tariff
from tests.practice import PARAMETERS, SERVICES, WAGES, contract, norm_activity, situation


def tariff(price: float, sector: str = "hospital") -> Contract:
    prices = (ServicePrice(ELECTIVE, price), ServicePrice("gp_consult", 1e6))
    return Contract("t", "T", "insurers", "sectors", (Part("t", Tariff(sector, prices)),))  # type: ignore[arg-type]


@pytest.mark.parametrize("price", [0.0, 2500.0])
def test_a_tariff_is_the_marginal_revenue_of_an_admission(price: float) -> None:
    found = elective_margin(replace(situation(contract()), contracts=(contract(), tariff(price))))
    assert found.revenue_eur == pytest.approx(price)
    assert found.units == float(norm_activity().services[:, :, SERVICES.index(ELECTIVE)].sum())
    assert found.cost_eur == pytest.approx(SERVICES.resource_cost(WAGES)[SERVICES.index(ELECTIVE)])


def test_what_others_are_paid_is_nothing_to_the_hospital() -> None:
    assert elective_margin(replace(situation(contract()), contracts=(tariff(900.0, "other_care"),))).revenue_eur == 0.0


def test_two_halves_of_a_contract_are_the_whole() -> None:
    whole, half = tariff(1000.0), tariff(1000.0)
    halves = tuple(replace(half, name=f"h{k}", components=(replace(half.components[0], share=0.5),)) for k in range(2))
    now = situation(contract())
    each = [elective_margin(replace(now, contracts=c)).revenue_eur for c in ((whole,), halves)]
    assert each[0] == pytest.approx(each[1], rel=1e-12)


def test_nothing_to_admit_moves_nothing() -> None:
    empty = replace(norm_activity(), services=np.zeros_like(norm_activity().services))
    assert elective_margin(replace(situation(tariff(9.0)), activity=empty)).units == 0.0


def test_the_elasticity_is_price_over_altruism_and_curvature() -> None:
    values = {"altruism_mean": 0.8, "elective_curvature": 0.9}
    behaviour = load_behaviour("profit_altruism", values.items(), PARAMETERS)
    response = behaviour.best_elective(gain_eur=0.02 * 3000.0, cost_eur=3000.0) - 1.0  # type: ignore[attr-defined]
    assert response / 0.02 == pytest.approx(1.0 / (0.8 * 0.9))


def test_a_surcharge_for_long_stays_is_the_marginal_revenue_of_a_day() -> None:
    """All stays beyond the trim point: a day more in each of them brings the surcharge; without stays nothing is known."""
    long = AdmissionTariff((AdmissionPrice(ELECTIVE, 2500.0, 0, 0.0, 5, 100.0),))
    contracts = (contract(), Contract("t", "T", "insurers", "sectors", (Part("t", long),)))
    now = replace(situation(contract()), contracts=contracts)
    assert stay_margin(now).units == 0.0
    n, at = 40, SERVICES.index(ELECTIVE)
    stays = Stays(
        np.zeros(n, int), np.zeros(n, int), np.ones(n), np.full(n, at), np.full(n, 20.0), np.zeros(n, int), np.zeros(n)
    )
    now = replace(now, activity=replace(now.activity, stays=stays))
    found = stay_margin(now)
    assert found.units == 20.0 * n
    assert found.revenue_eur == pytest.approx(100.0)
    assert found.cost_eur == pytest.approx(SERVICES.resource_cost(WAGES)[at] / 20.0)
    behaviour = load_behaviour("profit_altruism", [("speed", 1.0)], PARAMETERS)
    longer = behaviour.decide_stay(1.0, found.revenue_eur, found.cost_eur)
    expected = 1.0 + 100.0 / (behaviour.values["altruism_mean"] * behaviour.values["stay_curvature"] * found.cost_eur)
    assert longer == pytest.approx(min(expected, behaviour.values["stay_max"]))
    assert behaviour.decide_stay(1.0, -1e6, found.cost_eur) == behaviour.values["stay_min"]


def test_what_practices_are_paid_is_the_same_without_contracts_between_others() -> None:
    own = contract(FeeForService((ServicePrice("gp_consult", 30.0),)))
    now = replace(situation(contract()), contracts=(tariff(2500.0), own))
    net = settle(now.contracts, Book(now.activity, now.year)).practice_net()
    assert np.array_equal(practice_net(now.contracts, Book(now.activity, now.year)), net)
    assert net.sum() > 0.0


@pytest.mark.parametrize("fee", [0.0, 80.0])
def test_follow_up_brings_its_own_fee_and_nothing_within_the_trajectory(fee: float) -> None:
    paid = tariff_of((ServicePrice("specialist_trajectory", 700.0), ServicePrice(FOLLOW_UP, fee)))
    held = norm_activity().services.copy()
    held[:, :, SERVICES.index(FOLLOW_UP)] = 2.0
    now = replace(situation(paid), activity=replace(norm_activity(), services=held))
    found = follow_up_margin(now)
    assert found.revenue_eur == pytest.approx(fee)
    assert found.units == pytest.approx(2.0 * held[:, :, 0].size)
    assert found.cost_eur == SERVICES.given_cost_eur[SERVICES.index(FOLLOW_UP)]
    behaviour = load_behaviour("profit_altruism", [("speed", 1.0)], PARAMETERS)
    slope = behaviour.values["altruism_mean"] * behaviour.values["follow_up_curvature"] * found.cost_eur
    expected = min(1.0 + fee / slope, behaviour.values["follow_up_max"])
    assert behaviour.decide_follow_up(1.0, found.revenue_eur, found.cost_eur) == pytest.approx(expected)


def test_follow_up_is_paid_within_its_trajectory_unless_nothing_pays_that() -> None:
    names = ("specialist_trajectory", FOLLOW_UP)

    def rows(*services: str) -> list[str]:
        prices = tuple(ServicePrice(name, 100.0) for name in services)
        return [row.warning for row in coverage([tariff_of(prices)], names, ("hospital", "hospital"))]

    assert rows("specialist_trajectory") == ["", ""]
    assert rows(*names) == ["", ""]
    assert rows(FOLLOW_UP) == ["paid never", ""]
    assert rows(ELECTIVE) == ["paid never", "paid never"]


def tariff_of(prices: tuple[ServicePrice, ...]) -> Contract:
    return Contract("t", "T", "insurers", "sectors", (Part("t", Tariff("hospital", prices)),))
