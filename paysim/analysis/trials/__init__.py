"""Classic trials in silico: does what the model says of treatments give what trials found.

People of a country whom a trial would have taken are simulated twice with the same chance: without the trial's drugs,
and with its difference of LDL cholesterol or blood pressure. In the model a fall acts on events, by rate ratios per
unit from meta-analyses; deaths from any cause must follow, and are no input. Nothing is fitted to the trials here.
Today's people die of other causes than participants did then; they are weighted to participants' age, sex and history.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.analysis.comparison import reason, side
from paysim.analysis.trials.arms import (
    Followed,
    Seen,
    differences,
    factor,
    follow,
    health_tables,
    participants,
    treated,
)
from paysim.analysis.trials.design import FACTORS, SHIPPED, Outcome, Trial, read_trials
from paysim.analysis.trials.ratios import effective_number, matching_weights, rate, rate_ratio, standardised
from paysim.analysis.validation import standard_scenario
from paysim.engine.model import Model, build_model
from paysim.errors import Problem, ScenarioError, nearest_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SHIPPED", "Outcome", "Ratio", "Replication", "Trial", "Trials", "read_trials", "replicate_trials"]

REPLICATES = 10
_Z = 1.959964
Progress = Callable[[str, int, int], None]
"""Called as (trial, replicates done, replicates in all)."""


@dataclass(frozen=True)
class Ratio:
    """One outcome, published and simulated.

    Attributes
    ----------
    published, lower, upper
        Ratio of the trial with its 95% interval.
    simulated, simulated_low, simulated_high
        Ratio of rates of first events, with the interval of chance.
    control_rate
        First events per 1,000 person-years in the simulated control arm.
    state
        ``met`` when the simulated ratio lies within the published interval, else ``missed``; ``not seen`` without
        events.
    missed
        Of a missed one, on which side the simulated ratio lies: ``above``, the effect is weaker than published, or
        ``below``, it is stronger.
    why
        Why it may be missed on that side; of one that is met, why it might be.
    by_cause
        Whether it is reweighted by the causes of death of the trial, and so no test of its own.
    """

    outcome: str
    title: str
    published: float
    lower: float
    upper: float
    simulated: float
    simulated_low: float
    simulated_high: float
    control_rate: float
    state: str
    missed: str
    status: str
    source: str
    why: str
    by_cause: bool


@dataclass(frozen=True)
class Replication:
    """One trial.

    Attributes
    ----------
    persons, effective_persons
        Whom the trial would take, and how many equally weighted people they are worth.
    mean_age, women
        Of the weighted participants.
    ldl_difference, sbp_difference
        What the treated arm has less of, as simulated: mmol/L and mmHg.
    """

    trial: str
    title: str
    tests: str
    source: str
    years: float
    persons: int
    effective_persons: float
    mean_age: float
    women: float
    ldl_difference: float
    sbp_difference: float
    ratios: tuple[Ratio, ...]


@dataclass(frozen=True)
class Trials:
    """Trials replicated with the people of a country."""

    country: str
    seed: int
    replicates: int
    replications: tuple[Replication, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """Return one row an outcome: the trial, and the fields of `Ratio`."""
        import pandas as pd

        rows = [{"trial": each.trial} | asdict(ratio) for each in self.replications for ratio in each.ratios]
        return pd.DataFrame(rows, columns=["trial", *(each.name for each in fields(Ratio))])

    @property
    def summary(self) -> str:
        """Return the count of intervals met, in words; ratios with a trial's own causes of death are counted apart."""
        ratios = [ratio for each in self.replications for ratio in each.ratios]
        plain, again = ([r.state for r in ratios if r.by_cause == by_cause] for by_cause in (False, True))
        found = f"{plain.count('met')} of {len(plain)} published intervals met"
        if again:
            met = again.count("met")
            found += f"; deaths once more, reweighted by the trial's own causes of death: {met} of {len(again)}"
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return asdict(self)


