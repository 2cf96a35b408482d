"""Which measures a sample of whole practices cannot tell: those not shown to be right within 5% on average.

``sample_bias.csv`` holds what `tools/sample_study.py` measured: one arm of the full Achterhoek against 20 samples of
each size. It is used for samples of any region; a sample is judged by the largest size studied that it reaches, one
smaller than all by the smallest, and one of `LARGE` persons or more is not judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from paysim.reading import Column, read_table

BIAS = Path(__file__).parent / "sample_bias.csv"
COLUMNS = {
    "persons": Column(int, 1, unit="persons asked for"),
    "measure": Column(str),
    "full": Column(float, unit="value in the full region, in the measure's unit"),
    "bias": Column(float, unit="mean of samples over full, less 1"),
    "standard_error": Column(float, 0.0, unit="of the bias"),
    "spread": Column(float, 0.0, unit="standard deviation between samples, over full"),
}
LIMIT = 0.05
ERRORS = 2.0
LARGE = 100_000
"""Three times the largest size studied, from where on a sample passes for the region (assumed)."""
NOTE = "sample too small"
"""What stands behind a measure that samples of this size were not shown to tell."""


def is_marked(bias: float, standard_error: float) -> bool:
    """Tell whether a bias is more than `LIMIT`, or may be: `ERRORS` standard errors around it reach beyond.

    A test of equivalence: what few samples cannot clear is marked too, such as waits and rare events.
    """
    return abs(bias) + ERRORS * standard_error > LIMIT


@cache
def studied() -> dict[int, frozenset[str]]:
    """Return, for each size studied, the measures that are marked."""
    table = read_table(BIAS, COLUMNS)
    found: dict[int, set[str]] = {int(persons): set() for persons in table["persons"]}
    for persons, name, bias, error in zip(
        table["persons"], table["measure"], table["bias"], table["standard_error"], strict=True
    ):
        if is_marked(bias, error):
            found[int(persons)].add(str(name))
    return {persons: frozenset(names) for persons, names in sorted(found.items())}


def not_from_sample(persons: int) -> frozenset[str]:
    """Return the measures, by the names of `paysim.analysis.measures`, that a sample of `persons` cannot tell."""
    if persons >= LARGE:
        return frozenset()
    sizes = studied()
    reached = [size for size in sizes if size <= persons * (1.0 + LIMIT)]
    return sizes[max(reached, default=min(sizes))]


def marked_in(manifest: Mapping[str, Any]) -> frozenset[str]:
    """Return the measures that a run, by its manifest, cannot tell; none for a whole region."""
    sample = manifest.get("sample")
    return not_from_sample(int(manifest["persons"])) if sample and "persons" in manifest else frozenset()


def labelled(label: str, name: str, marked: frozenset[str]) -> str:
    """Return the label of a measure, with `NOTE` where the run cannot tell it."""
    return f"{label} ({NOTE})" if name in marked else label
