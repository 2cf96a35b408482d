"""The activity of a cell's quarters as one file: what contracts are settled on, so that payments can be traced later.

Single persons are not kept: they would be as much data as the population, every year. Stays and episodes are: few
people are admitted in a quarter.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TypeVar

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.episodes import EpisodeKind, EpisodeRules, Episodes, Rows, Stays

_Table = TypeVar("_Table", bound=Rows)

_PLAIN = ("services", "person_years", "programme_years", "years")
_OPTIONAL = ("payments", "coded_years", "age_sex", "fte_years", "longer_hours", "insurer_years")


def pack(activities: Sequence[Activity]) -> bytes:
    """Return activities of the same practices and services as bytes; what is not known is NaN."""
    first = activities[0]
    arrays = {name: np.stack([np.asarray(getattr(each, name)) for each in activities]) for name in _PLAIN}
    for name in _OPTIONAL:
        values = [getattr(each, name) for each in activities]
        shape = next((value.shape for value in values if value is not None), None)
        if shape is not None:
            arrays[name] = np.stack([np.full(shape, np.nan) if value is None else value for value in values])
    indicators = sorted({name for each in activities for name in each.indicators})
    missing = np.full((len(first.practice_names), 2), np.nan)
    for name in indicators:
        arrays[f"indicator {name}"] = np.stack([each.indicators.get(name, missing) for each in activities])
    texts = {"service_names": first.service_names, "practice_names": first.practice_names}
    for name in ("lines", "insurer_names"):
        texts[name] = next((getattr(each, name) for each in activities if getattr(each, name)), ())
    arrays |= {name: np.array(values, dtype=np.str_) for name, values in texts.items()}
    stays = [each.stays for each in activities if each.stays is not None]
    if len(stays) == len(activities):
        arrays |= _packed("stays", stays)
    rules = [each for each in first.episodes if all(each in later.episodes for later in activities)]
    arrays["episode_rules"] = np.array([json.dumps(asdict(each)) for each in rules], dtype=np.str_)
    for k, each in enumerate(rules):
        arrays |= _packed(f"episodes {k}", [activity.episodes[each] for activity in activities])
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type,unused-ignore]
    return file.getvalue()


def unpack(data: bytes) -> tuple[Activity, ...]:
    """Return the activities that `pack` was given, without single persons."""
    with np.load(io.BytesIO(data)) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    names = {
        name: tuple(str(text) for text in kept[name])
        for name in ("service_names", "practice_names", "lines", "insurer_names")
    }
    return tuple(_one(kept, names, at) for at in range(len(kept["years"])))


def _one(kept: dict[str, np.ndarray], names: dict[str, tuple[str, ...]], at: int) -> Activity:
    optional = {name: kept[name][at] for name in _OPTIONAL if name in kept}
    known = {name: values for name, values in optional.items() if not np.isnan(values).all()}
    indicators = {
        name.removeprefix("indicator "): values[at]
        for name, values in kept.items()
        if name.startswith("indicator ") and not np.isnan(values[at]).all()
    }
    rules = [_rules(str(text)) for text in kept["episode_rules"]]
    return Activity(
        names["service_names"],
        names["practice_names"],
        kept["services"][at],
        kept["person_years"][at],
        kept["programme_years"][at],
        float(kept["years"][at]),
        lines=names["lines"] if "payments" in known else (),
        insurer_names=names["insurer_names"] if "insurer_years" in known else (),
        indicators=indicators,
        stays=_unpacked(Stays, "stays", kept, at) if "stays size" in kept else None,
        episodes={each: _unpacked(Episodes, f"episodes {k}", kept, at) for k, each in enumerate(rules)},
        **known,
    )


def _packed(name: str, tables: Sequence[Rows]) -> dict[str, np.ndarray]:
    """Return the columns of tables one below the other, and how long each table is."""
    columns = [each.name for each in fields(tables[0])]
    arrays = {f"{name} {each}": np.concatenate([getattr(table, each) for table in tables]) for each in columns}
    return arrays | {f"{name} size": np.array([len(table.weight) for table in tables])}


def _unpacked(kind: type[_Table], name: str, kept: dict[str, np.ndarray], at: int) -> _Table:
    first = int(kept[f"{name} size"][:at].sum())
    rows = slice(first, first + int(kept[f"{name} size"][at]))
    return kind(**{each.name: kept[f"{name} {each.name}"][rows] for each in fields(kind)})


def _rules(text: str) -> EpisodeRules:
    read = json.loads(text)
    kinds = tuple(EpisodeKind(**{**each, "triggers": tuple(each["triggers"])}) for each in read.pop("kinds"))
    return EpisodeRules(kinds=kinds, **{**read, "services": tuple(read["services"])})
