"""The catalogue of services: what each is, how long it takes, what it costs to deliver and what it is worth.

Resource cost and payment are different things: the cost is built from staff minutes, wages and material, or
taken from the Dutch costing manual; the price is a reference for tariffs and valuation and is paid only if a
contract says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from paysim.errors import DataError, Problem, nearest_name
from paysim.parameters import Parameter, Parameters, PriceLevel, Status
from paysim.reading import Document, Reader, bind, read_yaml

FILE = Path(__file__).parent / "services.yaml"

SECTORS = (
    "general_practice",
    "out_of_hours",
    "hospital",
    "pharmacy",
    "mental_health",
    "district_nursing",
    "other_care",
    "long_term_care",
)
LONG_TERM_CARE = "long_term_care"
"""Paid under another act than all other sectors: never added to their total."""
STAFF = ("gp", "nurse", "mental_nurse", "assistant")
"""Of a practice; nurses are those for somatic care, and those for mental health."""

_Positive = Annotated[float, Field(ge=0)]
_Range = Annotated[list[_Positive], Field(min_length=2, max_length=2)]
_Text = Annotated[str, Field(min_length=1)]


class _Minutes(Reader):
    gp: _Positive
    nurse: _Positive
    mental_nurse: _Positive = 0.0
    assistant: _Positive
    range: _Range
    support_range: _Range
    source: _Text
    status: Status


class _Amount(Reader):
    eur: _Positive
    range: _Range
    source: _Text
    status: Status


class _Service(Reader):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: _Text
    sector: Literal[
        "general_practice",
        "out_of_hours",
        "hospital",
        "pharmacy",
        "mental_health",
        "district_nursing",
        "other_care",
        "long_term_care",
    ]
    provider: _Text
    unit: Literal["contact", "visit", "trajectory", "admission", "course", "person_year", "euro"]
    urgency: Literal["any", "planned", "urgent", "emergency"]
    delegable: bool
    within: str | None = None
    minutes: _Minutes | None = None
    material: _Amount | None = None
    resource: _Amount | None = None
    price: _Amount


class _File(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    price_year: int
    services: Annotated[list[_Service], Field(min_length=1)]


@dataclass(frozen=True)
class Wages:
    """Labour cost of an hour worked, in euro of the price year, charges included."""

    gp_eur: float
    nurse_eur: float
    mental_nurse_eur: float
    assistant_eur: float

    def per_minute(self) -> NDArray[np.float64]:
        """Return the cost of a minute ``[4]`` in the order of `STAFF`."""
        return np.array([self.gp_eur, self.nurse_eur, self.mental_nurse_eur, self.assistant_eur]) / 60.0


@dataclass(frozen=True)
class Services:
    """All services as columns, S long.

    Attributes
    ----------
    names, titles, sectors, providers, units, urgency
        Texts, one per service.
    delegable
        ``[S]`` bool.
    within
        Service that a service is a part of, empty for most: paid with the whole unless a contract pays it by itself,
        and held in the whole's resource cost.
    minutes
        ``[S, 4]`` staff minutes of one unit, in the order of `STAFF`.
    material_eur, reference_price_eur
        ``[S]`` euro of `price_year` per unit.
    given_cost_eur
        ``[S]`` resource cost where it is not built from minutes, else NaN.
    rows
        Every value of the catalogue with unit, range, source and status, as `Parameters.frame` gives them.
    """

    price_year: int
    names: tuple[str, ...]
    titles: tuple[str, ...]
    sectors: tuple[str, ...]
    providers: tuple[str, ...]
    units: tuple[str, ...]
    urgency: tuple[str, ...]
    delegable: NDArray[np.bool_]
    within: tuple[str, ...]
    minutes: NDArray[np.float64]
    material_eur: NDArray[np.float64]
    reference_price_eur: NDArray[np.float64]
    given_cost_eur: NDArray[np.float64]
    rows: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Return the position of a service.

        Raises
        ------
        DataError
            Unknown name, with the nearest.
        """
        if name in self.names:
            return self.names.index(name)
        raise DataError(Problem("unknown service", key=name, nearest=nearest_name(name, self.names)))

    def resource_cost(self, wages: Wages) -> NDArray[np.float64]:
        """Return the cost of delivering one unit of each service ``[S]``, euro of the price year."""
        built = self.minutes @ wages.per_minute() + self.material_eur
        return np.where(np.isnan(self.given_cost_eur), built, self.given_cost_eur)

    def priced(self, prices: PriceLevel) -> Services:
        """Return the services at another price level, by consumer prices.

        Background care is counted in euros of the catalogue's year: that is its volume, and what moves is its price.
        """
        factor = prices.factor(self.price_year)
        if factor == 1.0:
            return self
        return replace(
            self,
            price_year=prices.year,
            material_eur=self.material_eur * factor,
            reference_price_eur=self.reference_price_eur * factor,
            given_cost_eur=self.given_cost_eur * factor,
            rows=tuple(_priced(row, prices) for row in self.rows),
        )

    def with_values(self, values: Parameters) -> Services:
        """Return the services with the minutes, costs and prices that `values` has under the names of `rows`."""
        minutes = self.minutes.copy()
        amounts = {name: getattr(self, name).copy() for name in ("material_eur", "reference_price_eur")}
        amounts["resource_cost_eur"] = self.given_cost_eur.copy()
        for row in self.rows:
            _, service, what = row["name"].split(".")
            place = self.index(service)
            if what in amounts:
                amounts[what][place] = values[row["name"]]
            else:
                minutes[place, STAFF.index(what.removeprefix("minutes_"))] = values[row["name"]]
        return replace(
            self,
            minutes=minutes,
            material_eur=amounts["material_eur"],
            reference_price_eur=amounts["reference_price_eur"],
            given_cost_eur=amounts["resource_cost_eur"],
        )

    def in_sector(self, sector: str) -> NDArray[np.bool_]:
        """Return which services ``[S]`` belong to a sector."""
        return np.array([each == sector for each in self.sectors])

    def parameters(self) -> Parameters:
        """Return every value of the catalogue as a parameter, ``services.<service>.<what>``."""
        return Parameters(Parameter(**row) for row in self.rows)


