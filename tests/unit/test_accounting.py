"""Segments, activity, claims and statements."""

from dataclasses import replace

import numpy as np
import pytest

from paysim.accounting.activity import Activity
from paysim.accounting.claims import borne_cents, liable_eur, tariff_table
from paysim.accounting.ledger import Ledger
from paysim.accounting.segments import (
    CONDITIONS,
    SEGMENT_AGE_BAND,
    SEGMENT_CONDITION,
    SEGMENT_DEPRIVED,
    SEGMENT_NAMES,
    SEGMENTS,
    condition_code,
    segment_code,
)
from paysim.accounting.statements import flows, income_statement, trial_balance
from paysim.contracts.contract import patients_terms
from paysim.contracts.copayment import Copayment, PatientPart
from paysim.contracts.terms import read_contract
from paysim.errors import ModelError


def test_segments_and_their_labels_agree() -> None:
    assert SEGMENTS == 24
    ages = np.array([0, 65, 75, 85])[SEGMENT_AGE_BAND]
    assert segment_code(ages, SEGMENT_DEPRIVED, SEGMENT_CONDITION).tolist() == list(range(24))
    assert SEGMENT_NAMES[0] == "under 65, not deprived, none"
    assert SEGMENT_NAMES[-1] == "85 and over, deprived, diabetes"
    assert len(set(SEGMENT_NAMES)) == 24


def test_ages_fall_into_their_bands() -> None:
    ages = np.array([0.0, 64.999, 65.0, 74.9, 75, 84.99, 85, 110])
    codes = segment_code(ages, np.zeros(8), np.zeros(8, dtype=int))
    assert SEGMENT_AGE_BAND[codes].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_diabetes_wins_over_vascular() -> None:
    codes = condition_code([0, 0, 1, 1], [0, 1, 0, 1])
    assert [CONDITIONS[code] for code in codes] == ["none", "vascular", "diabetes", "diabetes"]


def test_activity_must_fit_its_labels() -> None:
    activity = Activity.empty(("a", "b"), ("p",), 0.25)
    with pytest.raises(ModelError, match="services has shape"):
        replace(activity, service_names=("a",))
    with pytest.raises(ModelError, match="person_years has shape"):
        replace(activity, person_years=np.zeros((2, SEGMENTS)))
    with pytest.raises(ModelError, match="different services or practices"):
        activity.plus(Activity.empty(("a", "b"), ("q",), 0.25))
    with pytest.raises(ModelError, match="no yearly pace"):
        replace(activity, years=0.0).annualised()


def test_a_quarter_has_four_times_its_activity_in_a_year() -> None:
    quarter = Activity.empty(("a",), ("p",), 0.25)
    quarter.services[:], quarter.person_years[:] = 3.0, 2.0
    year = quarter.annualised()
    assert (year.years, year.services[0, 0, 0], year.person_years[0, 5]) == (1.0, 12.0, 8.0)
    assert quarter.plus(quarter).years == 0.5
    assert year.pooled().practice_names == ("all",)


def test_liable_spending_leaves_out_exempt_and_unpriced_services() -> None:
    counts = np.array([[1, 2, 3], [0, 1, 0]], dtype=np.uint16)
    tariffs, exempt = np.array([100.0, 10.0, 0.0]), np.array([False, True, False])
    assert liable_eur(counts, tariffs, exempt).tolist() == [100.0, 0.0]
    assert liable_eur(counts, tariffs, np.zeros(3, dtype=bool)).tolist() == [120.0, 10.0]
    with pytest.raises(ModelError, match="do not fit"):
        liable_eur(counts, tariffs[:2], exempt)


def test_blocks_of_persons_give_the_same_as_one_product() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    counts = rng.integers(0, 9, (70_001, 4), dtype=np.uint16)
    tariffs = np.array([1.25, 0.5, 3.0, 8.0])
    whole = counts.astype(float) @ np.where([0, 1, 0, 0], 0.0, tariffs)
    assert np.array_equal(liable_eur(counts, tariffs, np.array([False, True, False, False])), whole)


def test_the_deductible_of_a_year_is_its_quarters_to_the_cent() -> None:
    rng = np.random.Generator(np.random.PCG64(2))
    spending = rng.lognormal(3.5, 1.8, (4, 20_000))
    after = np.cumsum(spending, axis=0)
    before = np.vstack([np.zeros(20_000), after[:-1]])
    quarters = sum(borne_cents(b, a, 385.0) for b, a in zip(before, after, strict=True))
    assert np.array_equal(quarters, np.minimum(np.rint(after[-1] * 100), 38_500).astype(np.int64))
    assert quarters.dtype == np.int64
    assert quarters.max() == 38_500


def test_the_deductible_stops_at_its_amount_and_starts_anew() -> None:
    assert borne_cents([0, 300, 385, 500], [200, 400, 900, 900], 385.0).tolist() == [20_000, 8_500, 0, 0]
    minors = borne_cents([0, 0], [500, 500], 385.0, np.array([True, False]))
    assert minors.tolist() == [38_500, 0]


ANYBODY = np.zeros(2, bool)


