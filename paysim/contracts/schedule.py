"""A list of prices by service, shared by the components that pay by the unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from paysim.errors import ModelError, nearest_name

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ServicePrice:
    """Price of one unit of a service."""

    service: str = field(metadata={"names": "services"})
    price_eur: float = field(metadata={"unit": "EUR per unit"})

    @property
    def label(self) -> str:
        """What tells this row from the others of its list."""
        return self.service


Schedule = tuple[ServicePrice, ...]


def require_unique(schedule: Schedule) -> None:
    """Raise ValueError if there are no prices, or a service has two."""
    if not schedule:
        raise ValueError("a schedule needs at least one price")
    seen: set[str] = set()
    for row in schedule:
        if row.service in seen:
            raise ValueError(f"service {row.service!r} has two prices")
        seen.add(row.service)


def scaled_schedule(schedule: Schedule, k: float) -> Schedule:
    """Return the schedule with all prices multiplied by `k`."""
    return tuple(replace(row, price_eur=row.price_eur * k) for row in schedule)


@lru_cache(maxsize=512)
def price_vector(schedule: Schedule, excludes: tuple[str, ...], service_names: tuple[str, ...]) -> Floats:
    """Return the ``[service]`` prices in the order of `service_names`; zero where there is none.

    Raises
    ------
    ModelError
        If the schedule or the exclusions name a service that does not exist.
    """
    require_known([*(row.service for row in schedule), *excludes], service_names)
    price = {row.service: row.price_eur for row in schedule if row.service not in excludes}
    vector = np.array([price.get(name, 0.0) for name in service_names])
    vector.flags.writeable = False
    return vector


def require_known(services: Iterable[str], service_names: tuple[str, ...]) -> None:
    """Raise ModelError if a service is not in the catalogue: it would silently be paid nothing."""
    for name in services:
        if name not in service_names:
            near = nearest_name(name, service_names)
            hint = f"; did you mean {near!r}?" if near else ""
            raise ModelError(f"contract: service {name!r} is not in the catalogue of services{hint}")
