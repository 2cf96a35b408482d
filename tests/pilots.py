"""Made-up practices for tests of pilots."""

from __future__ import annotations

import numpy as np

from paysim.pilots import Panel

PRIMARY = "care_payments_per_head"
OFF = {"contamination": 0.0, "drop_out": 0.0, "region_drift": 0.0, "practice_noise": 0.0, "region_level": 0.0}


def panel(effect: float = 0.0, practices: int = 60, years: int = 6, worlds: int = 5, spread: float = 0.0) -> Panel:
    """Return made-up practices: persistent differences of 5%, yearly ones of 4%, both of a mean of 1,000."""
    random = np.random.default_rng(7)
    level = 1000.0 * (1.0 + 0.05 * random.standard_normal((worlds, practices, 1)))
    without = level + 40.0 * random.standard_normal((worlds, practices, years))
    gain = effect * (1.0 + spread * random.standard_normal((worlds, practices, 1)))
    return Panel(
        practices=tuple(f"p{k:03d}" for k in range(practices)),
        people=np.ones((worlds, practices)),
        without={PRIMARY: without},
        effect={PRIMARY: np.broadcast_to(gain, without.shape).copy()},
        units={PRIMARY: "EUR"},
    )
