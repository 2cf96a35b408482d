"""What a measure is: a name, a unit, and a pure function of what one arm counted.

A file of this folder that defines ``measures(counted)`` adds its measures to every run; nothing else is
edited.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paysim.errors import DataError, Problem

if TYPE_CHECKING:
    from paysim.outcomes.society import SocietyTerms

COLUMNS = ("scenario", "arm", "draw", "replicate", "period", "dimension", "group", "measure", "value", "unit")
WHOLE = -1
"""Period of a value over the whole horizon."""

PROFESSIONS = {"gp": (0, 1), "nurse": (2,), "mental_nurse": (3,)}
"""Who has an appointment book in a practice, and the lanes of it that each staffs: GPs, nurses for somatic care, and
nurses for mental health."""


@dataclass(frozen=True)
class Apart:
    """What is used and costs something, though a service of the catalogue holds it.

    A service holds it at base already: so as not to count it twice, that much is taken off the service's resource
    cost, and what is really used is added.

    Attributes
    ----------
    column
        Of `Counted.columns`: the quantity used.
    eur
        Resource cost per unit.
    sector
        Whose cost it is.
    held_by, per_service
        Service that holds it, and how many units one of it held at base.
    """

    column: str
    eur: float
    sector: str
    held_by: str
    per_service: float


@dataclass(frozen=True, eq=False)
class Counted:
    """What one arm of one replicate counted; T quarters, Y years, P practices.

    Attributes
    ----------
    dimensions
        Dimension -> its groups; `groups` has one row for each, in order.
    columns
        Names of the last axis of `groups`: services, then what else was added up.
    groups
        ``[Y, groups, columns]``
    arrays
        Quarterly records, see `engine.accounts.Records`; ``cells`` is yearly, ``[Y, education x sex x age, columns]``.
    sector_of, cost_eur
        By service: sector, resource cost per unit.
    payment_eur
        ``[Y, LINES, S]`` what payers pay to each sector per unit of each service in each contract year, see
        `contracts.settlement.tariff_of_sectors`.
    revenue_kinds, bills
        What practices receive (kinds of component) and pay for: last axes of the records `revenue` and `bills`.
    weight
        Persons in the region per person simulated.
    gp_fte
        ``[P]``
    contact_hours
        ``[Y, P, 4]`` in each year, by lane of the appointment book.
    staff_minutes
        ``[S, 3]`` by service and profession, in the order of `PROFESSIONS`.
    specialties, wards
        Names of the clinics and of the types of beds, in the order of their arrays.
    programme_names
        Of the programmes of all arms, in the order of the records of `programmes`.
    inequality_aversion
        Atkinson parameter of equally distributed equivalents; 0 gives the mean.
    apart
        What is used besides services, and its resource cost.
    society
        What is reckoned outside the budget of care; None: nothing.
    organising_eur
        ``[Y]`` what running the organisations takes that are a party to contracts, EUR per person-year; None: nothing.
    """

    dimensions: Mapping[str, tuple[str, ...]]
    columns: tuple[str, ...]
    groups: np.ndarray
    arrays: Mapping[str, np.ndarray]
    service_names: tuple[str, ...]
    sector_of: tuple[str, ...]
    payment_eur: np.ndarray
    cost_eur: np.ndarray
    revenue_kinds: tuple[str, ...]
    bills: tuple[str, ...]
    weight: float
    gp_fte: np.ndarray
    contact_hours: np.ndarray
    staff_minutes: np.ndarray
    process_outcomes: tuple[str, ...]
    lever_names: tuple[str, ...]
    practice_lever_names: tuple[str, ...]
    specialties: tuple[str, ...]
    wards: tuple[str, ...]
    discount_costs: float
    discount_effects: float
    programme_names: tuple[str, ...] = ()
    inequality_aversion: float = 0.0
    apart: tuple[Apart, ...] = ()
    society: SocietyTerms | None = None
    organising_eur: np.ndarray | None = None

    @property
    def years(self) -> int:
        """Contract years simulated."""
        return int(self.groups.shape[0])

    def column(self, name: str) -> np.ndarray:
        """Return one column of `groups` ``[Y, groups]``, weighted to the region."""
        return np.asarray(self.groups[:, :, self.columns.index(name)] * self.weight)

    def services(self) -> np.ndarray:
        """Return quantities of services ``[Y, groups, S]``, weighted to the region."""
        return np.asarray(self.groups[:, :, : len(self.service_names)] * self.weight)

    def sum_of(self, *services: str) -> np.ndarray:
        """Return the quantity of some services together ``[Y, groups]``."""
        wanted = [self.service_names.index(name) for name in services]
        return np.asarray(self.services()[:, :, wanted].sum(axis=2))

    def organising(self) -> np.ndarray:
        """Return own costs of organisations ``[Y, groups]`` in euro, weighted to the region."""
        lived = self.column("person_years")
        return np.zeros(lived.shape) if self.organising_eur is None else lived * self.organising_eur[:, None]

    def longer_hours(self) -> np.ndarray:
        """Return hours ``[T, P, profession]`` in contacts beyond their usual length, which only GPs have."""
        hours = np.zeros((*self.arrays["services"].shape[:2], self.staff_minutes.shape[1]))
        if "longer_hours" in self.arrays:
            hours[:, :, 0] = self.arrays["longer_hours"]
        return hours

    def by_year(self, quarterly: np.ndarray) -> np.ndarray:
        """Add up quarterly values ``[T, ...]`` to years ``[Y, ...]``."""
        return np.asarray(quarterly.reshape(self.years, -1, *quarterly.shape[1:]).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Measure:
    """Values of one measure.

    Attributes
    ----------
    values
        ``[Y, groups]`` for all dimensions; ``[Y, 1 + P]`` for ``all`` and ``practice`` only; or ``[Y, 1]``; or of the
        groups of `dimensions`; or ``[Y, len(places)]``. A year in which it is not known (NaN throughout) is left out.
    whole
        The same without years, for the whole horizon; None: the sum over years.
    discounted
        ``costs`` or ``effects`` where a discounted total is wanted too.
    dimensions
        Of which `values` are, where that is neither of the above.
    places
        (dimension, group) of each value, of a dimension that only some measures have.
    """

    name: str
    unit: str
    values: np.ndarray
    whole: np.ndarray | None = None
    discounted: str | None = None
    dimensions: tuple[str, ...] | None = None
    places: tuple[tuple[str, str], ...] = ()


OwnMeasures = Callable[[Counted], Iterable[Measure]]
"""A function of a user's own that adds measures to a run."""


