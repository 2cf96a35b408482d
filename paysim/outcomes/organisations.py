"""Organisations: what is left to them after sharing out, and what rests on one sum of the whole region."""

from __future__ import annotations

from collections.abc import Iterator

from paysim.contracts.settlement import POOLED
from paysim.outcomes.protocol import Counted, Measure


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield what organisations receive less what they pay and cost, and payments on pooled sums, of the region only."""
    pooled = counted.by_year(counted.arrays["pooled"]) * counted.weight  # [Y, POOLED]
    for k, name in enumerate(POOLED):
        yield Measure(name, "EUR", pooled[:, k : k + 1])
    whole = list(counted.dimensions).index("all")
    net = pooled[:, POOLED.index("organisations_net")]
    yield Measure("organisations_result", "EUR", (net - counted.organising()[:, whole])[:, None])
