"""Validation: one arm of a region, as it is paid today, beside every published value that is known of it.

The arm `current` of the country's standard scenario runs with all diseases, nobody responding. An `Observer` sees its
health, the results hold its use of care and payments; `paysim.analysis.targets` says what both are compared with and
`paysim.analysis.comparison` how a value is judged.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.analysis.care_comparisons import PAYMENTS, Seen, care, concentration, money, national_total, treatment
from paysim.analysis.comparison import Comparison, Limits, between, shown, with_chance, with_interval
from paysim.analysis.estimates import Estimate, estimate, names_needed
from paysim.analysis.observation import Observation, Observer
from paysim.analysis.targets import OPEN, RATES, SHARES, Target, read_targets, shipped_names, shipped_targets
from paysim.diseases import DISEASES
from paysim.engine.cell import Cell, Progress, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.errors import Problem, ScenarioError
from paysim.kernel.spec import AGES
from paysim.population import describe, load_region
from paysim.reading import read_table
from paysim.reading.tables import read_raw
from paysim.scenario import Behaviour, Scenario, load_scenario

if TYPE_CHECKING:
    import pandas as pd

STANDARD_SCENARIO = {"NL": "nl/achterhoek_four_models", "BE": "be/middenkempen_four_models"}
"""Of each country, the scenario whose arm `current` is the care that people have today."""

YEARS = 6
_COUNTED = (*RATES, *SHARES)
_SEX_WORDS = {"M": "men", "F": "women", "all": "all"}
_MANY_CELLS = 20


@dataclass(frozen=True, eq=False)
class Validation:
    """A region's simulated values beside published ones.

    Attributes
    ----------
    comparisons
        One for each target, in the order of the tables.
    persons, practices, sample
        Of one replicate; `sample` is the sentence on what a sample took, empty for a whole region.
    """

    region: str
    title: str
    country: str
    scenario: str
    arm: str
    base_years: int
    years: int
    seed: int
    replicates: int
    persons: int
    practices: int
    sample: str
    comparisons: tuple[Comparison, ...]

    def __repr__(self) -> str:
        """Return one line."""
        return f"Validation({self.region!r}, {self.years} years: {self.summary})"

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row a target: the fields of `paysim.analysis.comparison.Comparison`, and `state`."""
        import pandas as pd

        names = [each.name for each in fields(Comparison)]
        frame = pd.DataFrame([asdict(each) for each in self.comparisons], columns=names)
        frame["within"] = frame["within"].astype(object)
        frame.insert(names.index("within") + 1, "state", [each.state for each in self.comparisons])
        return frame

    @cached_property
    def states(self) -> Counter[str]:
        """How many targets are met, missed, not modelled, not judged."""
        return Counter(each.state for each in self.comparisons)

    @cached_property
    def judged(self) -> dict[str, dict[str, int]]:
        """How many targets were ``judged`` and ``met``: ``by_tolerance``, and ``by_chance`` alone.

        Where fewer than `MANY` cases are expected, three Monte Carlo standard errors are allowed: the fewer people, the
        wider, so that a small run meets nearly all of these whatever the model says.
        """
        found = {"by_tolerance": {"judged": 0, "met": 0}, "by_chance": {"judged": 0, "met": 0}}
        for each in self.comparisons:
            if each.within is not None:
                kind = found["by_chance" if each.rule.endswith(" SE") else "by_tolerance"]
                kind["judged"] += 1
                kind["met"] += each.within
        return found

    @property
    def summary(self) -> str:
        """Return the count of targets met, in words: those held to a tolerance first."""
        firm, loose = self.judged["by_tolerance"], self.judged["by_chance"]
        found = f"{firm['met']} of {firm['judged']} targets met within their tolerance"
        if loose["judged"]:
            found += f"; {loose['met']} of {loose['judged']} within chance, which few cases can hardly fail"
        others = [f"{n} {state}" for state, n in sorted(self.states.items()) if state not in ("met", "missed")]
        return found + "".join(f"; {each}" for each in others)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON; targets are the list ``targets``."""
        head = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "comparisons"}
        targets = [asdict(each) | {"state": each.state} for each in self.comparisons]
        counts = {state.replace(" ", "_"): n for state, n in sorted(self.states.items())}
        return {**head, "counts": counts, "judged": self.judged, "targets": targets}


def validate(
    region: str | os.PathLike[str],
    *,
    years: int = YEARS,
    sample: int | None = None,
    seed: int = 1,
    replicates: int = 1,
    targets: Sequence[str | os.PathLike[str]] = (),
    progress: Progress | None = None,
) -> Validation:
    """Compare a run of a region with every published value that is known of it.

    Parameters
    ----------
    region
        Name of a region or country in the catalogue, such as ``achterhoek`` or ``netherlands``, or a YAML file.
    years
        Years observed, after the base years of the standard scenario.
    sample
        Simulate whole practices with about this many people.
    seed, replicates
        Key of the random numbers, and number of runs over which values are averaged.
    targets
        Further tables of targets, see `paysim.analysis.targets.read_targets`; or tables of payments with the columns
        ``sex, age_lo, age_hi, euro_per_insured_year``, of which only relative errors are kept.
    progress
        Called as (what, weeks done, weeks in all).

    Returns
    -------
    Validation

    Raises
    ------
    ScenarioError
        No such region, or a number that no run can be made of.
    DataError
        A table of targets is at fault; with file, line and column.
    """
    scenario = standard_scenario(region, years, seed, replicates)
    if sample is not None and sample < 1:
        raise ScenarioError(Problem("a whole number of 1 or more expected", key="sample", found=str(sample)))
    payments = [read_table(path, PAYMENTS) for path in targets if _is_payments(path)]
    model = build_model(scenario, sample)
    wanted = shipped_targets(model.region, model.parameters)
    wanted += _own_targets([path for path in targets if not _is_payments(path)], model, wanted)
    modelled = [target for target in wanted if _is_modelled(target, model)]
    runs: list[list[Estimate]] = []
    results: list[pd.DataFrame] = []
    for number in range(replicates):
        seen, cell = observe(model, number, progress)
        runs.append([estimate(target, seen) for target in modelled])
        results.append(_frame(cell))
    estimates = dict(zip((id(target) for target in modelled), map(_pooled, zip(*runs, strict=True)), strict=True))
    rows = [_compare(target, estimates.get(id(target))) for target in wanted]
    rows += _of_results(results, model, payments)
    if sample is None:
        rows = [*_margins(model), *rows]
    order = list(dict.fromkeys(row.section for row in rows))
    rows.sort(key=lambda row: order.index(row.section))
    return Validation(
        region=model.region.name,
        title=model.region.title,
        country=model.region.country,
        scenario=scenario.name,
        arm=scenario.current,
        base_years=scenario.base_years,
        years=years,
        seed=seed,
        replicates=replicates,
        persons=len(model.population),
        practices=len(model.population.practices),
        sample=model.population.sample_note,
        comparisons=tuple(rows),
    )


def standard_scenario(
    region: str | os.PathLike[str], years: int = YEARS, seed: int = 1, replicates: int = 1
) -> Scenario:
    """Return the standard scenario of a region's country there: arm `current`, nobody responding, all diseases."""
    country = load_region(region).country
    scenario = load_scenario(STANDARD_SCENARIO[country])
    arm = replace(scenario.arm(scenario.current), behaviour=Behaviour())
    return replace(
        scenario,
        region=os.fspath(region),
        horizon_years=years,
        seed=seed,
        replicates=replicates,
        diseases=DISEASES,
        arms=(arm,),
        compare_with=(arm.name,),
    )


