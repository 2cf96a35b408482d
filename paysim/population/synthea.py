"""People made by Synthea: ``patients.csv`` and ``conditions.csv`` of its CSV export.

Synthea (Walonoski and others 2018, JAMIA 25:230) exports every person who ever lived in a run. Those alive at the
reference date are taken, with their age at that day and the conditions that ``synthea_conditions.csv`` maps to columns
of a population: the highest level of each, ever or then active. Its files hold nothing that the other columns could
be taken from without measurements and medications, which are not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from paysim.errors import DataError, Problem, ScenarioError, nearest_name
from paysim.population.bands import SEXES
from paysim.population.fields import FIELDS
from paysim.population.keys import Domain, Trait, keys, uniform
from paysim.population.people import People, age_at, order_of_ids, source_note
from paysim.population.profile import RegionProfile
from paysim.reading import Column, read_table
from paysim.reading.batches import Batch, CsvTable, Faults
from paysim.reading.cells import explain_date, explain_level, explain_text, read_dates, read_levels, read_texts

CODES = Path(__file__).with_name("synthea_conditions.csv")
FILES = ("patients.csv", "conditions.csv")
_PATIENTS = ("Id", "BIRTHDATE", "DEATHDATE", "GENDER", "CITY")
_CONDITIONS = ("START", "STOP", "PATIENT", "CODE")
_NEVER = "9999-12-31"


def condition_codes() -> dict[str, list[Any]]:
    """Return the mapping of conditions, column by column as in the file."""
    status = Column(str, levels=("found", "recalled", "derived", "assumed"))
    columns = [name for name, each in FIELDS.items() if each.kind == "level"]
    rules = {
        "code": Column(str),
        "description": Column(str),
        "column": Column(str, levels=tuple(columns)),
        "level": Column(str),
        "when": Column(str, levels=("ever", "active")),
        "code_status": status,
        "level_status": status,
    }
    rows: dict[str, list[Any]] = read_table(CODES, rules)
    return rows


def read_synthea(
    folder: str | os.PathLike[str], profile: RegionProfile, seed: int, day: np.datetime64 | None
) -> People:
    """Read the people of a folder with Synthea's CSV output.

    Parameters
    ----------
    seed
        Key of the municipality, which is drawn by inhabitants when the cities of the file are not of the region.
    day
        The reference date.

    Raises
    ------
    ScenarioError
        There is no reference date.
    DataError
        A file is missing or at fault; with file, line and column.
    """
    if day is None:
        raise ScenarioError(Problem("Synthea's output needs a reference date, as 2021-01-01", key="reference_date"))
    paths = [Path(folder) / name for name in FILES]
    if not Path(folder).is_dir():
        raise DataError(Problem(f"is not a folder with {' and '.join(FILES)}", os.fspath(folder)))
    ids, born, died, sex, city = _patients(paths[0], day)
    alive = (born <= day) & (died > day)
    if not alive.any():
        raise DataError(Problem(f"nobody is alive at {day}", os.fspath(paths[0])))
    columns = {name: values[alive] for name, values in _conditions(paths[1], ids, day).items()}
    import pyarrow as pa

    kept = ids.filter(pa.array(alive))
    columns |= {"sex": sex[alive], "age": age_at(born[alive], day)}
    columns["municipality"], drawn = _places(paths[0], city.filter(pa.array(alive)), kept, profile, seed)
    dead, unborn = int((died <= day).sum()), int((born > day).sum())
    note = f"Synthea's {source_note(*paths)} as of {day} (left out: {dead:,} dead, {unborn:,} not yet born)"
    return People(kept, None, columns, source=note, drawn=("municipality",) if drawn else ())


def _patients(path: Path, day: np.datetime64) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, Any]:
    table = CsvTable(path)
    faults = Faults(table.shown)
    sexes = {letter: code for code, letter in enumerate(SEXES)}
    parts: list[tuple[Any, ...]] = []
    for batch in _batches(table, _PATIENTS, faults):
        ids, wrong = read_texts(batch.columns["Id"])
        faults.cells(batch, "Id", wrong, explain_text)
        born = _days(batch, "BIRTHDATE", faults)
        died = _days(batch, "DEATHDATE", faults, empty=_NEVER)
        sex, wrong = read_levels(batch.columns["GENDER"], sexes)
        faults.cells(batch, "GENDER", wrong, partial(explain_level, codes=sexes))
        old = (born <= day) & (died > day) & (age_at(born, day) >= 111)
        faults.cells(batch, "BIRTHDATE", old, lambda _: (f"older than 110 years at {day}", (), None))
        faults.cells(batch, "DEATHDATE", died < born, lambda _: ("died before birth", (), None))
        parts.append((ids, born, died, sex, batch.columns["CITY"]))
    faults.stop_if_any()
    import pyarrow as pa

    joined, city = (pa.concat_arrays([part[k] for part in parts]) for k in (0, 4))
    born, died, sex = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
    if len(joined.unique()) < len(joined):
        again = joined.value_counts()
        twice = next(pair["values"] for pair in again.to_pylist() if pair["counts"] > 1)
        raise DataError(Problem("comes twice", table.shown, key="Id", found=repr(twice)))
    return joined, born, died, sex, city


def _conditions(path: Path, ids: Any, day: np.datetime64) -> dict[str, np.ndarray]:
    """Return the columns of the mapping for everybody in `ids`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = condition_codes()
    found: dict[str, np.ndarray] = {name: np.zeros(len(ids), np.int64) for name in dict.fromkeys(rows["column"])}
    table = CsvTable(path)
    faults = Faults(table.shown)
    for batch in _batches(table, _CONDITIONS, faults):
        start = _days(batch, "START", faults)
        stop = _days(batch, "STOP", faults, empty=_NEVER)
        person = pc.index_in(batch.columns["PATIENT"], value_set=ids).fill_null(-1).to_numpy()
        faults.cells(batch, "PATIENT", person < 0, lambda _: (f"not in {FILES[0]}", (), None))
        if faults.total:
            continue
        code = pc.index_in(batch.columns["CODE"], value_set=pa.array(sorted(set(rows["code"]))))
        code = code.fill_null(-1).to_numpy()
        number = {text: index for index, text in enumerate(sorted(set(rows["code"])))}
        for text, column, level, when in zip(rows["code"], rows["column"], rows["level"], rows["when"], strict=True):
            holds = (code == number[text]) & (start <= day) & ((stop > day) | (when == "ever"))
            np.maximum.at(found[column], person[holds], _level(column, level))
    faults.stop_if_any()
    return found


