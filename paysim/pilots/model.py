"""A pilot: who takes part, from when, under which contract, and how the result is estimated. One YAML."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from paysim import catalog
from paysim.analysis.measures import measure
from paysim.errors import InputError, Problem, ScenarioError, nearest_name
from paysim.parameters import Status
from paysim.reading import Document, Name, Reader, bind, read_yaml
from paysim.scenario import Scenario, load_scenario
from paysim.scenario.checks import placed

Selection = Literal["randomised", "stratified", "volunteers", "matched"]
Rollout = Literal["parallel", "staggered", "stepped_wedge"]
Estimator = Literal[
    "difference_in_differences",
    "event_study",
    "matched_differences",
    "two_way_fixed_effects",
    "interrupted_time_series",
]
Inference = Literal["cluster_t", "wild_cluster_bootstrap", "randomisation"]
Analysis = Literal["intention_to_treat", "per_protocol"]

_Share = Annotated[float, Field(ge=0, le=1)]
_TREATED_ONLY = "interrupted_time_series"
_ANY_START = "two_way_fixed_effects"


class _Sites(Reader):
    treated: Annotated[int, Field(ge=2, le=10_000)]
    controls: Annotated[int, Field(ge=0, le=10_000)] = 0


class _Design(Reader):
    kind: Rollout
    start: str
    years: Annotated[int, Field(ge=1, le=30)]
    waves: Annotated[int, Field(ge=2, le=20)] | None = None
    ramp_up: Annotated[list[_Share], Field(min_length=1, max_length=30)] = [1.0]


class _Sourced(Reader):
    value: Annotated[float, Field(ge=0, le=1e6)]
    range: Annotated[list[float], Field(min_length=2, max_length=2)]
    source: Annotated[str, Field(min_length=1)]
    status: Status


class _Selection(Reader):
    kind: Selection
    strata: Annotated[int, Field(ge=2, le=20)] | None = None
    error: _Sourced | None = None


class _Estimator(Reader):
    kind: Estimator
    inference: Inference = "cluster_t"
    analysis: Analysis = "intention_to_treat"


class _Decision(Reader):
    level: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8


class _Payment(Reader):
    sharing: _Sourced
    loss_sharing: _Sourced
    minimum_savings_rate: _Sourced
    investment_eur_per_head: _Sourced


class _File(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    title: Annotated[str, Field(min_length=1)]
    scenario: str
    trial_arm: str
    comparator_arm: str
    sites: _Sites
    selection: _Selection
    design: _Design
    controls_from: Literal["same_region", "other_region"] = "same_region"
    contamination: _Sourced
    drop_out: _Sourced
    region_drift: _Sourced
    practice_noise: _Sourced
    outcomes: Annotated[list[str], Field(min_length=1, max_length=20)]
    estimator: _Estimator
    decision: _Decision = _Decision()
    payment: _Payment | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1


@dataclass(frozen=True)
class Sourced:
    """A value with its range, source and status."""

    value: float
    low: float
    high: float
    source: str
    status: str


PAID_ON = "care_payments_per_head"
"""Outcome on which savings are paid: without what the arm on trial itself pays as savings or grants."""

UNITS = {
    "contamination": "share of the effect",
    "drop_out": "share of sites a year",
    "region_drift": "share of the mean a year, standard deviation",
    "practice_noise": "share of the mean, standard deviation of a practice-year",
    "selection.error": "share of the standard deviation of the outcome between practices",
}
"""The parameters of chance and of carrying out, with their units; a pilot has those that its design asks for."""
_PAYMENT_UNITS = {
    "sharing": "share of measured savings",
    "loss_sharing": "share of measured losses",
    "minimum_savings_rate": "share of the benchmark",
    "investment_eur_per_head": "EUR per head at the start",
}
_NO_SHARE = ("investment_eur_per_head", "error")


@dataclass(frozen=True)
class Payment:
    """What the pilot pays on its measured result: shares, the minimum savings rate, and euro a head at the start."""

    sharing: float
    loss_sharing: float
    minimum_savings_rate: float
    investment_eur_per_head: float


@dataclass(frozen=True)
class Pilot:
    """A checked pilot.

    Attributes
    ----------
    scenario_name
        As the file writes it.
    treated, controls
        Numbers of practices. In a stepped wedge all practices start in the end.
    start_year, years
        First contract year, counted from the start of the scenario, and length.
    waves
        How many groups start a year after each other; 1 in a parallel design.
    ramp_up
        Share of the full effect in the first, second, ... year; the last stays.
    outcomes
        Measures of `paysim.analysis.measures`; the first is primary, and practices volunteer or are matched by it.
    settings
        By the names of `UNITS`, of those that apply.
    payment_terms
        The same as `payment` with ranges and sources.
    """

    name: str
    title: str
    scenario_name: str
    scenario: Scenario
    trial_arm: str
    comparator_arm: str
    treated: int
    controls: int
    selection: Selection
    strata: int
    rollout: Rollout
    start_year: int
    years: int
    waves: int
    ramp_up: tuple[float, ...]
    controls_from: Literal["same_region", "other_region"]
    settings: dict[str, Sourced]
    outcomes: tuple[str, ...]
    estimator: Estimator
    inference: Inference
    analysis: Analysis
    level: float
    power: float
    payment: Payment | None
    payment_terms: dict[str, Sourced]
    seed: int
    path: str

    @property
    def sites(self) -> int:
        """Practices in all."""
        return self.treated + self.controls

    @property
    def end_year(self) -> int:
        """First year after the pilot."""
        return self.start_year + self.years


def load_pilot(name_or_path: str | os.PathLike[str]) -> Pilot:
    """Read and check a pilot and its scenario.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong.
    """
    path = catalog.find("pilots", os.fspath(name_or_path))
    document = read_yaml(path)
    read = bind(_File, document)
    try:
        scenario = load_scenario(read.scenario)
    except InputError as exc:
        raise ScenarioError(*(placed(problem, document, "scenario") for problem in exc.problems)) from exc
    first = _year(read.design.start, scenario)
    problems = [*_name_problems(read, scenario, document), *_design_problems(read, first, scenario, document)]
    if problems:
        raise ScenarioError(*sorted(problems, key=lambda each: (each.line or 0, each.column or 0)))
    assert first is not None
    terms = {} if read.payment is None else {key: _sourced(getattr(read.payment, key)) for key in _Payment.model_fields}
    return Pilot(
        name=read.name,
        title=read.title,
        scenario_name=read.scenario,
        scenario=scenario,
        trial_arm=read.trial_arm,
        comparator_arm=read.comparator_arm,
        treated=read.sites.treated,
        controls=read.sites.controls,
        selection=read.selection.kind,
        strata=read.selection.strata or 1,
        rollout=read.design.kind,
        start_year=first,
        years=read.design.years,
        waves=read.design.waves or 1,
        ramp_up=tuple(read.design.ramp_up),
        controls_from=read.controls_from,
        settings={key: _sourced(term) for key, term in _settings(read).items()},
        outcomes=tuple(read.outcomes),
        estimator=read.estimator.kind,
        inference=read.estimator.inference,
        analysis=read.estimator.analysis,
        level=read.decision.level,
        power=read.decision.power,
        payment=Payment(**{key: term.value for key, term in terms.items()}) if terms else None,
        payment_terms=terms,
        seed=read.seed,
        path=document.path,
    )


def resolved(pilot: Pilot) -> list[dict[str, object]]:
    """Return what the pilot settles: rows of name, value, low, high, unit, status, source."""
    plain: dict[str, tuple[object, str]] = {
        "scenario": (pilot.scenario_name, "name"),
        "trial_arm": (pilot.trial_arm, "name"),
        "comparator_arm": (pilot.comparator_arm, "name"),
        "sites.treated": (pilot.treated, "practices"),
        "sites.controls": (pilot.controls, "practices"),
        "selection": (pilot.selection, "name"),
        "design": (pilot.rollout, "name"),
        "start_year": (pilot.start_year, "year of the scenario"),
        "years": (pilot.years, "years"),
        "waves": (pilot.waves, "count"),
        "ramp_up": (list(pilot.ramp_up), "share of the effect, by year"),
        "controls_from": (pilot.controls_from, "name"),
        "outcomes": (list(pilot.outcomes), "names"),
        "estimator": (pilot.estimator, "name"),
        "inference": (pilot.inference, "name"),
        "analysis": (pilot.analysis, "name"),
        "level": (pilot.level, "probability"),
        "power": (pilot.power, "probability"),
        "seed": (pilot.seed, "key"),
    }
    source = {"status": "pilot", "source": pilot.path.rpartition("/")[2]}
    rows = [{"name": key, "value": value, "unit": unit, **source} for key, (value, unit) in plain.items()]
    terms = {key: (each, UNITS[key]) for key, each in pilot.settings.items()}
    terms |= {f"payment.{key}": (each, _PAYMENT_UNITS[key]) for key, each in pilot.payment_terms.items()}
    for key, (term, unit) in terms.items():
        row = {"name": key, "value": term.value, "low": term.low, "high": term.high, "unit": unit}
        rows.append({**row, "status": term.status, "source": term.source})
    return rows


def _settings(read: _File) -> dict[str, _Sourced]:
    """Return the parameters of `UNITS` that the file gives; a name with a dot lies in a part of the file."""
    found = {}
    for key in UNITS:
        at: object = read
        for name in key.split("."):
            at = getattr(at, name)
        if isinstance(at, _Sourced):
            found[key] = at
    return found


def _sourced(read: _Sourced) -> Sourced:
    return Sourced(read.value, read.range[0], read.range[1], read.source, read.status)


def _year(text: str, scenario: Scenario) -> int | None:
    """Return the contract year that begins on a day; None if no year begins on it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return (
        day.year - scenario.start.year if (day.month, day.day) == (scenario.start.month, scenario.start.day) else None
    )


