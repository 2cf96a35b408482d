"""One comparison of a target with a result, and the common way to make one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

Role = Literal["exact", "rounded", "fitted", "assumed", "derived"]


class Row(NamedTuple):
    """One comparison.

    Attributes
    ----------
    standard_error
        Of the result as a draw from the target, for ``rounded`` of rounding to whole people, for ``derived`` of the
        result itself; 0 when the synthesis fixes the value, nan when not computed.
    role
        ``exact``: reproduced person by person; ``rounded``: the same where one simulated person stands for several;
        ``fitted``: a target of the synthesis; ``assumed``: a target that is our assumption; ``derived``: not
        imposed, follows from the rest.
    """

    margin: str
    group: str
    unit: str
    target: float
    result: float
    standard_error: float
    role: Role


def share(
    margin: str,
    group: str,
    target: float,
    who: np.ndarray,
    trait: np.ndarray,
    role: Role = "fitted",
    weight: np.ndarray | None = None,
) -> Iterator[Row]:
    """Yield the share of `who` that has a trait against its target, weighted by `weight`; nothing where nobody is."""
    number = int(np.count_nonzero(who))
    if number:
        part = np.full(number, 1.0 / number) if weight is None else weight[who] / weight[who].sum()
        result = float(np.mean(trait[who]) if weight is None else part @ trait[who])
        spread = result if role == "derived" else target
        error = float(np.sqrt(max(spread * (1.0 - spread), 0.0) * (part @ part)))
        yield Row(margin, group, "proportion", target, result, error, role)
