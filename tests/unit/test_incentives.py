"""What a lever moves, and what a contract then pays a practice of 2,095 people for it."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import norm

from paysim.accounting.book import Book
from paysim.accounting.segments import SEGMENT_CONDITION
from paysim.behaviour import load_behaviour
from paysim.behaviour.incentives import (
    UNITS,
    contact_hours,
    incentive_table,
    income_eur,
    marginal,
    plain_sentence,
    working_hours,
)
from paysim.behaviour.response import CONTACTS, GP_CONTACTS, GP_TIME, respond
from paysim.contracts.capitation import Capitation
from paysim.contracts.chronic_bundle import BundlePrice, ChronicBundle
from paysim.contracts.contract import Contract, Part
from paysim.contracts.pay_for_performance import PayForPerformance, Target
from paysim.contracts.risk_capitation import RiskCapitation
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.settlement import settle
from paysim.contracts.shared_savings import SharedSavings
from paysim.contracts.tariff import Tariff
from paysim.kernel.records import CONSULTATION_LENGTH, LEVERS
from tests.practice import (
    AVAILABILITY,
    CODING,
    DELEGATION,
    DIABETES,
    NONE,
    NORM,
    PARAMETERS,
    PEOPLE,
    PREVENTION,
    REFERRAL,
    SERVICES,
    TERMS,
    VASCULAR,
    VISITS,
    WAGES,
    contract,
    fees,
    moved,
    norm_activity,
    quantity,
    situation,
)

# How activity moves


def test_visits_move_only_the_share_that_practices_plan_themselves():
    before, after = norm_activity(), moved(VISITS, DIABETES, 2.0).activity
    factor = after.services[0, DIABETES] / np.maximum(before.services[0, DIABETES], 1e-9)
    own, fewer = TERMS.follow_up_share, TERMS.follow_up_referral_multiplier
    for name in CONTACTS:
        assert factor[SERVICES.index(name)] == pytest.approx(1.0 + own)
    for name in ("specialist_trajectory", "elective_admission"):  # of these they lead to fewer
        assert factor[SERVICES.index(name)] == pytest.approx(
            (1.0 - own + 2.0 * own * fewer) / (1.0 - own + own * fewer)
        )
    for name in ("chronic_nurse", "chronic_gp", "statin_year"):
        assert factor[SERVICES.index(name)] == 1.0
    assert np.array_equal(
        after.services[:, SEGMENT_CONDITION != DIABETES], before.services[:, SEGMENT_CONDITION != DIABETES]
    )
    assert np.array_equal(after.programme_years, before.programme_years)


@pytest.mark.parametrize("lever", range(len(LEVERS)))
def test_two_small_moves_are_one_large_one(lever):
    half = moved(lever, DIABETES, 1.04).activity
    twice = moved(lever, DIABETES, 1.08, now=1.04, activity=half)
    once = moved(lever, DIABETES, 1.08)
    assert np.allclose(twice.activity.services, once.activity.services, rtol=1e-12)
    assert np.allclose(twice.activity.programme_years, once.activity.programme_years, rtol=1e-12)


def test_prevention_enrols_and_the_enrolled_are_seen_more_often():
    terms = replace(TERMS, enrolment_elasticity=0.5, treatment_elasticity=0.0)
    now, new = np.array([1.0]), np.array([1.21])
    after = respond(norm_activity(), PREVENTION, DIABETES, now, new, terms, SERVICES)
    assert after.activity.programme_years[0, DIABETES] == pytest.approx(127 * 1.1)
    assert after.activity.services[0, DIABETES, SERVICES.index("chronic_nurse")] == pytest.approx(419 * 1.21 * 1.1)
    assert after.units == pytest.approx((419 + 47) * (1.21 * 1.1 - 1.0))
    assert quantity(after.activity, "statin_year") == pytest.approx(136 + 111)


def test_no_more_people_can_be_enrolled_than_there_are():
    assert moved(PREVENTION, DIABETES, 1e6).activity.programme_years[0, DIABETES] == PEOPLE[DIABETES]


def test_a_referral_saves_gp_time_and_part_of_it_is_a_contact_less():
    before, after = norm_activity(), moved(REFERRAL, NONE, 1.1)
    further = 28.5
    assert after.units == pytest.approx(further)
    not_held = quantity(before, "gp_consult") - quantity(after.activity, "gp_consult")
    consultation = SERVICES.minutes[SERVICES.index("gp_consult"), 0]
    assert not_held * consultation == pytest.approx(
        further * TERMS.referral_minutes_saved * TERMS.referral_contact_share
    )
    saved = not_held * consultation - float(after.gp_minutes[0])
    assert saved == pytest.approx(further * TERMS.referral_minutes_saved)


def test_longer_consultations_take_time_and_bring_no_contact():
    before, after = norm_activity(), moved(CONSULTATION_LENGTH, DIABETES, 1.1)
    assert np.array_equal(after.activity.services, before.services)
    minutes = sum(NORM[name][DIABETES] * SERVICES.minutes[SERVICES.index(name), 0] for name in GP_TIME if name in NORM)
    assert after.gp_minutes == pytest.approx(0.1 * minutes)
    assert after.activity.longer_hours == pytest.approx(0.1 * minutes / 60.0)
    assert after.units == pytest.approx(0.1 * minutes / SERVICES.minutes[SERVICES.index("gp_consult"), 0])
    longer = replace(situation(contract()), activity=after.activity)
    assert contact_hours(longer) - contact_hours(situation(contract())) == pytest.approx(0.1 * minutes / 60.0)


def test_who_is_not_seen_out_of_hours_goes_elsewhere():
    before, after = norm_activity(), moved(AVAILABILITY, DIABETES, 1.2)
    held = sum(NORM[name][DIABETES] for name in GP_CONTACTS if name in NORM)
    assert after.units == pytest.approx(0.2 * TERMS.out_of_hours_share * held)
    assert quantity(after.activity, *CONTACTS) - quantity(before, *CONTACTS) == pytest.approx(float(after.units[0]))
    fewer = moved(AVAILABILITY, DIABETES, 0.8)
    turned_away = {"ooh_contact": TERMS.refused_out_of_hours, "ed_visit": TERMS.refused_emergency}
    for service, share in turned_away.items():
        further = quantity(fewer.activity, service) - quantity(before, service)
        assert further == pytest.approx(-share * float(fewer.units[0]))


def test_delegation_moves_contacts_one_for_one_and_ends_when_all_are_handed_over():
    before = norm_activity()
    after = moved(DELEGATION, DIABETES, 1.05)
    assert quantity(after.activity, *CONTACTS) == pytest.approx(quantity(before, *CONTACTS))
    assert after.units == pytest.approx(394 * 0.05 + 419 * 0.05)
    everything = 1.0 / TERMS.base_delegation
    assert moved(DELEGATION, DIABETES, everything).units == pytest.approx(moved(DELEGATION, DIABETES, 3.0).units)


def test_a_practice_cannot_hand_over_contacts_that_it_does_not_have():
    alone = norm_activity()
    alone.services[:, :, SERVICES.index("chronic_gp")] = 0.0
    after = moved(DELEGATION, DIABETES, 1.1, activity=alone).activity
    assert after.services.min() >= 0.0
    assert quantity(after, "chronic_nurse") == quantity(alone, "chronic_nurse")


def test_recording_moves_risk_on_record_and_nothing_else():
    before = replace(norm_activity(), coded_years=1.5 * norm_activity().person_years)
    after = moved(CODING, DIABETES, 1.1, activity=before)
    assert after.units == pytest.approx(0.1 * 1.5 * PEOPLE[DIABETES])
    assert np.array_equal(after.activity.services, before.services)
    assert np.array_equal(after.activity.person_years, before.person_years)
    others = SEGMENT_CONDITION != DIABETES
    assert np.array_equal(after.activity.coded_years[:, others], before.coded_years[:, others])
    assert moved(CODING, DIABETES, 1.1).units == 0.0  # where nobody reckons risk there is nothing to record


# What a contract rewards


OTHERS = Contract(
    "others",
    "Others",
    "insurers",
    "sectors",
    (Part("hospital", Tariff("hospital", (ServicePrice("specialist_trajectory", 1000.0),))),),
)
PER_REFERRAL = 1000.0


def sharing(*, year: int = 0, benchmark: float = 1.0, **terms: object) -> float:
    """Return marginal revenue of a referral in the first practice, that shares savings on trajectories alone."""
    own = SharedSavings(**{"sharing_rate": 0.5, "lines": ("hospital",), "trend": "none", **terms})
    now = situation(contract(), practices=2)
    arm = replace(now, contracts=(OTHERS, contract(own)), year=year)
    base, usual = (
        settle((OTHERS,), Book(replace(now.activity, services=now.activity.services * factor))).book.activity
        for factor in (benchmark, 1.0)
    )
    past = [base] * len(own.base_year_weights)
    found = marginal(replace(arm, past=(*past, *[usual] * year)))
    return float(found.per_unit(found.revenue_eur)[0, NONE, REFERRAL])


def test_savings_far_above_the_minimum_are_shared_in_full_and_losses_of_one_side_not_at_all():
    assert sharing(benchmark=2.0) == pytest.approx(-0.5 * PER_REFERRAL, rel=1e-6)
    assert sharing(benchmark=0.5) == pytest.approx(0.0, abs=1e-6)


def test_at_the_benchmark_chance_halves_what_is_shared():
    """By chance a practice is above or below; evidence: the marginal incentive is S x (1 - Phi(z)), here z = 0."""
    assert sharing() == pytest.approx(-0.25 * PER_REFERRAL, rel=0.05)


@pytest.mark.parametrize(("year", "kept"), [(0, 0.73), (1, 0.18), (2, -0.69)])
def test_the_ratchet_takes_back_what_is_saved_in_the_year_that_becomes_the_benchmark(year, kept):
    """Weights 10/30/60, agreements of three years, a discount factor of 0.97: 73%, 18% and -69% are kept."""
    both = {"loss_rate": 0.5, "base_year_weights": (0.1, 0.3, 0.6), "rebase_every_years": 3}
    found = sharing(year=year, **both)
    assert found == pytest.approx(-0.5 * PER_REFERRAL * kept, abs=0.005 * 0.5 * PER_REFERRAL)


def test_years_ahead_that_do_not_look_back_at_the_year_weighed_change_nothing(monkeypatch):
    both = {"loss_rate": 0.5, "base_year_weights": (0.4, 0.6), "rebase_every_years": 3}
    found = [sharing(year=year, **both) for year in range(3)]
    assert len(set(found)) == 3
    monkeypatch.setattr(Part, "looks_back_at", lambda *_: True)
    assert [sharing(year=year, **both) for year in range(3)] == pytest.approx(found, rel=1e-9)


def improving(year: int) -> float:
    """Return marginal revenue of a planned control that is paid by improvement, where savings on that pay are shared.

    More this year is less improvement the next year, whose pay, settled before savings are, becomes a benchmark.
    """
    target = Target("ldl_at_target", form="improvement", floor=-0.2, full=0.2)
    bonus = PayForPerformance((target,), eur_per_person_year=50.0)
    both = {"loss_rate": 0.5, "base_year_weights": (1.0,), "rebase_every_years": 2}
    own = SharedSavings(sharing_rate=0.5, lines=("general_practice",), trend="none", **both)
    counts = np.tile([300.0, 600.0], (2, 1))
    now = situation(contract(), practices=2)
    now = replace(now, activity=replace(now.activity, indicators={"ldl_at_target": counts}))
    terms = (contract(bonus, own),)
    past = (settle(terms, Book(now.activity, -1)).book.activity,) * (1 + year)
    found = marginal(replace(now, contracts=terms, year=year, past=past))
    return float(found.per_unit(found.revenue_eur)[0, VASCULAR, PREVENTION])


def test_a_year_whose_first_payments_move_moves_the_benchmarks_that_look_back_at_it(monkeypatch):
    """Each year looks at the one before alone, so that the year weighed reaches the second one after it by the next."""
    found = [improving(year) for year in (0, 1)]
    assert found[0] != pytest.approx(found[1], rel=0.01)
    monkeypatch.setattr(Part, "looks_back_at", lambda *_: True)
    assert [improving(year) for year in (0, 1)] == pytest.approx(found, rel=1e-9)


def test_terms_tell_at_which_years_they_look_back():
    rebased = SharedSavings(sharing_rate=0.5, base_year_weights=(0.4, 0.6), rebase_every_years=3)
    found = [[back for back in range(1, 8) if Part("own", rebased).looks_back_at(year, back)] for year in (0, 2, 3, 4)]
    assert found == [[1, 2], [3, 4], [1, 2], [2, 3]]
    owing = Part("own", replace(rebased, recouped_eur_per_person=2.0))
    assert all(owing.looks_back_at(4, back) for back in range(1, 8))  # what is owed hangs on all years before
    capped = Part("own", RiskCapitation(rate_eur_per_person_year=1.0, growth_cap=0.03))
    assert [capped.looks_back_at(2, back) for back in (1, 2, 3)] == [False, False, True]  # at the base year alone
    assert not Part("own", Capitation(rate_eur_per_person_year=1.0)).looks_back_at(2, 1)


def pooled(practices: int, weight: float = 1.0) -> np.ndarray:
    """Return marginal revenue of a referral in each practice, of which all share half of what the region saves."""
    own = SharedSavings(sharing_rate=0.5, loss_rate=0.5, lines=("hospital",), trend="none", pooled=True)
    now = situation(contract(), practices=practices)
    past = settle((OTHERS,), Book(now.activity)).book.activity
    found = marginal(replace(now, contracts=(OTHERS, contract(own)), past=(past,), weight=weight))
    return found.per_unit(found.revenue_eur)[:, NONE, REFERRAL]


@pytest.mark.parametrize("practices", [2, 3, 4, 5, 8])
def test_a_handful_of_practices_gets_back_its_own_part_of_what_all_share(practices):
    """Holmstrom 1982: one among N that share alike keeps an Nth of what it saves."""
    np.testing.assert_allclose(pooled(practices), -0.5 * PER_REFERRAL / practices, rtol=1e-6)


def test_a_practice_that_stands_for_many_is_one_among_them():
    np.testing.assert_allclose(pooled(4, weight=25.0), -0.5 * PER_REFERRAL / 100, rtol=1e-5)


def test_what_is_paid_for_ones_own_activity_does_not_depend_on_the_others():
    own = SharedSavings(sharing_rate=0.5, loss_rate=0.5, lines=("hospital",), trend="none")
    now = situation(contract(), practices=4)
    past = settle((OTHERS,), Book(now.activity)).book.activity
    arm = replace(now, contracts=(OTHERS, contract(own)), past=(past,))
    for weight in (1.0, 25.0):
        found = marginal(replace(arm, weight=weight))
        np.testing.assert_allclose(found.per_unit(found.revenue_eur)[:, NONE, REFERRAL], -0.5 * PER_REFERRAL, rtol=1e-6)


def scored(form: str, above: float, full: float = 0.8) -> float:
    """Return marginal revenue of a year with 100 more of 127 diabetics in control, by lever unit."""
    target = Target(indicator="hba1c_in_control", form=form, floor=0.0, full=full, points=1.0)
    bonus = contract(PayForPerformance(targets=(target,), eur_per_person_year=10.0))
    now = situation(bonus, anchored=False)
    counts = {"hba1c_in_control": np.array([[above, 127.0]])}
    now = replace(now, activity=replace(now.activity, indicators=counts))
    return float(marginal(now).revenue_eur[0, DIABETES, PREVENTION])


def test_a_linear_target_rewards_prevention_in_proportion():
    score_per_lever = 60.0 / 127.0 * TERMS.treatment_elasticity / 0.8
    assert scored("linear", 60.0) == pytest.approx(10.0 * sum(PEOPLE) * score_per_lever, rel=1e-3)


def test_a_threshold_rewards_nothing_when_it_is_far_away():
    """Holmstrom and Milgrom: the marginal incentive vanishes far from the threshold, on either side."""
    assert scored("threshold", 30.0) == scored("threshold", 125.0) == 0.0
    counts, share = np.arange(90.0, 114.0, 0.5), 0.8
    near = [scored("threshold", above) for above in counts]
    e, step = TERMS.treatment_elasticity, TERMS.nudge
    moved_by = counts * ((1.0 + step) ** e - (1.0 - step) ** e) / (2.0 * step)
    density = norm.pdf(counts, share * 127, np.sqrt(127 * share * (1.0 - share)))
    expected = 10.0 * sum(PEOPLE) * (density * moved_by).mean()
    assert np.mean(near) == pytest.approx(expected, rel=0.15)


def test_a_fee_is_the_marginal_revenue_of_a_visit_and_capitation_has_none():
    prices = {"gp_phone": 5.0, "gp_consult": 10.0, "gp_long": 20.0, "gp_visit": 25.0}
    prices |= {"gp_email": 5.0, "nurse_consult": 9.0, "nurse_mental": 9.0}
    now = situation(contract(fees(**prices), Capitation(rate_eur_per_person_year=200.0)))
    margins = marginal(now)
    held = norm_activity().services[0, DIABETES]
    mix = {name: held[SERVICES.index(name)] for name in CONTACTS}
    mean = sum(mix[name] * prices[name] for name in CONTACTS) / sum(mix.values())
    assert margins.per_unit(margins.revenue_eur)[0, DIABETES, VISITS] == pytest.approx(mean, rel=1e-9)
    capitated = marginal(situation(contract(Capitation(rate_eur_per_person_year=200.0))))
    assert np.abs(capitated.revenue_eur).max() < 1e-6


def test_cost_and_hours_of_a_visit_are_those_of_the_catalogue():
    margins = marginal(situation(contract(fees(gp_consult=10.0))))
    at = [SERVICES.index(name) for name in CONTACTS]
    share = norm_activity().services[0, NONE, at]
    share = share / share.sum()
    minutes = share @ SERVICES.minutes[at]
    euro = minutes[1:] @ WAGES.per_minute()[1:] + share @ SERVICES.material_eur[at]
    assert margins.per_unit(margins.cost_eur)[0, NONE, VISITS] == pytest.approx(euro)
    assert margins.per_unit(margins.hours)[0, NONE, VISITS] == pytest.approx(minutes[0] / 60)


def test_a_referral_saves_the_gp_the_minutes_of_the_parameter():
    margins = marginal(situation(contract(fees(gp_consult=10.0))))
    hours = margins.per_unit(margins.hours)[0, :, REFERRAL]
    assert hours == pytest.approx([-TERMS.referral_minutes_saved / 60] * 3)


def test_a_bundle_rewards_enrolment_and_not_the_control():
    bundle = ChronicBundle((BundlePrice("diabetes", 500.0),))
    margins = marginal(situation(contract(bundle)), step=1e-4)
    e = TERMS.enrolment_elasticity
    expected = e * 127 * 500.0 / ((1.0 + e) * (419 + 47))
    assert margins.per_unit(margins.revenue_eur)[0, DIABETES, PREVENTION] == pytest.approx(expected, rel=1e-6)
    assert margins.revenue_eur[0, VASCULAR, PREVENTION] == 0.0


def test_a_lever_that_moves_nothing_has_no_row():
    now = situation(contract(fees(gp_consult=10.0)))
    rows = incentive_table(now, load_behaviour("passive", [], PARAMETERS), "arm", 0)
    assert {(row["lever"], row["segment"]) for row in rows if row["lever"] == "prevention"} == {
        ("prevention", "vascular"),
        ("prevention", "diabetes"),
    }


@dataclass(frozen=True)
class BudgetCap:
    """A component nobody foresaw: fees up to a cap, and half of them above it."""

    kind: ClassVar[str] = "budget_cap"
    scalable: ClassVar[bool] = False
    linear: ClassVar[bool] = False
    reads: ClassVar[frozenset[str]] = frozenset()
    payee: ClassVar[str | None] = None
    cap: float = 1e6

    def settle(self, book: Book):
        paid = book.activity.services[:, :, SERVICES.index("gp_consult")] * 20.0
        total = paid.sum(axis=1, keepdims=True)
        return paid * (np.minimum(total, self.cap) + 0.5 * np.maximum(total - self.cap, 0.0)) / total


def test_a_contract_just_written_yields_its_incentives():
    below = marginal(situation(contract(BudgetCap(cap=1e6))))
    above = marginal(situation(contract(BudgetCap(cap=1e3))))
    mix = 1717 / sum(NORM[name][NONE] for name in CONTACTS)
    assert below.per_unit(below.revenue_eur)[0, NONE, VISITS] == pytest.approx(20.0 * mix)
    assert above.per_unit(above.revenue_eur)[0, NONE, VISITS] == pytest.approx(10.0 * mix)


@dataclass(frozen=True)
class SharedByAll(BudgetCap):
    """Half of what referrals do not cost goes to all practices by the size of their lists."""

    kind: ClassVar[str] = "shared_by_all"

    def settle(self, book: Book):
        lived = book.activity.person_years
        saved = 100.0 * (self.cap - book.activity.services[:, :, SERVICES.index("specialist_trajectory")].sum())
        return 0.5 * saved * lived / lived.sum()


@pytest.mark.parametrize("practices", [40, 41, 130])
def test_what_all_share_rewards_a_practice_by_its_share_alone(practices):
    """And not as if the others did the same; the error is about one list of them."""
    margins = marginal(situation(contract(SharedByAll()), practices))
    each = margins.per_unit(margins.revenue_eur)[:, :, REFERRAL]
    own = -50.0 / practices
    assert np.abs(each - own).max() < 2.01 * abs(own)
    alone = marginal(situation(contract(SharedByAll())))
    assert alone.per_unit(alone.revenue_eur)[0, :, REFERRAL] == pytest.approx([-50.0] * 3)


def test_what_a_practice_is_paid_for_itself_is_exact_whichever_way_it_is_moved():
    terms = contract(fees(gp_consult=20.0, chronic_nurse=30.0), BudgetCap(cap=1e3))
    alone, many = marginal(situation(terms)), marginal(situation(terms, practices=7))
    for name in ("revenue_eur", "cost_eur", "hours", "units"):
        np.testing.assert_allclose(getattr(many, name), np.repeat(getattr(alone, name), 7, axis=0), rtol=1e-12)


def test_part_of_a_year_is_read_as_a_year():
    whole = situation(contract(fees(gp_consult=10.0)))
    half = replace(whole, activity=whole.activity.scaled(0.5))
    assert np.allclose(marginal(half).revenue_eur, marginal(whole).revenue_eur)
    assert np.allclose(income_eur(half), income_eur(whole))
    assert np.allclose(working_hours(half), working_hours(whole))


def test_the_table_has_the_columns_of_the_incentive_map_and_reads_as_a_sentence():
    now = situation(contract(Capitation(rate_eur_per_person_year=270.0)))
    rows = incentive_table(now, load_behaviour("profit_altruism", [], PARAMETERS), "capitation", 3)
    row = next(row for row in rows if row["lever"] == "prevention" and row["segment"] == "diabetes")
    assert list(row) == [
        *("arm", "replicate", "year", "provider", "lever", "segment", "unit", "marginal_revenue_eur"),
        *("marginal_cost_eur", "margin_eur", "margin_under_current_eur", "predicted_response", "lever_value"),
    ]
    assert (row["arm"], row["replicate"], row["year"], row["lever_value"]) == ("capitation", 3, 0, 1.0)
    assert row["margin_eur"] == pytest.approx(row["marginal_revenue_eur"] - row["marginal_cost_eur"])
    assert 0.0 > row["margin_under_current_eur"] > row["margin_eur"]
    assert row["predicted_response"] < 0.0
    sentence = plain_sentence(row)
    assert sentence.startswith(
        "One more planned control for patients with diabetes pays the practice nothing and takes "
    )
    assert f"the practice is {-row['margin_eur']:.2f} euro worse off (today" in sentence
    assert "fewer planned controls." in sentence
    assert set(UNITS) == set(LEVERS)
    for each in rows:
        assert "nan" not in plain_sentence(each)
        assert each["unit"] == UNITS[each["lever"]]
