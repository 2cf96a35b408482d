"""Places that people live in for a while or for good, rehabilitation and nursing homes, and hours of care at home."""

from __future__ import annotations

import numpy as np

from paysim.care.hospital import HomeCare
from paysim.engine.waiting import Capacity, Draws, WaitingList, chosen, nobody, together
from paysim.kernel.records import NEVER, TICKS_PER_DAY, TICKS_PER_WEEK


class Places:
    """Places that people take in the order in which they claim them, and keep for their stay, or until they die.

    Who waits longer than an exponential patience goes without.

    Attributes
    ----------
    capacity
        Places.
    inside
        Who has a place; `since` is the tick at which they leave it.
    list
        Who waits for one.
    """

    def __init__(self, name: str, draws: Draws, patience_weeks: float = np.inf) -> None:
        self.name, self.draws, self.patience_weeks = name, draws, patience_weeks
        self.capacity = Capacity()
        self.inside, self.list = nobody(), WaitingList()
        self._clear()

    def _clear(self) -> None:
        self.claims = self.died_waiting = self.left = 0
        self.used = self.room = 0.0

    def close(self, weeks: int) -> None:
        """Give nobody a place for some weeks; who has one stays."""
        self.capacity.closed_weeks = weeks

    def plan(self, places: float, share: float = 1.0) -> None:
        """Set the number of places, or go a share of the way to it, of the region or of a sample that has its own."""
        self.capacity.plan(places, share)

    def take_in(self, now: int, claims: np.ndarray, keep: int | None = None) -> None:
        """Free the places of who left or died, and give them to who waits longest; stays of 0 days last for life.

        While the base run settles, everybody gets a place but as many as `keep`, the usual list.
        """
        self.claims += len(claims)
        self.list.join(claims)
        before = len(self.list)
        self.list.drop_dead(self.draws)
        self.died_waiting += before - len(self.list)
        stay = (self.inside["since"] > now) & self.draws.alive(self.inside)
        self.inside = chosen(self.inside, stay)
        free = 0 if self.capacity.closed_weeks else int(self.capacity.open + 1e-9) - len(self.inside)
        self._lose_patience(now)
        came = self.list.take(max(0, free if keep is None else len(self.list) - keep), now)
        if len(came):
            stays = np.ceil(came["days"] * TICKS_PER_DAY).astype(np.int64)
            came["since"] = np.where(stays > 0, now + stays, NEVER)
            self.inside = together(self.inside, came)
        self.used += len(self.inside)
        self.room += self.capacity.open
        self.list.list_weeks += len(self.list)
        self.capacity.end_week()

    def _lose_patience(self, now: int) -> None:
        if np.isinf(self.patience_weeks) or not len(self.list):
            return
        patience = -self.patience_weeks * np.log(self.draws.of(self.list.waiting, f"patience {self.name}"))
        stays = (now - self.list.waiting["since"]) // TICKS_PER_WEEK <= patience  # nobody gives up in the first week
        self.left += int((~stays).sum())
        self.list.waiting = chosen(self.list.waiting, stays)

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return who has a place and who waits."""
        return self.inside, self.list.waiting

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        self.list.begin_period()
        self._clear()

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        numbers = {
            "claims": self.claims,
            "waiting": len(self.list),
            "list_weeks": self.list.list_weeks,
            "died_waiting": self.died_waiting,
            "left": self.left,
            "used": self.used,
            "room": self.room,
        }
        return {
            f"{self.name}_waits": self.list.waits.copy(),
            **{f"{self.name}_{name}": np.array(float(each)) for name, each in numbers.items()},
        }

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        return {"capacity": self.capacity.save(), "inside": self.inside, "waiting": self.list.waiting}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.inside, self.list.waiting = saved["inside"].copy(), saved["waiting"].copy()


class HomeCareTeams:
    """Hours of care at home a week: asked for by who waits for a nursing home and by who comes from hospital.

    Attributes
    ----------
    capacity
        Hours a week.
    """

    def __init__(self, terms: HomeCare, occupancy: float) -> None:
        self.terms, self.occupancy = terms, occupancy
        self.capacity = Capacity()
        self.ahead = np.zeros(round(max(1.0, terms.weeks)))  # hours asked for by who is in care already
        self._clear()

    def _clear(self) -> None:
        self.asked = self.given = self.room = 0.0

    def plan(self, discharged: float, waiting: float) -> None:
        """Set hours for people a week of the region who come from hospital, and who wait for a nursing home."""
        hours = discharged * len(self.ahead) * self.terms.hours + waiting * self.terms.hours_waiting
        self.capacity.planned = hours / self.occupancy

    def care(self, discharged: float, waiting: float) -> float:
        """Give the hours that the week's people ask for, as far as they go; return the share of them that is given.

        What is not given is not made up for.
        """
        self.ahead += discharged * self.terms.hours
        asked = float(self.ahead[0]) + waiting * self.terms.hours_waiting
        self.asked += asked
        given = min(asked, self.capacity.now)
        self.given += given
        self.room += self.capacity.now
        self.capacity.follow(asked / self.occupancy - self.capacity.planned * self.capacity.growth, self.terms.follows)
        self.ahead = np.append(self.ahead[1:], 0.0)
        return given / asked if asked > 0.0 else 1.0

    @property
    def usual(self) -> float:
        """Hours a week of the region that people asked for when capacity was planned."""
        return self.capacity.planned * self.occupancy

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return nobody: only hours are remembered."""
        return ()

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        self._clear()

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        numbers = {"home_care_asked": self.asked, "home_care_given": self.given, "home_care_room": self.room}
        return {name: np.array(each) for name, each in numbers.items()}

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        return {"capacity": self.capacity.save(), "ahead": self.ahead}

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""
        self.capacity.restore(saved["capacity"])
        self.ahead = saved["ahead"].copy()


def stays(patients: np.ndarray, weeks: float, draws: Draws, choice: str) -> np.ndarray:
    """Return exponential stays in days with a mean in weeks."""
    return np.asarray(-weeks * (TICKS_PER_WEEK // TICKS_PER_DAY) * np.log(draws.of(patients, choice)))
