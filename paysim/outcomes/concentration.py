"""How payments of a year fall on people: the share of the dearest, what age and sex explain, who stays dear.

Payments are those under the insurance act, with general practice shared out by practice and segment. Everybody counts
who lived in the region in the year, however short. Means of three years are of those who were there in all of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paysim.accounting.concentration import NAMES
from paysim.outcomes.protocol import Counted, Measure


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield shares of the top 1, 5 and 10% in a year, of three-year means, the explained variance, and persistence."""
    found = counted.arrays["concentration"]
    known = ~np.isnan(found)
    mean = np.where(known, found, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    for k, name in enumerate(NAMES):
        yield Measure(name, "share", found[:, k : k + 1], whole=mean[k : k + 1])
