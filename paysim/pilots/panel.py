"""The site-year panel that pilots are drawn from: what is, and what the contract does, from two arms of a run.

Both arms hold the same practices and people with the same random numbers: their difference is the true effect of
the contract on every practice in its first, second, ... year. A practice of a pilot that starts in year s has the
comparator's outcome of every year, plus the effect of contract year t - s in year t: see docs/pilots.md for what that
leaves out.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from paysim.analysis.cells import parquet_bytes
from paysim.analysis.measures import PROGRAMME_REVENUE, SHARED_OUT, Measure, measure, totals_of
from paysim.analysis.runs import Run
from paysim.contracts.shared_savings import CURATIVE
from paysim.errors import DataError, Problem, nearest_name
from paysim.kernel.records import PERIODS_PER_YEAR
from paysim.pilots.model import NORM_COST, TRUNCATED, Pilot
from paysim.reading import write_atomic

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

REGION = ("region_total", "region_base")
COLUMNS = ("replicate", "site", "year", "arm", "person_years", "outcome", "unit", "value", *REGION, "weight")
CASE_MIX = "case_mix"
DICTIONARY = {
    "replicate": "number of the simulated world; sites of two replicates are not the same people",
    "site": "name of the practice, zone or region (its people are synthetic)",
    "year": "contract year, 0 is the first of the scenario",
    "arm": "contract under which all sites are in this row: the comparator's or the one on trial",
    "person_years": "person-years on the site's list, or of all people of the zone or region, in that year and arm",
    "outcome": "name of the measure",
    "unit": "unit of the value",
    "value": "value of the measure for the site and year",
    CASE_MIX: "what the site's people would cost by the norm, 1 being the mean of all sites; empty where not reckoned",
    REGION[0]: "what all people of the region, or of all sites, come to in that year and arm, in units of the outcome",
    REGION[1]: "what that is divided by: person-years, for money, health and events those of the comparator",
    "weight": "persons of the region for one simulated; of zones or regions the largest",
}
PARTIES = {"practices": "practice_margin_per_head", "hospital": "spending_hospital_per_head"}
"""Measures that say what the contract does to the money of others than payer and organisation: margin, and income."""
FLOWS = (
    "spending_per_head",
    "spending_general_practice_per_head",
    "spending_hospital_per_head",
    "spending_organisations_per_head",
    "practice_margin_per_head",
    "practice_costs_per_head",
    PROGRAMME_REVENUE.name,
)
"""Measures that tell who receives what payers pay, beside the payments for care."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Outcomes by replicate, site and year.

    Attributes
    ----------
    practices
        Names of the sites, of every replicate.
    people
        ``[replicate, site]`` person-years in the first year under the comparator, as large as the site is: of a zone
        or region that was sampled, of all its people.
    without, effect
        ``{outcome: [replicate, site, year]}`` value under the comparator, and what the contract adds in that
        contract year.
    units
        Of each outcome.
    weight
        Persons of the region for one simulated.
    case_mix
        ``[replicate, site, year]`` what the people of a site would cost at the payments per person-year that their
        segment has over all sites, 1 being the mean of all sites; None where no estimator asks for it.
    region
        ``{outcome: [total or base, arm, replicate, year]}`` of all people, by which `paysim compare` has its
        differences: lists move between sites, so the sites' own values do not add up to them. None: the sites' values
        times their people.
    """

    practices: tuple[str, ...]
    people: Floats
    without: dict[str, Floats]
    effect: dict[str, Floats]
    units: dict[str, str]
    weight: float = 1.0
    arms: tuple[str, str] = ("without", "with")
    person_years: Floats | None = field(default=None, repr=False)
    case_mix: Floats | None = field(default=None, repr=False)
    region: Mapping[str, Floats] | None = field(default=None, repr=False)

    def of_region(self, name: str) -> Floats:
        """Return total and base of an outcome over all people, ``[total or base, arm, replicate, year]``."""
        if self.region is not None and name in self.region:
            return self.region[name]
        people = np.broadcast_to(self.people[:, :, None], self.without[name].shape)
        arms = np.stack([self.without[name], self.without[name] + self.effect[name]])
        return np.stack([(arms * people).sum(axis=2), np.broadcast_to(people.sum(axis=1), arms.sum(axis=2).shape)])

    @property
    def years(self) -> int:
        """Years of the panel."""
        return int(next(iter(self.without.values())).shape[2])


def measured(pilot: Pilot) -> tuple[str, ...]:
    """Return the outcomes of a pilot, and where it pays what tells the money of others and what single persons cost."""
    others = (*FLOWS, SHARED_OUT.name, *TRUNCATED.values()) if pilot.payment is not None else ()
    return tuple(dict.fromkeys((*pilot.outcomes, *others)))


def panel_of(runs: Run | Mapping[str, Run], pilot: Pilot) -> Panel:
    """Return the panel of a pilot's outcomes.

    Parameters
    ----------
    runs
        A run of its scenario; where sites are zones or regions, a run of each by its name.

    Raises
    ------
    DataError
        A run is of another region, lacks an arm or an outcome, or is shorter than the pilot; or a region has no run.
    """
    if not pilot.sites_are_regions:
        if not isinstance(runs, Run):
            raise DataError(Problem("one run expected: sites are practices", pilot.path, key="level"))
        return _panel(runs, pilot, "practice", pilot.scenario.region)
    if isinstance(runs, Run):
        raise DataError(Problem(f"a run of every {pilot.level} expected", pilot.path, key="level"))
    missing = [name for name in pilot.regions if name not in runs]
    if missing:
        raise DataError(*(Problem("no run of this region", pilot.path, key="regions", found=name) for name in missing))
    names = tuple(sorted(pilot.regions))  # as a panel that is read back
    parts = [_panel(runs[name], pilot, "all", name) for name in names]
    lengths = {(each.years, len(each.people)) for each in parts}
    if len(lengths) > 1:
        raise DataError(Problem("runs of different years or replicates", pilot.path, found=str(sorted(lengths))))
    return Panel(
        practices=names,
        people=np.concatenate([each.people * each.weight for each in parts], axis=1),
        without={name: np.concatenate([each.without[name] for each in parts], axis=1) for name in parts[0].without},
        effect={name: np.concatenate([each.effect[name] for each in parts], axis=1) for name in parts[0].effect},
        units=parts[0].units,
        weight=max(each.weight for each in parts),
        arms=parts[0].arms,
        person_years=np.concatenate([_lived(each) * each.weight for each in parts], axis=2),
        case_mix=_case_mix([runs[name] for name in names], pilot, pooled=True),
        region={name: np.sum([each.of_region(name) for each in parts], axis=0) for name in parts[0].without},
    )


def _lived(panel: Panel) -> Floats:
    assert panel.person_years is not None
    return panel.person_years


def _panel(run: Run, pilot: Pilot, dimension: str, region_wanted: str) -> Panel:
    region = run.scenario.get("region")
    if region is not None and region != region_wanted:
        problem = Problem("a run of another region", str(run.path), found=str(region), allowed=(region_wanted,))
        raise DataError(problem)
    arms = (pilot.comparator_arm, pilot.trial_arm)
    for arm in arms:
        run.require_arm(arm)
    totals = totals_of(measure(name) for name in measured(pilot))
    frame = run.some(dimension, totals)
    frame = frame[frame.index.get_level_values("period") >= 0].droplevel("draw").reset_index()
    years = int(frame["period"].max()) + 1
    if years < pilot.end_year:
        found, wanted = f"{years} years", f"{pilot.end_year} or more"
        raise DataError(Problem("the run is shorter than the pilot", str(run.path), found=found, allowed=(wanted,)))
    sites = tuple(str(name) for name in sorted(frame["group"].unique()))
    shape = (int(frame["replicate"].max()) + 1, len(sites), years)
    of_arm = {arm: frame[frame["arm"] == arm].sort_values(["replicate", "group", "period"]) for arm in arms}
    values: dict[str, dict[str, Floats]] = {arm: {} for arm in arms}
    known = [name for name in measured(pilot) if name in pilot.outcomes or measure(name).held_by(frame)]
    for name in known:
        what = measure(name)
        if not what.held_by(frame):
            near = nearest_name(what.total, [str(column) for column in frame.columns])
            raise DataError(Problem(f"not known by {dimension} in this run", str(run.path), key=name, nearest=near))
        for arm, part in of_arm.items():
            values[arm][name] = _whole(np.asarray(what.of(part), np.float64), shape, run.path, f"{name}, arm {arm}")
    lived = {arm: part["person_years"].to_numpy(float).reshape(shape) for arm, part in of_arm.items()}
    everybody = run.some("all", totals)
    everybody = everybody[everybody.index.get_level_values("period") >= 0].reset_index()
    everybody = everybody.sort_values(["replicate", "period"])
    both = [everybody[everybody["arm"] == arm] for arm in arms]
    weight = float((run.manifest.get("sample") or {}).get("weight", 1.0))
    without, trial = (values[arm] for arm in arms)
    return Panel(
        practices=sites,
        people=lived[arms[0]][:, :, 0] / weight,
        without=without,
        effect={name: trial[name] - without[name] for name in known},
        units={name: measure(name).unit for name in known},
        weight=weight,
        arms=arms,
        person_years=np.stack([lived[arm] for arm in arms]) / weight,
        case_mix=_case_mix([run], pilot, pooled=False) if dimension == "practice" else None,
        region={name: _of_region(measure(name), both, (shape[0], years)) for name in known},
    )


def _of_region(what: Measure, both: Sequence[pd.DataFrame], shape: tuple[int, int]) -> Floats:
    """Return total and base of a measure by arm, of rows of the comparator and of the arm on trial.

    The base is that of `Measure.against`; a level such as a wait is weighed by person-years.
    """
    found = np.empty((2, len(both), *shape))
    for k, rows in enumerate(both):
        per = what.per or "person_years"
        base = (both[0] if what.fixed else rows)[per].to_numpy(float).reshape(shape)
        total = rows[what.total].to_numpy(float).reshape(shape) * what.scale
        found[:, k] = total if what.per is not None else total * base, base
    return found


def _whole(column: Floats, shape: tuple[int, ...], source: Path, what: str) -> Floats:
    """Return a column as replicate, site and year; raise DataError if some of them have no value.

    A practice on whose list nobody is left has none.
    """
    if len(column) != np.prod(shape) or not np.isfinite(column).all():
        raise DataError(Problem("not one value for every site and year", str(source), key=what))
    return column.reshape(shape)


def _case_mix(runs: Sequence[Run], pilot: Pilot, *, pooled: bool) -> Floats | None:
    """Return the case mix of practices, or of whole regions, by the comparator's payments by segment and year.

    The norm of a year is what curative care of a segment's person-years costs over all sites and replicates.
    """
    if pilot.estimator != NORM_COST:
        return None
    lived: list[Floats] = []
    paid: list[Floats] = []
    for run in runs:
        theirs: list[tuple[Floats, Floats]] = []
        for replicate in range(int(run.manifest["replicates"])):
            quarters = run.cell(pilot.comparator_arm, replicate).quarters
            if any(each.payments is None for each in quarters):
                raise DataError(Problem("the run does not hold payments by segment", str(run.path)))
            lines = [quarters[0].lines.index(line) for line in CURATIVE]
            by_quarter = [(each.person_years, each.payments[:, :, lines].sum(axis=2)) for each in quarters]  # type: ignore[index]
            order = np.argsort(quarters[0].practice_names)
            years = [
                np.stack(part)[:, order].reshape(-1, PERIODS_PER_YEAR, *part[0].shape).sum(axis=1)
                for part in zip(*by_quarter, strict=True)
            ]
            theirs.append((years[0], years[1]))
        for part, which in ((lived, 0), (paid, 1)):
            stacked = np.stack([each[which] for each in theirs])  # [replicate, year, practice, segment]
            part.append(stacked.sum(axis=2, keepdims=True) if pooled else stacked)
    people, euros = np.concatenate(lived, axis=2), np.concatenate(paid, axis=2)
    rate = euros.sum(axis=(0, 2)) / np.maximum(people.sum(axis=(0, 2)), 1e-12)  # [year, segment]
    expected = (people * rate[None, :, None, :]).sum(axis=3) / people.sum(axis=3)  # [replicate, year, site]
    found = np.moveaxis(expected / expected.mean(axis=2, keepdims=True), 1, 2)
    return np.asarray(found)


def write_panel(panel: Panel, path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write the panel as CSV or Parquet, by the name's ending, and a data dictionary beside it.

    Returns
    -------
    Path, Path
        The table and the dictionary (CSV: column, meaning).
    """
    import pandas as pd

    parts = []
    years = panel.years
    for name, without in panel.without.items():
        of_region = panel.of_region(name)
        for k, (arm, values) in enumerate(zip(panel.arms, (without, without + panel.effect[name]), strict=True)):
            people = panel.people[:, :, None].repeat(years, 2) if panel.person_years is None else panel.person_years[k]
            mix = np.full(values.shape, np.nan) if panel.case_mix is None else panel.case_mix
            index = np.indices(values.shape).reshape(3, -1)
            columns = {
                "replicate": index[0],
                "site": np.array(panel.practices)[index[1]],
                "year": index[2],
                "arm": arm,
                "person_years": people.ravel(),
                "outcome": name,
                "unit": panel.units[name],
                "value": values.ravel(),
                CASE_MIX: mix.ravel(),
                **{key: of_region[j, k][index[0], index[2]] for j, key in enumerate(REGION)},
                "weight": panel.weight,
            }
            parts.append(pd.DataFrame(columns))
    return write_table(pd.concat(parts, ignore_index=True), DICTIONARY, path)


