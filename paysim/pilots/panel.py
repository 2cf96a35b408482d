"""The practice-year panel that pilots are drawn from: what is, and what the contract does, from two arms of a run.

Both arms hold the same practices and people with the same random numbers: their difference is the true effect of
the contract on every practice in its first, second, ... year. A practice of a pilot that starts in year s has the
comparator's outcome of every year, plus the effect of contract year t - s in year t: see docs/pilots.md for what that
leaves out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paysim.analysis.cells import parquet_bytes
from paysim.analysis.measures import measure
from paysim.analysis.runs import Run
from paysim.errors import DataError, Problem, nearest_name
from paysim.pilots.model import Pilot
from paysim.reading import write_atomic

Floats = npt.NDArray[np.float64]

COLUMNS = ("replicate", "practice", "year", "arm", "person_years", "outcome", "unit", "value")
DICTIONARY = {
    "replicate": "number of the simulated world; practices of two replicates are not the same people",
    "practice": "name of the practice (synthetic)",
    "year": "contract year, 0 is the first of the scenario",
    "arm": "contract under which all practices are in this row: the comparator's or the one on trial",
    "person_years": "person-years on the practice's list in that year and arm",
    "outcome": "name of the measure",
    "unit": "unit of the value",
    "value": "value of the measure for the practice and year",
}


@dataclass(frozen=True, eq=False)
class Panel:
    """Outcomes by replicate, practice and year.

    Attributes
    ----------
    practices
        Names, of every replicate.
    people
        ``[replicate, practice]`` person-years in the first year under the comparator.
    without, effect
        ``{outcome: [replicate, practice, year]}`` value under the comparator, and what the contract adds in that
        contract year.
    units
        Of each outcome.
    weight
        Persons of the region for one simulated.
    """

    practices: tuple[str, ...]
    people: Floats
    without: dict[str, Floats]
    effect: dict[str, Floats]
    units: dict[str, str]
    weight: float = 1.0
    arms: tuple[str, str] = ("without", "with")
    person_years: Floats | None = field(default=None, repr=False)

    @property
    def years(self) -> int:
        """Years of the panel."""
        return int(next(iter(self.without.values())).shape[2])


def panel_of(run: Run, pilot: Pilot) -> Panel:
    """Return the panel of a pilot's outcomes from a run of its scenario.

    Raises
    ------
    DataError
        The run is of another region, lacks an arm or an outcome by practice, or is shorter than the pilot.
    """
    region = run.scenario.get("region")
    if region is not None and region != pilot.scenario.region:
        problem = Problem("a run of another region", str(run.path), found=str(region), allowed=(pilot.scenario.region,))
        raise DataError(problem)
    arms = (pilot.comparator_arm, pilot.trial_arm)
    for arm in arms:
        run.require_arm(arm)
    frame = run.wide("practice")
    frame = frame[frame.index.get_level_values("period") >= 0].droplevel("draw").reset_index()
    years = int(frame["period"].max()) + 1
    if years < pilot.end_year:
        found, wanted = f"{years} years", f"{pilot.end_year} or more"
        raise DataError(Problem("the run is shorter than the pilot", str(run.path), found=found, allowed=(wanted,)))
    practices = tuple(str(name) for name in sorted(frame["group"].unique()))
    shape = (int(frame["replicate"].max()) + 1, len(practices), years)
    of_arm = {arm: frame[frame["arm"] == arm].sort_values(["replicate", "group", "period"]) for arm in arms}
    values: dict[str, dict[str, Floats]] = {arm: {} for arm in arms}
    for name in pilot.outcomes:
        what = measure(name)
        if not what.held_by(frame):
            near = nearest_name(what.total, [str(column) for column in frame.columns])
            raise DataError(Problem("not known by practice in this run", str(run.path), key=name, nearest=near))
        for arm, part in of_arm.items():
            column = np.asarray(what.of(part), np.float64)
            if len(column) != np.prod(shape) or not np.isfinite(column).all():
                message = "not every practice has a value in every year; nobody may be left on a list"
                raise DataError(Problem(message, str(run.path), key=name))
            values[arm][name] = column.reshape(shape)
    lived = {arm: part["person_years"].to_numpy(float).reshape(shape) for arm, part in of_arm.items()}
    weight = float((run.manifest.get("sample") or {}).get("weight", 1.0))
    without, trial = (values[arm] for arm in arms)
    return Panel(
        practices=practices,
        people=lived[arms[0]][:, :, 0] / weight,
        without=without,
        effect={name: trial[name] - without[name] for name in pilot.outcomes},
        units={name: measure(name).unit for name in pilot.outcomes},
        weight=weight,
        arms=arms,
        person_years=np.stack([lived[arm] for arm in arms]) / weight,
    )


def write_panel(panel: Panel, path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write the panel as CSV or Parquet, by the name's ending, and a data dictionary beside it.

    Returns
    -------
    Path, Path
        The table and the dictionary (CSV: column, meaning).
    """
    import pandas as pd

    target = Path(path)
    if target.suffix not in (".csv", ".parquet"):
        raise DataError(Problem("a name that ends in .csv or .parquet expected", found=str(path)))
    parts = []
    years = panel.years
    for name, without in panel.without.items():
        for k, (arm, values) in enumerate(zip(panel.arms, (without, without + panel.effect[name]), strict=True)):
            people = panel.people[:, :, None].repeat(years, 2) if panel.person_years is None else panel.person_years[k]
            index = np.indices(values.shape).reshape(3, -1)
            columns = {
                "replicate": index[0],
                "practice": np.array(panel.practices)[index[1]],
                "year": index[2],
                "arm": arm,
                "person_years": people.ravel(),
                "outcome": name,
                "unit": panel.units[name],
                "value": values.ravel(),
            }
            parts.append(pd.DataFrame(columns))
    frame = pd.concat(parts, ignore_index=True)
    if target.suffix == ".csv":
        data = frame.to_csv(index=False, lineterminator="\n").encode()
    else:
        import pyarrow as pa

        data = parquet_bytes(pa.Table.from_pandas(frame, preserve_index=False))
    write_atomic(target, data)
    about = target.with_suffix(".dictionary.csv")
    rows = pd.DataFrame({"column": list(DICTIONARY), "meaning": list(DICTIONARY.values())})
    write_atomic(about, rows.to_csv(index=False, lineterminator="\n").encode())
    return target, about


