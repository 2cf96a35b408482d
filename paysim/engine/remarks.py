"""What a run says of its providers' decisions where the model is at its edge, with the first practice and quarter.

None of it is an error, and none of it stops a run: a lever that moves nothing, a best response that only a limit holds,
visits for which there are no hours, a setting beyond what is plausible. Decisions that find no rest are failed checks,
see `oscillation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paysim.behaviour.incentives import idle_levers, marginal, staff_hours
from paysim.behaviour.protocol import Behaviour
from paysim.behaviour.situation import Situation
from paysim.kernel.records import CONDITIONS, DELEGATION, LEVERS, VISIT_INTENSITY
from paysim.parameters import Parameters

GROUP = "behaviour"
_FULL = 0.995
"""Part of the contact hours from which on there is no room for more."""


@dataclass
class Remarks:
    """Remarks on one arm.

    Attributes
    ----------
    practices
        Names.
    found
        Text by what it is about.
    """

    practices: Sequence[str]
    found: dict[str, str] = field(default_factory=dict)

    def read_settings(self, settings: Sequence[tuple[str, float]], parameters: Parameters) -> None:
        """Remark on settings of an arm that lie outside the stated range of their parameter."""
        for name, value in settings:
            known = f"{GROUP}.{name}"
            row = parameters.row(known) if known in parameters else None
            if row is None or row.low is None or row.high is None or row.low <= value <= row.high:
                continue
            beyond = f"{name} is {value:g}, outside its range of {row.low:g} to {row.high:g}"
            self.found[f"range:{name}"] = f"{beyond}: for all practices, from quarter 1 on"

    def look(self, quarter: int, behaviour: Behaviour, situation: Situation) -> None:
        """Remark on the decisions of a quarter (from 1); what was remarked on before is left."""
        at_limits = getattr(behaviour, "at_limits", None)  # a user's own behaviour may have none
        if at_limits is None or situation.anchor is None:
            return
        movable, held = marginal(situation).movable, at_limits(situation)
        for k, lever in enumerate(LEVERS):
            if k not in idle_levers(situation) and not movable[..., k].any():
                what = f"{lever} moves nothing in any of {len(self.practices)} practices: nobody can pull this lever"
                self._add(f"idle:{lever}", f"{what}, first {self.practices[0]} in quarter {quarter}")
            if held[..., k].any():
                what = f"only its limit holds {lever}: no interior optimum"
                self._add(f"limit:{lever}", self._where(what, held[..., k], quarter))
        most = getattr(behaviour, "hours_at_most", None)
        worked, wanted = staff_hours(situation), behaviour.best_response(situation) > situation.levers
        gps = situation.gp_hours_capacity[:, None]
        room: Any = most(situation) if most else np.hstack([gps, np.full_like(worked[:, 1:], np.inf)])
        full = worked >= _FULL * room
        takes = marginal(situation).staff_hours > 0.0
        for k, staff, what in (
            (VISIT_INTENSITY, slice(0, 1), "more visits are wanted than GPs have hours for"),
            (DELEGATION, slice(1, None), "more is to be handed to nurses than they have hours for"),
        ):
            short = wanted[..., k] & (takes[:, :, k, staff] & full[:, None, staff]).any(axis=-1)
            if short.any():
                self._add(f"hours:{LEVERS[k]}", self._where(what, short, quarter))

    def _where(self, what: str, concerned: np.ndarray, quarter: int) -> str:
        practice, condition = (int(each[0]) for each in np.nonzero(concerned))
        number = int(concerned.any(axis=1).sum())
        first = f"first {self.practices[practice]} in quarter {quarter} for patients with {CONDITIONS[condition]}"
        return f"in {number} of {len(self.practices)} practices {what}, {first}"

    def _add(self, key: str, text: str) -> None:
        self.found.setdefault(key, text)
