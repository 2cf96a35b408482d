"""Worked cases: the arithmetic of real payment rules, written in YAML by people who know the rules.

A case names its source, the contracts, what was done, and the euros expected. Amounts that a contract does not settle
itself (payments for other care, indicators, recorded risk, earlier years, single persons) are given beside it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from paysim.accounting.activity import Activity, Persons, mix_of
from paysim.accounting.book import Book
from paysim.accounting.episodes import EpisodeRules, Episodes, Stays
from paysim.accounting.segments import AGE_SEX, CONDITIONS, SEXES, age_sex_code, segment_code
from paysim.contracts.contract import Contract
from paysim.contracts.settlement import LINES, Settlement, settle
from paysim.contracts.terms import read_contract
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.reading import Document, Name, Reader, bind, read_yaml

_Amount = Annotated[float, Field(ge=0.0, le=1e12)]
_Text = Annotated[str, Field(min_length=1)]


class _Quantity(Reader):
    service: str
    quantity: _Amount


class _Paid(Reader):
    line: Literal[LINES]  # type: ignore[valid-type]
    eur: _Amount


class _Row(Reader):
    practice: str = "a"
    age: Annotated[float, Field(ge=0.0, le=120.0)] = 40
    sex: Literal[SEXES] | None = None  # type: ignore[valid-type]
    deprived: bool = False
    condition: Literal[CONDITIONS] = "none"  # type: ignore[valid-type]
    person_years: _Amount = 0.0
    programme_years: _Amount = 0.0
    risk: _Amount | None = None
    services: list[_Quantity] = []
    payments: list[_Paid] = []


class _Indicator(Reader):
    indicator: str
    practice: str = "a"
    above: _Amount
    below: _Amount


class _Person(Reader):
    practice: str = "a"
    age: Annotated[float, Field(ge=0.0, le=120.0)] = 40
    deprived: bool = False
    condition: Literal[CONDITIONS] = "none"  # type: ignore[valid-type]
    person_years: _Amount = 1.0
    line: Literal[LINES] = "hospital"  # type: ignore[valid-type]
    eur: _Amount
    contacts: _Amount = 1.0
    most_seen: str | None = None
    listed_before: str | None = None
    most_seen_before: str | None = None


NOBODY = "nobody"
_WHERE = ("most_seen", "listed_before", "most_seen_before")


class _Stay(Reader):
    practice: str = "a"
    age: Annotated[float, Field(ge=0.0, le=120.0)] = 40
    deprived: bool = False
    condition: Literal[CONDITIONS] = "none"  # type: ignore[valid-type]
    service: str
    days: _Amount
    number: _Amount = 1.0
    other_conditions: Annotated[int, Field(ge=0)] = 0
    coded_higher: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0


class _Episode(Reader):
    practice: str = "a"
    age: Annotated[float, Field(ge=0.0, le=120.0)] = 40
    deprived: bool = False
    condition: Literal[CONDITIONS] = "none"  # type: ignore[valid-type]
    kind: str
    eur: _Amount
    number: _Amount = 1.0


class _Staff(Reader):
    practice: str = "a"
    gp_fte_years: _Amount = 0.0
    nurse_fte_years: _Amount = 0.0
    mental_nurse_fte_years: _Amount = 0.0


class _Year(Reader):
    activity: Annotated[list[_Row], Field(min_length=1)]
    indicators: list[_Indicator] = []
    persons: list[_Person] = []
    stays: list[_Stay] = []
    episodes: list[_Episode] = []
    staff: list[_Staff] = []


class _Expected(Reader):
    component: str | None = None
    practice: str | None = None
    eur: float


class _Case(_Year):
    version: Annotated[Literal[1], Field(alias="schema")] = 1
    name: Name
    title: _Text
    source: _Text
    within_eur: Annotated[float, Field(ge=0.0)] = 0.005
    contract_year: int | None = None
    years: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    contracts: Annotated[list[Any], Field(min_length=1)]
    expected: Annotated[list[_Expected], Field(min_length=1)]
    complete: bool = False
    pays_as_much_as: list[Any] = []
    history: list[_Year] = []


@dataclass(frozen=True)
class Outcome:
    """One amount of a case.

    Attributes
    ----------
    what
        The component and the practice, or all of them.
    expected, paid
        Euros, unrounded.
    met
        Whether they are equal within the tolerance of the case.
    """

    what: str
    expected: float
    paid: float
    met: bool


@dataclass(frozen=True, eq=False)
class Case:
    """A case as settled.

    Attributes
    ----------
    name, title, source
        As written.
    settlement
        Of the period under the contracts.
    outcomes
        In the order of the file.
    not_looked_at
        Payments to a practice by a component of which the case expects nothing, in euros.
    """

    name: str
    title: str
    source: str
    settlement: Settlement
    outcomes: tuple[Outcome, ...]
    not_looked_at: tuple[tuple[str, float], ...] = ()

    @property
    def met(self) -> bool:
        """Whether every amount is as expected."""
        return all(each.met for each in self.outcomes)


def run_case(source: str | os.PathLike[str]) -> Case:
    """Settle a worked case.

    Parameters
    ----------
    source
        Path of a YAML file.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong with it.
    ModelError
        If a component lacks what it looks at.
    """
    document = read_yaml(source)
    read = bind(_Case, document)
    contracts = _contracts(document, "contracts")
    others = _contracts(document, "pays_as_much_as")
    parts = [part for contract in (*contracts, *others) for part in contract.components]
    rules = tuple(part.episode_rules for part in parts if part.episode_rules is not None)
    builder = _Builder(document, _practices(read), rules)
    activity = builder.activity(read, (), read.years)
    past = tuple(builder.activity(each, ("history", index), 1.0) for index, each in enumerate(read.history))
    for contract in (*contracts, *others):
        builder.payable(contract)
    components = tuple(part.name for contract in contracts for part in contract.components)
    for index, want in enumerate(read.expected):
        builder.known(want.component, components, "component", ("expected", index, "component"))
        builder.known(want.practice, builder.practices, "practice", ("expected", index, "practice"))
    if builder.problems:
        raise ScenarioError(*builder.problems)
    book = Book(activity, read.contract_year, past)
    settlement = settle(contracts, book, checked=True)
    outcomes = []
    for want in read.expected:
        paid = _paid(settlement, want.component, want.practice)
        what = _what(want.component, want.practice)
        outcomes.append(Outcome(what, want.eur, paid, abs(paid - want.eur) <= read.within_eur))
    if others:
        mine, theirs = (_paid(each, None, None) for each in (settlement, settle(others, book)))
        outcomes.append(Outcome("as much as the other contracts", theirs, mine, abs(mine - theirs) <= read.within_eur))
    unseen = () if others else _not_looked_at(settlement, read)
    if read.complete:  # then what is not named is expected to be nothing
        outcomes += [Outcome(what, 0.0, euros, abs(euros) <= read.within_eur) for what, euros in unseen]
        unseen = ()
    return Case(read.name, read.title, read.source, settlement, tuple(outcomes), unseen)


def _practices(read: _Case) -> tuple[str, ...]:
    return tuple(sorted({row.practice for year in (read, *read.history) for row in year.activity}))


def _contracts(document: Document, key: str) -> list[Contract]:
    return [
        read_contract(item if isinstance(item, str) else document.at(key, index))
        for index, item in enumerate(document.data.get(key, []))
    ]


def _paid(settlement: Settlement, component: str | None, practice: str | None) -> float:
    names = settlement.book.activity.practice_names
    rows = slice(None) if practice is None else [names.index(practice)]
    bills = (bill.payment for bill in settlement.bills if component in (None, bill.payment.component))
    return sum(float(payment.euros[rows].sum()) for payment in bills)


def _not_looked_at(settlement: Settlement, read: _Case) -> tuple[tuple[str, float], ...]:
    """Return what was paid to a practice by a component and is part of no amount expected."""
    found: list[tuple[str, float]] = []
    for practice in settlement.book.activity.practice_names:
        for component in dict.fromkeys(bill.payment.component for bill in settlement.bills):
            if any(e.component in (None, component) and e.practice in (None, practice) for e in read.expected):
                continue
            euros = _paid(settlement, component, practice)
            if abs(euros) > read.within_eur:
                found.append((_what(component, practice), euros))
    return tuple(found)


def _what(component: str | None, practice: str | None) -> str:
    return f"{component or 'all components'}, {practice or 'all practices'}"


class _Builder:
    """Turns rows into activity; collects problems."""

    def __init__(self, document: Document, practices: Sequence[str], rules: Sequence[EpisodeRules] = ()) -> None:
        from paysim.care.catalogue import load_services

        self.document, self.practices, self.rules = document, tuple(practices), tuple(rules)
        self.services = tuple(load_services().names)
        self.problems: list[Problem] = []

    def known(self, name: str | None, names: Sequence[str], what: str, loc: tuple[str | int, ...]) -> bool:
        """Tell whether a name is one of `names`, or not given; note a problem if it is neither."""
        if name is None or name in names:
            return True
        near = nearest_name(name, names)
        self.problems.append(
            self.document.problem(f"unknown {what}", loc, found=name, allowed=tuple(names), nearest=near)
        )
        return False

    def payable(self, contract: Contract) -> None:
        """Note a problem if terms are reckoned person by person, which cases do not know."""
        for part in contract.components:
            if getattr(part.terms, "annual_ceiling_eur", None) is not None:
                message = f"{contract.name}/{part.name} has a ceiling for each person: a case cannot reckon it"
                self.problems.append(self.document.problem(message, ("contracts",)))

    def activity(self, read: _Year, loc: tuple[str | int, ...], years: float) -> Activity:
        """Return the activity of a year of rows."""
        self.check_episodes(read, loc)
        activity = Activity.empty(self.services, self.practices, years)
        counts = np.zeros((*activity.person_years.shape, AGE_SEX))
        paid, risk, has_risk = np.zeros((*activity.person_years.shape, len(LINES))), activity.person_years.copy(), False
        for index, row in enumerate(read.activity):
            cell = (self.practices.index(row.practice), _segment(row))
            activity.person_years[cell] += row.person_years
            activity.programme_years[cell] += row.programme_years
            for sex in SEXES if row.sex is None else (row.sex,):  # not given: half of each
                fine = int(age_sex_code([row.age], [SEXES.index(sex)])[0])
                counts[(*cell, fine)] += row.person_years / (1 if row.sex else len(SEXES))
            risk[cell] += row.person_years * (1.0 if row.risk is None else row.risk)
            has_risk = has_risk or row.risk is not None
            for number, used in enumerate(row.services):
                if self.known(used.service, self.services, "service", (*loc, "activity", index, "services", number)):
                    activity.services[(*cell, self.services.index(used.service))] += used.quantity
            for each in row.payments:
                paid[(*cell, LINES.index(each.line))] += each.eur
        stays = self._stays(read, loc)
        np.add.at(activity.services, (stays.practice, stays.segment, stays.service), stays.weight)  # admissions too
        return replace(
            activity,
            lines=LINES,
            payments=paid,
            coded_years=risk if has_risk else None,
            age_sex=mix_of(counts),
            fte_years=self._staff(read, loc),
            indicators=self._indicators(read, loc),
            persons=self._persons(read, loc),
            stays=stays,
            episodes={rules: self._episodes(read, rules, loc) for rules in self.rules},
        )

    def _staff(self, read: _Year, loc: tuple[str | int, ...]) -> np.ndarray | None:
        fte = np.zeros((len(self.practices), 3))
        for index, row in enumerate(read.staff):
            if self.known(row.practice, self.practices, "practice", (*loc, "staff", index, "practice")):
                staff = (row.gp_fte_years, row.nurse_fte_years, row.mental_nurse_fte_years)
                fte[self.practices.index(row.practice)] += staff
        return fte if read.staff else None

    def _indicators(self, read: _Year, loc: tuple[str | int, ...]) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}
        for index, row in enumerate(read.indicators):
            counts = found.setdefault(row.indicator, np.zeros((len(self.practices), 2)))
            if self.known(row.practice, self.practices, "practice", (*loc, "indicators", index, "practice")):
                counts[self.practices.index(row.practice)] += row.above, row.below
        return found

    def _persons(self, read: _Year, loc: tuple[str | int, ...]) -> Persons | None:
        if not read.persons:
            return None
        for index, row in enumerate(read.persons):
            self.known(row.practice, self.practices, "practice", (*loc, "persons", index, "practice"))
            for key in _WHERE:
                name = getattr(row, key)
                if name is not None and name != NOBODY:
                    self.known(name, (*self.practices, NOBODY), "practice", (*loc, "persons", index, key))
        rows = [row for row in read.persons if row.practice in self.practices]
        payments = np.zeros((len(rows), len(LINES)))
        for number, row in enumerate(rows):
            payments[number, LINES.index(row.line)] = row.eur
        return Persons(
            np.array([self.practices.index(row.practice) for row in rows]),
            np.array([_segment(row) for row in rows]),
            np.array([row.person_years for row in rows]),
            payments,
            np.array([row.contacts for row in rows]),
            **{key: self._where(rows, key) for key in _WHERE},
        )

    def _where(self, rows: Sequence[_Person], key: str) -> np.ndarray | None:
        """Return the practice of each person under a key, -1 for nobody; None if no person has the key."""
        named = [getattr(row, key) for row in rows]
        if not any(named):
            return None
        if key == "most_seen":  # left out: the practice of the list, if there was a contact
            named = [
                name or (row.practice if row.contacts > 0.0 else NOBODY) for name, row in zip(named, rows, strict=True)
            ]
        return np.array([self.practices.index(name) if name in self.practices else -1 for name in named])

    def _stays(self, read: _Year, loc: tuple[str | int, ...]) -> Stays:
        rows = [
            row
            for index, row in enumerate(read.stays)
            if self.known(row.service, self.services, "service", (*loc, "stays", index, "service"))
            and self.known(row.practice, self.practices, "practice", (*loc, "stays", index, "practice"))
        ]
        return Stays(
            np.array([self.practices.index(row.practice) for row in rows], np.int64),
            np.array([_segment(row) for row in rows], np.int64),
            np.array([row.number for row in rows]),
            np.array([self.services.index(row.service) for row in rows], np.int64),
            np.array([row.days for row in rows]),
            np.array([row.other_conditions for row in rows], np.int64),
            np.array([row.coded_higher for row in rows]),
        )

    def check_episodes(self, read: _Year, loc: tuple[str | int, ...]) -> None:
        """Note episodes that no contract would look at."""
        if read.episodes and not self.rules:
            self.problems.append(self.document.problem("no contract of the case has episodes", (*loc, "episodes")))

    def _episodes(self, read: _Year, rules: EpisodeRules, loc: tuple[str | int, ...]) -> Episodes:
        """Return episodes that begin and end in the year."""
        kinds = tuple(kind.name for kind in rules.kinds)
        rows = [
            row
            for index, row in enumerate(read.episodes)
            if self.known(row.kind, kinds, "kind of episode", (*loc, "episodes", index, "kind"))
            and self.known(row.practice, self.practices, "practice", (*loc, "episodes", index, "practice"))
        ]
        euros = np.array([row.eur for row in rows])
        return Episodes(
            np.array([self.practices.index(row.practice) for row in rows], np.int64),
            np.array([_segment(row) for row in rows], np.int64),
            np.array([row.number for row in rows]),
            kind=np.array([kinds.index(row.kind) for row in rows], np.int64),
            start=np.zeros(len(rows)),
            begun=np.ones(len(rows)),
            ended=np.ones(len(rows), bool),
            payments=euros,
            total=euros,
        )


def _segment(row: _Row | _Person | _Stay | _Episode) -> int:
    return int(segment_code([row.age], [row.deprived], [CONDITIONS.index(row.condition)])[0])