def observe(model: Model, replicate: int = 0, progress: Progress | None = None) -> tuple[Observation, Cell]:
    """Run the arm `current` of a model and observe it over its horizon.

    Returns
    -------
    observation, cell
        What was seen of people, and what the arm left.
    """
    scenario = model.scenario
    base = run_base(model, replicate, progress=progress)
    observer = Observer(model, scenario.horizon_years)
    cell = run_arm(
        model,
        base,
        scenario.arm(scenario.current),
        replicate,
        progress=progress,
        on_events=observer.on_events,
        own_processes=(observer.watch,),
        state=base.state,
    )
    return observer.result(), cell


def _is_payments(path: str | os.PathLike[str]) -> bool:
    return "euro_per_insured_year" in read_raw(path).names


def _own_targets(paths: Sequence[str | os.PathLike[str]], model: Model, shipped: Sequence[Target]) -> list[Target]:
    """Read a user's own targets; they may name what any shipped target names, and what the model has."""
    processes, flags = shipped_names()
    known = processes | set(model.processes), flags | set(model.flag_bit)
    taken = {target.id for target in shipped}
    own: list[Target] = []
    for path in paths:
        for target in read_targets(path, *known):
            if target.id in taken:
                raise ScenarioError(Problem("this id is taken by another target", os.fspath(path), found=target.id))
            taken.add(target.id)
            own.append(target)
    return own


def _is_modelled(target: Target, model: Model) -> bool:
    processes, flags = names_needed(target)
    return set(processes) <= set(model.processes) and set(flags) <= set(model.flag_bit)


