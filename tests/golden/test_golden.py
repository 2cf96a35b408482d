"""One small scenario gives the numbers it gave before. A change on purpose: ``python -m tests.golden``."""

from __future__ import annotations

import math

from tests.golden.__main__ import expected, simulated


def test_small_scenario_gives_the_numbers_it_gave_before() -> None:
    found, before = simulated(), expected()
    assert [(arm, measure, unit) for arm, measure, _, unit in found] == [
        (arm, measure, unit) for arm, measure, _, unit in before
    ]
    moved = [
        f"{arm} {measure}: {old:.6g} -> {new:.6g} {unit}"
        for (arm, measure, new, unit), (_, _, old, _) in zip(found, before, strict=True)
        if not math.isclose(new, old, rel_tol=1e-9, abs_tol=1e-9)
    ]
    assert not moved, "\n".join(["", *moved, "if that is meant: python -m tests.golden, and read the diff"])
