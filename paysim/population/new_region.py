"""A region of one's own: from a table of persons to a YAML file and its table, checked before they appear."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from paysim import catalog
from paysim.errors import DataError, OutputError, Problem, ScenarioError, nearest_name
from paysim.population.bands import SEXES
from paysim.population.profile import (
    COUNTRIES,
    NATIONAL,
    PersonCounts,
    RegionProfile,
    load_region,
    read_persons,
)
from paysim.reading import no_formula, read_yaml, write_atomic
from paysim.reading.tables import read_raw

MUNICIPALITY = "municipality"
_LOCAL = (
    *("deprived_share", "preferential_share", "patients_per_gp_fte", "practice_share_solo", "practice_share_duo"),
    *("practice_fte_solo", "practice_fte_duo", "practice_fte_group", "list_size_sd_log", "nurse_fte_per_gp_fte"),
    "mental_nurse_fte_per_gp_fte",
)
"""National parameters that differ most between regions."""
_LONGEST = 80


class NewRegion(NamedTuple):
    """What was written."""

    file: Path
    table: Path
    profile: RegionProfile


def new_region(
    name: str,
    country: str,
    persons: str | os.PathLike[str],
    out: str | os.PathLike[str] = ".",
    *,
    title: str = "",
    year: int = 2021,
    municipality_column: str | None = None,
    overwrite: bool = False,
) -> NewRegion:
    """Write the YAML file and the table of a region, from a table of persons.

    Parameters
    ----------
    name
        Small letters, digits and ``_``; the name of the file.
    country
        ``NL`` or ``BE``: whose values hold for what the region does not give itself.
    persons
        CSV with sex (M, F), age_from, age_to (completed ages, both included; the last band open, to 110 or beyond),
        persons, and, where the region has several, the municipality. Other columns are refused.
    out
        Folder for ``name.yaml`` and ``tables/persons_name.csv``.
    municipality_column
        Name of the column with the municipality; by default ``municipality`` if the table has it.

    Raises
    ------
    ScenarioError
        The name or the country is not one, or a region of the catalogue has the name.
    DataError
        The table is at fault; with file, line and column.
    OutputError
        The folder does not exist, or a file is there and `overwrite` is false.
    """
    folder = Path(out)
    file, table = folder / f"{name}.yaml", folder / "tables" / f"persons_{name}.csv"
    _check_names(name, country, file)
    if not folder.is_dir():
        raise OutputError(Problem("the folder does not exist", str(folder)))
    there = [path for path in (file, table) if path.exists()]
    if there and not overwrite:
        raise OutputError(*(Problem("is there already; --overwrite replaces it", str(path)) for path in there))
    source = Path(persons)
    shown = title.strip() or name.replace("_", " ").capitalize()
    places, counts = _read(source, municipality_column, shown[:_LONGEST])
    parts = {
        Path(table.parent.name) / table.name: _table(source, places, counts),
        Path(file.name): _yaml(name, shown, country, year, source, places),
    }
    try:
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=folder) as draft:
            (Path(draft) / table.parent.name).mkdir()
            for path, text in parts.items():
                write_atomic(Path(draft) / path, text.encode())
            load_region(Path(draft) / file.name)
        table.parent.mkdir(exist_ok=True)
    except OSError as exc:
        raise OutputError(Problem(f"cannot be written to: {exc.strerror or exc}", str(folder))) from exc
    for path, text in parts.items():  # the table first: no YAML file ever names a table that is not there
        write_atomic(folder / path, text.encode())
    return NewRegion(file, table, load_region(file))


def _check_names(name: str, country: str, file: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
        allowed = ("small letters, digits and _, beginning with a letter",)
        raise ScenarioError(Problem("not a name of a region", key="name", found=repr(name), allowed=allowed))
    if country not in COUNTRIES:
        near = nearest_name(country.upper(), COUNTRIES)
        raise ScenarioError(Problem("unknown country", key="country", found=country, allowed=COUNTRIES, nearest=near))
    if name in catalog.names("populations") and catalog.find("populations", name).resolve() != file.resolve():
        raise ScenarioError(Problem("a region of the catalogue has this name", key="name", found=repr(name)))


def _read(path: Path, column: str | None, title: str) -> tuple[tuple[str, ...], PersonCounts]:
    """Read and check the user's table; return its municipalities in the order of the table, and the counts."""
    raw = read_raw(path)
    if column is None and MUNICIPALITY in raw.names:
        column = MUNICIPALITY
    if column is None:
        return (title,), read_persons(path, (title,), column=None)
    if column not in raw.names:
        near = nearest_name(column, raw.names)
        raise DataError(Problem("column is missing", str(path), raw.header_line, 1, column, None, raw.names, near))
    cells = raw.cells[column]
    places = tuple(dict.fromkeys(cells))
    for place in places:
        if not place.strip() or len(place) > _LONGEST or not place.isprintable() or no_formula(place) != place:
            allowed = (f"1 to {_LONGEST} printable letters, not beginning with = + - or @",)
            raise DataError(raw.problem("not a name of a municipality", cells.index(place), column, allowed=allowed))
    return places, read_persons(path, places, column=column)


