"""Which practice a person joins: near home or far, in proportion to lists, where there is room."""

from __future__ import annotations

import numpy as np


class Joining:
    """The practices of a region in a row by municipality, each as wide as its list: a number points at one.

    Parameters
    ----------
    lists
        Persons on each list at the start ``[P]``.
    places
        Municipality of each practice ``[P]``.
    """

    def __init__(self, lists: np.ndarray, places: np.ndarray) -> None:
        self.order = np.argsort(places, kind="stable")
        self.rank = np.argsort(self.order)
        self.width = np.asarray(lists, float)[self.order]
        by_place = np.asarray(places)[self.order]
        # First practice of the municipality of each practice, and the first beyond it, as places in the row.
        self.first, self.beyond = (
            np.searchsorted(by_place, places, side=side)
            for side in ("left", "right")  # type: ignore[call-overload,unused-ignore]
        )

    def choose(
        self, u: np.ndarray, home: np.ndarray, near_share: float, free: np.ndarray, *, change: bool
    ) -> np.ndarray:
        """Return the practice that each joins ``[n]``, -1 where all lists are full; first come, first served.

        Parameters
        ----------
        u
            Uniforms that choose ``[n]``.
        home
            A practice in the municipality of each person ``[n]``.
        near_share
            Share that joins a practice of the municipality, where one has room; the others go farther, where one has.
        free
            Persons whom each list can still take ``[P]``.
        change
            Whether people want another practice than `home`.
        """
        free, joined, asking = free.copy(), np.full(len(u), -1), np.arange(len(u))
        while len(asking):
            choice = self._point(u[asking], home[asking], near_share, free > 0, change)
            asking, choice = asking[choice >= 0], choice[choice >= 0]
            fits = _places_in_line(choice) < free[choice]
            joined[asking[fits]] = choice[fits]
            free -= np.bincount(choice[fits], minlength=len(free))
            asking = asking[~fits]
        return joined

    def _point(
        self, u: np.ndarray, home: np.ndarray, near_share: float, is_open: np.ndarray, change: bool
    ) -> np.ndarray:
        """Return the choice of each among the open lists ``[n]``, -1 where there is none."""
        ends = np.concatenate([[0.0], np.cumsum(np.where(is_open[self.order], self.width, 0.0))])
        begin, end = ends[self.first[home]], ends[self.beyond[home]]  # of the municipality
        mine = self.rank[home]
        own = ends[mine + 1] - ends[mine] if change else np.zeros(len(u))
        near, far = end - begin - own, ends[-1] - (end - begin)
        share = np.where(far > 0.0, np.where(near > 0.0, near_share, 0.0), 1.0)
        at_near = begin + near * np.divide(u, share, out=np.zeros_like(u), where=share > 0.0)
        at_near += np.where(at_near >= ends[mine], own, 0.0)
        at_far = far * np.divide(u - share, 1.0 - share, out=np.zeros_like(u), where=share < 1.0)
        at_far += np.where(at_far >= begin, end - begin, 0.0)
        at = np.searchsorted(ends, np.where(u < share, at_near, at_far), side="right") - 1
        at = np.minimum(at, np.searchsorted(ends, ends[-1]) - 1)  # rounding never points beyond the last open list
        return np.where((near > 0.0) | (far > 0.0), self.order[at], -1)


def _places_in_line(choice: np.ndarray) -> np.ndarray:
    """Return how many before each made the same choice ``[n]``."""
    order = np.argsort(choice, kind="stable")
    ordered = choice[order]
    place = np.empty(len(choice), np.int64)
    place[order] = np.arange(len(choice)) - np.searchsorted(ordered, ordered)
    return place
