"""To whom people belong when savings are shared: all of a list, or those who were seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import paysim as ps
from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.shared_savings import SharedSavings
from paysim.contracts.terms import read_contract
from paysim.errors import ModelError
from paysim.scenario.model import Behaviour
from tests.conformance.test_contracts import book

TERMS = {
    "own_history": SharedSavings(0.5, 0.5, trend="none"),
    "norm": SharedSavings(0.5, 0.5, trend="none", norm_weight=1.0),
    "truncated": SharedSavings(0.5, 0.5, trend="none", truncate_above_eur=500.0),
}


def changed(seen: Book, contacts: float | None, share: float = 1.0) -> Book:
    """Return the book in which the first `share` of the persons of every year had so many contacts."""

    def of(activity: Activity) -> Activity:
        persons = activity.persons
        if persons is None or contacts is None:
            return replace(activity, persons=None)
        here = np.arange(len(persons.contacts)) < share * len(persons.contacts)
        return replace(activity, persons=replace(persons, contacts=np.where(here, contacts, 0.0)))

    return Book(of(seen.activity), seen.year, tuple(of(each) for each in seen.past), seen.received)


@pytest.mark.parametrize("name", TERMS)
def test_where_everybody_is_seen_both_ways_pay_the_same(name: str) -> None:
    seen = changed(book(), 3.0)
    by_list, by_contact = TERMS[name], replace(TERMS[name], attribution="contact")
    np.testing.assert_allclose(by_contact.settle(seen), by_list.settle(seen), rtol=1e-12, atol=1e-9)
    assert by_list.settle(seen).any()


def test_people_who_were_not_seen_take_their_years_and_their_money_with_them() -> None:
    whole = changed(book(), 3.0).activity
    half = changed(book(), 3.0, share=0.5).activity
    terms = replace(TERMS["own_history"], attribution="contact")
    all_of_them, counted = terms._counted(whole), terms._counted(half)
    assert counted.person_years.sum() < all_of_them.person_years.sum()
    assert counted.payments is not None
    assert all_of_them.payments is not None
    assert (counted.payments <= all_of_them.payments + 1e-9).all()
    assert counted.payments.sum() < all_of_them.payments.sum()
    assert counted.persons is not None
    assert whole.persons is not None
    assert len(counted.persons.contacts) == round(0.5 * len(whole.persons.contacts))


def test_without_single_persons_nobody_can_be_attributed() -> None:
    with pytest.raises(ModelError, match="attribution by contact needs"):
        replace(TERMS["own_history"], attribution="contact").settle(changed(book(), None))


@pytest.mark.parametrize("terms", [{"truncate_above_eur": 20_000}, {"attribution": "contact"}])
def test_a_run_knows_single_persons_of_base_years_and_of_years_to_come(
    tmp_path: Path, terms: dict[str, object]
) -> None:
    """Providers reckon with them in every quarter, also in the middle of a year."""
    scenario = ps.load_scenario("nl/achterhoek_shared_savings")
    today = scenario.arm(scenario.current)
    savings = {"kind": "shared_savings", "sharing_rate": 0.5, "trend": "none", "base_year_weights": [0.5, 0.5], **terms}
    mine = read_contract({"name": "mine", "payer": "insurers", "providers": "practices", "components": [savings]})
    arm = replace(today, name="mine", contracts=(*today.contracts, mine), behaviour=Behaviour("profit_altruism"))
    short = replace(scenario, horizon_years=2, base_years=2, arms=(today, arm))
    run = ps.simulate(short, tmp_path / "r", sample=1500)
    ledger = run.ledger.astype({"component": str, "arm": str})
    assert (ledger.query("arm == 'mine' and component == 'shared_savings'")["cents"] != 0).any()


def test_terms_ask_for_persons_only_if_they_look_at_them() -> None:
    assert "persons" not in TERMS["own_history"].reads
    assert "persons" in replace(TERMS["own_history"], attribution="contact").reads