def read_panel(path: str | os.PathLike[str], pilot: Pilot) -> Panel:
    """Return a panel that `write_panel` wrote, for a pilot of these arms.

    Raises
    ------
    DataError
        The file cannot be read, lacks a column or an arm, or is not complete.
    """
    import pandas as pd

    file = Path(path)
    try:
        frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype={"practice": str})
    except (OSError, ValueError) as exc:
        raise DataError(Problem(f"cannot be read: {exc}", file=str(file))) from exc
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise DataError(*(Problem("column missing", file=str(file), key=name) for name in missing))
    comparator, trial = arms = (pilot.comparator_arm, pilot.trial_arm)
    practices = tuple(str(name) for name in sorted(frame["practice"].unique()))
    shape = (frame["replicate"].nunique(), len(practices), frame["year"].nunique())
    cube: dict[tuple[str, str], Floats] = {}
    lived = np.zeros((2, *shape))
    outcomes = list(pilot.outcomes)
    if shape[2] < pilot.end_year:
        found, wanted = f"{shape[2]} years", f"{pilot.end_year} or more"
        raise DataError(Problem("the panel is shorter than the pilot", str(file), found=found, allowed=(wanted,)))
    for name in outcomes:
        for k, arm in enumerate(arms):
            rows = frame[(frame["outcome"] == name) & (frame["arm"] == arm)]
            rows = rows.sort_values(["replicate", "practice", "year"])
            if len(rows) != np.prod(shape) or rows["value"].isna().any():
                raise DataError(
                    Problem("not one value for every practice and year", str(file), key=f"{name}, arm {arm}")
                )
            cube[name, arm] = rows["value"].to_numpy(float).reshape(shape)
            lived[k] = rows["person_years"].to_numpy(float).reshape(shape)
    units = {str(name): str(unit) for name, unit in frame.groupby("outcome")["unit"].first().items()}
    return Panel(
        practices=practices,
        people=lived[0, :, :, 0],
        without={name: cube[name, comparator] for name in outcomes},
        effect={name: cube[name, trial] - cube[name, comparator] for name in outcomes},
        units=units,
        arms=arms,
        person_years=lived,
    )
