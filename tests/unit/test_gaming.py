"""The gaming audit against closed forms: what each deviation brings under contracts of one term."""

from dataclasses import replace

import numpy as np
import pytest

from paysim.accounting.segments import SEGMENT_DEPRIVED
from paysim.behaviour.gaming import COLUMNS, KINDS, SHARE, audit, audit_sentence, deviations
from paysim.behaviour.situation import Situation
from paysim.cli.app import run
from paysim.contracts.capitation import Capitation
from paysim.contracts.chronic_bundle import BundlePrice, ChronicBundle
from paysim.contracts.contract import Contract, Part
from paysim.contracts.risk_capitation import RiskCapitation
from paysim.contracts.shared_savings import SharedSavings
from tests.practice import ENROLLED, NORM, PEOPLE, SERVICES, WAGES, contract, fees, situation
from tests.unit.test_hospital_behaviour import tariff

PRACTICES = 4


def rows(now: Situation) -> dict[str, dict]:
    return {row["deviation"]: row for row in audit(now, "arm")}


def found(now: Situation, words: str) -> dict:
    (row,) = [row for name, row in rows(now).items() if words in name]
    return row


def paid(*terms) -> Situation:
    return situation(contract(*terms), practices=PRACTICES, anchored=False)


def cost(*names: str) -> float:
    each = SERVICES.minutes @ WAGES.per_minute() + SERVICES.material_eur
    return sum(sum(NORM[name]) * each[SERVICES.index(name)] for name in names)


def test_a_fee_pays_for_a_consultation_held_twice_and_payers_pay_it():
    row = found(paid(fees(gp_consult=30.0)), "two sittings")
    assert row["gain_eur"] == pytest.approx(SHARE * sum(NORM["gp_consult"]) * 30.0)
    assert row["harm_payers_eur"] == pytest.approx(row["gain_eur"])
    assert row["harm_patients_eur"] == 0.0
    assert found(paid(Capitation(rate_eur_per_person_year=200.0)), "two sittings")["gain_eur"] == pytest.approx(0.0)


def test_capitation_pays_for_care_left_out():
    row = found(paid(Capitation(rate_eur_per_person_year=200.0)), "home visits")
    assert row["gain_eur"] == pytest.approx(SHARE * cost("gp_visit"))
    assert row["harm_patients_eur"] > 0.0
    fee = 2.0 * cost("gp_visit") / sum(NORM["gp_visit"])
    assert not found(paid(fees(gp_visit=fee)), "home visits")["profitable"]


def test_risk_on_record_is_paid_at_its_rate():
    now = paid(RiskCapitation(rate_eur_per_person_year=150.0))
    now = replace(now, activity=replace(now.activity, coded_years=1.2 * now.activity.person_years))
    row = found(now, "recording")
    assert row["gain_eur"] == pytest.approx(SHARE * 150.0 * 1.2 * sum(PEOPLE))
    assert row["harm_payers_eur"] == pytest.approx(row["gain_eur"])
    assert found(paid(fees(gp_consult=9.0)), "recording")["gain_eur"] == 0.0


def test_a_bundle_pays_for_enrolment_without_care():
    row = found(paid(ChronicBundle((BundlePrice("diabetes", 100.0),))), "enrolling")
    room = PEOPLE[2] - ENROLLED[2]
    assert row["gain_eur"] == pytest.approx(100.0 * min(SHARE * ENROLLED[2], room))


def test_choosing_pays_what_a_group_leaves_against_the_others():
    """Under a flat rate, whoever costs more than the mean is not wanted, and what one half gains costs nobody a euro."""
    flat = paid(Capitation(rate_eur_per_person_year=200.0))
    for age_and_condition in ("under 65 with diabetes",):
        fewer = found(flat, f"a tenth fewer patients of {age_and_condition}")
        more = found(flat, f"a tenth more patients of {age_and_condition}")
        assert fewer["gain_eur"] > 0.0 > more["gain_eur"]
        assert fewer["gain_eur"] == pytest.approx(-more["gain_eur"], rel=0.02)
        assert fewer["harm_payers_eur"] == pytest.approx(0.0, abs=1e-6)
    healthy = found(flat, "a tenth more patients of under 65 without")
    assert healthy["gain_eur"] > 0.0


def test_choosing_moves_people_and_loses_none():
    now = paid(Capitation(rate_eur_per_person_year=200.0))
    share = np.array([SHARE, 0.0, SHARE, 0.0])
    for each in deviations():
        if each.moves_people:
            moved = each.move(now, now.activity, share).activity
            for name in ("person_years", "services", "programme_years"):
                assert getattr(moved, name).sum(axis=0) == pytest.approx(getattr(now.activity, name).sum(axis=0))
            if "list a tenth" not in each.what:
                assert moved.person_years.sum(axis=1) == pytest.approx(now.activity.person_years.sum(axis=1))


def test_a_longer_list_brings_the_capitation_less_the_cost_of_care():
    own = [name for name in NORM if SERVICES.in_sector("general_practice")[SERVICES.index(name)]]
    left = 200.0 * sum(PEOPLE) - cost(*own)
    longer = found(paid(Capitation(rate_eur_per_person_year=200.0)), "list a tenth longer")
    assert longer["gain_eur"] == pytest.approx(SHARE * left)
    shorter = found(paid(Capitation(rate_eur_per_person_year=200.0)), "list a tenth shorter")
    assert shorter["gain_eur"] == pytest.approx(-SHARE * left)