def _table(source: Path, places: tuple[str, ...], counts: PersonCounts) -> str:
    lines = [
        "# Persons by municipality, sex and age band (both ages included; 110 or beyond is open). Unit: persons.",
        f"# Source: {_plain(source.name)}.",
        "municipality,sex,age_from,age_to,persons",
    ]
    columns = (counts.municipality, counts.sex, counts.age_from, counts.age_to, counts.persons)
    for place, sex, low, high, number in zip(*(column.tolist() for column in columns), strict=True):
        lines.append(f"{_cell(places[place])},{SEXES[sex]},{low},{high},{number}")
    return "\n".join(lines) + "\n"


def _yaml(name: str, title: str, country: str, year: int, source: Path, places: tuple[str, ...]) -> str:
    table = f"name: persons, file: tables/persons_{name}.csv, unit: persons"
    national = read_yaml(NATIONAL / country.lower() / "parameters.yaml").data
    local = {row["name"]: row for row in national["parameters"] if row["name"] in _LOCAL}
    text = [
        "schema: 1",
        f"name: {name}",
        f"title: {_quoted(title)}",
        f"country: {country}          # national values hold for all that is not given here",
        f"year: {year}           # of the table of persons",
        "municipalities:",
        *(f"  - {{name: {_quoted(place)}}}" for place in places),
        "tables:",
        "  # Name the source, then the status: found (read in the source), derived (computed), recalled or assumed.",
        f"  - {{{table}, source: {_quoted(f'own table {source.name}')}, status: assumed}}",
        "",
        "# What follows are the national values. Take the # away in front of what you know better, and change value,",
        "# range, source and status.",
        "# insurers:",
        *(f"#   - {_flow(row)}" for row in national["insurers"]),
        "# parameters:",
        "#   # Education of people aged 15-74; give all three or none",
        *(
            f'#   - {{name: education_{level}, value: {value}, unit: proportion, range: [0, 1], source: "...", '
            "status: assumed}"
            for level, value in (("low", 0.26), ("mid", 0.42), ("high", 0.32))
        ),
        "#   # Deprivation, preferential reimbursement, practices",
        *(f"#   - {_flow(local[name])}" for name in _LOCAL if name in local),
    ]
    return "\n".join(text) + "\n"


def _flow(row: Mapping[str, Any]) -> str:
    """Return a row of a national file as it stands there: texts other than single words in quotes."""
    words = {
        key: _quoted(value) if isinstance(value, str) and not re.fullmatch("[a-z_]+", value) else str(value)
        for key, value in row.items()
    }
    return "{" + ", ".join(f"{key}: {word}" for key, word in words.items()) + "}"


def _quoted(text: str) -> str:
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",]', text) else text
