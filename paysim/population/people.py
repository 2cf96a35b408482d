"""From what a source knows of people to a population: their numbers and lists, and the draw of what is missing."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from paysim.errors import DataError, Problem
from paysim.population.keys import Domain, Trait, keys, uniform
from paysim.population.practices import join_practices, make_practices, side_by_side
from paysim.population.profile import PersonCounts, RegionProfile
from paysim.population.schema import COLUMN_NAMES, RISK_FACTORS, Population, Practice
from paysim.population.synthesis import complete
from paysim.reading import Column, read_table


@dataclass(frozen=True)
class People:
    """What a source knows of people, one row each, in the order of the source.

    Attributes
    ----------
    ids
        Arrow array of text, unique.
    practice
        Name of each person's practice, Arrow text; None if not known.
    columns
        Other columns by their names in a population; ``completed_age`` instead of ``age`` when only that is known.
    measured
        Risk factors in their units.
    source
        Where the people come from, in words.
    drawn
        Columns that the reader drew.
    nobody
        Traits that nobody has.
    """

    ids: Any
    practice: Any
    columns: dict[str, np.ndarray]
    measured: dict[str, np.ndarray] = field(default_factory=dict)
    source: str = ""
    drawn: tuple[str, ...] = ()
    nobody: frozenset[str] = frozenset()


def populate(profile: RegionProfile, seed: int, people: People, practices: str | os.PathLike[str] | None) -> Population:
    """Make the population: people in the order of practice and id, what is not known drawn."""
    by_id = order_of_ids(people.ids)
    lists, joined = _lists(profile, seed, people.practice, by_id, people.columns["municipality"][by_id], practices)
    order = np.argsort(joined, kind="stable")
    rows = by_id[order]
    columns = {name: values[rows] for name, values in people.columns.items()}
    person = np.arange(len(order), dtype=np.int64)
    columns |= {"person": person, "practice": joined[order]}
    if "completed_age" in columns:
        draw = uniform(keys(seed, Domain.PERSON, person), Trait.AGE)
        columns["age"] = np.minimum(columns.pop("completed_age") + draw, 110.999999999999)
    for name, values in people.measured.items():
        mean, sd = _risk_factor(profile.country, name)
        cell = columns["sex"], np.minimum(columns["age"].astype(np.int64), 110)
        columns[f"z_{name}"] = (values[rows] - mean[cell]) / sd[cell]
    missing = [name for name in COLUMN_NAMES if name not in columns]
    nobody = [name for name in missing if name in people.nobody]
    drawn = [
        *(["fraction of the year of age"] if "completed_age" in people.columns else []),
        *people.drawn,
        *(["practice"] if people.practice is None else []),
        *(name for name in missing if name not in nobody),
    ]
    columns |= {name: np.zeros(len(person), np.int8) for name in nobody}
    return Population(
        region=profile.name,
        country=profile.country,
        seed=int(seed),
        municipalities=profile.municipalities,
        insurers=profile.insurers,
        practices=lists,
        persons_in_region=len(person),
        import_note=_note(people.source, len(person), drawn, nobody),
        **complete(profile, seed, columns),
    )


def _note(source: str, persons: int, drawn: Sequence[str], nobody: Sequence[str]) -> str:
    note = f"{persons:,} persons imported from {source}"
    if drawn:
        note += f"; drawn from the region's profile: {', '.join(drawn)}"
    if nobody:
        note += f"; nobody has: {', '.join(nobody)}"
    return note


def order_of_ids(ids: Any) -> np.ndarray:
    """Return the order of people by id, so that no result depends on the order of a file's rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pc.all(pc.match_substring_regex(ids, "^(0|[1-9][0-9]{0,17})$")).as_py():
        return np.argsort(ids.cast(pa.int64()).to_numpy(), kind="stable")
    return np.asarray(pc.sort_indices(ids).to_numpy()).astype(np.int64)


