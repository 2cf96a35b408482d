"""Peers who compare themselves: in every round practices see how they do beside others and move toward the middle.

What a practice does more or less of than others (its style: follow-up, referral, prevention) is seen with the noise of
its own small numbers. With x the logarithm of a style, y what is seen of it and w the weight of a round::

    y = x + noise x z x sqrt(1000 / list),    x <- x + w x (median of all y - y)

so that practices grow alike, and chase chance where it is all there is to see. What the region does on the whole moves
only as far as the median lies beside the mean. Payment is no part of it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri  # type: ignore[import-untyped,unused-ignore]

from paysim.engine.model import Model
from paysim.engine.staff import practice_keys
from paysim.kernel import streams
from paysim.kernel.records import LEVERS, PREVENTION, State

_DOMAIN = (1 << 40) + 2001
"""Takes the place of the replicate in the keys of what is seen, beside that of styles."""
_LIST = 1000.0


class PeerFeedback:
    """The rounds of one arm."""

    def __init__(self, model: Model, state: State) -> None:
        self.terms, self.practices = model.care.feedback, state.practices
        self.keys = practice_keys(model, _DOMAIN)
        self.levers = [LEVERS.index(name) for name, spread in model.care.practices.style_sd.items() if spread > 0.0]
        self.quarter = 0

    def quarter_ends(self, listed: np.ndarray) -> bool:
        """Count a quarter, hold a round if it is due, and tell whether any style changed.

        Parameters
        ----------
        listed
            People on each list ``[P]``.
        """
        self.quarter += 1
        if self.quarter % self.terms.round_quarters or self.terms.weight == 0.0 or len(listed) < 2:
            return False
        error = self.terms.noise * np.sqrt(_LIST / np.maximum(listed, 1.0))
        for lever in self.levers:
            style = self.practices["health_style" if lever == PREVENTION else "activity_style"]
            z = ndtri(streams.uniforms(self.keys, lever, self.quarter))
            own = np.log(style[:, lever])
            seen = own + error * z
            style[:, lever] = np.exp(own + self.terms.weight * (np.median(seen) - seen))
        return True
