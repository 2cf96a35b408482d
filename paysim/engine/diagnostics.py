"""Imaging and function tests: one list for all clinics, whose trajectories go on when the test is done."""

from __future__ import annotations

import numpy as np

from paysim.engine.planned import Planned


class Diagnostics(Planned):
    """Test slots a week, whatever the specialty. Who finds the wait too long is tested outside the region."""

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period."""
        urgent, routine = self.lists
        return {
            "test_waits": urgent.waits + routine.waits,
            "test_waiting": np.array(float(self.length)),
            "test_left": np.array(float(self.left)),
            "test_slots": np.array(self.slots),
        }
