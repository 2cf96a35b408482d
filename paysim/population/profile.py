"""What is known of a region: one YAML file, its tables, and national values for the rest.

A row of the region's own file wins over a national row of the same name, and its insurers over the national
ones. All rows together are the group ``population`` of the model's parameters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from paysim import catalog
from paysim.errors import DataError, Problem, ScenarioError, nearest_name
from paysim.parameters import (
    Override,
    Parameter,
    ParameterFile,
    Parameters,
    Status,
    Table,
    Value,
    file_problems,
    rows_and_tables,
)
from paysim.population.bands import AGES, SEXES, apportion, band_rows
from paysim.reading import Column, Document, Reader, bind, number_hint, read_table, read_yaml
from paysim.reading.tables import read_raw

GROUP = "population"
NATIONAL = Path(__file__).parent / "national"
COUNTRIES: tuple[str, ...] = ("NL", "BE")
_SHARES_SUM_WITHIN = 1e-6

_Share = Annotated[float, Field(ge=0, le=1)]
_ShareColumn = Column(float, 0.0, 1.0, unit="proportion")
_BANDS = {"age_from": Column(int, 0, AGES - 1, unit="years"), "age_to": Column(int, 0, 150, unit="years")}
_SEX = {"sex": Column(str, levels=SEXES)}
_LEVELS = dict.fromkeys(("low", "mid", "high"), _ShareColumn)
_FACTOR_COLUMNS = {f"{f}_{part}": Column(float, 1e-6) for f in ("sbp", "tc", "hdl", "bmi") for part in ("mean", "sd")}
TABLES: Mapping[str, Mapping[str, Column]] = MappingProxyType(
    {
        "persons": {"municipality": Column(str)} | _SEX | _BANDS | {"persons": Column(int, 0, unit="persons")},
        "age_shape": _SEX | _BANDS | {"persons": Column(int, 1, unit="persons")},
        "education": _SEX | _BANDS | _LEVELS,
        "smoking": _SEX | _BANDS | {"smokers": _ShareColumn},
        "smoking_by_education": _BANDS | _LEVELS,
        "ex_smoking": _SEX | _BANDS | _LEVELS,
        "diabetes": _SEX | _BANDS | {"prevalence": _ShareColumn},
        "prior_mi": _SEX | _BANDS | {"prevalence": _ShareColumn},
        "prior_stroke": _SEX | _BANDS | {"prevalence": _ShareColumn},
        "risk_factors": _SEX | _BANDS | _FACTOR_COLUMNS,
        "risk_factor_correlations": {
            "first": Column(str, levels=("sbp", "tc", "hdl", "bmi")),
            "second": Column(str, levels=("sbp", "tc", "hdl", "bmi")),
            "correlation": Column(float, -1.0, 1.0),
        },
        "risk_factor_shifts": {"exposure": Column(str, levels=("smoker", "diabetes", "low_education"))}
        | {factor: Column(float) for factor in ("sbp", "tc", "hdl", "bmi")},
        "staff_supply": {
            "profession": Column(str, levels=("gp", "nurse", "mental_nurse")),
            "year_from": Column(int, 1990, 2200),
            "growth": Column(float, -0.5, 0.5, unit="share per year"),
        },
        "treatment": _BANDS | {"statin": _ShareColumn, "bp_drugs": _ShareColumn},
    }
)


class _Municipality(Reader):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    note: str = ""


class _Insurer(Reader):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    share: _Share
    range: Annotated[list[_Share], Field(min_length=2, max_length=2)]
    source: Annotated[str, Field(min_length=1)]
    status: Status


class _NationalFile(ParameterFile):
    insurers: Annotated[list[_Insurer], Field(min_length=1, max_length=127)]


class _RegionFile(ParameterFile):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, Field(min_length=1)]
    country: Literal["NL", "BE"]
    year: Annotated[int, Field(ge=1990, le=2100)]
    municipalities: Annotated[list[_Municipality], Field(min_length=1, max_length=32_000)]
    insurers: Annotated[list[_Insurer], Field(min_length=1, max_length=127)] | None = None
    shared_table: bool = False
    represented_by: Annotated[int, Field(ge=1_000, le=5_000_000)] | None = None


@dataclass(frozen=True)
class PersonCounts:
    """Persons by municipality, sex and age band: the margin that the synthesis reproduces exactly.

    Attributes
    ----------
    municipality, sex
        Codes of each row; rows are sorted by municipality, then sex, then age.
    age_from, age_to
        Completed ages, both included; beyond 110 means open.
    persons
        Count of each row.
    """

    municipality: np.ndarray
    sex: np.ndarray
    age_from: np.ndarray
    age_to: np.ndarray
    persons: np.ndarray

    @property
    def total(self) -> int:
        """All persons of the region."""
        return int(self.persons.sum())

    def scaled_to(self, total: int) -> PersonCounts:
        """Return the same cells with `total` persons, shared out by largest remainder."""
        return replace(self, persons=apportion(total, self.persons))


@dataclass(frozen=True)
class RegionProfile:
    """A region: who lives there, and the parameters of everything that the synthesis draws.

    Attributes
    ----------
    parameters
        Group ``population``: the region's own rows and the national rows that it does not replace.
    persons
        Published counts by municipality, sex and age band.
    simulated
        Counts of the people who are made: those of `persons`, or fewer who stand for them.
    """

    name: str
    title: str
    country: str
    year: int
    municipalities: tuple[str, ...]
    insurers: tuple[str, ...]
    persons: PersonCounts
    simulated: PersonCounts
    parameters: Parameters
    _tables: Mapping[str, Table] = field(repr=False)

    @property
    def weight(self) -> float:
        """Persons for whom each simulated person stands; 1 unless the region is represented by fewer."""
        return self.persons.total / self.simulated.total

    def __getitem__(self, name: str) -> float:
        """Return the value of a parameter by its short name."""
        return self.parameters[f"{GROUP}.{name}"]

    def __contains__(self, name: str) -> bool:
        return f"{GROUP}.{name}" in self.parameters

    def has_table(self, name: str) -> bool:
        """Whether the region or its country has a table of this name."""
        return name in self._tables

    def table(self, name: str) -> dict[str, Any]:
        """Read one of the tables named in `TABLES`, strictly.

        Raises
        ------
        DataError
            With file, line and column: missing or unknown columns, values out of range, overlapping bands.
        """
        found = self._tables[name]
        self.parameters.table(found.name)
        return read_table(found.path, TABLES[name])

    def rows(self, name: str) -> tuple[dict[str, Any], np.ndarray]:
        """Return a banded table and the row of each sex and completed age, ``[2, 111]`` (-1 where none)."""
        columns = self.table(name)
        return columns, band_rows(columns, str(self._tables[name].path))

    def override(self, changes: Iterable[tuple[str, Value] | Override]) -> RegionProfile:
        """Return the profile with some parameters replaced (names such as ``population.deprived_share``)."""
        return replace(self, parameters=self.parameters.override(changes))


def load_region(name_or_path: str | os.PathLike[str], extra: Sequence[str | os.PathLike[str]] = ()) -> RegionProfile:
    """Read a region by its name in the catalogue or from a path that ends in ``.yaml``.

    Parameters
    ----------
    name_or_path
        For example ``achterhoek``.
    extra
        Further folders to look in.

    Raises
    ------
    ScenarioError
        The region is unknown, or its YAML file is at fault; with file, line, column and nearest name.
    DataError
        A table of the region is at fault; with file, line and column.
    """
    path = catalog.find("populations", os.fspath(name_or_path), extra)
    document = read_yaml(path)
    file = bind(_RegionFile, document)
    problems = [
        *file_problems(file, document),
        *_region_problems(file, document),
    ]
    if problems:
        raise ScenarioError(*problems)
    own, own_tables = rows_and_tables(file, path, GROUP)
    national_path = NATIONAL / file.country.lower() / "parameters.yaml"
    national_file = bind(_NationalFile, read_yaml(national_path))
    national, national_tables = rows_and_tables(national_file, national_path, GROUP)
    insurers = national_file.insurers if file.insurers is None else file.insurers
    own += [_insurer_parameter(each) for each in insurers]
    rows = {row.name: row for row in [*national, *own]}
    tables = {table.name: table for table in [*national_tables, *own_tables]}
    by_name = {name.removeprefix(f"{GROUP}."): table for name, table in tables.items()}
    missing = [name for name in TABLES if name not in by_name]
    if missing:
        raise ScenarioError(*(document.problem(f"table {name!r} is missing", ("tables",)) for name in missing))
    municipalities = tuple(each.name for each in file.municipalities)
    persons = read_persons(by_name["persons"].path, municipalities, shared=file.shared_table)
    if file.represented_by is not None and file.represented_by >= persons.total:
        allowed = (f"fewer than the {persons.total:,} persons of the region",)
        here = document.problem(
            "stands for nobody else", ("represented_by",), found=file.represented_by, allowed=allowed
        )
        raise ScenarioError(here)
    return RegionProfile(
        name=file.name,
        title=file.title,
        country=file.country,
        year=file.year,
        municipalities=municipalities,
        insurers=tuple(each.name for each in insurers),
        persons=persons,
        simulated=persons if file.represented_by is None else persons.scaled_to(file.represented_by),
        parameters=_with_persons_read(Parameters(rows.values(), tables.values())),
        _tables=MappingProxyType(by_name),
    )


def _with_persons_read(parameters: Parameters) -> Parameters:
    parameters.table(f"{GROUP}.persons")
    return parameters


def _insurer_parameter(insurer: _Insurer) -> Parameter:
    low, high = insurer.range
    name = f"{GROUP}.insurer_{insurer.name}"
    return Parameter(name, float(insurer.share), "proportion", low, high, None, insurer.source, insurer.status)


def _region_problems(file: _RegionFile, document: Document) -> list[Problem]:
    problems = []
    insurers = file.insurers or []
    municipalities = [each.name for each in file.municipalities]
    for key, names in (("municipalities", municipalities), ("insurers", [each.name for each in insurers])):
        for index, name in enumerate(names):
            if name in names[:index]:
                problems.append(document.problem("name comes twice", (key, index, "name"), found=name))
    for index, insurer in enumerate(insurers):
        low, high = insurer.range
        if not low <= insurer.share <= high:
            here = ("insurers", index, "share")
            allowed = (f"{low:g} to {high:g}",)
            problems.append(
                document.problem("value lies outside its range", here, found=insurer.share, allowed=allowed)
            )
    for index, parameter in enumerate(file.parameters):
        text = isinstance(parameter.value, str) and not number_hint(parameter.value)
        if text or isinstance(parameter.value, list):
            here = ("parameters", index, "value")
            message = "one number expected"
            problems.append(document.problem(message, here, found=parameter.value))
    total = sum(insurer.share for insurer in insurers)
    if insurers and abs(total - 1.0) > _SHARES_SUM_WITHIN:
        problems.append(document.problem("shares of insurers must sum to 1", ("insurers",), key=True, found=total))
    for index, table in enumerate(file.tables):
        if table.name not in TABLES:
            near = nearest_name(table.name, TABLES)
            here = ("tables", index, "name")
            problems.append(
                document.problem("unknown table", here, found=table.name, allowed=tuple(TABLES), nearest=near)
            )
    return problems


def read_persons(
    path: Path, municipalities: tuple[str, ...], *, shared: bool = False, column: str | None = "municipality"
) -> PersonCounts:
    """Read a table of persons by municipality, sex and age band.

    Parameters
    ----------
    municipalities
        Names of the region's municipalities, in the order of their codes.
    shared
        Whether the table holds other places too, whose rows are left out.
    column
        Name of the column with the municipality; None for a table of one place, without the column.

    Raises
    ------
    DataError
        With file, line and column: see `paysim.reading.tables.read_table`; bands that overlap, leave a gap or
        differ between places; a municipality or a sex without rows.
    """
    columns = {name: rule for name, rule in TABLES["persons"].items() if name != "municipality"}
    if column is not None:
        columns = {column: Column(str, levels=() if shared else municipalities)} | columns
    read = read_table(path, columns)
    places = [municipalities[0]] * len(read["sex"]) if column is None else read[column]
    line = np.flatnonzero(np.isin(places, municipalities))
    place = np.array([municipalities.index(places[row]) for row in line], dtype=np.int64)
    sex = np.array([SEXES.index(read["sex"][row]) for row in line], dtype=np.int64)
    low, high, persons = (read[name][line] for name in ("age_from", "age_to", "persons"))
    _check_persons(path, municipalities, set(places), line, place, sex, low, high)
    order = np.lexsort((low, sex, place))
    counts = PersonCounts(place[order], sex[order], low[order], high[order], persons[order])
    if counts.total == 0:
        raise DataError(Problem("the table holds no persons", str(path), key="persons"))
    return counts


def _check_persons(
    path: Path,
    municipalities: tuple[str, ...],
    places: set[str],
    line: np.ndarray,
    place: np.ndarray,
    sex: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Every municipality and sex must have the same bands, which meet end to end from 0 to an open band."""
    raw = read_raw(path)
    problems = []
    bands: list[tuple[int, int]] = []
    for index, name in enumerate(municipalities):
        for code, letter in enumerate(SEXES):
            rows = np.flatnonzero((place == index) & (sex == code))
            rows = rows[np.argsort(low[rows], kind="stable")]
            here = [(int(low[r]), int(high[r])) for r in rows]
            if not here:
                near = nearest_name(name, places - set(municipalities))
                message = f"no rows for {name}, sex {letter}"
                problems.append(Problem(message, str(path), 1, 1, "municipality", nearest=near))
                continue
            bands = bands or here
            expected = 0
            for row, (first, last) in zip(rows, here, strict=True):
                if first != expected or last < first:
                    fault = "bands overlap" if first < expected else "a gap between bands"
                    message = f"{fault}: {name}, sex {letter}, age {expected} expected"
                    problems.append(raw.problem(message, int(line[row]), "age_from"))
                    break
                expected = last + 1
            else:
                if expected < AGES:
                    message = "the oldest band must be open (to 110 or beyond)"
                    problems.append(raw.problem(message, int(line[rows[-1]]), "age_to"))
                elif here != bands:
                    problems.append(
                        raw.problem("bands differ from those of the first rows", int(line[rows[0]]), "age_from")
                    )
    if problems:
        raise DataError(*problems[:20])
