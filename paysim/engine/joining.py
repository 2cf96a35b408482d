"""Which practice a person joins: near home or far, in proportion to lists, where there is room.

Each person draws a clock for each practice, exponential with the list's size as its rate, and wants the practice whose
clock rings first among those open. So the chance of each is in proportion to its size, and when a list closes only
those move who wanted it: all others want what they wanted before. One death more in an arm does not send newcomers
elsewhere in the whole region.
"""

from __future__ import annotations

import numpy as np

from paysim.kernel import streams


class Joining:
    """The practices of a region.

    Parameters
    ----------
    lists
        Persons on each list at the start ``[P]``.
    places
        Municipality of each practice ``[P]``.
    """

    def __init__(self, lists: np.ndarray, places: np.ndarray) -> None:
        self.places = np.asarray(places)
        with np.errstate(divide="ignore"):
            self._mean_clock = 1.0 / np.asarray(lists, float)
        self._words = np.arange(len(self.places) + 1, dtype=np.uint64)

    def choose(
        self,
        keys: np.ndarray,
        home: np.ndarray,
        near_share: float,
        free: np.ndarray,
        *,
        change: bool,
        welcome: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the practice that each joins ``[n]``, -1 where all lists are full; first come, first served.

        Parameters
        ----------
        keys
            Keys of the choice ``[n]``; their words are the draws, one for each practice and one for near or far.
        home
            A practice in the municipality of each person ``[n]``.
        near_share
            Share that joins a practice of the municipality, where one has room; the others go farther, where one has.
        free
            Persons whom each list can still take ``[P]``.
        change
            Whether people want another practice than `home`.
        welcome
            Whether each practice accepts each person ``[n, P]``; None: all accept all.
        """
        free, joined, asking = free.copy(), np.full(len(keys), -1), np.arange(len(keys))
        if not len(asking):
            return joined
        order = self._preferences(keys, home, near_share, change)
        if welcome is not None:
            order[~welcome] = np.inf
        while len(asking):
            clocks = np.where(free > 0, order[asking], np.inf)
            choice = clocks.argmin(axis=1)
            found = np.isfinite(clocks[np.arange(len(asking)), choice])
            asking, choice = asking[found], choice[found]
            fits = _places_in_line(choice) < free[choice]
            joined[asking[fits]] = choice[fits]
            free -= np.bincount(choice[fits], minlength=len(free))
            asking = asking[~fits]
        return joined

    def _preferences(self, keys: np.ndarray, home: np.ndarray, near_share: float, change: bool) -> np.ndarray:
        """Return a number for each person and practice ``[n, P]``: the lowest is wanted most, infinity never."""
        with np.errstate(over="ignore"):
            draws = streams.to_uniform(streams.splitmix64(keys[:, None], self._words))
        clocks = -np.log(draws[:, 1:]) * self._mean_clock
        is_near = self.places == self.places[home][:, None]
        wants_near = draws[:, :1] < near_share
        # Those on the wanted side come first, whatever their clocks: these are mapped to below one.
        order = np.asarray(clocks / (1.0 + clocks) + (is_near != wants_near))
        order[~np.isfinite(clocks)] = np.inf
        if change:
            order[np.arange(len(home)), home] = np.inf
        return order


def _places_in_line(choice: np.ndarray) -> np.ndarray:
    """Return how many before each made the same choice ``[n]``."""
    order = np.argsort(choice, kind="stable")
    ordered = choice[order]
    place = np.empty(len(choice), np.int64)
    place[order] = np.arange(len(choice)) - np.searchsorted(ordered, ordered)
    return place
