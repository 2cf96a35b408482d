"""Economics as laws: one lever, linear contracts, no income effect and hours to spare unless stated."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.accounting.activity import Activity
from paysim.accounting.segments import SEGMENT_CONDITION, SEGMENTS
from paysim.behaviour import load_behaviour
from paysim.behaviour.incentives import income_eur, make_anchor, marginal
from paysim.behaviour.logit import cut_mean
from paysim.behaviour.response import CONTACTS
from paysim.behaviour.situation import Floats, Margins, PracticeTraits, Situation
from paysim.contracts.capitation import Capitation
from paysim.contracts.chronic_bundle import BundlePrice, ChronicBundle
from paysim.contracts.contract import Contract, Part
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.protocol import Component
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.terms import read_contract
from paysim.kernel.records import LEVERS
from tests.practice import PARAMETERS, SERVICES, VISIT_CURVATURE_EUR, at_base

VISITS, PREVENTION, REFERRAL, DELEGATION = range(4)
NO_INCOME_EFFECT = [("eta", 0.0)]
WIDE = [(f"{lever}_{end}", value) for lever in LEVERS for end, value in (("min", 1e-3), ("max", 1e3))]
"""Limits so wide that they do not hide a response."""

prices = st.floats(0.0, 80.0)
seeds = st.integers(0, 1000)


def activity(seed: int) -> Activity:
    rng = np.random.Generator(np.random.PCG64(seed))
    years = rng.uniform(20.0, 200.0, (2, SEGMENTS))
    return Activity(
        service_names=SERVICES.names,
        practice_names=("a", "b"),
        services=rng.uniform(1.0, 300.0, (2, SEGMENTS, len(SERVICES))),
        person_years=years,
        programme_years=np.where(SEGMENT_CONDITION > 0, years / 2, 0.0),
        years=1.0,
    )


def fees(price: float, **others: float) -> FeeForService:
    return FeeForService(tuple(ServicePrice(name, p) for name, p in (dict.fromkeys(CONTACTS, price) | others).items()))


def contract(*terms: Component, shares: tuple[float, ...] = ()) -> Contract:
    shares = shares or (1.0,) * len(terms)
    parts = (Part(f"c{k}", term, share) for k, (term, share) in enumerate(zip(terms, shares, strict=True)))
    return Contract("test", "Test", "insurers", "practices", tuple(parts))


def situation(arm: Contract, seed: int = 1, altruism: float = 0.8) -> Situation:
    each = np.ones(2)
    base = at_base(activity(seed), PracticeTraits(each * altruism, each * 0.15), 1e9, 10000.0)
    return replace(base, contracts=(arm,), year=0, anchor=make_anchor(base))


def best(arm: Contract, seed: int = 1, altruism: float = 0.8, extra: list[tuple[str, float]] | None = None) -> Floats:
    behaviour = load_behaviour("profit_altruism", [*NO_INCOME_EFFECT, *WIDE, *(extra or [])], PARAMETERS)
    return behaviour.best_response(situation(arm, seed, altruism))


def decided(arm: Contract, *, seed: int = 1, extra: list[tuple[str, float]] | None = None) -> Floats:
    behaviour = load_behaviour("profit_altruism", extra or [], PARAMETERS)
    return behaviour.decide(situation(arm, seed))


@settings(max_examples=30)
@given(low=prices, more=prices, seed=seeds)
def test_a_higher_fee_never_lowers_visits(low: float, more: float, seed: int) -> None:
    below, above = best(contract(fees(low)), seed), best(contract(fees(low + more)), seed)
    assert (above[:, :, VISITS] >= below[:, :, VISITS] - 1e-9).all()
    if more > 0.01:
        assert (above[:, :, VISITS] > below[:, :, VISITS]).all()


@settings(max_examples=15)
@given(low=prices, more=prices, service=st.sampled_from(CONTACTS), seed=seeds)
def test_nor_does_a_higher_fee_for_one_kind_of_visit(low: float, more: float, service: str, seed: int) -> None:
    below, above = (best(contract(fees(20.0, **{service: p})), seed) for p in (low, low + more))
    assert (above[:, :, VISITS] >= below[:, :, VISITS] - 1e-9).all()


@settings(max_examples=20)
@given(shares=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)), price=prices, seed=seeds)
def test_the_larger_the_share_of_capitation_the_fewer_visits(
    shares: tuple[float, float], price: float, seed: int
) -> None:
    terms = (Capitation(rate_eur_per_person_year=250.0), fees(price))
    less, more = (best(contract(*terms, shares=(s, 1.0 - s)), seed)[:, :, VISITS] for s in sorted(shares))
    assert (more <= less + 1e-9).all()


@settings(max_examples=20)
@given(altruism=st.tuples(st.floats(0.1, 2.0), st.floats(0.1, 2.0)), price=prices, seed=seeds)
def test_more_altruism_keeps_practices_closer_to_base(altruism: tuple[float, float], price: float, seed: int) -> None:
    little, much = (np.abs(best(contract(fees(price)), seed, a) - 1.0) for a in sorted(altruism))
    assert (much <= little + 1e-9).all()


@settings(max_examples=20)
@given(low=st.floats(0.0, 800.0), more=st.floats(0.0, 800.0), seed=seeds)
def test_a_bundle_for_the_enrolled_raises_prevention(low: float, more: float, seed: int) -> None:
    below, above = (
        best(contract(ChronicBundle((BundlePrice("diabetes", price),))), seed)[:, :, PREVENTION]
        for price in (low, low + more)
    )
    assert (above[:, 2] >= below[:, 2] - 1e-9).all()
    if more > 0.1:
        assert (above[:, 2] > below[:, 2]).all()
    assert np.allclose(above[:, :2], below[:, :2], atol=1e-9)


@settings(max_examples=15)
@given(price=st.floats(1.0, 80.0), seed=seeds)
def test_capitation_refers_more_than_fees_do(price: float, seed: int) -> None:
    by_fee = best(contract(fees(price)), seed)[:, :, REFERRAL]
    by_head = best(contract(Capitation(rate_eur_per_person_year=250.0)), seed)[:, :, REFERRAL]
    assert (by_head > by_fee).all()


@settings(max_examples=15)
@given(price=st.floats(1.0, 80.0), seed=seeds)
def test_nurses_get_more_contacts_when_theirs_are_paid_like_those_of_gps(price: float, seed: int) -> None:
    gp_only = fees(price, nurse_consult=0.0, chronic_gp=price, chronic_nurse=0.0)
    alike = fees(price, chronic_gp=price, chronic_nurse=price)
    assert (best(contract(alike), seed)[:, :, DELEGATION] > best(contract(gp_only), seed)[:, :, DELEGATION]).all()


@settings(max_examples=15)
@given(price=prices, share=st.floats(0.05, 0.95), seed=seeds)
def test_a_contract_in_two_parts_gives_the_same_decisions(price: float, share: float, seed: int) -> None:
    bundle = ChronicBundle((BundlePrice("diabetes", 500.0), BundlePrice("vascular", 200.0)))
    whole = contract(fees(price), bundle)
    parts = contract(fees(price), fees(price), bundle, bundle, shares=(share, 1.0 - share) * 2)
    assert np.allclose(decided(whole, seed=seed), decided(parts, seed=seed), rtol=0.0, atol=1e-9)
    one = situation(whole, seed)
    halves = replace(one, contracts=(contract(fees(price)), contract(bundle)))
    behaviour = load_behaviour("profit_altruism", [], PARAMETERS)
    assert np.allclose(behaviour.decide(halves), behaviour.decide(one), rtol=0.0, atol=1e-9)


@settings(max_examples=15)
@given(price=prices, off=st.sampled_from(range(4)))
def test_a_channel_that_is_off_leaves_its_lever_at_one_and_the_others_alone(price: float, off: int) -> None:
    silent = decided(contract(fees(price)), extra=[(f"{LEVERS[off]}_response", 0.0)])
    others = [k for k in range(4) if k != off]
    assert (silent[:, :, off] == 1.0).all()
    assert np.array_equal(silent[:, :, others], decided(contract(fees(price)))[:, :, others])


@settings(max_examples=15)
@given(price=prices, seed=seeds)
def test_marginal_revenue_of_a_linear_contract_does_not_depend_on_the_step(price: float, seed: int) -> None:
    now = situation(contract(fees(price), Capitation(rate_eur_per_person_year=100.0)), seed)
    small, large = (marginal(now, step).revenue_eur[:, :, VISITS] for step in (0.001, 0.1))
    assert np.allclose(small, large, rtol=1e-6, atol=1e-4)


@settings(max_examples=15)
@given(rate=st.floats(0.0, 1000.0), price=prices)
def test_money_that_comes_anyway_moves_nobody_without_an_income_effect(rate: float, price: float) -> None:
    without = best(contract(fees(price)))
    lump = best(contract(fees(price), Capitation(rate_eur_per_person_year=rate)))
    assert np.allclose(lump, without, atol=1e-8)


def test_with_an_income_effect_the_same_money_lowers_visits() -> None:
    """McGuire and Pauly: who has more money gives less up for it."""
    settings_ = [("eta", 1.0), ("omega_ratio", 0.0), *WIDE]
    behaviour = load_behaviour("profit_altruism", settings_, PARAMETERS)
    lean = behaviour.best_response(situation(contract(fees(60.0))))
    rich = behaviour.best_response(situation(contract(fees(60.0), Capitation(rate_eur_per_person_year=300.0))))
    assert (rich[:, :, VISITS] < lean[:, :, VISITS]).all()


@pytest.mark.parametrize("altruism", [0.3, 0.8, 1.6])
def test_a_fee_that_just_covers_cost_and_time_gives_patient_optimal_visits(altruism: float) -> None:
    """Ellis and McGuire: with no margin at stake even the least altruistic do what they think best."""
    plain = [*NO_INCOME_EFFECT, *WIDE, ("hours_elasticity", 1e9)]
    behaviour = load_behaviour("profit_altruism", plain, PARAMETERS)
    now = situation(contract(fees(0.0)), altruism=altruism)
    assert now.anchor is not None
    wage = now.anchor.income_eur / now.anchor.hours

    def margin(m: Margins) -> float:
        return float(m.per_unit(m.revenue_eur - m.cost_eur - wage[:, None, None] * m.hours)[0, 0, VISITS])

    covering = situation(contract(fees(-margin(marginal(now)))), altruism=altruism)
    patient_optimal = 1.0 - margin(now.anchor.margins) / (altruism * VISIT_CURVATURE_EUR)
    assert behaviour.best_response(covering)[0, 0, VISITS] == pytest.approx(patient_optimal, abs=1e-9)
    assert patient_optimal > 1.0  # today a visit does not pay for itself


@pytest.mark.parametrize("lever", range(4))
def test_decisions_settle(lever: int) -> None:
    """Repeated on the same activity, practices reach their best response and stay there."""
    behaviour = load_behaviour("profit_altruism", [], PARAMETERS)
    now = situation(contract(fees(30.0)))
    now = replace(now, activity_levers=now.levers)
    best_now = behaviour.best_response(now)
    for _ in range(120):
        now = replace(now, levers=behaviour.decide(now))
    assert np.allclose(now.levers[:, :, lever], best_now[:, :, lever], atol=1e-6)


# Choice with errors


def with_noise(arm: Contract, noise: float, seed: int = 1) -> Floats:
    return load_behaviour("logit", [("noise_eur", noise)], PARAMETERS).best_response(situation(arm, seed))


@given(st.floats(-8.0, 8.0), st.floats(0.05, 3.0), st.floats(-0.95, -0.1), st.floats(0.1, 2.0))
@settings(deadline=None, max_examples=100)
def test_the_mean_of_logit_choice_is_that_of_its_chances(mean: float, spread: float, low: float, high: float) -> None:
    """Against the rule itself: chances in proportion to exp(value / noise) on a fine grid of levers."""
    grid = np.linspace(low, high, 200001)
    value = -0.5 * ((grid - mean) / spread) ** 2
    chance = np.exp(value - value.max())
    chance[[0, -1]] /= 2.0
    found = cut_mean(*(np.array([x]) for x in (mean, spread, low, high))).item()
    assert found == pytest.approx(float(chance @ grid / chance.sum()), abs=1e-6)


@pytest.mark.parametrize("price", [0.0, 10.0, 40.0])
def test_choice_with_errors_responds_less_the_larger_they_are(price: float) -> None:
    arm = contract(fees(price))
    sure = load_behaviour("profit_altruism", [], PARAMETERS).best_response(situation(arm))
    assert np.array_equal(with_noise(arm, 0.0), sure)
    assert np.allclose(with_noise(arm, 1e-4), sure, atol=0.01)
    moves = [np.abs(with_noise(arm, noise) - 1.0) for noise in (1.0, 10.0, 100.0, 1e4, 1e8)]
    for less, more in pairwise(moves):
        assert (more <= less + 1e-9).all()
    assert moves[0].max() > 0.1
    assert moves[-1].max() < 1e-3


@settings(max_examples=30, deadline=None)
@given(low=prices, more=prices, noise=st.floats(0.0, 200.0))
def test_with_errors_a_higher_fee_never_lowers_visits(low: float, more: float, noise: float) -> None:
    behaviour = load_behaviour("logit", [*NO_INCOME_EFFECT, ("noise_eur", noise)], PARAMETERS)
    first, second = (behaviour.best_response(situation(contract(fees(p)))) for p in (low, low + more))
    assert (second[:, :, VISITS] >= first[:, :, VISITS] - 1e-9).all()


# An income in mind


def aimed(arm: Contract, eta: float = 10.0) -> Floats:
    return load_behaviour("target_income", [("target_eta", eta)], PARAMETERS).best_response(situation(arm))


def test_a_fee_cut_lowers_visits_for_profit_and_raises_them_for_a_target_income() -> None:
    today = read_contract("nl/gp_fee_for_service")
    base = replace(situation(today), contracts=(today,), year=-1, anchor=None)
    cut = replace(base, contracts=(today.scaled(0.9),), year=0, anchor=make_anchor(base))
    profit = load_behaviour("profit_altruism", NO_INCOME_EFFECT, PARAMETERS).best_response(cut)[:, :, VISITS]
    target = load_behaviour("target_income", [], PARAMETERS).best_response(cut)[:, :, VISITS]
    assert (profit < 1.0).all()
    assert (target > 1.0).all()


def kept(margins: Margins) -> Floats:
    """Return revenue less what is paid for it: nurses' hours and material. Assistants are paid busy or not."""
    return margins.revenue_eur - (margins.cost_eur - margins.assistant_eur)