def _name_problems(read: _File, scenario: Scenario, document: Document) -> Iterator[Problem]:
    arms = [arm.name for arm in scenario.arms]
    for key in ("trial_arm", "comparator_arm"):
        name = getattr(read, key)
        if name not in arms:
            near = nearest_name(name, arms)
            yield document.problem("the scenario has no such arm", (key,), found=name, allowed=arms, nearest=near)
    if read.trial_arm == read.comparator_arm:
        yield document.problem("the arm on trial is the comparator", ("comparator_arm",), found=read.comparator_arm)
    for index, name in enumerate(read.outcomes):
        loc = ("outcomes", index)
        if name in read.outcomes[:index]:
            yield document.problem("outcome comes twice", loc, found=name)
        try:
            measure(name)
        except InputError as exc:
            problem = exc.problems[0]
            yield document.problem(problem.message, loc, found=name, allowed=problem.allowed, nearest=problem.nearest)
    numbers = [(tuple(key.split(".")), term) for key, term in _settings(read).items()]
    if read.payment is not None and PAID_ON not in read.outcomes:
        yield document.problem("is settled on an outcome that is not measured", ("outcomes",), allowed=[PAID_ON])
    if read.payment is not None:
        numbers += [(("payment", key), getattr(read.payment, key)) for key in _Payment.model_fields]
    for where, number in numbers:
        low, high = number.range
        most = float("inf") if where[-1] in _NO_SHARE else 1.0
        if not 0.0 <= low <= high <= most:
            what = "two numbers from 0" if where[-1] in _NO_SHARE else "two shares from 0 to 1"
            yield document.problem(f"{what} expected, the lower one first", (*where, "range"), found=number.range)
        elif not low <= number.value <= high:
            yield document.problem("value outside its range", (*where, "value"), found=number.value)


