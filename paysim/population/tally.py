"""How many margins of a population are imposed, how many only compared, and how many of each are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Z_95 = 1.96
NEAR = 0.05
"""Share of a published level within which a result counts as met; the tolerance agreed for prevalences."""
PUBLISHED = (", published", ", national level", " after infarction or stroke")
"""Ends of the names of margins that are compared with a published level."""


class Tally(NamedTuple):
    """Margins of one kind.

    Attributes
    ----------
    met
        None where nothing says what would be met.
    within
        What counts as met.
    """

    kind: str
    margins: int
    met: int | None
    within: str


def tally(rows: Sequence[Mapping[str, Any]]) -> list[Tally]:
    """Count the margins of `paysim.population.describe`, one a row; kinds without any are left out.

    Imposed are those that the synthesis fixes or draws from, compared those that follow from the rest: published
    levels, and the joint structure of the people, whose target is what others of the same sex and age have or the odds
    put in.
    """
    imposed = [row for row in rows if row["role"] != "derived"]
    exact = [row for row in imposed if row["role"] == "exact"]
    drawn = [row for row in imposed if row["role"] != "exact" and np.isfinite(row["z"])]
    free = len(imposed) - len(exact) - len(drawn)
    compared = [row for row in rows if row["role"] == "derived"]
    published = [row for row in compared if str(row["margin"]).endswith(PUBLISHED)]
    counts = [
        Tally("imposed, to the person", len(exact), sum(row["difference"] == 0 for row in exact), "exactly"),
        Tally("imposed, drawn", len(drawn), sum(abs(row["z"]) <= Z_95 for row in drawn), f"{Z_95} standard errors"),
        Tally("imposed, without an error", free, None, ""),
        Tally(
            "compared, published level",
            len(published),
            sum(near(row) for row in published),
            f"{NEAR:.0%}, {Z_95} standard errors, or a bound",
        ),
        Tally("compared, among the people themselves", len(compared) - len(published), None, ""),
    ]
    return [each for each in counts if each.margins]


def near(row: Mapping[str, Any]) -> bool:
    """Return whether a result meets a published level: within 5% of it or sampling error, or on the side of a bound."""
    if on_its_side(row):
        return True
    error = row["standard_error"] if np.isfinite(row["standard_error"]) else 0.0
    return bool(abs(row["difference"]) <= max(NEAR * abs(row["target"]), Z_95 * error))


def on_its_side(row: Mapping[str, Any]) -> bool:
    """Return whether a published bound holds."""
    return str(row["group"]).endswith("at least" if row["difference"] >= 0 else "at most")