def _pooled(parts: Sequence[Estimate]) -> Estimate:
    """Return the mean of replicates' estimates; what does not repeat keeps its error."""
    value, error, observed, cases, _ = (np.array(column, float) for column in zip(*parts, strict=True))
    repeats = parts[0].repeats
    pooled = float(np.sqrt((error**2).sum()) / len(parts)) if repeats else float(error.mean())
    total = float(cases.sum() if repeats else cases.mean())
    return Estimate(float(value.mean()), pooled, float(observed.mean()), total, repeats)


def title_of(target: Target) -> str:
    """Return what a target is about, in words."""
    words = target.title
    if not words:
        what = " or ".join(target.what).replace("_", " ")
        among = f" among {' or '.join(target.among).replace('_', ' ')}" if target.among else ""
        words = f"{target.measure.replace('_', ' ')}{': ' if what else ''}{what}{among}"
    ages = "" if (target.age_from, target.age_to) == (0, OPEN) else f" {target.age_from}-{target.age_to}"
    if target.age_from > 0 and target.age_to >= AGES - 1:
        ages = f" {target.age_from}+"
    return f"{words}, {_SEX_WORDS[target.sex]}{ages}"


def _compare(target: Target, found: Estimate | None) -> Comparison:
    """Judge a target by what was found; None: the model has not got its disease."""
    about = Limits(
        id=target.id,
        section=target.section,
        what=title_of(target),
        unit=target.unit,
        role=target.role,
        status=target.status,
        source=target.source,
        why=target.why,
        area=target.area,
        year=target.year,
    )
    if found is None:
        return shown(about, target.value, None, "not modelled")
    if not np.isfinite(found.value) or not np.isfinite(found.observed):
        return shown(about, found.observed, None, "not seen in this run")
    value, error, observed, cases, _ = found
    kind = target.tolerance_kind
    if kind in ("percent", "absolute"):
        counts = target.unit in _COUNTED
        absolute = kind == "absolute"
        return with_chance(about, observed, value, error, target.tolerance, cases, count=counts, absolute=absolute)
    plain = with_interval(shown(about, observed, value), error, cases)
    if kind == "interval":
        assert target.low is not None
        assert target.high is not None
        return between(plain, target.low, target.high, f"{target.low:g} to {target.high:g}", target.why)
    if kind == "standard_errors" and np.isfinite(error):
        assert target.tolerance is not None
        room = target.tolerance * error
        return between(plain, observed - room, observed + room, f"{target.tolerance:g} SE", target.why)
    return plain


def _frame(cell: Cell) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(dict(cell.results))


def _of_results(
    results: Sequence[pd.DataFrame], model: Model, payments: Sequence[Mapping[str, Any]]
) -> Iterator[Comparison]:
    import pandas as pd

    simulated = len(results) / model.population.practices[0].weight
    seen = Seen(pd.concat(results, ignore_index=True), model.region.name, simulated, model.region.country)
    if model.region.country != "NL":
        yield from national_total(seen)
        return
    yield from treatment(seen, model.scenario.horizon_years - 1)
    yield from care(seen)
    yield from money(seen, payments)
    yield from concentration(seen)


def _margins(model: Model) -> Iterator[Comparison]:
    """Yield the margins of the region's people: exact ones to the person, drawn ones within chance."""
    frame = describe(model.population, model.region)
    for margin, rows in frame[frame["role"] == "exact"].groupby("margin", sort=False):
        about = _margin(str(margin), rows, "largest difference, persons")
        worst = float(rows["difference"].abs().max())
        yield between(shown(about, 0.0, worst), 0.0, 0.0, "exact")
    for margin, rows in frame[(frame["role"] != "exact") & frame["z"].notna()].groupby("margin", sort=False):
        limit = 3.0 if len(rows) < _MANY_CELLS else 4.0  # the largest of many is larger by chance
        about = _margin(str(margin), rows, "largest difference, standard errors")
        yield between(shown(about, 0.0, float(rows["z"].abs().max())), 0.0, limit, f"{limit:g} SE")


def _margin(margin: str, rows: pd.DataFrame, unit: str) -> Limits:
    cells = f" ({len(rows)} cells)" if len(rows) > 1 else ""
    name = "population_" + margin.replace(" ", "_").replace(",", "")
    source = "tables of the region and of its country, see `paysim population describe`"
    why = "a difference beyond chance; `paysim population describe` names the cell."
    role = "check" if set(rows["role"]) <= {"derived", "assumed"} else "calibrate"
    return Limits(name, "population", f"{margin}{cells}", unit, role, "derived", source, why)
