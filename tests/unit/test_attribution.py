"""To whom people belong when savings are shared: all of a list, or those who were seen."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import paysim as ps
from paysim.accounting.activity import Activity, Persons
from paysim.accounting.book import Book
from paysim.contracts.shared_savings import SharedSavings
from paysim.contracts.terms import read_contract
from paysim.engine.accounts import most_seen
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


@pytest.mark.parametrize(
    ("visits", "practices", "expected"),
    [
        ([1, 1, 1, 1], [4, 4, 4, 4], 4),
        ([3, 0, 1, 1], [4, 4, 5, 5], 4),
        ([1, 0, 1, 1], [4, 4, 5, 5], 5),
        ([1, 1, 1, 1], [4, 4, 5, 5], 5),
        ([1, 1, 0, 0], [4, 4, 5, 5], 4),
        ([2, 1, 0, 2], [4, 5, 5, 4], 4),
        ([0, 0, 0, 0], [4, 4, 5, 5], -1),
    ],
)
def test_people_belong_to_who_saw_them_most_and_of_equals_last(
    visits: list[int], practices: list[int], expected: int
) -> None:
    assert most_seen(np.array([visits], float), np.array([practices])).tolist() == [expected]


def test_the_year_before_is_found_by_the_number_of_a_person() -> None:
    def persons(numbers: list[int], practice: list[int], contacts: list[float]) -> Persons:
        n = len(numbers)
        cells = (np.array(practice), np.zeros(n, int), np.ones(n), np.zeros((n, 1)), np.array(contacts))
        return Persons(*cells, np.array(numbers))

    now = persons([7, 3, 9, 4], [0, 1, 1, 0], [1.0] * 4)
    found = now.after(persons([9, 4, 7], [0, 0, 1], [0.0, 2.0, 1.0]))
    assert found.listed_before is not None
    assert found.most_seen_before is not None
    assert found.listed_before.tolist() == [1, -1, 0, 0]
    assert found.most_seen_before.tolist() == [1, -1, -1, 0]
    assert now.after(None).listed_before is None
    nobody = now.after(persons([], [], [])).listed_before
    assert nobody is not None
    assert nobody.tolist() == [-1] * 4


PROSPECTIVE = {
    "list": replace(TERMS["own_history"], assignment="prospective"),
    "contacts": replace(TERMS["own_history"], assignment="prospective", attribution="contact"),
}


@pytest.mark.parametrize("name", PROSPECTIVE)
def test_years_and_money_follow_people_to_where_they_belong(name: str) -> None:
    whole = book().activity
    persons = whole.persons
    assert persons is not None
    rng = np.random.Generator(np.random.PCG64(5))
    before = rng.integers(-1, len(whole.practice_names), len(persons.practice))
    moved = replace(whole, persons=replace(persons, listed_before=before, most_seen_before=before))
    counted = PROSPECTIVE[name]._counted(moved)
    stayed = replace(moved.persons, listed_before=persons.practice, most_seen_before=persons.practice)
    same = PROSPECTIVE[name]._counted(replace(moved, persons=stayed))
    np.testing.assert_allclose(same.person_years, whole.person_years, rtol=1e-12)
    np.testing.assert_allclose(same.payments, whole.payments, rtol=1e-12)
    # Everybody of a cell is alike in this book, so what nobody has is the part of those who came since.
    at = (persons.practice, persons.segment)
    those = np.zeros(whole.person_years.shape)
    np.add.at(those, at, 1.0)
    lost = float((whole.person_years[at] / those[at])[before < 0].sum())
    assert counted.person_years.sum() == pytest.approx(whole.person_years.sum() - lost, rel=1e-12)
    assert not np.allclose(counted.person_years.sum(axis=1), whole.person_years.sum(axis=1))
    assert PROSPECTIVE[name].base_years_needed == 2


@pytest.mark.parametrize(
    "terms",
    [TERMS["own_history"], replace(TERMS["own_history"], conditions=("diabetes",)), PROSPECTIVE["contacts"]],
    ids=["everybody", "with diabetes", "contacts of the year before"],
)
def test_what_is_kept_of_a_year_goes_with_the_year(terms: SharedSavings) -> None:
    whole = book().activity
    persons = whole.persons
    assert persons is not None
    year = replace(whole, persons=replace(persons, most_seen_before=persons.practice.copy()))
    gone = weakref.ref(year), weakref.ref(year.persons)
    assert terms._spent(terms._counted(year)).sum() > 0.0
    assert terms._counted(year) is terms._counted(year)
    del year
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_without_the_year_before_nobody_can_be_assigned() -> None:
    with pytest.raises(ModelError, match="year before is not known"):
        PROSPECTIVE["list"].settle(book())


def test_without_single_persons_nobody_can_be_attributed() -> None:
    with pytest.raises(ModelError, match="attribution by contact needs"):
        replace(TERMS["own_history"], attribution="contact").settle(changed(book(), None))


@pytest.mark.parametrize(
    "terms",
    [
        {"truncate_above_eur": 20_000, "attribution": "contact"},
        pytest.param({"truncate_above_eur": 20_000}, marks=pytest.mark.slow),
        pytest.param({"attribution": "contact"}, marks=pytest.mark.slow),
        pytest.param({"attribution": "contact", "assignment": "prospective"}, marks=pytest.mark.slow),
    ],
)
def test_a_run_knows_single_persons_of_base_years_and_of_years_to_come(
    tmp_path: Path, terms: dict[str, object]
) -> None:
    """Providers reckon with them in every quarter, also in the middle of a year."""
    scenario = ps.load_scenario("nl/achterhoek_shared_savings")
    today = scenario.arm(scenario.current)
    savings = {
        "kind": "shared_savings",
        "sharing_rate": 0.5,
        "loss_rate": 0.5,
        "trend": "none",
        "base_year_weights": [0.5, 0.5],
        **terms,
    }
    mine = read_contract({"name": "mine", "payer": "insurers", "providers": "practices", "components": [savings]})
    arm = replace(today, name="mine", contracts=(*today.contracts, mine), behaviour=Behaviour("profit_altruism"))
    short = replace(scenario, horizon_years=2, base_years=mine.components[0].base_years_needed, arms=(today, arm))
    run = ps.simulate(short, tmp_path / "r", sample=1500)
    ledger = run.ledger.astype({"component": str, "arm": str})
    assert (ledger.query("arm == 'mine' and component == 'shared_savings'")["cents"] != 0).any()


def test_terms_ask_for_persons_only_if_they_look_at_them() -> None:
    assert "persons" not in TERMS["own_history"].reads
    assert "persons" in replace(TERMS["own_history"], attribution="contact").reads