def write_table(frame: pd.DataFrame, dictionary: Mapping[str, str], path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """Write a table as CSV or Parquet, by the name's ending, and a data dictionary (CSV: column, meaning) beside it.

    Raises
    ------
    DataError
        The name ends otherwise.
    """
    import pandas as pd

    target = check_table(path)
    if target.suffix == ".csv":
        data = frame.to_csv(index=False, lineterminator="\n").encode()
    else:
        import pyarrow as pa

        data = parquet_bytes(pa.Table.from_pandas(frame, preserve_index=False))
    write_atomic(target, data)
    about = target.with_suffix(".dictionary.csv")
    rows = pd.DataFrame({"column": list(dictionary), "meaning": list(dictionary.values())})
    write_atomic(about, rows.to_csv(index=False, lineterminator="\n").encode())
    return target, about


def check_table(path: str | os.PathLike[str]) -> Path:
    """Return the path, or raise DataError if its ending is neither .csv nor .parquet."""
    target = Path(path)
    if target.suffix not in (".csv", ".parquet"):
        raise DataError(Problem("a name that ends in .csv or .parquet expected", found=str(path)))
    return target


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
        frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype={"site": str})
    except (OSError, ValueError) as exc:
        raise DataError(Problem(f"cannot be read: {exc}", file=str(file))) from exc
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise DataError(*(Problem("column missing", file=str(file), key=name) for name in missing))
    comparator, trial = arms = (pilot.comparator_arm, pilot.trial_arm)
    practices = tuple(str(name) for name in sorted(frame["site"].unique()))
    shape = (frame["replicate"].nunique(), len(practices), frame["year"].nunique())
    cube: dict[tuple[str, str], Floats] = {}
    lived = np.zeros((2, *shape))
    held = set(frame["outcome"].unique())
    outcomes = [name for name in measured(pilot) if name in pilot.outcomes or name in held]
    mix: Floats | None = None
    region: dict[str, Floats] = {}
    if shape[2] < pilot.end_year:
        found, wanted = f"{shape[2]} years", f"{pilot.end_year} or more"
        raise DataError(Problem("the panel is shorter than the pilot", str(file), found=found, allowed=(wanted,)))
    for name in outcomes:
        region[name] = np.empty((len(REGION), len(arms), shape[0], shape[2]))
        for k, arm in enumerate(arms):
            rows = frame[(frame["outcome"] == name) & (frame["arm"] == arm)]
            rows = rows.sort_values(["replicate", "site", "year"])
            cube[name, arm] = _whole(rows["value"].to_numpy(float), shape, file, f"{name}, arm {arm}")
            lived[k] = rows["person_years"].to_numpy(float).reshape(shape)
            for j, key in enumerate(REGION):
                region[name][j, k] = rows[key].to_numpy(float).reshape(shape)[:, 0]
            if CASE_MIX in rows and not rows[CASE_MIX].isna().any():
                mix = rows[CASE_MIX].to_numpy(float).reshape(shape)
    units = {str(name): str(unit) for name, unit in frame.groupby("outcome")["unit"].first().items()}
    return Panel(
        practices=practices,
        people=lived[0, :, :, 0],
        without={name: cube[name, comparator] for name in outcomes},
        effect={name: cube[name, trial] - cube[name, comparator] for name in outcomes},
        units=units,
        weight=float(frame["weight"].iloc[0]),
        arms=arms,
        person_years=lived,
        case_mix=mix,
        region=region,
    )
