"""Files that somebody brings: read by the same readers, with the same messages, as on the command line.

The name that a file had elsewhere is used for its ending only. A scenario from elsewhere may name what is in the
library but no other file of this machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from paysim import catalog
from paysim.errors import DataError, InputError, Problem, ScenarioError, nearest_name
from paysim.reading import read_yaml, write_atomic

SCENARIO_ENDINGS = (".yaml", ".yml")
PEOPLE_ENDINGS = (".csv", ".parquet")
WRITTEN, OWN = "written", "own"
"""Kinds of population: as paysim wrote it, or a table of one's own with a row a person."""

_WORDS = ("title", "source", "note", "about", "unit")


@contextlib.contextmanager
def room(own: Path) -> Iterator[Path]:
    """Give a folder for files that are looked at, and clear it away."""
    folder = own / f".upload-{os.urandom(6).hex()}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ending(name: str, allowed: tuple[str, ...], what: str) -> str:
    """Return the ending of a file's name.

    Raises
    ------
    DataError
        It is none of those allowed.
    """
    suffix = Path(name.replace("\\", "/")).suffix.lower()
    if suffix not in allowed:
        raise DataError(Problem("unknown kind of file", key=what, found=suffix, allowed=allowed))
    return suffix


def library_scenario(name: str) -> bytes:
    """Return a scenario of the library as its file stands."""
    known = catalog.names("scenarios")
    if name not in known:  # `catalog.find` would take a path
        raise ScenarioError(Problem("no such scenario", found=name, nearest=nearest_name(name, known)))
    return catalog.find("scenarios", name).read_bytes()


def require_library(written: bytes, folder: Path) -> None:
    """Refuse a scenario that names files.

    Raises
    ------
    ScenarioError
        With line and column of every name of a file.
    """
    file = folder / "scenario.yaml"
    write_atomic(file, written)
    try:
        document = read_yaml(file)
    except InputError as exc:
        raise plain(exc, folder) from None
    message = "a scenario from elsewhere names things of the library, not files"
    problems = [
        replace(document.problem(message, loc, found=text), file=file.name)
        for loc, text in _texts(document.data, ())
        if text.strip().lower().endswith(SCENARIO_ENDINGS)
    ]
    if problems:
        raise ScenarioError(*problems)


def people(data: bytes, suffix: str, kind: str, region: str, folder: Path) -> tuple[Path, str]:
    """Return a population file made of an upload, and one line about it.

    Raises
    ------
    InputError
        As `paysim.read_population` or `paysim.import_population` say.
    """
    from paysim.population import import_population, read_population, write_population

    file = folder / f"population{suffix}"
    write_atomic(file, data)
    try:
        if kind == OWN:
            population = import_population(file, region)
            made = folder / "people.parquet"
            write_population(population, made)
        else:
            population, made = read_population(file), file
    except InputError as exc:
        raise plain(exc, folder) from None
    if population.region != region:
        message = "the people are of another region than the scenario"
        raise DataError(Problem(message, file=file.name, found=population.region, allowed=(region,)))
    about = f"{len(population):,} people in {len(population.practices):,} practices of {population.region}"
    return made, about


def plain(error: InputError, folder: Path) -> InputError:
    """Return an error whose problems name files without the folder that nobody chose."""
    inside = (
        replace(each, file=Path(each.file).name) if each.file.startswith(str(folder)) else each
        for each in error.problems
    )
    return type(error)(*inside)


def _texts(data: Any, loc: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every text that may name something, with its place."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key not in _WORDS:
                yield from _texts(value, (*loc, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*loc, index))
    elif isinstance(data, str):
        yield loc, data
