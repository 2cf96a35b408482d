"""What practices share: the specialist clinic's waiting list and the hospital's beds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.outcomes.protocol import Counted, Measure


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield the list at the end, those who went elsewhere, and bed use; waits are in `paysim.outcomes.waits`."""
    quarters = counted.arrays["hospital"].reshape(counted.years, -1, 4)
    last = quarters[:, -1, 0:1]
    yield Measure("clinic_waiting", "persons", last, whole=last[-1])
    yield Measure("clinic_left", "persons", quarters[:, :, 1].sum(axis=1, keepdims=True))
    used, room = quarters[:, :, 2].sum(axis=1), quarters[:, :, 3].sum(axis=1)
    share = (used / np.maximum(room, 1e-9))[:, None]
    yield Measure("bed_occupancy_share", "share", share, whole=np.array([used.sum() / max(room.sum(), 1e-9)]))
