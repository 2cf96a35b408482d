"""Why two arms differ: payment rule, behaviour, health and organisation, which add up exactly.

Between the baseline A and the arm B lie steps that are simulated from the same fork, with the same random numbers::

    R0   A
    R1   the events of A, settled under the contracts of B        payment = R1 - R0
    R2   what providers do in B, treatment and programmes as in A  behaviour = R2 - R1
    R3   treatment and programmes as in B too                      health = R3 - R2
    R4   B, with its own programmes and rules of delegation        organisation = R4 - R3

R1 repeats every lever of A, so that its events are those of A, which is checked. Between R2 and R3 nothing changes but
how the prevention lever moves starts of treatment and of programmes, and what follows for disease and death. Where the
arms share programmes and rules of delegation, R3 is B, which is checked as well. The order is the one named: what two
causes bring together falls to the later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from paysim.accounting.ledger import is_practice
from paysim.analysis.compare import t_interval
from paysim.analysis.measures import HORIZON
from paysim.engine.cell import Base, Cell, Progress, by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import Model, build_model
from paysim.engine.responses import LeverPath
from paysim.errors import ModelError
from paysim.scenario import Arm, Scenario

if TYPE_CHECKING:
    import pandas as pd

PARTS = ("payment", "behaviour", "health", "organisation")
PRACTICES = "practices"


@dataclass(frozen=True, eq=False)
class Decomposition:
    """The difference of an arm from a baseline, by cause.

    Attributes
    ----------
    measures
        A row for each measure of the whole region over the horizon, the mean of the replicates: unit, ``baseline``,
        `PARTS` and ``arm``; baseline and parts add up to the arm.
    money
        A row for each actor, all practices being one: what is left of all postings in whole cents, of the people
        simulated, added up over replicates: ``baseline_cents``, ``<part>_cents``, ``arm_cents``.
    intervals
        95% intervals of `measures` over replicates: ``<part>_low``, ``<part>_high``; missing with a single one.
    weight, replicates
        Persons of the region for one simulated, and how many replicates there were.
    note
        What was sampled; empty for the whole region.
    """

    scenario: str
    baseline: str
    arm: str
    measures: pd.DataFrame
    money: pd.DataFrame
    intervals: pd.DataFrame
    weight: float = 1.0
    replicates: int = 1
    note: str = ""

    @property
    def money_eur(self) -> pd.DataFrame:
        """What is left of all postings in euro of the region, the mean of the replicates: columns as `measures`."""
        euros = self.money * (self.weight / (100.0 * self.replicates))
        return euros.rename(columns=lambda name: name.removesuffix("_cents"))


def decompose(
    scenario: Scenario,
    arm: str,
    baseline: str | None = None,
    *,
    sample: int | None = None,
    progress: Progress | None = None,
) -> Decomposition:
    """Decompose the difference between two arms of a scenario.

    Parameters
    ----------
    arm, baseline
        Names; the baseline is by default the first arm that the scenario compares with.
    sample
        Simulate whole practices with about this many people.

    Raises
    ------
    ScenarioError
        There is no such arm.
    ModelError
        A step is not what it should repeat.
    """
    import pandas as pd

    wanted = scenario.arm(arm), scenario.arm(baseline or scenario.compare_with[0])
    model = build_model(scenario, sample)
    tables, cents = [], []
    for replicate in range(scenario.replicates):
        steps = _steps(model, *wanted, replicate, progress)
        tables.append(pd.DataFrame([_whole(step) for step in steps]))
        cents.append(pd.DataFrame([_balances(step) for step in steps]))
    units = _units(steps[0])
    whole = pd.concat(tables).groupby(level=0).mean()
    money = pd.concat(cents).fillna(0).astype("int64").groupby(level=0).sum()
    measures = _by_part(whole).assign(unit=[units[name] for name in whole.columns])
    return Decomposition(
        scenario.name,
        wanted[1].name,
        wanted[0].name,
        measures[["unit", "baseline", *PARTS, "arm"]].rename_axis("measure"),
        _by_part(money).add_suffix("_cents").rename_axis("actor"),
        _intervals([_by_part(table) for table in tables]),
        model.population.practices[0].weight,
        scenario.replicates,
        "" if sample is None else model.population.sample_note,
    )


def _intervals(each: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the interval of each part from those of the replicates."""
    import pandas as pd

    found = {}
    for part in PARTS:
        values = np.stack([table[part].to_numpy(np.float64) for table in each])  # [replicate, measure]
        ends = np.array([t_interval(column) for column in values.T])
        found[f"{part}_low"], found[f"{part}_high"] = ends[:, 0], ends[:, 1]
    return pd.DataFrame(found, index=each[0].index).rename_axis("measure")