def _risk_factor(country: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation by sex and age ``[2, 111]`` with which the engine reads z-scores."""
    from paysim.diseases.health import health_parameters
    from paysim.diseases.risk.factors import load_risk_factors

    tables = load_risk_factors(health_parameters(country))
    place = RISK_FACTORS.index(name)
    return tables.mean[:, :, place], tables.sd[:, :, place]


def _lists(
    profile: RegionProfile,
    seed: int,
    names: Any,
    by_id: np.ndarray,
    municipality: np.ndarray,
    table: str | os.PathLike[str] | None,
) -> tuple[tuple[Practice, ...], np.ndarray]:
    """Return the practices, and on whose list each person (in the order of ids) is."""
    if names is None:
        if table is not None:
            raise DataError(Problem("people have no column 'practice' that could name these", os.fspath(table)))
        return _made(profile, seed, municipality)
    encoded = names.dictionary_encode()
    known = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy(zero_copy_only=False)[by_id]
    sizes = np.bincount(codes, minlength=len(known))
    if table is not None:
        return _staffed(profile, table, known, codes, sizes)
    counts = np.zeros((len(known), len(profile.municipalities)), np.int64)
    np.add.at(counts, (codes, municipality), 1)
    place = counts.argmax(axis=1)  # where most of the list lives
    order = sorted(range(len(known)), key=lambda each: (place[each], _natural(known[each])))
    norm = profile["patients_per_gp_fte"]
    nurses, mental = profile["nurse_fte_per_gp_fte"], profile["mental_nurse_fte_per_gp_fte"]
    practices = [
        Practice(
            name=known[each],
            municipality=int(place[each]),
            list_size=int(sizes[each]),
            gp_fte=float(sizes[each] / norm),
            gps=side_by_side(sizes[each] / norm),
            nurse_fte=float(sizes[each] / norm * nurses),
            nurses=side_by_side(sizes[each] / norm * nurses),
            mental_nurse_fte=float(sizes[each] / norm * mental),
            mental_nurses=side_by_side(sizes[each] / norm * mental),
        )
        for each in order
    ]
    return tuple(practices), np.argsort(order)[codes]


def _natural(name: str) -> tuple[Any, ...]:
    """Return a key that sorts ``Town 2`` before ``Town 10``."""
    return tuple(int(part) if index % 2 else part for index, part in enumerate(re.split(r"([0-9]+)", name)))


def _staffed(
    profile: RegionProfile,
    table: str | os.PathLike[str],
    known: Sequence[str],
    codes: np.ndarray,
    sizes: np.ndarray,
) -> tuple[tuple[Practice, ...], np.ndarray]:
    """Return practices with the staff that a table gives, in its order."""
    rows = read_table(
        table,
        {
            "practice": Column(str, unique=True),
            "municipality": Column(str, levels=profile.municipalities),
            "gp_fte": Column(float, 0.01, 1000.0, unit="fte"),
            "gps": Column(int, 1, 8, unit="persons"),
            "nurse_fte": Column(float, 0.0, 1000.0, unit="fte"),
            "nurses": Column(int, 0, 8, unit="persons"),
            "mental_nurse_fte": Column(float, 0.0, 1000.0, unit="fte", required=False),
            "mental_nurses": Column(int, 0, 8, unit="persons", required=False),
        },
    )
    shown = os.fspath(table)
    names: list[str] = rows["practice"]
    problems = [
        Problem("practice of some people is missing", shown, key="practice", found=repr(name))
        for name in sorted(set(known) - set(names))
    ]
    problems += [
        Problem("practice has nobody on its list", shown, key="practice", found=repr(name))
        for name in sorted(set(names) - set(known))
    ]
    if problems:
        raise DataError(*problems[:20])
    place = {name: index for index, name in enumerate(names)}
    practices = tuple(
        Practice(
            name=name,
            municipality=profile.municipalities.index(rows["municipality"][index]),
            list_size=int(sizes[known.index(name)]),
            gp_fte=float(rows["gp_fte"][index]),
            gps=int(rows["gps"][index]),
            nurse_fte=float(rows["nurse_fte"][index]),
            nurses=int(rows["nurses"][index]),
            mental_nurse_fte=float(rows["mental_nurse_fte"][index]) if "mental_nurse_fte" in rows else 0.0,
            mental_nurses=int(rows["mental_nurses"][index]) if "mental_nurses" in rows else 0,
        )
        for index, name in enumerate(names)
    )
    return practices, np.array([place[name] for name in known])[codes]


def _made(profile: RegionProfile, seed: int, municipality: np.ndarray) -> tuple[tuple[Practice, ...], np.ndarray]:
    """Make practices for these people as for a synthesized region, and put them on their lists."""
    inhabitants = np.bincount(municipality, minlength=len(profile.municipalities))
    every = np.arange(len(inhabitants))
    counts = PersonCounts(every, 0 * every, 0 * every, 0 * every + 150, inhabitants)
    practices = make_practices(replace(profile, persons=counts, simulated=counts), seed)
    return practices, join_practices(practices, municipality, seed)


def age_at(birth: np.ndarray, day: np.datetime64) -> np.ndarray:
    """Return ages in years with fraction; the fraction is that of the year between two birthdays.

    Parameters
    ----------
    birth
        Days of birth, ``datetime64[D]``; a 29 February is a 1 March in other years.
    day
        The day at which ages are taken; ages of people born later are negative.
    """
    month = birth.astype("datetime64[M]")
    in_month = birth - month.astype("datetime64[D]")

    def birthday(years: np.ndarray) -> np.ndarray:
        return np.asarray((month + 12 * years.astype("timedelta64[M]")).astype("datetime64[D]") + in_month)

    years = day.astype("datetime64[Y]").astype(np.int64) - birth.astype("datetime64[Y]").astype(np.int64)
    years -= birthday(years) > day
    last = birthday(years)
    return np.asarray(years + (day - last) / (birthday(years + 1) - last))


def source_note(*paths: Path) -> str:
    """Return the names of files with the first digits of the SHA-256 of each."""
    parts = []
    for path in paths:
        with open(path, "rb") as file:
            parts.append(f"{path.name} (SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()[:16]})")
    return " and ".join(parts)
