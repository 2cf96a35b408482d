"""Demand, access and workload of a synthetic cohort with the age structure of the Netherlands."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from paysim.care.access import BookTerms, access_terms, book_terms, share_leaving
from paysim.care.costs import BILLS
from paysim.care.demand import base_rates, cells, demand_transitions, hazards
from paysim.care.expected import expected_services, mean_by_cell, payments_by_sector, staff_minutes
from paysim.care.model import build_care, care_parameters
from paysim.care.rates import Profiles, band_curve, standard_population
from paysim.errors import DataError, ModelError
from paysim.kernel.spec import AGES, COVARIATES, Transition


@dataclass(frozen=True)
class Cohort:
    sex: np.ndarray
    age: np.ndarray
    covariates: np.ndarray
    flags: dict[str, np.ndarray]
    education: np.ndarray


def cohort(n: int = 20_000, seed: int = 1, older: float = 0.0, conditions: bool = True) -> Cohort:
    """`older` tilts the age structure; conditions have about Dutch prevalence."""
    rng = np.random.default_rng(seed)
    population = standard_population(care_parameters("NL")) * np.exp(older * np.arange(AGES) / 100.0)
    cell = rng.choice(2 * AGES, n, p=(population / population.sum()).ravel())
    sex, age = cell // AGES, cell % AGES + rng.random(n)
    covariates = np.zeros((n, len(COVARIATES)))
    education = rng.random(n)
    covariates[:, COVARIATES.index("edu_low")] = education < 0.26
    covariates[:, COVARIATES.index("edu_high")] = education > 0.68
    covariates[:, COVARIATES.index("log_frailty")] = rng.normal(-0.32, 0.8, n)
    flags: dict[str, np.ndarray] = {}
    if conditions:
        risk = np.clip((age - 35.0) / 50.0, 0.0, 1.0)
        for name, top in (
            ("diabetes", 0.26),
            ("prior_mi", 0.11),
            ("prior_stroke", 0.13),
            ("high_risk", 0.40),
        ):
            flags[name] = rng.random(n) < top * risk
        some = flags["diabetes"] | flags["prior_mi"] | flags["prior_stroke"] | flags["high_risk"]
        flags["enrolled"] = some & (rng.random(n) < np.where(flags["diabetes"], 0.85, 0.45))
        for name, top in (("statin", 0.5), ("bp_drug_1", 0.6), ("bp_drug_2", 0.3)):
            flags[name] = rng.random(n) < top * risk
    return Cohort(sex.astype(np.int8), age, covariates, flags, (education >= 0.26).astype(int) + (education > 0.68))


@pytest.fixture(scope="module")
def people() -> Cohort:
    return cohort()


@pytest.fixture(scope="module")
def care(people):
    return build_care(care_parameters("NL"), people, "NL")


def row(care, name: str) -> Transition:
    return next(t for t in care.transitions if t.name == name)


def at(rate: np.ndarray, people: Cohort) -> np.ndarray:
    return rate[people.sex, np.minimum(people.age.astype(int), AGES - 1)]


def test_a_curve_keeps_the_mean_of_every_band():
    weight = np.exp(-np.arange(AGES) / 40.0)
    low, high, value = [0, 5, 18, 45, 65], [4, 17, 44, 64, 110], [3.5, 2.3, 3.6, 4.4, 9.0]
    curve = band_curve(low, high, value, weight)
    for first, last, mean in zip(low, high, value, strict=True):
        ages = slice(first, last + 1)
        assert np.average(curve[ages], weights=weight[ages]) == pytest.approx(mean, rel=1e-9)
    assert curve.min() > 1.0
    assert curve.max() < 14.0


@pytest.mark.parametrize(("low", "high"), [([0, 6], [4, 110]), ([1, 5], [4, 110]), ([0, 5], [4, 100])])
def test_bands_with_a_gap_are_refused(low, high):
    with pytest.raises(ModelError, match="do not cover"):
        band_curve(low, high, [1.0, 2.0], np.ones(AGES))


NOTHING_LOST = [("care.urgent_leaving_share", 0.0), ("care.pending_days", 0.0)]


def test_needs_by_age_have_the_published_shape_at_the_stated_level():
    params = care_parameters("NL").override(NOTHING_LOST)
    level = params["care.gp_contact_level"]
    population = standard_population(params)
    contacts = base_rates(params).gp_contacts
    for low, high, published in (
        (0, 4, 3.5),
        (5, 17, 2.3),
        (18, 44, 3.6),
        (45, 64, 4.4),
        (65, 74, 6.0),
        (75, 84, 8.9),
    ):
        ages = slice(low, high + 1)
        mean = np.average(contacts[:, ages], weights=population[:, ages])
        assert mean == pytest.approx(level * published, rel=1e-6)
    assert contacts[1, 30] / contacts[0, 30] == pytest.approx(1.47, abs=0.08)


def test_what_is_asked_for_makes_up_for_what_is_lost_at_an_age():
    params = care_parameters("NL")
    profiles = Profiles(params, standard_population(params))
    held = profiles.by_sex("gp_contacts", "gp_women_per_man")
    level, days = params["care.gp_contact_level"], params["care.pending_days"]
    lost = profiles.curve("urgent_share") * params["care.urgent_leaving_share"] + held * days / 365.0
    asked = base_rates(params).gp_contacts
    kept = asked * (1.0 - lost)
    assert kept / held == pytest.approx(profiles.mean(kept) / profiles.mean(held))
    assert profiles.mean(asked) == pytest.approx(level * profiles.mean(held))
    plain = base_rates(params.override(NOTHING_LOST)).gp_contacts
    assert (asked[:, 90] > 1.05 * plain[:, 90]).all()
    assert (asked[:, 30] < plain[:, 30]).all()


@pytest.mark.parametrize(
    ("names", "rate"),
    [
        (("need",), "needs"),
        (("follow_up",), "follow_up"),
        (("ed_self",), "ed_self"),
        (("emergency_other",), "emergency_other"),
    ],
)
def test_every_cell_has_the_published_mean_at_base(care, people, names, rate):
    modelled = sum(hazards(row(care, name), people) for name in names)
    assert mean_by_cell(modelled, people) == pytest.approx(
        mean_by_cell(at(getattr(care.rates, rate), people), people), rel=1e-9, nan_ok=True
    )


def test_conditions_frailty_and_education_multiply_needs(care, people):
    need = hazards(row(care, "need"), people)
    expected = people.covariates[:, COVARIATES.index("log_frailty")] * 0.6
    expected += np.log(1.15) * people.covariates[:, COVARIATES.index("edu_low")]
    expected += np.log(0.92) * people.covariates[:, COVARIATES.index("edu_high")]
    for flag in ("diabetes", "prior_mi", "prior_stroke"):
        expected += 0.75 * np.log(1.6) * people.flags[flag]
    cell_and_age = cells(people) * AGES + people.age.astype(int)
    for one in np.unique(cell_and_age)[::7]:
        rest = (np.log(need) - expected)[cell_and_age == one]
        assert rest == pytest.approx(rest[0], abs=1e-9)


def test_controls_are_those_planned_for_the_busiest_condition_times_attendance(care, people):
    control = hazards(row(care, "chronic_control"), people)
    f = people.flags
    planned = np.maximum.reduce(
        [4.0 * f["diabetes"], 2.0 * f["prior_mi"], 2.0 * f["prior_stroke"], 1.5 * f["high_risk"]]
    )
    planned *= f["enrolled"]
    missed = care_parameters("NL")["care.no_show_share"]
    assert control.sum() * (1.0 - missed) == pytest.approx(0.9 * planned.sum(), rel=1e-9)
    assert (control[~f["enrolled"]] == 0.0).all()
    only = f["enrolled"] & f["diabetes"] & ~f["prior_mi"] & ~f["prior_stroke"]
    assert control[only].mean() * (1.0 - missed) == pytest.approx(3.6, rel=0.1)
    assert row(care, "chronic_control").activity_lever == "prevention"
    assert row(care, "follow_up").activity_lever == "visit_intensity"


def test_a_model_without_diseases_has_no_controls_and_the_same_rates():
    healthy = cohort(2_000, conditions=False)
    rows = demand_transitions(care_parameters("NL"), healthy, "NL")
    assert [t.name for t in rows] == ["need", "follow_up", "ed_self", "emergency_other"]
    assert hazards(rows[0], healthy).sum() == pytest.approx(at(base_rates(care_parameters("NL")).needs, healthy).sum())


def test_an_empty_cell_still_has_a_finite_rate():
    few = cohort(40, seed=3)
    for t in demand_transitions(care_parameters("NL"), few, "NL"):
        assert np.isfinite(t.log_hazard).all(), t.name


def test_twice_the_contact_level_doubles_demand(people):
    level = care_parameters("NL")["care.gp_contact_level"]
    params = care_parameters("NL").override([("care.gp_contact_level", 2.0 * level)])
    twice = demand_transitions(params, people, "NL")[0]
    once = demand_transitions(care_parameters("NL"), people, "NL")[0]
    assert hazards(twice, people) == pytest.approx(2.0 * hazards(once, people))


def test_needs_that_end_out_of_hours_can_be_added():
    params = care_parameters("NL").override([("care.out_of_hours_need_rate", 0.2)])
    profiles = Profiles(params, standard_population(params))
    added = base_rates(params).needs - base_rates(care_parameters("NL")).needs
    assert profiles.mean(added) == pytest.approx(0.2)


def test_kinds_of_contact_add_up_to_the_published_totals():
    params = care_parameters("NL")
    rates, book = base_rates(params), book_terms(params)
    access = access_terms(params, rates, book)
    population = standard_population(params)
    assert access.contact_mix.sum(axis=2) == pytest.approx(1.0)
    assert (access.contact_mix >= 0.0).all()
    urgent = rates.needs * access.urgent_share
    nurse = (rates.gp_contacts - urgent) * access.delegable_share * access.base_delegation
    by_gp = ((rates.gp_contacts - nurse)[:, :, None] * access.contact_mix * population[:, :, None]).sum(axis=(0, 1))
    phone, consult, long, visit, email = by_gp / population.sum()
    nurse_total = (nurse * population).sum() / population.sum()
    total = (rates.gp_contacts * population).sum() / population.sum()
    scale = total / 4.40  # the types of 2017 add up to 4.40, the age table to the mean of 2021's population
    assert phone == pytest.approx(1.22 * scale, rel=0.03)
    assert email == pytest.approx(0.03 * scale, rel=0.05)
    assert visit == pytest.approx(0.18 * scale, rel=0.1)
    assert consult + long + nurse_total == pytest.approx(2.97 * scale, rel=0.03)
    assert access.contact_mix[0, 92, 3] > 5.0 * access.contact_mix[0, 40, 3]


@pytest.mark.parametrize("share", [0.0, 0.03, 0.2])
def test_missed_appointments_raise_needs_such_that_urgent_and_held_contacts_stay(share):
    params = care_parameters("NL").override([("care.no_show_share", share)])
    rates = base_rates(params)
    access = access_terms(params, rates, book_terms(params))
    urgent = rates.needs * access.urgent_share
    held = urgent + (rates.needs - urgent + rates.follow_up) * (1.0 - share)
    assert held == pytest.approx(rates.gp_contacts)
    none = care_parameters("NL").override([("care.no_show_share", 0.0)])
    before = base_rates(none)
    assert urgent == pytest.approx(before.needs * access_terms(none, before, book_terms(none)).urgent_share)


def test_nurses_for_mental_health_see_their_share_of_delegated_contacts(care):
    params, access, rates = care_parameters("NL"), care.access, care.rates
    population = standard_population(params)
    urgent = rates.needs * access.urgent_share
    delegated = (rates.gp_contacts - urgent) * access.delegable_share * access.base_delegation * population
    mental = (delegated * access.mental_share).sum()
    assert mental / delegated.sum() == pytest.approx(params["delegation.mental_contact_share"], rel=0.01)
    assert mental / population.sum() == pytest.approx(0.200, rel=0.05)  # per person-year, recalled from Nivel
    assert access.mental_share[40] > 2.0 * access.mental_share[80]


def test_education_changes_where_people_go_but_not_how_many_refuse(care):
    access = care.access
    by_education = access.elsewhere_by_education
    assert by_education.sum(axis=2) == pytest.approx(1.0)
    assert (by_education >= 0.0).all()
    assert np.array_equal(by_education[1], access.elsewhere)
    assert (by_education[0, :, 2] > access.elsewhere[:, 2]).all()
    assert (by_education[2, :, 2] < access.elsewhere[:, 2]).all()
    alike = replace(access, emergency_ratio=np.ones(3), patience_ratio=np.ones(3))
    assert np.array_equal(alike.elsewhere_by_education, np.stack([access.elsewhere] * 3))
    assert np.array_equal(alike.patience_by_education, np.stack([access.patience_days] * 3))


def test_referrals_and_emergency_visits_reach_the_published_numbers(care, people):
    use = expected_services(care, people).mean(axis=0)
    contacts = care.report["gp_contacts_per_person_year"]
    assert use[care.services.index("specialist_trajectory")] == pytest.approx(0.05 * contacts, rel=0.03)
    assert use[care.services.index("ed_visit")] == pytest.approx(0.105 * (1 - 0.38), rel=0.05)
    # without queues: full books and Mondays bring the simulated rate up to the published 0.209
    assert 0.13 < use[care.services.index("ooh_contact")] < 0.209
    assert 0.036 < use[care.services.index("admission_other")] < 0.046


@pytest.mark.parametrize("hours", [9.0, 2.0])
def test_share_leaving_is_the_mean_over_a_week_of_needs(hours):
    book = BookTerms(5, 8.0, 17.0, 25.4, 20.0, 0.2)
    moment = (np.arange(700_000) + 0.5) / 100_000.0
    opening, day, closing = 8.0 / 24.0, np.floor(moment), (8.0 + hours) / 24.0
    wait = np.maximum(0.0, day + opening - moment)
    wait = np.where(moment - day > closing, day + 1.0 + opening - moment, wait)
    weekend = (day >= 5) | ((day == 4) & (moment - day > closing))
    wait = np.where(weekend, 7.0 + opening - moment, wait)
    assert share_leaving(book, 0.65, hours) == pytest.approx((1.0 - np.exp(-wait / 0.65)).mean(), abs=1e-4)


def test_people_with_endless_patience_stay():
    assert share_leaving(BookTerms(5, 8.0, 17.0, 25.4, 20.0, 0.2), 1e6) == pytest.approx(0.0, abs=1e-5)


def test_what_people_do_instead_adds_up_and_urgent_needs_cannot_come_later(care):
    assert care.elsewhere.sum(axis=1) == pytest.approx(1.0)
    assert care.elsewhere[1, 0] == 0.0


@pytest.mark.parametrize(("name", "value"), [("planned_later", 0.99), ("urgent_out_of_hours", 0.99)])
def test_shares_over_one_are_refused(people, name, value):
    with pytest.raises(DataError, match="more than one"):
        build_care(care_parameters("NL").override([(f"care.{name}", value)]), people, "NL")


def test_referrals_that_cannot_be_are_refused(people):
    with pytest.raises(DataError, match="referral_per_contact"):
        build_care(care_parameters("NL").override([("care.referral_per_contact", 0.9)]), people, "NL")


def test_an_unknown_country_is_refused():
    with pytest.raises(DataError, match="FR"):
        care_parameters("FR")


@pytest.mark.parametrize(
    ("older", "gp", "nurse"), [(0.0, (0.78, 0.95), (0.75, 0.97)), (0.75, (0.84, 1.02), (0.82, 1.04))]
)
def test_a_norm_practice_is_busy_but_not_overrun(older, gp, nurse):
    """Demand without queues; in a run needs that are dropped or combined take off about a tenth."""
    people = cohort(older=older)
    params = care_parameters("NL")
    care = build_care(params, people, "NL")
    minutes = staff_minutes(care, expected_services(care, people)).mean(axis=0) * care.report["norm_list_size"]
    hours, fte = minutes / 60.0 / 52.0, care.report
    assert gp[0] < hours[0] / care.book.gp_contact_hours_per_week < gp[1]
    rooms = {who: fte[f"nurse_{who}_fte_per_norm_practice"] for who in ("somatic", "mental")}
    assert nurse[0] < hours[1] / (rooms["somatic"] * care.book.nurse_contact_hours_per_week) < nurse[1]
    assert 0.6 < hours[2] / (rooms["mental"] * care.book.nurse_contact_hours_per_week) < nurse[1]


def test_both_gp_lanes_have_room_for_their_work(care, people):
    use = expected_services(care, people).mean(axis=0)
    kinds = [care.services.index(name) for name in ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email")]
    seen_urgent = care.report["urgent_needs_per_person_year"] * (1.0 - care.report["urgent_share_leaving"])
    urgent = seen_urgent / use[kinds].sum() * (use[kinds] @ care.minutes[kinds, 0])
    planned = use @ care.minutes[:, 0] - urgent
    lanes = care.book.hours_per_weekday(1.0, 0.75, 0.45) * care.book.weekdays * 52 * 60
    assert 0.5 < urgent * 2095 / lanes[1] < 0.9
    assert 0.75 < planned * 2095 / lanes[0] < 0.98


def test_the_income_of_a_norm_practice_is_believable(care):
    costs, revenue = care.costs, 271.0 * 2095
    bills = costs.bills(np.array([[1.0, 0.75, 0.45]]), np.full(1, 2095.0))
    assert set(bills) == set(BILLS) - {"material"}
    left = revenue - sum(float(euros[0]) for euros in bills.values())
    assert 150_000 < left < 260_000
    assert -0.05 < (left - costs.gp_eur_per_fte) / revenue < 0.12
    assert 60.0 < costs.wages().gp_eur < 110.0


def test_rooms_come_whole_and_a_practice_has_costs_of_its_own(care):
    costs = care.costs
    fte = np.array([0.2, 1.0, 1.1, 2.0])
    bills = costs.bills(
        np.column_stack([fte, [0.0, 0.75, 0.75, 1.25], [0.0, 0.45, 0.45, 0.75]]), np.full(4, 2000.0), years=0.25
    )
    assert bills["housing"] == pytest.approx(np.array([1, 3, 4, 4]) * costs.room_eur / 4)
    assert bills["administration"] == pytest.approx(costs.administration_eur / 4)


def test_paid_time_without_patients_costs_and_overtime_does_not(care):
    costs, fte = care.costs, np.array([[2.0, 0.0, 0.0]])
    assert costs.idle_staff_eur(fte, np.array([[2 * costs.gp_hours_per_fte, 5.0, 0.0, 0.0]])) == pytest.approx(
        2.0 * costs.assistant_fte_per_gp_fte * costs.assistant_eur_per_fte
    )
    no_contacts = np.zeros((1, 4))
    for further in (200.0, -200.0):  # a GP who works less has the time for herself: it is no cost
        more = costs.idle_staff_eur(fte, no_contacts, further_gp_hours=np.array([further]))
        assert more - costs.idle_staff_eur(fte, no_contacts) == pytest.approx(further * costs.wages().gp_eur)
    nothing_done = costs.idle_staff_eur(np.full((1, 3), 2.0), np.zeros((1, 4)), years=0.5)
    assistants = costs.assistant_fte_per_gp_fte * costs.assistant_eur_per_fte
    assert nothing_done == pytest.approx(
        costs.gp_eur_per_fte + costs.nurse_eur_per_fte + costs.mental_nurse_eur_per_fte + assistants
    )


def test_payments_are_of_the_size_of_national_ones(care, people):
    """The rest of 3,151 euro is what practices are paid by contract, other diseases, their admissions, the end of life."""
    by_sector = {name: euro.mean() for name, euro in payments_by_sector(care, expected_services(care, people)).items()}
    assert 1_900 < sum(by_sector.values()) - by_sector["general_practice"] < 2_400
    assert by_sector["mental_health"] == pytest.approx(283 - 40, rel=0.08)  # depression takes about 40
    assert by_sector["long_term_care"] == 0.0  # nobody in this cohort has dementia
    assert 14 < by_sector["out_of_hours"] < 24  # queues add to it in a run


def test_diseases_add_claims_and_the_dying_cost_more(care, people):
    fatal = np.full((2, AGES), 0.25)
    mi = Transition(
        "mi",
        "event",
        np.full((2, AGES), np.log(0.01)),
        service="admission_mi",
        dies_before_care=fatal,
        dies_in_care=fatal,
    )
    use = expected_services(care, people, [mi])
    assert use[:, care.services.index("admission_mi")] == pytest.approx(0.0075)
    died = 0.01 * (0.25 + 0.75 * 0.25)
    dying = at(care.background.end_of_life_eur, people)
    assert use[:, care.services.index("end_of_life")] == pytest.approx(died * dying)
    without = expected_services(care, people, [mi], background=False)
    assert (without[:, care.services.index("end_of_life")] == 0.0).all()
    pharmacy = without[:, care.services.index("background_pharmacy")]
    only = people.flags["diabetes"] & ~people.flags["prior_mi"] & ~people.flags["prior_stroke"]
    assert pharmacy[only] == pytest.approx(care.background.flag_extra_eur["diabetes"][1])


@pytest.mark.parametrize("country", ["NL", "BE"])
def test_every_parameter_is_read(people, country):
    params = care_parameters(country)
    build_care(params, people, country)
    assert params.unused() == []


def test_belgian_gps_delegate_little_and_take_longer(people, care):
    belgian = build_care(care_parameters("BE"), people, "BE")
    assert belgian.base_delegation < care.base_delegation
    assert belgian.contact_minutes["gp_consult"] > care.contact_minutes["gp_consult"]
    assert set(belgian.contact_minutes) == set(care.contact_minutes)


def test_the_same_cohort_gives_the_same_model(people, care):
    again = build_care(care_parameters("NL"), replace(people), "NL")
    for one, other in zip(care.transitions, again.transitions, strict=True):
        assert np.array_equal(one.log_hazard, other.log_hazard)


def test_a_trajectory_costs_no_less_than_its_visits_and_tests(care, people):
    """The ends of the ranges of parts and whole contradict each other: draws and sweeps must not end there."""
    at = care.services.index("specialist_trajectory")
    assert care.dear_trajectory == ""
    assert care.resource_cost_eur[at] == care.services.given_cost_eur[at]
    dear = [("services.specialist_follow_up.resource_cost_eur", 160.0), ("care.clinic_test_eur", 355.0)]
    found = build_care(care_parameters("NL").override(dear), people, "NL")
    assert found.resource_cost_eur[at] == found.hospital.unit_costs.after_first_visit_eur > care.resource_cost_eur[at]
    assert "care.clinic_test_eur" in found.dear_trajectory
    assert f"{found.resource_cost_eur[at]:.2f} EUR" in found.dear_trajectory
    others = np.arange(len(care.resource_cost_eur)) != at
    assert np.array_equal(found.resource_cost_eur[others], care.resource_cost_eur[others])
