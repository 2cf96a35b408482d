"""Effects by group and time with sites that have not started yet as controls (Callaway and Sant'Anna 2021).

Sites with one start g are a group. In each year t of their contract their change since the year before it, g - 1, less
that of all sites that start after t or never, is the effect ATT(g, t). The estimate is the mean of these over treated
site-years that still have controls: a stepped wedge has none from its last start on, so those years tell nothing.
Sites under the contract are never controls, so an effect that grows with time does no harm (Goodman-Bacon 2021). With
one common start it is the event study.

Weights of outcomes are known before the outcomes are, the same for every site of a group, and sum to zero over the
sites of a year and over the years of a site. So the estimate is a sum over groups of means of one number a site, and
its variance the sum of theirs: Neyman's, conservative for random starts (Athey and Imbens 2022), with Welch's degrees
of freedom.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def weights(treatment: Floats) -> Floats:
    """Return weights of outcomes whose sum is the estimate.

    Parameters
    ----------
    treatment
        ``[trial, site, year]`` indicator of those meant to be treated; nobody is treated in the first year.
    """
    start = _first_year(treatment)
    found = np.zeros_like(treatment)
    cells = np.zeros(len(treatment))
    years = treatment.shape[2]
    for year in range(1, years):
        later = (start > year).astype(float)
        of_later = later.sum(axis=1)
        for group in range(1, year + 1):
            own = (start == group) * treatment[:, :, year]
            count = np.where(of_later > 0.0, own.sum(axis=1), 0.0)
            gained = np.where(count[:, None] > 0.0, own - later * (count / np.maximum(of_later, 1.0))[:, None], 0.0)
            found[:, :, year] += gained
            found[:, :, group - 1] -= gained
            cells += count
    return np.asarray(found / cells[:, None, None])


def _first_year(treatment: Floats) -> npt.NDArray[np.int64]:
    """Return the first year under the contract ``[trial, site]``; the number of years for who never starts."""
    ever = treatment.any(axis=2)
    return np.asarray(np.where(ever, treatment.argmax(axis=2), treatment.shape[2]))


def estimate(treatment: Floats, outcome: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the estimate, its standard error and Welch's degrees of freedom of outcomes ``[trial, site, year]``."""
    part = (weights(treatment) * outcome).sum(axis=2)
    start = _first_year(treatment)
    total, below = np.zeros(len(part)), np.zeros(len(part))
    for group in range(1, treatment.shape[2] + 1):
        member = (start == group).astype(float)
        count = member.sum(axis=1)
        mean = (member * part).sum(axis=1) / np.maximum(count, 1.0)
        squares = (member * (part - mean[:, None]) ** 2).sum(axis=1)
        of_group = count * squares / np.maximum(count - 1.0, 1.0)  # a sum of `count` numbers with this variance
        total += of_group
        below += of_group**2 / np.maximum(count - 1.0, 1.0)
    freedom = np.maximum(total**2 / np.maximum(below, 1e-300), 1.0)
    return part.sum(axis=1), np.sqrt(total), freedom
