"""Which service is paid by what in an arm, and which is paid twice or never."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paysim.contracts.contract import GENERAL_PRACTICE, PRACTICES, Contract

_ROUNDING = 1e-9


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
        ``paid twice``, ``paid never``, or empty.
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
) -> tuple[Covered, ...]:
    """Return one row a service: the components that pay for it.

    A fee beside a capitation is a two-part tariff, which is common and no fault. Paid twice means: the shares
    of the prices per unit, and of bundles that contain the service, add up to more than one. Paid never means
    that a provider would deliver it for nothing.

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
    """
    of = dict(zip(service_names, _sectors(service_names) if sectors is None else sectors, strict=True))
    by_unit: dict[str, list[str]] = {name: [] for name in service_names}
    in_advance: dict[str, list[str]] = {name: [] for name in service_names}
    paid = dict.fromkeys(service_names, 0.0)
    for contract in contracts:
        who = contract.scope.participants
        # How many people an insurer has is not known here: its contract never makes a service paid twice.
        of_people = 0.0 if contract.scope.insurers else who.mean if who else 1.0
        for part in contract.in_force(year):
            label = f"{contract.name}/{part.name}"
            for service in part.services_paid() & of.keys():
                by_unit[service].append(label)
                paid[service] += part.share * of_people
            inside = part.services_covered()
            if inside is None:
                own = contract.providers == PRACTICES
                inside = frozenset(name for name, sector in of.items() if own and sector == GENERAL_PRACTICE)
            else:
                for service in inside & of.keys():
                    paid[service] += part.share * of_people
            for service in inside & of.keys():
                in_advance[service].append(label)
    rows = []
    for service in service_names:
        units, advance = tuple(by_unit[service]), tuple(in_advance[service])
        warning = "paid twice" if paid[service] > 1.0 + _ROUNDING else "" if units or advance else "paid never"
        rows.append(Covered(service, units, advance, warning))
    return tuple(rows)


def coverage_warnings(rows: Iterable[Covered]) -> list[str]:
    """Return one sentence for every service that is paid twice or never."""
    sentences = []
    for row in rows:
        if row.warning == "paid twice":
            sentences.append(f"service {row.service} is paid twice: by {', '.join([*row.by_unit, *row.in_advance])}")
        elif row.warning == "paid never":
            sentences.append(f"service {row.service} is paid never: no component names it")
    return sentences


def warnings_over(
    contracts: Sequence[Contract], service_names: Sequence[str], sectors: Sequence[str] | None, years: int
) -> list[str]:
    """Return `coverage_warnings` of an arm for every contract year of a horizon in which its terms change."""
    parts = [part for each in contracts for part in each.components]
    dates = {year for part in parts for year in (part.from_year, part.until_year)}
    dates |= {year for part in parts for year in range(len(part.share_by_year))}
    found: dict[str, int] = {}
    for start in sorted({0} | {year for year in dates if year is not None and 0 < year < years}):
        for sentence in coverage_warnings(coverage(contracts, service_names, sectors, start)):
            found.setdefault(sentence, start)
    return [f"{sentence}, from contract year {start}" if start else sentence for sentence, start in found.items()]


def _sectors(service_names: Sequence[str]) -> list[str]:
    from paysim.care.catalogue import load_services

    services = load_services()
    of = dict(zip(services.names, services.sectors, strict=True))
    return [str(of[name]) for name in service_names]
