"""A mapping file: how the columns of somebody's table are called, and in which units and words they speak.

::

    schema: 1
    columns:
      person: patient_number                    # our column: theirs
      tc: {from: cholesterol, unit: mg/dL}
      sex: {from: gender, levels: {M: [man, 1], F: [woman, 2]}}
      smoker: {from: smoking, levels: {yes: current, no: [former, never]}}
      ex_smoker: {from: smoking, levels: {yes: former, no: [current, never]}}
      municipality: {constant: Aalten}
    ignore: [name, address]
    nobody: [heart_failure, copd]               # not in the table; nobody has it, instead of being drawn

A column that is not named keeps its own name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.population.fields import PersonField
from paysim.population.schema import CAN_LACK
from paysim.reading import Document, Reader, bind, read_yaml

_Text = Annotated[str, Field(min_length=1)]
_Scalar = str | int | float | bool


class _Source(Reader):
    column: Annotated[_Text | None, Field(alias="from")] = None
    constant: _Scalar | None = None
    unit: str | None = None
    levels: dict[str, _Scalar | list[_Scalar]] | None = None


class _MappingFile(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    columns: dict[str, _Text | _Source] = {}
    ignore: list[_Text] = []
    nobody: list[Literal[CAN_LACK]] = []  # type: ignore[valid-type]


@dataclass(frozen=True)
class Source:
    """Where a column of ours comes from.

    Attributes
    ----------
    column
        Name in the table; None for a constant.
    constant
        The same text for everybody.
    factor
        From the table's unit to ours.
    levels
        What a cell may say, with our codes; None where our own words are used.
    """

    column: str | None
    constant: str = ""
    unit: str = ""
    factor: float = 1.0
    levels: Mapping[str, int] | None = None


@dataclass(frozen=True)
class ColumnMapping:
    """A mapping file, checked.

    Attributes
    ----------
    sources
        By our column; columns not in it keep their own name.
    ignore
        Columns of the table that are not used.
    nobody
        Columns that the table lacks because nobody has the trait; they are not drawn.
    """

    sources: Mapping[str, Source] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()
    nobody: frozenset[str] = frozenset()


def read_mapping(path: str | os.PathLike[str], fields: Mapping[str, PersonField]) -> ColumnMapping:
    """Read a mapping file.

    Parameters
    ----------
    fields
        Of the region for which people are read, see `paysim.population.fields.fields_of`.

    Raises
    ------
    ScenarioError
        Unknown columns, keys, units or levels, each with its place and the nearest name.
    """
    document = read_yaml(path)
    file = bind(_MappingFile, document)
    problems: list[Problem] = []
    sources = {}
    for name, given in file.columns.items():
        loc = ("columns", name)
        if name not in fields:
            near = nearest_name(name, fields)
            problems.append(document.problem("unknown column", loc, key=True, allowed=tuple(fields), nearest=near))
            continue
        source = given if isinstance(given, _Source) else _Source.model_validate({"from": given})
        problems += _problems(source, fields[name], document, loc)
        if not problems:
            sources[name] = _source(source, fields[name])
    if problems:
        raise ScenarioError(*problems)
    return ColumnMapping(sources, frozenset(file.ignore), frozenset(file.nobody))


def _problems(source: _Source, each: PersonField, document: Document, loc: Sequence[str]) -> list[Problem]:
    problems = []
    if (source.column is None) == (source.constant is None):
        problems.append(document.problem("one of 'from' and 'constant' is needed", loc, key=True))
    if source.unit is not None and source.unit not in (each.units or {}):
        problems.append(
            document.problem(
                "unknown unit", (*loc, "unit"), found=source.unit, allowed=tuple(each.units or ("no unit",))
            )
        )
    if source.levels is None:
        return problems
    words = each.words or {}
    if not words:
        return [*problems, document.problem("this column has no levels", (*loc, "levels"), key=True)]
    seen: dict[str, str] = {}
    for word, texts in source.levels.items():
        here = (*loc, "levels", word)
        if word not in words:
            near = nearest_name(word, words)
            problems.append(document.problem("unknown level", here, key=True, allowed=tuple(words), nearest=near))
        for text in _texts(texts):
            if text in seen:
                problems.append(document.problem(f"stands for {seen[text]!r} too", here, found=text))
            seen[text] = word
    return problems


def _source(source: _Source, each: PersonField) -> Source:
    levels = None
    if source.levels is not None and each.words:
        levels = {text: each.words[word] for word, texts in source.levels.items() for text in _texts(texts)}
    factor = (each.units or {}).get(source.unit or each.unit, 1.0)
    constant = "" if source.constant is None else _text(source.constant)
    return Source(source.column, constant, source.unit or each.unit, factor, levels)


def _texts(given: _Scalar | list[_Scalar]) -> list[str]:
    return [_text(value) for value in (given if isinstance(given, list) else [given])]


def _text(value: _Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
