"""The activity of a cell's quarters as one file: what contracts are settled on, so that payments can be traced later.

Single persons are not kept: they would be as much data as the population, every year.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from paysim.accounting.activity import Activity

_PLAIN = ("services", "person_years", "programme_years", "years")
_OPTIONAL = ("payments", "coded_years", "fte_years", "insurer_years")


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
        **known,
    )
