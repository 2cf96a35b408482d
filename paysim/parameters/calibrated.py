"""Values that a calibration found, in a file of their own: they replace those of the parameter files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from paysim.errors import Problem, ScenarioError
from paysim.parameters.collection import Parameters
from paysim.parameters.values import Override, Parameter, frozen
from paysim.reading import Document, Reader, bind, read_yaml

HALF = 0.5


class _Row(Reader):
    parameter: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    value: float | list[float]
    range: Annotated[list[float], Field(min_length=2, max_length=2)]
    identified: Annotated[float, Field(ge=0, le=1)] = 1.0


class _File(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    country: Literal["NL", "BE", "any"]
    source: Annotated[str, Field(min_length=1)]
    keeps_status: bool = False
    parameters: list[_Row]


def with_calibrated(params: Parameters, path: str | os.PathLike[str]) -> Parameters:
    """Return the collection with the values of a calibration file in place.

    A value that the targets identify (half of the prior's variance or more is gone) has the file's source and range and
    the status ``derived``; of another, status and source stay what they were. A file that ``keeps_status`` raises none:
    what was assumed before stays assumed, whatever it was fitted to.

    Raises
    ------
    ScenarioError
        With file, line and key: a key is missing or unknown, a value is of the wrong kind or outside its range, or a
        parameter does not exist or comes twice.
    """
    document = read_yaml(path)
    file = bind(_File, document)
    problems = list(_range_problems(file, document))
    if problems:
        raise ScenarioError(*problems)
    changes = []
    for k, each in enumerate(file.parameters):
        line, column = document.place(("parameters", k))
        changes.append(Override(each.parameter, frozen(each.value), document.path, line, column))
    fitted = params.override(changes)  # refuses unknown names, names that come twice, and values of another kind
    rows: list[Parameter] = []
    for each in file.parameters:
        old, (low, high) = params.row(each.parameter), each.range
        rows.append(
            Parameter(
                old.name,
                fitted.row(each.parameter).value,
                old.unit,
                low,
                high,
                "normal" if isinstance(each.value, list) else "lognormal",
                file.source if each.identified >= HALF else old.source,
                "derived" if each.identified >= HALF and not file.keeps_status else old.status,
                f"{file.source}; before: {old.value} ({old.low} to {old.high}), {old.source}",
            )
        )
    return params.with_rows(rows)


def _range_problems(file: _File, document: Document) -> Iterator[Problem]:
    for k, each in enumerate(file.parameters):
        low, high = each.range
        for value in each.value if isinstance(each.value, list) else [each.value]:
            if not low <= value <= high:
                yield document.problem(
                    "value lies outside its range",
                    ("parameters", k, "value"),
                    found=value,
                    allowed=(f"{low:g} to {high:g}",),
                )