def test_the_dutch_deductible_spares_general_practice_and_minors() -> None:
    [(contract, part, terms)] = patients_terms([read_contract("nl/gp_capitation"), read_contract("nl/deductible")])
    names = ("gp_consult", "ed_visit", "ooh_contact", "background_nursing", "statin_year")
    every = (*names, *SERVICES_OF_FEES[2:], "gp_phone", "nursing_home_year")
    charged = [terms.charged_eur(np.eye(len(every))[[n]], np.ones(len(every)), every, ANYBODY[:1])[0] for n in range(5)]
    assert charged == [0.0, 1.0, 0.0, 0.0, 1.0]
    assert terms.settle_persons([0, 0], [500, 500], [17.9, 18.0], ANYBODY).tolist() == [0, 38_500]
    half = replace(contract, components=(replace(part, share=0.5),))
    assert patients_terms([half])[0][2].settle_persons([0], [500], [40], ANYBODY[:1]).tolist() == [19_250]
    assert patients_terms([read_contract("nl/gp_capitation")]) == []


def test_copayments_stop_at_the_ceiling_of_a_person() -> None:
    parts = (PatientPart("a", 10.0, 2.0), PatientPart("b", 5.0))
    terms = Copayment(parts, annual_ceiling_eur=100.0, protected_annual_ceiling_eur=30.0)
    used, protected = np.array([[4.0, 1.0], [4.0, 1.0]]), np.array([False, True])
    charged = terms.charged_eur(used, np.zeros(2), ("a", "b"), protected)
    assert charged.tolist() == [45.0, 13.0]
    quarters = [terms.settle_persons(n * charged, (n + 1) * charged, [40, 40], protected) for n in range(4)]
    assert [each.tolist() for each in quarters] == [[4500, 1300], [4500, 1300], [1000, 400], [0, 0]]
    half = terms.at_share(0.5)
    assert half.settle_persons([0, 0], [1e3, 1e3], [40, 40], protected).tolist() == [5000, 1500]
    assert half.charged_eur(used, np.zeros(2), ("a", "b"), protected).tolist() == [22.5, 6.5]


def test_tariffs_of_an_arm_add_up_over_contracts() -> None:
    names = tuple(read_contract("nl/hospital_tariffs").components[0].services_paid() | {"gp_consult"})
    full = sorted({*names, *SERVICES_OF_FEES, *OTHER_TARIFFS})
    contracts = [read_contract("nl/gp_fee_for_service"), read_contract("nl/hospital_tariffs")]
    parts = [part for contract in contracts for part in contract.components]
    table = dict(zip(full, tariff_table(parts, full), strict=True))
    assert table["gp_consult"] == 11.51
    assert table["ed_visit"] == 267.80
    assert tariff_table(read_contract("nl/gp_capitation").components, full).tolist() == [0.0] * len(full)


SERVICES_OF_FEES = (
    "gp_phone",
    "gp_consult",
    "gp_long",
    "gp_visit",
    "gp_email",
    "nurse_consult",
    "nurse_mental",
    "chronic_nurse",
    "chronic_gp",
)
OTHER_TARIFFS = (
    "ooh_contact",
    "statin_year",
    "bp_drug_year",
    *("antiplatelet_year", "ezetimibe_year", "pcsk9_year", "inclisiran_year", "sglt2_year", "glp1_year"),
    "background_pharmacy",
    "background_mental",
    "background_nursing",
    "background_other",
)


def books() -> Ledger:
    ledger = Ledger()
    both = ["practice:a", "practice:b"]
    common = {"contract": "gp", "component": "c", "account": "general_practice"}
    ledger.post(period=0, payer="insurers", payee=both, euros=[100.0, 50.0], **common)
    ledger.post(period=1, payer="insurers", payee=both, euros=[110.0, -5.0], **common)
    costs = {"contract": "", "component": "", "account": "wages"}
    ledger.post(period=0, payer=both, payee="staff_and_suppliers", euros=[60.0, 20.5], **costs)
    ledger.post(period=1, payer=both, payee="staff_and_suppliers", euros=[60.0, 20.5], **costs)
    return ledger


def test_income_statements() -> None:
    one = books().income_statement("practice:a")
    assert one.loc[0].to_dict() == {
        "general_practice": 100.0,
        "wages": -60.0,
        "income_eur": 100.0,
        "expenses_eur": -60.0,
        "result_eur": 40.0,
    }
    every = income_statement(books().frame(), "practices")
    assert every["result_eur"].tolist() == [69.5, 24.5]
    insurers = income_statement(books().frame(), "insurers")
    assert insurers["expenses_eur"].tolist() == [-150.0, -105.0]
    with pytest.raises(ModelError, match="did you mean 'insurers'"):
        income_statement(books().frame(), "insurer")


def test_trial_balance_and_flows() -> None:
    balance = trial_balance(books().frame())
    assert balance["total"].sum() == 0
    assert balance.loc["staff_and_suppliers", "wages"] == 16_100
    assert flows(books().frame()).to_dict("records") == [
        {"payer": "insurers", "payee": "practices", "account": "general_practice", "eur": 255.0},
        {"payer": "practices", "payee": "staff_and_suppliers", "account": "wages", "eur": 161.0},
    ]