def test_a_price_by_admission_pays_for_early_discharge():
    now = replace(paid(), contracts=(tariff(2500.0),))
    row = found(now, "a tenth earlier")
    assert row["gain_eur"] > 0.0
    (longer,) = (each for name, each in rows(now).items() if "keeping everybody" in name)
    assert row["gain_eur"] == pytest.approx(-longer["gain_eur"])
    assert row["harm_patients_eur"] == pytest.approx(row["gain_eur"])


def test_nothing_pays_where_nobody_is_concerned():
    now = paid(Capitation(rate_eur_per_person_year=200.0))
    assert now.activity.person_years[:, SEGMENT_DEPRIVED == 1].sum() == 0.0
    assert found(now, "more patients of deprived")["gain_eur"] == pytest.approx(0.0)


def test_what_all_share_is_no_gain_of_ones_own():
    """Savings pooled over the region reward one list among four; those of each list reward its own."""
    alone, pooled = (
        found(_sharing(pooled), "leaving out a tenth of planned admissions")["harm_payers_eur"]
        for pooled in (False, True)
    )
    assert alone == pytest.approx(pooled, rel=0.05)
    own, of_all = (found(_sharing(pooled), "referring a tenth more")["gain_eur"] for pooled in (False, True))
    none = found(replace(_sharing(False), contracts=(contract(), tariff(3000.0))), "referring a tenth more")["gain_eur"]
    assert own < of_all == pytest.approx(none, rel=1e-6)


def _sharing(pooled: bool) -> Situation:
    from paysim.accounting.book import Book
    from paysim.contracts.settlement import settle

    both = {"sharing_rate": 0.5, "loss_rate": 0.5, "lines": ("hospital",), "trend": "none"}
    terms = SharedSavings(**both, pooled=pooled)
    now = paid()
    base = settle((tariff(3000.0),), Book(now.activity)).book.activity
    return replace(now, contracts=(tariff(3000.0), contract(terms)), year=0, past=(base,))


def test_whoever_bears_the_risk_is_harmed_in_place_of_the_payer():
    """Of what the hospital bills twice an integrator at full risk loses every euro, and the insurers none."""
    today = _sharing(pooled=True)
    full = SharedSavings(sharing_rate=1.0, loss_rate=1.0, lines=("hospital",), trend="none", pooled=True)
    at_risk = Contract("r", "R", "insurers", "integrator", (Part("savings", full),))
    row = found(replace(today, contracts=(tariff(3000.0), at_risk)), "readmitting a tenth of planned")
    assert row["gain_eur"] > 0.0
    assert row["harm_organisations_eur"] == pytest.approx(row["gain_eur"])
    assert row["harm_payers_eur"] == pytest.approx(0.0, abs=1e-6)
    assert row["harm_eur"] == pytest.approx(row["gain_eur"])
    assert "organisations at risk lose" in audit_sentence(row)
    unprotected = found(replace(today, contracts=(tariff(3000.0),)), "readmitting a tenth of planned")
    assert (unprotected["harm_payers_eur"], unprotected["harm_organisations_eur"]) == (unprotected["gain_eur"], 0.0)


def test_who_moves_to_another_practice_loses_no_care():
    for name, row in rows(paid(Capitation(rate_eur_per_person_year=200.0))).items():
        if row["kind"] == "choosing patients":
            assert row["harm_patients_eur"] == 0.0, name


def test_rows_are_ranked_and_read_as_sentences():
    table = audit(paid(fees(gp_consult=30.0)), "fees", paid(fees(gp_consult=10.0)))
    assert [row["gain_eur"] for row in table] == sorted((row["gain_eur"] for row in table), reverse=True)
    assert {row["kind"] for row in table} == set(KINDS)
    assert len(table) == len(deviations())
    for row in table:
        assert tuple(row) == COLUMNS
        sentence = audit_sentence(row)
        assert sentence.startswith("Under fees")
        assert "nan" not in sentence
    split = next(row for row in table if "two sittings" in row["deviation"])
    assert split["opened"]
    assert split["gain_under_current_eur"] == pytest.approx(split["gain_eur"] / 3.0)


def test_the_command_ranks_by_harm_too(capsys: pytest.CaptureFixture[str]):
    small = ["--sample", "3000", "--arm", "fee_for_service"]
    assert run(["audit", "nl/achterhoek_four_models", *small, "--by", "harm"]) == 0
    out = capsys.readouterr().out
    by_harm = (
        "outpatients on paper",
        "readmitting a tenth",
        "follow-up visits of clinics",
        "under 65 without a chronic",
    )
    assert [out.index(each) for each in by_harm] == sorted(out.index(each) for each in by_harm)
    assert "Under fee_for_service a practice would gain" in out
    assert run(["audit", "nl/achterhoek_four_models", *small, "--by", "harm", "--all"]) == 0
    assert "referring a tenth more than is needed" in capsys.readouterr().out
    assert run(["audit", "nl/achterhoek_four_models", "--sample", "3000", "--arm", "fee_for_servce"]) == 2