def _level(column: str, level: str) -> int:
    levels: Mapping[str, int] = FIELDS[column].levels or {}
    return levels[level]


def _batches(table: CsvTable, wanted: tuple[str, ...], faults: Faults) -> Iterator[Batch]:
    """Yield the columns that are read; Synthea's versions differ in the others."""
    missing = [name for name in wanted if name not in table.names]
    if missing:
        raise DataError(
            *(table.problem("column is missing", name, nearest=nearest_name(name, table.names)) for name in missing)
        )
    return table.batches(wanted, faults)


def _days(batch: Batch, name: str, faults: Faults, empty: str | None = None) -> np.ndarray:
    """Return days of cells that hold a day, or a day and a time; an empty one is `empty`."""
    import pyarrow.compute as pc

    cells = batch.columns[name]
    timed = pc.match_substring_regex(cells, "^[0-9-]{10}T[0-9:.]{5,15}Z?$")
    days = pc.if_else(timed, pc.utf8_slice_codeunits(cells, 0, 10), cells)
    if empty is not None:
        days = pc.if_else(pc.equal(cells, ""), empty, days)
    values, wrong = read_dates(days)
    faults.cells(batch, name, wrong, explain_date)
    return values


def _places(path: Path, city: Any, ids: Any, profile: RegionProfile, seed: int) -> tuple[np.ndarray, bool]:
    """Return the municipality of everybody, and whether it was drawn because no city is one of the region's."""
    codes, strange = read_levels(city, {name: index for index, name in enumerate(profile.municipalities)})
    if not strange.any():
        return codes, False
    if not strange.all():
        found = str(city[int(np.flatnonzero(strange)[0])].as_py())
        near = nearest_name(found, profile.municipalities)
        message = "some cities are municipalities of the region and others are not"
        raise DataError(
            Problem(message, os.fspath(path), None, None, "CITY", repr(found), profile.municipalities, near)
        )
    inhabitants = np.bincount(profile.persons.municipality, profile.persons.persons)
    upto = np.cumsum(inhabitants / inhabitants.sum())[:-1]
    rank = np.empty(len(ids), np.int64)
    rank[order_of_ids(ids)] = np.arange(len(ids))
    draw = uniform(keys(seed, Domain.PLACEMENT, rank), Trait.MUNICIPALITY)
    return np.searchsorted(upto, draw, side="right"), True