def replicate_trials(
    country: str | os.PathLike[str] = "netherlands",
    trials: Sequence[str] = (),
    *,
    file: str | os.PathLike[str] = SHIPPED,
    sample: int | None = None,
    seed: int = 1,
    replicates: int = REPLICATES,
    progress: Progress | None = None,
) -> Trials:
    """Replicate classic trials with the people of a country.

    Parameters
    ----------
    country
        Name of a country or region in the catalogue, or a YAML file.
    trials
        Names of trials; all of the file by default.
    file
        YAML with trials, by default the shipped ones.
    sample
        Take whole practices with about this many people.
    seed, replicates
        Key of the random numbers; how often everybody goes through each trial.
    progress
        Called as (trial, replicates done, replicates in all).

    Returns
    -------
    Trials

    Raises
    ------
    ScenarioError
        No such country or trial, or fewer than one replicate.
    DataError
        A fault in the file, or a population that has not the people of a trial.
    """
    if replicates < 1:
        raise ScenarioError(Problem("a whole number of 1 or more expected", key="replicates", found=str(replicates)))
    known = [each.name for each in read_trials(file)]
    problems = [
        Problem("unknown trial", key="trials", found=name, allowed=tuple(known), nearest=nearest_name(name, known))
        for name in trials
        if name not in known
    ]
    if problems:
        raise ScenarioError(*problems)
    model = build_model(standard_scenario(country, seed=seed), sample)
    designs = read_trials(file, model.flag_bit, model.processes)
    chosen = [each for each in designs if not trials or each.name in trials]
    found = tuple(_replicate(model, each, replicates, progress) for each in chosen)
    return Trials(os.fspath(country), seed, replicates, found)


def _replicate(model: Model, trial: Trial, replicates: int, progress: Progress | None) -> Replication:
    tables = health_tables(model)
    sums: dict[tuple[str, int], list[Seen]] = {}
    for replicate in range(replicates):
        control = participants(model, tables, trial, replicate)
        arm = treated(model, tables, trial, control)
        if replicate == 0:
            who, weight = control.people["id"].copy(), weights(model, trial, control.people)
            ldl, sbp = differences(control.people, arm.people)
        for k, state in enumerate((control, arm)):
            followed = follow(state, tables, trial.years)
            for each in trial.outcomes:
                seen = _seen(model, each, followed)
                before = sums.get((each.name, k))
                sums[each.name, k] = seen if before is None else [a + b for a, b in zip(before, seen, strict=True)]
        if progress:
            progress(trial.name, replicate + 1, replicates)
    share = weight / weight.sum()
    return Replication(
        trial=trial.name,
        title=trial.title,
        tests=trial.tests,
        source=trial.source,
        years=trial.years,
        persons=len(who),
        effective_persons=effective_number(weight),
        mean_age=float(share @ model.population.age[who]),
        women=float(share @ model.cohort.sex[who]),
        ldl_difference=ldl,
        sbp_difference=sbp,
        ratios=tuple(_ratio(each, weight, sums[each.name, 0], sums[each.name, 1]) for each in trial.outcomes),
    )


def _seen(model: Model, outcome: Outcome, arm: Followed) -> list[Seen]:
    """Return the events of an outcome; with causes those of each cause, and of all others last."""
    numbers = [model.processes.index(name) for name in outcome.processes]
    if numbers:
        return [arm.first_event(numbers)]
    if not outcome.causes:
        return [arm.death()]
    groups = [[model.processes.index(name) for name in cause.processes] for cause in outcome.causes]
    named = {number for group in groups for number in group}
    others = [number for number in range(len(model.processes)) if number not in named]
    return [arm.death(group) for group in (*groups, others)]


def weights(model: Model, trial: Trial, people: np.ndarray) -> np.ndarray:
    """Return weights ``[n]`` under which people have the means of the trial's participants."""
    columns = []
    for name in trial.match:
        if name == "age":
            columns.append(model.population.age[people["id"]])
        elif name == "women":
            columns.append(people["sex"].astype(float))
        elif name in FACTORS:
            columns.append(factor(people, name))
        else:
            columns.append((people["flags"] & model.flag_bit[name] != 0).astype(float))
    traits = np.column_stack(columns) if columns else np.zeros((len(people), 0))
    return matching_weights(traits, list(trial.match.values()), trial.name)


def _ratio(outcome: Outcome, weight: np.ndarray, control: list[Seen], arm: list[Seen]) -> Ratio:
    shares = [cause.share for cause in outcome.causes]
    parts = [rate_ratio(weight, *each) for each in zip(control, arm, strict=True)]
    value, influence = standardised([(s, *each) for s, each in zip((*shares, 1.0 - sum(shares)), parts, strict=True)])
    error = float(np.sqrt(influence @ influence))
    missed = side(value, outcome.low, outcome.high)  # nothing of a ratio that is no number
    state = "not seen" if not np.isfinite(value) else "missed" if missed else "met"
    return Ratio(
        outcome=outcome.name,
        title=outcome.title,
        published=outcome.ratio,
        lower=outcome.low,
        upper=outcome.high,
        simulated=value,
        simulated_low=value * float(np.exp(-_Z * error)),
        simulated_high=value * float(np.exp(_Z * error)),
        control_rate=1000.0 * sum(rate(weight, *each) for each in control),
        state=state,
        missed=missed,
        status=outcome.status,
        source=outcome.source,
        why=reason(outcome.why, missed),
        by_cause=bool(outcome.causes),
    )
