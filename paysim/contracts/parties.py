"""Who is a party to the contracts of an arm, year by year: practices that join and leave, organisations that leave.

A decision is made once and kept with the run; contracts as decided follow from the contracts as written, so that a run
can be settled again. When an organisation leaves,

- every component that it pays or receives ends with the year, for whoever was under it: other components go on;
- what is due for years before is settled still, at its own lag, and is paid to or by the organisation that left;
- contracts that wait for it (`after_exit_of`) begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from paysim.accounting.ledger import is_practice, practice_actor
from paysim.contracts.contract import Contract, Part
from paysim.contracts.scope import Participants

COLUMNS = ("year", "party", "takes_part", "expected_eur", "risk_eur", "worth_eur", "position_eur")


@dataclass(frozen=True)
class Decision:
    """What one party decided for one contract year.

    Attributes
    ----------
    year
        Contract year from 0.
    party
        Actor of the ledger: a practice, or an organisation.
    takes_part
        Whether it is a party in that year.
    expected_eur, risk_eur, worth_eur
        Of practices that are asked, in euro per listed person-year: mean and standard deviation of what taking part
        brings, and what that is worth after costs and risk.
    position_eur
        Of organisations, in euro per person: reserve and all results so far.
    """

    year: int
    party: str
    takes_part: bool
    expected_eur: float | None = None
    risk_eur: float | None = None
    worth_eur: float | None = None
    position_eur: float | None = None

    def row(self) -> dict[str, Any]:
        """Return it as a mapping with the keys `COLUMNS`."""
        return asdict(self)


def decides(contracts: Iterable[Contract]) -> bool:
    """Tell whether practices still have to decide about taking part in one of the contracts."""
    return any(each.scope.decided and not _participants(each).years for each in contracts)


def asked(contracts: Iterable[Contract], practice_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of practices that may take part in contracts of their own choice."""
    open_to = [_participants(each) for each in contracts if each.scope.decided]
    return tuple(name for name in practice_names if any(who.asks(name) for who in open_to))


def joined(contracts: Iterable[Contract], years: Sequence[Sequence[str]]) -> tuple[Contract, ...]:
    """Return contracts as they are when some practices take part in contract year 0, 1, ...: names by year."""
    named = tuple(tuple(each) for each in years)
    return tuple(
        replace(each, scope=replace(each.scope, participants=replace(_participants(each), years=named)))
        if each.scope.decided
        else each
        for each in contracts
    )


def left(contracts: Iterable[Contract], organisation: str, year: int) -> tuple[Contract, ...]:
    """Return contracts as they are when an organisation leaves at the start of a contract year."""
    return tuple(_dated(contracts, organisation, year))


def is_party(contract: Contract, part: Part, organisation: str) -> bool:
    """Tell whether an organisation pays or receives a component."""
    return organisation in (contract.payer, part.terms.payee or contract.providers)


def as_decided(contracts: Iterable[Contract], decisions: Iterable[Decision]) -> tuple[Contract, ...]:
    """Return the contracts of an arm as written, with everything that was decided in place."""
    found = tuple(contracts)
    by_year: dict[int, list[str]] = {}
    gone: dict[str, int] = {}
    for each in decisions:
        if not is_practice(each.party):
            if not each.takes_part:
                gone.setdefault(each.party, each.year)
            continue
        inside = by_year.setdefault(each.year, [])
        if each.takes_part:
            inside.append(each.party.removeprefix(practice_actor("")))
    if by_year:
        found = joined(found, [by_year[year] for year in sorted(by_year)])
    for organisation, year in gone.items():
        found = left(found, organisation, year)
    return found


def _dated(contracts: Iterable[Contract], organisation: str, year: int) -> Iterator[Contract]:
    for each in contracts:
        begins = each.after_exit_of == organisation
        parts = []
        for part in each.components:
            first, last = part.from_year, part.until_year
            if begins:
                first = year if first is None else max(first, year)
            elif is_party(each, part, organisation):
                last = year if last is None else min(last, year)
            if first is None or last is None or first < last:
                parts.append(replace(part, from_year=first, until_year=last))
        if parts:
            yield replace(each, components=tuple(parts), after_exit_of=None if begins else each.after_exit_of)


def _participants(contract: Contract) -> Participants:
    assert contract.scope.participants is not None
    return contract.scope.participants
