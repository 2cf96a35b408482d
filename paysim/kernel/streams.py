"""Keyed, counter-based random numbers: every draw is a pure function of who, what and which time.

A draw is ``splitmix64`` applied to a nest of keys::

    run key     = splitmix64(seed, replicate)
    person key  = splitmix64(run key, person)
    stream key  = splitmix64(person key, process)
    word        = splitmix64(stream key, occurrence)

so neither the order of events nor the number of workers, threads or engines can matter. With a fixed key
the words ``occurrence = 0, 1, 2, ...`` are exactly the published SplitMix64 sequence (Steele, Lea and
Flood 2014, "Fast splittable pseudorandom number generators"; reference vector for seed 1234567:
6457827717110365317, 3203168211198807973, 9817491932198370423, ...), which the tests check.

The functions are written for numpy scalars and arrays of ``uint64`` and need no numba; the compiled engine
compiles these same functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)
MULTIPLY_1 = np.uint64(0xBF58476D1CE4E5B9)
MULTIPLY_2 = np.uint64(0x94D049BB133111EB)
SHIFT_30, SHIFT_27, SHIFT_31, SHIFT_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
ONE = np.uint64(1)
TO_UNIT = 2.0**-53
LARGEST = 1.0 - 2.0**-53
"""The last uniform below 1: the very last word would be rounded to 1."""


def splitmix64(key: Any, counter: Any) -> Any:
    """Return word number `counter` of the SplitMix64 sequence that starts at `key`.

    Parameters
    ----------
    key, counter : numpy.uint64 or arrays of it
        Arithmetic is modulo 2**64.
    """
    z = key + (counter + ONE) * GAMMA
    z = (z ^ (z >> SHIFT_30)) * MULTIPLY_1
    z = (z ^ (z >> SHIFT_27)) * MULTIPLY_2
    return z ^ (z >> SHIFT_31)


def word(key: Any, process: Any, occurrence: Any) -> Any:
    """Return the 64-bit word of a (person key, process, occurrence)."""
    return splitmix64(splitmix64(key, process), occurrence)


def to_uniform(bits: Any) -> Any:
    """Map a 64-bit word to the open unit interval: 53 bits, never exactly 0 or 1."""
    return np.minimum(((bits >> SHIFT_11) + 0.5) * TO_UNIT, LARGEST)


def run_key(seed: int, replicate: int) -> np.uint64:
    """Return the key of one replicate of one seed."""
    with np.errstate(over="ignore"):
        return np.uint64(splitmix64(np.uint64(seed), np.uint64(replicate)))


def person_keys(key: np.uint64, person: np.ndarray) -> np.ndarray:
    """Return one key per person number (array of ``uint64``)."""
    with np.errstate(over="ignore"):
        return np.asarray(splitmix64(key, person.astype(np.uint64)))


def uniforms(keys: np.ndarray, process: int, occurrence: int | np.ndarray = 0) -> np.ndarray:
    """Return keyed uniforms on (0, 1), one per key, for a numbered process and occurrence."""
    count = np.asarray(occurrence).astype(np.uint64)
    with np.errstate(over="ignore"):
        return np.asarray(to_uniform(word(keys, np.uint64(process), count)))