def _design_problems(read: _File, first: int | None, scenario: Scenario, document: Document) -> Iterator[Problem]:
    design, kind = read.design, read.estimator.kind
    if first is None:
        wanted = f"a day such as {scenario.start.replace(year=scenario.start.year + 2).isoformat()}"
        yield document.problem(
            "no contract year begins on this day", ("design", "start"), found=design.start, allowed=[wanted]
        )
        return
    if first < 0:
        message = f"starts before the region, whose years begin on {scenario.start.isoformat()}"
        yield document.problem(message, ("design", "start"), found=design.start)
    elif first == 0:
        message = f"{kind} cannot be identified: the pilot starts with the scenario, so there is no year before it"
        yield document.problem(message, ("design", "start"), found=design.start)
    elif first == 1 and kind == _TREATED_ONLY:
        message = f"{kind} cannot be identified: a trend before the pilot takes at least two years"
        yield document.problem(message, ("design", "start"), found=design.start)
    if first + design.years > scenario.horizon_years:
        message = f"ends after the scenario, which has {scenario.horizon_years} years"
        yield document.problem(message, ("design", "years"), found=design.years)
    if len(design.ramp_up) > design.years:
        yield document.problem(
            "more years of ramp-up than the pilot has", ("design", "ramp_up"), found=len(design.ramp_up)
        )
    yield from _control_problems(read, document)
    if (design.waves is not None) == (design.kind == "parallel"):
        yield document.problem(
            "waves belong to staggered and stepped_wedge, which need them", ("design",), found=design.kind
        )
    elif design.waves is not None:
        if design.waves > design.years:
            yield document.problem("more waves than years of the pilot", ("design", "waves"), found=design.waves)
        if design.waves > read.sites.treated:
            yield document.problem("more waves than treated sites", ("design", "waves"), found=design.waves)
        if kind != _ANY_START:
            instead = "" if kind == _TREATED_ONLY else f"; with waves use {_ANY_START}"
            message = f"{kind} needs one common start{instead}"
            yield document.problem(message, ("estimator", "kind"), found=kind)
    if (read.selection.strata is not None) != (read.selection.kind == "stratified"):
        yield document.problem(
            "strata belong to stratified, which needs them", ("selection",), found=read.selection.kind
        )
    if (read.selection.error is not None) != (read.selection.kind == "volunteers"):
        message = "an error of what is expected to be gained belongs to volunteers, who need it"
        yield document.problem(message, ("selection",), found=read.selection.kind)
    if read.estimator.inference != "cluster_t" and kind not in ("difference_in_differences", "event_study"):
        message = "only for difference_in_differences and event_study"
        yield document.problem(message, ("estimator", "inference"), found=read.estimator.inference)
    if read.estimator.inference == "randomisation" and read.selection.kind != "randomised":
        yield document.problem("needs randomised sites", ("estimator", "inference"), found=read.selection.kind)
    if read.estimator.analysis == "per_protocol" and kind == _ANY_START:
        yield document.problem(f"not with {kind}", ("estimator", "analysis"), found=read.estimator.analysis)


def _control_problems(read: _File, document: Document) -> Iterator[Problem]:
    kind, controls = read.estimator.kind, read.sites.controls
    if read.design.kind == "stepped_wedge":
        if controls:
            message = "in a stepped wedge all sites start in the end; later ones are the controls"
            yield document.problem(message, ("sites", "controls"), found=controls)
    elif controls < 2 and kind != _TREATED_ONLY:
        message = f"{kind} cannot be identified without controls: at least 2"
        yield document.problem(message, ("sites",), found=controls)
    if read.selection.kind == "matched" and controls < read.sites.treated:
        yield document.problem("every treated site needs a control of its own", ("sites", "controls"), found=controls)
