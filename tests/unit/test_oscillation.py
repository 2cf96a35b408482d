"""Decisions that go back and forth are found and named; those that settle are not."""

import numpy as np

from paysim.engine.oscillation import LEAST, QUARTERS, oscillating
from paysim.kernel.records import LEVERS, REFERRAL

NAMES = ("a", "b")


def levers(values: np.ndarray) -> np.ndarray:
    found = np.ones((len(values), 2, 3, len(LEVERS)))
    found[:, 1, 2, REFERRAL] = values
    return found


def test_back_and_forth_is_found_with_practice_and_quarter() -> None:
    values = np.concatenate([[1.0, 1.0, 1.0], 1.0 + 0.1 * (-1.0) ** np.arange(8)])
    found = oscillating(levers(values), NAMES)
    assert list(found) == ["referral"]
    assert found["referral"].startswith("1 of 2 practices")
    assert "first b from quarter" in found["referral"]
    assert "diabetes" in found["referral"]


def test_a_path_that_settles_is_not() -> None:
    assert oscillating(levers(1.0 + 0.5 * 0.7 ** np.arange(12)), NAMES) == {}
    damped = 1.0 + 0.2 * (-0.5) ** np.arange(12)
    assert oscillating(levers(damped), NAMES) == {}
    small = 1.0 + 0.4 * LEAST * (-1.0) ** np.arange(12)
    assert oscillating(levers(small), NAMES) == {}


def test_a_short_run_says_nothing() -> None:
    assert oscillating(levers(1.0 + 0.1 * (-1.0) ** np.arange(QUARTERS)), NAMES) == {}
