"""What contracts reward others than practices for, and what a patient leaves a practice, against closed forms."""

from dataclasses import replace

import numpy as np
import pytest

from paysim.accounting.segments import SEGMENT_NAMES
from paysim.behaviour import load_behaviour
from paysim.behaviour.actors import EVERYBODY, PATIENTS, actor_sentence, actor_table, patient_table
from paysim.behaviour.hospital import ELECTIVE
from paysim.behaviour.situation import Situation
from paysim.cli.app import run
from paysim.contracts.capitation import Capitation
from paysim.contracts.contract import Contract, Part
from paysim.contracts.schedule import ServicePrice
from paysim.contracts.shared_savings import SharedSavings
from paysim.contracts.tariff import Tariff
from paysim.contracts.terms import read_contract
from tests.practice import NORM, PARAMETERS, PEOPLE, SERVICES, WAGES, contract, fees, situation
from tests.unit.test_hospital_behaviour import tariff

BEHAVIOUR = load_behaviour("profit_altruism", [], PARAMETERS)


def under(*contracts: Contract) -> Situation:
    return replace(situation(contract(), practices=4, anchored=False), contracts=contracts, year=0)


def row(now: Situation, provider: str, lever: str, segment: str = "diabetes", current: Situation | None = None) -> dict:
    table = actor_table(now, BEHAVIOUR, "arm", current)
    (found,) = [r for r in table if (r["provider"], r["lever"], r["segment"]) == (provider, lever, segment)]
    return found


def test_what_the_hospital_is_paid_insurers_pay():
    now = under(contract(fees(gp_consult=30.0)), tariff(2500.0))
    hospital, insurers = row(now, "hospital", ELECTIVE), row(now, "insurers", ELECTIVE)
    assert hospital["marginal_revenue_eur"] == pytest.approx(2500.0)
    assert insurers["margin_eur"] == pytest.approx(-2500.0)
    assert hospital["marginal_cost_eur"] == pytest.approx(SERVICES.resource_cost(WAGES)[SERVICES.index(ELECTIVE)])


def test_a_visit_costs_insurers_its_fee_and_the_hospital_gains_by_referral_alone():
    now = under(contract(fees(gp_consult=30.0)))
    share = NORM["gp_consult"][2] / sum(NORM[name][2] for name in CONTACT_NAMES)
    assert row(now, "insurers", "visit_intensity")["margin_eur"] == pytest.approx(-30.0 * share)


CONTACT_NAMES = ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email", "nurse_consult", "nurse_mental")


def test_an_integrator_at_full_risk_bears_what_the_payer_bore():
    """Gains and losses on all care go to the integrator: a planned admission costs it the price, and insurers nothing."""
    from paysim.accounting.book import Book
    from paysim.contracts.settlement import settle

    terms = SharedSavings(sharing_rate=1.0, loss_rate=1.0, pooled=True, trend="none", lines=("hospital",))
    risk = Contract("risk", "Risk", "insurers", "integrator", (Part("risk", terms),))
    now = under(tariff(2500.0), risk)
    now = replace(now, past=(settle((tariff(2500.0),), Book(now.activity)).book.activity,))
    current = replace(now, contracts=(tariff(2500.0),))
    integrator = row(now, "integrator", ELECTIVE, current=current)
    assert integrator["margin_eur"] == pytest.approx(-2500.0)
    assert integrator["margin_under_current_eur"] == 0.0
    insurers = [r for r in actor_table(now, BEHAVIOUR, "arm") if (r["provider"], r["lever"]) == ("insurers", ELECTIVE)]
    assert all(abs(r["margin_eur"]) < 1e-3 for r in insurers)


def test_the_hospital_alone_moves_its_own_lever():
    now, current = under(tariff(3000.0)), under(tariff(2500.0))
    assert row(now, "hospital", ELECTIVE, current=current)["predicted_response"] > 0.0
    assert row(current, "hospital", ELECTIVE, current=current)["predicted_response"] == 0.0
    assert row(now, "insurers", ELECTIVE, current=current)["predicted_response"] is None
    budget = under(read_contract("nl/gp_capitation"))
    assert not [r for r in actor_table(budget, BEHAVIOUR, "arm") if r["provider"] == "integrator"]


def test_a_patient_leaves_the_capitation_less_the_cost_of_care():
    table = patient_table(under(contract(Capitation(rate_eur_per_person_year=200.0))), "arm")
    assert [r["segment"] for r in table] == [*SEGMENT_NAMES[:3], EVERYBODY]  # nobody lives in the others
    per_unit = SERVICES.minutes @ WAGES.per_minute() + SERVICES.material_eur
    own = SERVICES.in_sector("general_practice")
    for condition, each in enumerate(table[:3]):
        cost = sum(NORM[n][condition] * per_unit[SERVICES.index(n)] * own[SERVICES.index(n)] for n in NORM)
        assert each["lever"] == PATIENTS
        assert each["margin_eur"] == pytest.approx(200.0 - cost / PEOPLE[condition])
    assert min(r["margin_eur"] for r in table) < table[3]["margin_eur"] < max(r["margin_eur"] for r in table)


def test_every_row_reads_as_a_sentence():
    now = under(contract(fees(gp_consult=30.0)), tariff(2500.0))
    for each in (*actor_table(now, BEHAVIOUR, "arm", now), *patient_table(now, "arm", now)):
        sentence = actor_sentence(each)
        assert sentence.endswith(".")
        assert "nan" not in sentence
        assert "today" in sentence


@pytest.mark.slow
def test_the_command_shows_an_actor_and_names_what_is_wrong(capsys: pytest.CaptureFixture[str]):
    small = ["--sample", "3000"]
    assert run(["incentives", "nl/achterhoek_four_models", *small, "--provider", "patients"]) == 0
    assert "A practice gains" in capsys.readouterr().out
    assert run(["incentives", "nl/achterhoek_four_models", *small, "--provider", "hopsital"]) == 2
    assert "hospital" in capsys.readouterr().err


def test_a_sector_paid_what_its_care_costs_gains_by_nothing():
    """A contact after hours is paid its resource cost, and one euro more: that euro is what the sector is left with."""
    paid = SERVICES.resource_cost(WAGES)[SERVICES.index("ooh_contact")]
    for more in (0.0, 1.0):
        terms = Tariff("out_of_hours", (ServicePrice("ooh_contact", paid + more),))
        sector = Contract("after", "After hours", "insurers", "sectors", (Part("after", terms),))
        found = row(under(sector), "out_of_hours", "availability")
        contacts = found["marginal_cost_eur"] / paid
        assert contacts != 0.0
        assert found["margin_eur"] == pytest.approx(more * contacts, abs=1e-9)


def test_rows_are_numbers():
    table = actor_table(under(contract(fees(gp_consult=30.0)), tariff(2500.0)), BEHAVIOUR, "arm")
    assert all(np.isfinite(r["margin_eur"]) for r in table)
