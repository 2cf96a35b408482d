"""A number written with its origin, as organisations, contracts and pilots have them: one reader, one check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from paysim.errors import Problem
from paysim.parameters.values import Status
from paysim.reading import Document, Reader


class SourcedNumber(Reader):
    """A number from 0 with its range, source and status; what is recalled or assumed needs a range."""

    value: Annotated[float, Field(ge=0.0, le=1e12)]  # more euros than any payer has; keeps every sum finite
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    source: Annotated[str, Field(min_length=1)]
    status: Status


def sourced_problems(term: SourcedNumber, loc: tuple[str | int, ...], document: Document) -> Iterator[Problem]:
    """Find what is wrong with the range of a number: missing where it is needed, or not around the value."""
    if term.range is None:
        if term.status in ("recalled", "assumed"):
            yield document.problem(f"a value that is {term.status} needs a range [low, high]", loc)
        return
    low, high = term.range
    if not low <= term.value <= high:
        bounds = (f"{low:g} to {high:g}",)
        yield document.problem("value lies outside its range", (*loc, "value"), found=term.value, allowed=bounds)
