"""Worked cases: the arithmetic of real payment rules, written in YAML by people who know the rules.

A case names its source, the contracts, the activity and the euros expected. Every file beside this one is run.
"""

from pathlib import Path

import numpy as np
import pytest

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.ledger import Ledger
from paysim.accounting.segments import CONDITIONS, segment_code
from paysim.care.catalogue import load_services
from paysim.contracts.contract import Contract
from paysim.contracts.settlement import post, settle
from paysim.contracts.terms import read_contract
from paysim.reading import Document, Reader, bind, read_yaml

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
SERVICES = tuple(load_services().names)


class Quantity(Reader):
    service: str
    quantity: float


class Row(Reader):
    practice: str = "a"
    age: float = 40
    deprived: bool = False
    condition: str = "none"
    person_years: float = 0
    programme_years: float = 0
    services: list[Quantity] = []


class Expected(Reader):
    component: str | None = None
    practice: str | None = None
    eur: float


class Case(Reader):
    version: int = 1
    name: str
    title: str
    source: str
    within_eur: float = 0.005
    contract_year: int | None = None
    contracts: list[object]
    activity: list[Row]
    expected: list[Expected]
    pays_as_much_as: list[object] = []


def contracts_of(document: Document, key: str) -> list[Contract]:
    return [
        read_contract(item if isinstance(item, str) else document.at(key, index))
        for index, item in enumerate(document.data.get(key, []))
    ]


def activity_of(rows: list[Row]) -> Activity:
    practices = sorted({row.practice for row in rows})
    activity = Activity.empty(SERVICES, practices, years=1.0)
    for row in rows:
        segment = int(segment_code([row.age], [row.deprived], [CONDITIONS.index(row.condition)])[0])
        cell = practices.index(row.practice), segment
        activity.person_years[cell] += row.person_years
        activity.programme_years[cell] += row.programme_years
        for each in row.services:
            activity.services[(*cell, SERVICES.index(each.service))] += each.quantity
    return activity


def paid(contracts: list[Contract], activity: Activity, year: int | None, want: Expected) -> float:
    rows = slice(None) if want.practice is None else [activity.practice_names.index(want.practice)]
    return sum(
        float(bill.payment.euros[rows].sum())
        for bill in settle(contracts, Book(activity, year)).bills
        if want.component in (None, bill.payment.component)
    )


def test_there_are_cases() -> None:
    assert len(FILES) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    document = read_yaml(path)
    case = bind(Case, document)
    assert case.name == path.stem
    contracts = contracts_of(document, "contracts")
    activity = activity_of(case.activity)
    components = {part.name for contract in contracts for part in contract.components}
    for want in case.expected:
        assert want.component is None or want.component in components
        got = paid(contracts, activity, case.contract_year, want)
        assert got == pytest.approx(want.eur, abs=case.within_eur), want
    others = contracts_of(document, "pays_as_much_as")
    if others:
        whole = Expected(eur=0)
        mine, theirs = (paid(each, activity, case.contract_year, whole) for each in (contracts, others))
        assert mine == pytest.approx(theirs, abs=case.within_eur)
    ledger = Ledger()
    post(ledger, 0, settle(contracts, Book(activity, case.contract_year), checked=True))
    ledger.check()
    everything = Expected(eur=0)
    cents = sum(cents for cents in ledger.trial_balance().values() if cents > 0)
    bills = len(components)
    assert abs(cents - 100 * paid(contracts, activity, case.contract_year, everything)) <= 0.5 * bills + 1e-6


def test_cases_can_fail() -> None:
    activity = activity_of([Row(person_years=1.0)])
    contract = read_contract("nl/gp_capitation")
    assert np.isclose(paid([contract], activity, None, Expected(eur=0)), 4 * 18.76)
    assert paid([contract], activity, None, Expected(component="nothing", eur=0)) == 0.0
