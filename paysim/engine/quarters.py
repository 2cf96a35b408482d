"""What the books know of single people in one quarter, and no more of the region than that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PersonQuarter:
    """What the books know of one person in one quarter.

    Attributes
    ----------
    number
        The person's ``id``.
    practice, segment
        Number of the practice on whose list the person is, and the segment.
    listed_years
        Years on a list in the quarter.
    used
        Quantity by service.
    charged, owed_cents
        By contract and component of what patients pay insurers: charged in the contract year so far, before the limit
        of the year, and owed for the quarter.
    """

    number: int
    practice: int
    segment: int
    listed_years: float
    used: dict[str, float]
    charged: dict[tuple[str, str], float]
    owed_cents: dict[tuple[str, str], int]


@dataclass(frozen=True, eq=False)
class QuarterOfPeople:
    """What the books know of everybody on a list in one quarter.

    Attributes
    ----------
    number
        ``[n]`` the person's ``id``.
    seen
        ``[n]`` what the close noted of them (`SEEN`).
    used
        ``[n, service]`` quantities.
    service_names
        Labels of the last axis of `used`.
    charged, owed_cents
        ``[n]`` each, see `PersonQuarter`.
    """

    number: np.ndarray
    seen: np.ndarray
    used: np.ndarray
    service_names: tuple[str, ...]
    charged: dict[tuple[str, str], np.ndarray]
    owed_cents: dict[tuple[str, str], np.ndarray]

    def person(self, number: int) -> PersonQuarter | None:
        """Return what is known of a person's quarter; None if there is nobody of that number."""
        found = np.flatnonzero(self.number == number)
        if not len(found):
            return None
        row = int(found[0])
        seen, used = self.seen[row], self.used[row]
        return PersonQuarter(
            number=number,
            practice=int(seen["practice"]),
            segment=int(seen["segment"]),
            listed_years=float(seen["listed"]),
            used={self.service_names[at]: float(used[at]) for at in np.flatnonzero(used)},
            charged={key: float(euros[row]) for key, euros in self.charged.items()},
            owed_cents={key: int(cents[row]) for key, cents in self.owed_cents.items()},
        )