def _by_part(steps: pd.DataFrame) -> pd.DataFrame:
    """Return baseline, parts and arm for each column of the steps R0 to R4."""
    import pandas as pd

    values = steps.to_numpy()
    found = dict(zip(PARTS, values[1:] - values[:-1], strict=True))
    return pd.DataFrame({"baseline": steps.iloc[0], **found, "arm": steps.iloc[-1]}, index=steps.columns)


def _steps(model: Model, arm: Arm, baseline: Arm, replicate: int, progress: Progress | None) -> list[Cell]:
    """Return R0 to R4."""
    base = run_base(model, replicate, progress=progress)
    solved = _solved(model, base, replicate, progress)
    a, b = solved[baseline.name], solved[arm.name]
    before = run_arm(model, base, a, replicate, progress=progress)
    after = run_arm(model, base, b, replicate, progress=progress)
    of_a = replace(b, programmes=a.programmes, delegation=a.delegation)
    settled = _again(model, base, of_a, before.path, replicate, progress)
    _require_same_events(before, settled, f"the events of {a.name} under the contracts of {b.name}")
    done = _again(model, base, of_a, after.path.with_health_of(before.path), replicate, progress)
    if of_a == b:
        return [before, settled, done, after, after]
    healthy = _again(model, base, of_a, after.path, replicate, progress)
    return [before, settled, done, healthy, after]


def _solved(model: Model, base: Base, replicate: int, progress: Progress | None) -> Mapping[str, Arm]:
    scenario = model.scenario
    if not any(each.budget_neutral_to for each in scenario.arms):
        return {each.name: each for each in scenario.arms}
    passive = run_arm(model, base, settling_arm(scenario), replicate, progress=progress)
    return {name: arm for name, (arm, _) in solve_arms(scenario, by_year(passive.quarters), base.years).items()}


def _again(model: Model, base: Base, arm: Arm, path: LeverPath, replicate: int, progress: Progress | None) -> Cell:
    return run_arm(model, base, arm, replicate, progress=progress, replay=path)


def _require_same_events(first: Cell, second: Cell, what: str) -> None:
    for one, other in zip(first.quarters, second.quarters, strict=True):
        for name in ("services", "person_years", "programme_years"):
            if not np.array_equal(getattr(one, name), getattr(other, name)):
                raise ModelError(f"decomposition: {what} have other {name}")


def _whole(cell: Cell) -> dict[str, float]:
    """Return every measure of the whole region over the horizon."""
    table = cell.results
    rows = (table["dimension"] == "all") & (table["period"] == HORIZON)
    return dict(zip(table["measure"][rows].tolist(), table["value"][rows].tolist(), strict=True))


def _units(cell: Cell) -> dict[str, str]:
    table = cell.results
    return dict(zip(table["measure"].tolist(), table["unit"].tolist(), strict=True))


def _balances(cell: Cell) -> dict[str, int]:
    """Return what is left of all postings by actor, in cents."""
    found: dict[str, int] = {}
    for actor, cents in cell.ledger.trial_balance().items():
        name = PRACTICES if is_practice(actor) else actor
        found[name] = found.get(name, 0) + cents
    return found