def families() -> Iterator[object]:
    """Yield every module of this folder that defines measures, in the order of their names."""
    import paysim.outcomes as package

    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        if info.name != "protocol":
            module = importlib.import_module(f"paysim.outcomes.{info.name}")
            if hasattr(module, "measures"):
                yield module


def tabulate(
    counted: Counted, scenario: str, arm: str, draw: int, replicate: int, own: Sequence[OwnMeasures] = ()
) -> dict[str, np.ndarray]:
    """Return the tidy table of all measures of one arm and replicate, column by column.

    Raises
    ------
    DataError
        If one of a user's own measures has the name of another.
    """
    names: set[str] = set()
    every = [(dimension, group) for dimension, groups in counted.dimensions.items() for group in groups]
    practice = [("all", "all"), *(("practice", group) for group in counted.dimensions["practice"])]
    places = {len(every): every, len(practice): practice, 1: [("all", "all")]}
    parts: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS[4:]}

    def add(measure: Measure, period: int, values: np.ndarray, name: str) -> None:
        if np.isnan(values).all():
            return
        where: Sequence[tuple[str, str]] = measure.places
        if measure.dimensions is not None:
            where = [place for place in every if place[0] in measure.dimensions]
        elif not where:
            where = places[len(values)]
        parts["period"].append(np.full(len(values), period, np.int32))
        parts["dimension"].append(np.array([dimension for dimension, _ in where], object))
        parts["group"].append(np.array([group for _, group in where], object))
        parts["measure"].append(np.full(len(values), name, object))
        parts["value"].append(np.asarray(values, np.float64))
        parts["unit"].append(np.full(len(values), measure.unit, object))

    shipped: list[OwnMeasures] = [module.measures for module in families()]  # type: ignore[attr-defined]
    for family in (*shipped, *own):
        for measure in family(counted):
            if family in own and measure.name in names:
                raise DataError(Problem("there is a measure of that name already", key=measure.name))
            names.add(measure.name)
            for year in range(counted.years):
                add(measure, year, measure.values[year], measure.name)
            whole = measure.values.sum(axis=0) if measure.whole is None else measure.whole
            add(measure, WHOLE, whole, measure.name)
            if measure.discounted:
                rate = counted.discount_costs if measure.discounted == "costs" else counted.discount_effects
                middle = np.arange(counted.years) + 0.5
                add(measure, WHOLE, (1.0 + rate) ** -middle @ measure.values, f"{measure.name}_discounted")
    table = {name: np.concatenate(rows) for name, rows in parts.items()}
    n = len(table["value"])
    labels = {"scenario": scenario, "arm": arm}
    return {
        **{name: np.full(n, text, object) for name, text in labels.items()},
        "draw": np.full(n, draw, np.int32),
        "replicate": np.full(n, replicate, np.int32),
        **table,
    }