def foreseen(now: Situation, levers: Floats) -> Floats:
    return income_eur(now) + (kept(marginal(now)) * (levers - now.levers)).sum(axis=(1, 2))


@pytest.mark.parametrize("name", ["gp_fee_for_service", "gp_capitation", "gp_bundled", "gp_mixed"])
@pytest.mark.parametrize("eta", [0.5, 5.0, 30.0])
def test_income_and_the_levers_chosen_because_of_it_agree(name: str, eta: float) -> None:
    """The first-order condition holds at the income that the best response itself brings."""
    now = situation(read_contract(f"nl/{name}"))
    now = replace(now, other_gp_hours=np.array([10.0, 700.0]))
    behaviour = load_behaviour("target_income", [("target_eta", eta), ("hours_elasticity", 1e9)], PARAMETERS)
    levers, anchor, margins = behaviour.best_response(now), now.anchor, marginal(now)
    assert anchor is not None
    utility = (foreseen(now, levers) / anchor.income_eur) ** -eta
    wage = (anchor.income_eur / anchor.hours)[:, None, None]

    def value(m: Margins, u: Floats) -> Floats:
        return m.per_unit(u[:, None, None] * kept(m) - m.assistant_eur - wage * m.hours)

    gain = value(margins, utility) - value(anchor.margins, np.ones(2))
    wanted = 1.0 + gain[:, :, VISITS] / (0.8 * VISIT_CURVATURE_EUR)
    assert np.allclose(levers[:, :, VISITS], np.clip(wanted, 0.1, 2.0), atol=1e-5)


@pytest.mark.parametrize("name", ["gp_fee_for_service", "gp_mixed"])
def test_the_stronger_the_aim_the_nearer_the_income(name: str) -> None:
    arm = read_contract(f"nl/{name}").scaled(0.9)
    now = situation(arm)
    assert now.anchor is not None
    gaps = [np.abs(foreseen(now, aimed(arm, eta)) / now.anchor.income_eur - 1.0) for eta in (0.0, 2.0, 10.0, 30.0)]
    for weaker, stronger in pairwise(gaps):
        assert (stronger <= weaker + 1e-9).all()


def test_where_nothing_pays_for_more_a_loss_is_not_made_good() -> None:
    levers = aimed(contract(Capitation(rate_eur_per_person_year=10.0)))
    assert (levers[:, :, VISITS] <= 1.0).all()
