"""Which service is paid by what in an arm, and which is paid twice or never."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from paysim.contracts.contract import GENERAL_PRACTICE, PRACTICES, Contract
from paysim.contracts.parties import left
from paysim.parameters import Parameter

if TYPE_CHECKING:
    from paysim.care.catalogue import Services

_ROUNDING = 1e-9
TIMES_SPENDING = 100.0
"""An amount above so many times what a region spends per head and year is taken to be mistyped (assumed)."""

_PEOPLE_OF_A_LIST = 1000.0
"""Order of magnitude of a list (assumed); it judges amounts per practice."""


@dataclass(frozen=True)
class Covered:
    """How one service is paid.

    Attributes
    ----------
    service
        Name of the service.
    by_unit
        Components that pay a price per unit, as ``contract/component``.
    in_advance
        Components that pay for it per person or patient.
    warning
        ``paid twice``, ``paid never``, or empty; with ``in some practices`` where others are paid well.
    """

    service: str
    by_unit: tuple[str, ...]
    in_advance: tuple[str, ...]
    warning: str


def coverage(
    contracts: Iterable[Contract],
    service_names: Sequence[str],
    sectors: Sequence[str] | None = None,
    year: int | None = None,
    insurers: Sequence[str] = (),
) -> tuple[Covered, ...]:
    """Return one row a service: the components that pay for it.

    A fee beside a capitation is a two-part tariff, which is common and no fault. Paid twice means: the shares
    of the prices per unit, and of bundles that contain the service, add up to more than one. Paid never means
    that a provider would deliver it for nothing; a part of another service is paid in advance with the whole. Both are
    looked for among all sets of practices that take part in the same contracts, and among the people of all insurers;
    where practices decide for themselves, both answers. If it is not known which insurers there are, the contract of
    one of them never makes a service paid twice.

    Parameters
    ----------
    contracts
        The contracts of one arm.
    service_names
        The catalogue's services.
    sectors
        Sector of each service; by default the catalogue's.
    year
        Contract year, for dated components.
    insurers
        All of the region.
    """
    of = dict(zip(service_names, _sectors(service_names) if sectors is None else sectors, strict=True))
    contracts = list(contracts)
    within = _within(service_names)
    by_insurer = any(each.scope.insurers for each in contracts)
    of_whom = tuple(insurers) if by_insurer and insurers else (None,)
    kinds = itertools.product(_kinds_of_practices(contracts), of_whom)
    groups = [_one_group(contracts, *who, of, year, insurer) for who, insurer in kinds]
    for group in groups:
        for part, whole in within.items():
            if whole in group:  # what pays the whole pays its parts in advance
                group[part][1].extend(label for each in group[whole][:2] for label in each)
    rows = []
    for service in service_names:
        units = tuple(dict.fromkeys(label for group in groups for label in group[service][0]))
        advance = tuple(dict.fromkeys(label for group in groups for label in group[service][1]))
        found = [_warning(*group[service]) for group in groups]
        worst = next((each for each in ("paid twice", "paid never") if each in found), "")
        where = " for some people" if by_insurer and insurers else " in some practices"
        some = where if worst and set(found) != {worst} else ""
        rows.append(Covered(service, units, advance, worst + some))
    return tuple(rows)


def _kinds_of_practices(contracts: Iterable[Contract]) -> list[tuple[float, bool]]:
    """Return draw of participation and wish to take part of every set of practices under the same contracts."""
    who = [each.scope.participants for each in contracts if each.scope.participants is not None]
    cuts = sorted({0.0, 1.0} | {each.share for each in who})
    wishes = (True, False) if any(each.decides for each in who) else (True,)
    return [((low + high) / 2.0, wish) for low, high in itertools.pairwise(cuts) for wish in wishes]


def _one_group(
    contracts: Iterable[Contract],
    draw: float,
    willing: bool,
    sector_of: Mapping[str, str],
    year: int | None,
    insurer: str | None,
) -> dict[str, tuple[list[str], list[str], float]]:
    """Return for each service what pays it in practices of a draw and a wish: by the unit, in advance, the shares."""
    by_unit: dict[str, list[str]] = {name: [] for name in sector_of}
    in_advance: dict[str, list[str]] = {name: [] for name in sector_of}
    paid = dict.fromkeys(sector_of, 0.0)
    for contract in contracts:
        who = contract.scope.participants
        if who is not None and not who.includes(draw, willing=willing):
            continue
        if insurer is not None and contract.scope.insurers and insurer not in contract.scope.insurers:
            continue
        of_people = 0.0 if contract.scope.insurers and insurer is None else 1.0
        for part in contract.in_force(year):
            label = f"{contract.name}/{part.name}"
            for service in part.services_paid() & sector_of.keys():
                by_unit[service].append(label)
                paid[service] += part.share * of_people * (not part.on_top)
            inside = part.services_covered()
            if inside is None:
                own = contract.providers == PRACTICES
                inside = frozenset(name for name, sector in sector_of.items() if own and sector == GENERAL_PRACTICE)
                inside -= part.carve_outs
            else:
                for service in inside & sector_of.keys():
                    paid[service] += part.share * of_people
            for service in inside & sector_of.keys():
                in_advance[service].append(label)
    return {name: (by_unit[name], in_advance[name], paid[name]) for name in sector_of}


def _warning(by_unit: Sequence[str], in_advance: Sequence[str], paid: float) -> str:
    return "paid twice" if paid > 1.0 + _ROUNDING else "" if by_unit or in_advance else "paid never"


def coverage_warnings(rows: Iterable[Covered]) -> list[str]:
    """Return one sentence for every service that is paid twice or never."""
    sentences = []
    for row in rows:
        if row.warning.startswith("paid twice"):
            by = ", ".join([*row.by_unit, *row.in_advance])
            sentences.append(f"service {row.service} is {row.warning}: by {by}")
        elif row.warning:
            others = "others have it" if row.warning.endswith("people") else "other practices have it"
            why = others if row.by_unit or row.in_advance else "no component names it"
            sentences.append(f"service {row.service} is {row.warning}: {why}")
    return sentences


def warnings_over(
    contracts: Sequence[Contract],
    service_names: Sequence[str],
    sectors: Sequence[str] | None,
    years: int,
    leaving: Sequence[str] = (),
    insurers: Sequence[str] = (),
) -> list[str]:
    """Return `coverage_warnings` of an arm for every contract year of a horizon in which its terms change.

    Parameters
    ----------
    leaving
        Organisations that may leave: what is paid after that is looked at too.
    insurers
        All of the region.
    """
    found: dict[str, int] = {}
    for start in _years_of_change(contracts, years):
        for sentence in coverage_warnings(coverage(contracts, service_names, sectors, start, insurers)):
            found.setdefault(sentence, start)
    now = [f"{sentence}, from contract year {start}" if start else sentence for sentence, start in found.items()]
    for organisation in leaving:
        without = warnings_over(left(contracts, organisation, 0), service_names, sectors, years, insurers=insurers)
        now += [f"{each}, once the {organisation} has left" for each in without if each not in now]
    return now


def coverage_table(
    arms: Mapping[str, Sequence[Contract]],
    service_names: Sequence[str],
    sectors: Sequence[str] | None,
    years: int,
    insurers: Sequence[str] = (),
) -> list[dict[str, str]]:
    """Return a row for each service and each way in which arms pay for it, as text for a table.

    Arms that pay alike share a row, and so do contract years: a row begins with the first year in which it holds.

    Parameters
    ----------
    arms
        Contracts by arm.
    years
        Horizon, in contract years.
    insurers
        All of the region.
    """
    ways: dict[tuple[str, tuple[str, ...], tuple[str, ...], str, int], list[str]] = {}
    for arm, contracts in arms.items():
        before: dict[str, Covered] = {}
        for start in _years_of_change(contracts, years):
            for row in coverage(contracts, service_names, sectors, start, insurers):
                if before.get(row.service) != row:
                    before[row.service] = row
                    key = (row.service, row.by_unit, row.in_advance, row.warning, start)
                    ways.setdefault(key, []).append(arm)
    order = {name: at for at, name in enumerate(service_names)}
    table = []
    for service, by_unit, in_advance, warning, start in sorted(ways, key=lambda key: (order[key[0]], key[4])):
        who = ways[service, by_unit, in_advance, warning, start]
        table.append(
            {
                "service": service,
                "arms": "all" if len(who) == len(arms) else ", ".join(who),
                "from_year": str(start),
                "by_unit": ", ".join(by_unit),
                "in_advance": ", ".join(in_advance),
                "warning": warning,
            }
        )
    return table


def _years_of_change(contracts: Sequence[Contract], years: int) -> list[int]:
    """Return the contract years of a horizon from which terms are others than before, the first one included."""
    parts = [part for each in contracts for part in each.components]
    dates = {year for part in parts for year in (part.from_year, part.until_year)}
    dates |= {year for part in parts for year in range(len(part.share_by_year))}
    return sorted({0} | {year for year in dates if year is not None and 0 < year < years})


def overlaps(contracts: Sequence[Contract]) -> list[str]:
    """Return one sentence for every two contracts whose scopes look as if they were meant to lie side by side."""
    found = []
    for one, other in itertools.permutations(contracts, 2):
        mine, theirs = one.scope.participants, other.scope.participants
        if mine and theirs and not (mine.others or mine.decides or theirs.decides) and theirs.others:
            if mine.share > theirs.share:
                sizes = f"for {mine.share:.0%} of practices, and for the others of {theirs.share:.0%}"
                both = f"{mine.share - theirs.share:.0%} are in both"
                found.append(f"{one.name} and {other.name} overlap: they are {sizes}, so that {both}")
    for one, other in itertools.combinations(contracts, 2):
        names, others = set(one.scope.insurers), set(other.scope.insurers)
        both = ", ".join(sorted(names & others))
        if both and names != others:
            found.append(f"{one.name} and {other.name} overlap: the people of {both} are in both")
    return found


def implausible_amounts(contracts: Iterable[Contract], spending_per_head: float) -> list[str]:
    """Return one sentence for every amount per person, unit or other quantity beyond any plausible scale.

    Parameters
    ----------
    spending_per_head
        What the region spends on care per head and year, in euro; `TIMES_SPENDING` of it is the limit.
    """
    limit = TIMES_SPENDING * spending_per_head
    return [
        f"{each.name} is {each.value:,.6g} {each.unit}: more than {TIMES_SPENDING:g} times what the region spends per "
        f"head and year (about {spending_per_head:,.0f} euro)"
        for contract in contracts
        for each in contract.amounts
        if isinstance(each.value, int | float)
        and each.unit.startswith("EUR per")
        and abs(each.value) > _most(each, limit)
    ]


def _most(amount: Parameter, limit: float) -> float:
    """Return the limit of an amount: for a whole practice as many times more as a list has people."""
    return limit * (_PEOPLE_OF_A_LIST if "per practice" in amount.unit else 1.0)


def _within(service_names: Sequence[str]) -> dict[str, str]:
    """Return the services that are part of another, and of which."""
    services = _catalogue()
    return {
        name: whole
        for name, whole in zip(services.names, services.within, strict=True)
        if whole and name in service_names
    }


@cache
def _catalogue() -> Services:
    from paysim.care.catalogue import load_services

    return load_services()


def _sectors(service_names: Sequence[str]) -> list[str]:
    services = _catalogue()
    of = dict(zip(services.names, services.sectors, strict=True))
    return [str(of[name]) for name in service_names]
