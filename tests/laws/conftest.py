"""What laws look at in common."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.engine.cell import Cell
from tests.one_practice import run_of


@pytest.fixture(scope="session")
def today() -> tuple[Cell, np.ndarray]:
    """Return the cell of passive `dutch_today` and its event log; nobody may change them."""
    return run_of()
