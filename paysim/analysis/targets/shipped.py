"""Shipped targets: single published values, and the package's own tables row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from paysim.analysis.targets.model import FOLDER, MEASURES, OPEN, SEXES, Target, split
from paysim.analysis.targets.reading import read_rows
from paysim.diseases.ages import sex_index
from paysim.diseases.mortality.life import life_table_hazard
from paysim.diseases.quality_of_life.model import norms
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters
from paysim.population import RegionProfile
from paysim.reading import read_table


def years_of_life(hazard: np.ndarray) -> float:
    """Return life expectancy under hazards by year of age, the last of them for ever."""
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(hazard)]))
    lived = np.divide(1.0 - np.exp(-hazard), hazard, out=np.ones_like(hazard), where=hazard > 0)
    return float((alive[:-1] * lived).sum() + alive[-1] / max(float(hazard[-1]), 1e-9))


_BY_AGE = {"mortality.life_table": life_table_hazard, "quality_of_life.norms": norms}


def shipped_names() -> tuple[set[str], set[str]]:
    """Return the processes and flags that shipped targets name, whether a model has them yet or not."""
    processes: set[str] = set()
    flags: set[str] = set()
    single = [target for name in ("nl", "be") for target in read_rows(FOLDER / f"{name}.csv", None)]
    rows = [(target.measure, target.what, target.among) for target in single]
    rows += [(row["measure"], split(row["what"]), split(row["among"])) for row in _table_rows()]
    for measure, what, among in rows:
        kind = MEASURES[measure].names
        if "process" in kind:
            processes |= set(what)
        elif kind == "flag":
            flags |= set(what)
        flags |= set(among)
    return processes, flags


def shipped_targets(region: RegionProfile, parameters: Parameters) -> list[Target]:
    """Return the shipped targets that hold for a region: of the region itself and of the country it lies in.

    Parameters
    ----------
    parameters
        Of the model; the tables of the package are read from it.
    """
    areas = {region.country, region.name}
    if region.country == "BE" and region.name != "belgium":
        areas.add("BE_flanders")
    single = [row for row in read_rows(FOLDER / f"{region.country.lower()}.csv", None) if row.area in areas]
    return [*_of_tables(region, parameters), *single]


def _table_rows() -> list[dict[str, str]]:
    names = (
        *("id", "section", "measure", "table", "column", "per", "what", "among", "unit", "bands", "tolerance"),
        *("tolerance_kind", "countries", "less", "year", "role", "status", "source", "why", "title"),
    )
    table = read_table(FOLDER / "tables.csv", dict.fromkeys(names, str))
    return [{name: table[name][k] for name in names} for k in range(len(table["id"]))]


def _of_tables(region: RegionProfile, parameters: Parameters) -> Iterator[Target]:
    """Yield the bands of the package's tables as targets."""
    for row in _table_rows():
        if region.country not in split(row["countries"]):
            continue
        whole = region.parameters if row["table"].startswith("population.") else parameters
        common = Target(
            id=row["id"],
            section=row["section"],
            measure=row["measure"],
            what=split(row["what"]),
            among=split(row["among"]),
            sex="all",
            age_from=0,
            age_to=OPEN,
            value=None,
            unit=row["unit"],
            tolerance=float(row["tolerance"]) if row["tolerance"] else None,
            tolerance_kind=row["tolerance_kind"],
            low=None,
            high=None,
            standard="national",
            area=region.country,
            year=row["year"],
            role=row["role"],
            status=row["status"],
            source=row["source"],
            why=row["why"],
            title=row["title"],
        )
        if whole.has_table(row["table"]):
            yield from _bands(common, row, whole, parameters[row["less"]] if row["less"] else 0.0)
        else:  # a disease that the model has not got
            yield common


def _bands(common: Target, row: Mapping[str, str], parameters: Parameters, less: float) -> Iterator[Target]:
    scale = (1.0 - less) / float(row["per"])
    if common.measure == "life_expectancy":
        hazard = life_table_hazard(parameters)
        for s in range(2):
            yield _named(common, s, 0, OPEN, value=years_of_life(hazard[s]))
        return
    if row["table"] in _BY_AGE:
        by_age = _BY_AGE[row["table"]](parameters) * scale
        first = last = np.zeros(0, int)
    else:
        table = parameters.table(row["table"])
        by_age, first, last = _spread(table, row["column"], scale)
    if row["bands"] == "published":
        edges = sorted(set(zip(first.tolist(), last.tolist(), strict=True)))
    elif row["bands"] == "ten":
        edges = [(low, low + 9 if low < 90 else OPEN) for low in range(0, 100, 10)]
    else:
        edges = [(0, OPEN)]
    for s in range(2):
        for low, high in edges:
            if (by_age[s, low : high + 1] > 0).any():
                yield _named(common, s, low, high, by_age=by_age)


def _named(common: Target, sex: int, low: int, high: int, **more: Any) -> Target:
    band = "" if (low, high) == (0, OPEN) else f"_{low}_{high}" if high < AGES - 1 else f"_{low}_plus"
    name = f"{common.id}_{SEXES[sex]}{band}"
    return replace(common, id=name, sex=SEXES[sex], age_from=low, age_to=min(high, OPEN), **more)


def _spread(table: Mapping[str, Any], column: str, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a banded column over ``[2, 111]``, and first and last age of its rows."""
    value = np.asarray(table[column], float) * scale
    low = table.get("age_from", table.get("age_lo", np.zeros(len(value), int)))
    high = table.get("age_to", table.get("age_hi", np.full(len(value), OPEN)))
    by_age = np.zeros((2, AGES))
    sexes = sex_index(table["sex"]) if "sex" in table else np.ones(len(value), int)  # births: by the mother's age
    for s, first, last, x in zip(sexes, low, high, value, strict=True):
        by_age[s, int(first) : int(last) + 1] = x
    return by_age, np.asarray(low), np.minimum(np.asarray(high), OPEN)