def load_services(path: Path = FILE) -> Services:
    """Read the catalogue.

    Raises
    ------
    DataError
        With file, line and column: a key is missing or unknown, a name comes twice, a value lies outside its
        range, a service has no cost (neither minutes nor a resource cost) or two.
    """
    document = read_yaml(path)
    file = bind(_File, document, DataError)
    problems = [
        document.problem(message, ("services", k, key), found=found)
        for k, service in enumerate(file.services)
        for key, message, found in _faults(service)
    ]
    names = [service.name for service in file.services]
    for k, name in enumerate(names):
        if name in names[:k]:
            problems.append(_twice(document, k, name))
        whole = file.services[k].within
        if whole is not None and (whole == name or whole not in names):
            near = nearest_name(whole, names)
            problems.append(
                document.problem("is within no other service", ("services", k, "within"), found=whole, nearest=near)
            )
    if problems:
        raise DataError(*problems)
    return _services(file)


def _twice(document: Document, k: int, name: str) -> Problem:
    return document.problem("service comes twice", ("services", k, "name"), found=name)


def _faults(service: _Service) -> list[tuple[str, str, object]]:
    faults: list[tuple[str, str, object]] = []
    if (service.minutes is None) == (service.resource is None):
        faults.append(("name", "a service needs either minutes or a resource cost", service.name))
    for key, amount in (
        ("material", service.material),
        ("resource", service.resource),
        ("price", service.price),
    ):
        if amount is not None and not amount.range[0] <= amount.eur <= amount.range[1]:
            faults.append((key, "value lies outside its range", amount.eur))
    staff = service.minutes
    if staff is not None and not staff.range[0] <= getattr(staff, _main(staff)) <= staff.range[1]:
        faults.append(("minutes", "minutes of the main provider lie outside their range", getattr(staff, _main(staff))))
    return faults


def _main(staff: _Minutes) -> str:
    """Return who of the staff does it: a nurse where there is one."""
    return "nurse" if staff.nurse else "mental_nurse" if staff.mental_nurse else "gp"


def _services(file: _File) -> Services:
    each = file.services
    minutes = [[getattr(s.minutes, who) if s.minutes else 0.0 for who in STAFF] for s in each]
    return Services(
        price_year=file.price_year,
        names=tuple(s.name for s in each),
        titles=tuple(s.title for s in each),
        sectors=tuple(s.sector for s in each),
        providers=tuple(s.provider for s in each),
        units=tuple(s.unit for s in each),
        urgency=tuple(s.urgency for s in each),
        delegable=np.array([s.delegable for s in each]),
        within=tuple(s.within or "" for s in each),
        minutes=np.array(minutes, dtype=np.float64),
        material_eur=np.array([s.material.eur if s.material else 0.0 for s in each], dtype=np.float64),
        reference_price_eur=np.array([s.price.eur for s in each], dtype=np.float64),
        given_cost_eur=np.array([s.resource.eur if s.resource else np.nan for s in each], dtype=np.float64),
        rows=tuple(row for s in each for row in _rows(s, file.price_year)),
    )


def _rows(service: _Service, price_year: int) -> list[dict[str, Any]]:
    unit = f"EUR {price_year} per {service.unit}"
    rows: list[dict[str, Any]] = []
    if service.minutes is not None:
        staff = service.minutes
        main = _main(staff)
        for who in STAFF:
            low, high = staff.range if who == main else staff.support_range
            status = staff.status if who == main else "assumed"
            if value := getattr(staff, who):
                rows.append(_row(service, f"minutes_{who}", value, "minutes", low, high, staff.source, status))
    amounts = {"material_eur": service.material, "resource_cost_eur": service.resource}
    for what, amount in (amounts | {"reference_price_eur": service.price}).items():
        if amount is not None:
            low, high = amount.range
            rows.append(_row(service, what, amount.eur, unit, low, high, amount.source, amount.status))
    return rows


def _priced(row: dict[str, Any], prices: PriceLevel) -> dict[str, Any]:
    factor = prices.of_unit(row["unit"])
    moved = {key: row[key] * factor for key in ("value", "low", "high")}
    return {**row, **moved, "unit": prices.named(row["unit"])}


def _row(
    service: _Service, what: str, value: float, unit: str, low: float, high: float, source: str, status: str
) -> dict[str, Any]:
    return {
        "name": f"services.{service.name}.{what}",
        "value": float(value),
        "unit": unit,
        "low": low,
        "high": high,
        "distribution": None,
        "source": source,
        "status": status,
    }
