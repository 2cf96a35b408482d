"""Who takes part in the money of a region, as data: level, horizon, reserve, owners, and when bills are paid.

A file of the catalogue (`organisations/`), by default that of the country. It is used to read a ledger. Only in an arm
that names a file (`organisations`) are its rules of exit in force: then organisations leave in the run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Annotated

from pydantic import Field

from paysim import catalog
from paysim.errors import DataError, Problem
from paysim.parameters import Parameter, Parameters, SourcedNumber, sourced_problems
from paysim.reading import Document, Name, Reader, bind, read_yaml

_Text = Annotated[str, Field(min_length=1)]


class _Owner(Reader):
    actor: str
    share: SourcedNumber


class _Exit(Reader):
    start_up_eur_per_person: SourcedNumber | None = None
    least_position_eur_per_person: SourcedNumber | None = None
    losses_in_a_row: SourcedNumber | None = None


class _Organisation(Reader):
    actor: str
    title: _Text
    level: _Text
    horizon_years: SourcedNumber | None = None
    retention: SourcedNumber | None = None
    reserve_eur_per_person: SourcedNumber | None = None
    running_cost_eur_per_person_year: SourcedNumber | None = None
    exit: _Exit | None = None
    owners: list[_Owner] = []


class _Lag(Reader):
    account: str
    quarters: SourcedNumber


class _File(Reader):
    version: Annotated[int, Field(alias="schema", ge=1, le=1)]
    name: Name
    title: _Text
    organisations: Annotated[list[_Organisation], Field(min_length=1)]
    payment_lags: list[_Lag] = []


@dataclass(frozen=True)
class Exit:
    """When an organisation leaves: at the close of a contract year, for good.

    It leaves when what is left of its reserve falls below the least position, or after so many years with a loss in a
    row. Its result of a year is what the ledger says, less what running it costs, which no ledger has.

    Attributes
    ----------
    reserve_eur_per_person
        Cash at the start, in euro for each person of the region.
    start_up_eur_per_person
        Spent at the start, out of the reserve.
    running_cost_eur_per_person_year
        Own costs of a year.
    least_position_eur_per_person
        Below which it leaves.
    losses_in_a_row
        Years with a loss after which it leaves; None: any number.
    """

    reserve_eur_per_person: float = 0.0
    start_up_eur_per_person: float = 0.0
    running_cost_eur_per_person_year: float = 0.0
    least_position_eur_per_person: float = 0.0
    losses_in_a_row: float | None = None

    def results(self, received_eur: Sequence[float]) -> list[float]:
        """Return the result of each year, in euro per person, from what was received net in it."""
        return [each - self.running_cost_eur_per_person_year for each in received_eur]

    def position(self, received_eur: Sequence[float]) -> float:
        """Return what is left of the reserve after some years, in euro per person."""
        return self.reserve_eur_per_person - self.start_up_eur_per_person + sum(self.results(received_eur))

    def leaves(self, received_eur: Sequence[float]) -> bool:
        """Tell whether the organisation leaves after some years, from what it received net in each, EUR per person."""
        if self.position(received_eur) < self.least_position_eur_per_person:
            return True
        if self.losses_in_a_row is None:
            return False
        most = max(1, round(self.losses_in_a_row))
        last = self.results(received_eur)[-most:]
        return len(last) == most and max(last) < 0.0


@dataclass(frozen=True)
class Organisation:
    """One actor of the ledger; all practices together are one.

    Attributes
    ----------
    actor
        Name in the ledger, or ``practices``.
    level
        Of government or of the system, for what falls to whom.
    horizon_years
        Years over which gains count for this actor; None: all that are simulated.
    retention
        Share of the people who are still with this actor a year later: of what is saved on the others another one has
        the gain.
    reserve_eur_per_person
        Cash at the start, in euro for each person of the region (of the list, for a single practice).
    owners
        ``(actor, share)`` of what the organisation gains or loses.
    exit
        When it leaves; None: never.
    running_cost_eur_per_person_year
        What running it takes, in euro for each person of the region: no ledger has it, resource cost does.
    """

    actor: str
    title: str
    level: str
    horizon_years: float | None = None
    retention: float = 1.0
    reserve_eur_per_person: float = 0.0
    owners: tuple[tuple[str, float], ...] = ()
    exit: Exit | None = None
    running_cost_eur_per_person_year: float = 0.0


@dataclass(frozen=True)
class Organisations:
    """All actors of a region, and the quarters after which bills of an account are paid.

    Attributes
    ----------
    parameters
        Every number of the rules of exit and every running cost, as ``organisations.<file>.<actor>.<key>``: a scenario
        may replace them.
    """

    name: str
    title: str
    members: tuple[Organisation, ...]
    lags: dict[str, int]
    parameters: tuple[Parameter, ...] = ()

    @property
    def leaving(self) -> tuple[str, ...]:
        """Return the organisations that have a rule of exit."""
        return tuple(each.actor for each in self.members if each.exit is not None)

    def settled(self, parameters: Parameters) -> dict[str, Exit]:
        """Return the rules of exit by organisation, with the values of `parameters` in place."""
        rules: dict[str, Exit] = {}
        for each in self.members:
            if each.exit is not None:
                lead = _lead(self.name, each.actor)
                mine = [row.name for row in self.parameters if row.name.startswith(lead)]
                rules[each.actor] = Exit(**{name.removeprefix(lead): parameters[name] for name in mine})
        return rules

    def running_costs(self, parameters: Parameters) -> dict[str, float]:
        """Return EUR per person and year by organisation that has any, with the values of `parameters` in place."""
        names = {each.actor: _lead(self.name, each.actor) + _RUNNING for each in self.members}
        return {actor: parameters[name] for actor, name in names.items() if name in parameters}

    def without_exits(self) -> Organisations:
        """Return itself without rules of exit: nobody leaves, and running costs are all that is left of parameters."""
        kept = tuple(each for each in self.parameters if each.name.endswith(f".{_RUNNING}"))
        return replace(self, members=tuple(replace(each, exit=None) for each in self.members), parameters=kept)

    def owned(self) -> tuple[Organisation, ...]:
        """Return organisations that have owners, each before those that own it."""
        order = list(_owned_first((each.actor, [owner for owner, _ in each.owners]) for each in self.members))
        return tuple(sorted((each for each in self.members if each.owners), key=lambda each: order.index(each.actor)))

    def place(self, actor: str) -> int:
        """Return where an actor stands in the file; the last place if it is not named."""
        names = [each.actor for each in self.members]
        return names.index(actor) if actor in names else len(names)

    def __getitem__(self, actor: str) -> Organisation:
        """Return an actor's entry.

        Raises
        ------
        DataError
            If the file does not name the actor.
        """
        for each in self.members:
            if each.actor == actor:
                return each
        known = tuple(each.actor for each in self.members)
        raise DataError(Problem(f"organisations {self.name!r} do not name this actor", found=actor, allowed=known))


def load_organisations(name: str, extra: Sequence[str | os.PathLike[str]] = ()) -> Organisations:
    """Read a file of organisations by its name in the catalogue, or from a path that ends in ``.yaml``.

    Raises
    ------
    ScenarioError
        Nothing has that name; names the nearest.
    DataError
        With file, line and column of everything that is wrong: an actor comes twice, owners hold more than all, an
        owner is not named, actors own each other, a value lies outside its range, a lag is no whole number of quarters.
    """
    document = read_yaml(catalog.find("organisations", name, extra))
    file = bind(_File, document, DataError)
    problems = list(_faults(file, document))
    if problems:
        raise DataError(*problems)
    members = tuple(
        Organisation(
            each.actor,
            each.title,
            each.level,
            each.horizon_years.value if each.horizon_years else None,
            each.retention.value if each.retention else 1.0,
            each.reserve_eur_per_person.value if each.reserve_eur_per_person else 0.0,
            tuple((owner.actor, owner.share.value) for owner in each.owners),
            None if each.exit is None else Exit(**{name: term.value for name, term, _ in _terms(each)}),
            each.running_cost_eur_per_person_year.value if each.running_cost_eur_per_person_year else 0.0,
        )
        for each in file.organisations
    )
    lags = {row.account: int(row.quarters.value) for row in file.payment_lags}
    return Organisations(file.name, file.title, members, lags, tuple(_parameters(file)))


def organisation_parameters(files: Iterable[Organisations]) -> Parameters:
    """Return every number of the rules of exit and the running costs of some files, each number once."""
    return Parameters({row.name: row for each in files for row in each.parameters}.values())


_RESERVE, _RUNNING = "reserve_eur_per_person", "running_cost_eur_per_person_year"
_EXIT_UNITS = {
    _RESERVE: "EUR per person",
    "start_up_eur_per_person": "EUR per person",
    _RUNNING: "EUR per person and year",
    "least_position_eur_per_person": "EUR per person",
    "losses_in_a_row": "years",
}


def _lead(file: str, actor: str) -> str:
    return f"organisations.{file}.{actor}."


def _terms(each: _Organisation) -> Iterator[tuple[str, SourcedNumber, tuple[str, ...]]]:
    """Yield name, term and place of running costs, and of every number of a rule of exit, the reserve among them."""
    if each.running_cost_eur_per_person_year is not None:
        yield _RUNNING, each.running_cost_eur_per_person_year, (_RUNNING,)
    if each.exit is None:
        return
    if each.reserve_eur_per_person is not None:
        yield _RESERVE, each.reserve_eur_per_person, (_RESERVE,)
    for name in type(each.exit).model_fields:
        term = getattr(each.exit, name)
        if term is not None:
            yield name, term, ("exit", name)


def _parameters(file: _File) -> Iterator[Parameter]:
    for each in file.organisations:
        for name, term, _ in _terms(each):
            low, high = term.range or (None, None)
            how = None if term.range is None else "uniform"
            kept = (_EXIT_UNITS[name], low, high, how, term.source, term.status)
            yield Parameter(_lead(file.name, each.actor) + name, term.value, *kept)


def _faults(file: _File, document: Document) -> Iterator[Problem]:
    actors = [each.actor for each in file.organisations]
    for k, each in enumerate(file.organisations):
        here = ("organisations", k)
        if each.actor in actors[:k]:
            yield document.problem("actor comes twice", (*here, "actor"), found=each.actor)
        for key in ("horizon_years", "retention", "reserve_eur_per_person"):
            term = getattr(each, key)
            if term is not None:
                yield from sourced_problems(term, (*here, key), document)
        if each.retention is not None and each.retention.value > 1.0:
            yield document.problem(
                "a share from 0 to 1 expected", (*here, "retention", "value"), found=each.retention.value
            )
        for name, term, place in _terms(each):
            if name != _RESERVE:
                yield from sourced_problems(term, (*here, *place), document)
            if name == "losses_in_a_row" and (term.value != int(term.value) or term.value < 1.0):
                message = "a whole number of years of 1 or more expected"
                yield document.problem(message, (*here, *place, "value"), found=term.value)
        if sum(owner.share.value for owner in each.owners) > 1.0 + 1e-12:
            yield document.problem("owners hold more than all of it", (*here, "owners"))
        for n, owner in enumerate(each.owners):
            yield from sourced_problems(owner.share, (*here, "owners", n, "share"), document)
            if owner.actor not in actors or owner.actor == each.actor:
                others = tuple(name for name in actors if name != each.actor)
                yield document.problem(
                    "no such owner", (*here, "owners", n, "actor"), found=owner.actor, allowed=others
                )
    try:
        _owned_first((each.actor, [owner.actor for owner in each.owners]) for each in file.organisations)
    except CycleError as exc:
        yield document.problem("actors own each other", ("organisations",), found=" -> ".join(exc.args[1]))
    for k, row in enumerate(file.payment_lags):
        here = ("payment_lags", k)
        if row.account in [other.account for other in file.payment_lags[:k]]:
            yield document.problem("account comes twice", (*here, "account"), found=row.account)
        yield from sourced_problems(row.quarters, (*here, "quarters"), document)
        if row.quarters.value != int(row.quarters.value) or row.quarters.value > 40:
            yield document.problem(
                "whole quarters expected", (*here, "quarters", "value"), found=row.quarters.value, allowed=("0 to 40",)
            )


def _owned_first(owners_of: Iterable[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """Return actors, each before those that own it; raise CycleError if some own themselves."""
    sorter = TopologicalSorter[str]()
    for actor, owners in owners_of:
        for owner in owners:
            sorter.add(owner, actor)
    return tuple(sorter.static_order())
