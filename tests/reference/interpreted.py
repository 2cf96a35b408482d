"""Run the toy with or without the compiler and print the hash of its event log and final state.

Run as a program by `test_compiler.py`. Without the compiler rows of numpy are no records with attributes, so they are
wrapped here; the kernel's source is the same.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numba
import numpy as np

from paysim.kernel import advance as kernel
from paysim.kernel import records as rec
from tests.toy import busy_state, busy_tables, in_order, weeks

WEEKS = 52


class Row:
    """A row of a structured array with its fields as attributes."""

    def __init__(self, row: np.void) -> None:
        object.__setattr__(self, "row", row)

    def __getattr__(self, name: str) -> Any:
        value = self.row[name]
        # The compiler computes with 64 bits; numpy would keep the field's own width.
        return int(value) if isinstance(value, np.signedinteger) else value

    def __setattr__(self, name: str, value: Any) -> None:
        self.row[name] = value


class Rows:
    """A structured array whose items are `Row`."""

    def __init__(self, array: np.ndarray) -> None:
        self.array, self.size = array, array.size

    def __getitem__(self, at: int) -> Row:
        return Row(self.array[at])


def main() -> None:
    """Print the number of events and a hash of everything."""
    wrap: Any = Rows if numba.config.DISABLE_JIT else lambda array: array
    state, tables = busy_state(25, 2, room=25), wrap(busy_tables())
    rows = wrap(state.people), state.calendar, wrap(state.practices)
    heap, log = np.zeros(64, np.int64), []
    events, requests = rec.empty_events(1 << 14), rec.empty_requests(1 << 14)
    kernel.enter_all(*rows, tables, 0)
    for tick in weeks(WEEKS):
        status, _, _, n, _ = kernel.advance(*rows, tables, 0, 2, int(tick), heap, wrap(events), True, wrap(requests))
        assert status == kernel.FINISHED
        log.append(events[:n].copy())
    kernel.close_period(rows[0], rows[2], int(tick))
    total = hashlib.sha256(in_order(log).tobytes())
    for name in rec.PERSON.names or ():
        total.update(state.people[name].tobytes())
    print(sum(map(len, log)), total.hexdigest())


if __name__ == "__main__":
    with np.errstate(over="ignore"):
        main()
