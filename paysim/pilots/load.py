"""Reading a pilot: one YAML, checked against its scenario."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from paysim import catalog
from paysim.errors import InputError, ScenarioError
from paysim.parameters import SourcedNumber
from paysim.pilots import checks
from paysim.pilots.model import (
    PAYMENT_UNITS,
    UNITS,
    Analysis,
    Benchmark,
    Estimator,
    Inference,
    Level,
    Look,
    OwnSavings,
    Payment,
    Pilot,
    Rollout,
    Selection,
    Settled,
    Sourced,
)
from paysim.reading import Name, Reader, bind, read_yaml
from paysim.scenario import Scenario, load_scenario
from paysim.scenario.checks import placed

_Share = Annotated[float, Field(ge=0, le=1)]


class SitesReader(Reader):
    """How many sites."""

    treated: Annotated[int, Field(ge=1, le=10_000)]
    controls: Annotated[int, Field(ge=0, le=10_000)] = 0


class DesignReader(Reader):
    """When who starts and ends."""

    kind: Rollout
    start: str
    years: Annotated[int, Field(ge=1, le=30)]
    waves: Annotated[int, Field(ge=2, le=20)] | None = None
    withdrawn_after: Annotated[int, Field(ge=1, le=30)] | None = None
    exit: Literal["by_chance", "expected_value"] = "by_chance"
    ramp_up: Annotated[list[_Share], Field(min_length=1, max_length=30)] = [1.0]


class SourcedReader(SourcedNumber):
    """A number with its range, which a pilot always needs, source and status."""

    value: Annotated[float, Field(ge=0, le=1e6)]
    range: Annotated[list[float], Field(min_length=2, max_length=2)]


class SelectionReader(Reader):
    """How sites are chosen."""

    kind: Selection
    strata: Annotated[int, Field(ge=2, le=20)] | None = None
    by: Look | None = None
    error: SourcedReader | None = None
    treated: Annotated[list[str], Field(min_length=1, max_length=10_000)] | None = None


class EstimatorReader(Reader):
    """How the result is estimated."""

    kind: Estimator
    inference: Inference = "cluster_t"
    analysis: Analysis = "intention_to_treat"


class DecisionReader(Reader):
    """Level of the test and wanted power."""

    level: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8


class PaymentReader(Reader):
    """What is paid on the measured result."""

    sharing: SourcedReader
    loss_sharing: SourcedReader
    minimum_savings_rate: SourcedReader
    investment_eur_per_head: SourcedReader
    running_cost_eur_per_head_year: SourcedReader | None = None
    reserve_eur_per_head: SourcedReader | None = None
    settlement_lag_years: SourcedReader | None = None
    gain_cap_share: SourcedReader | None = None
    loss_cap_share: SourcedReader | None = None
    truncate_above_eur: SourcedReader | None = None
    benchmark: Benchmark = "estimate"
    settled: Settled = "end"
    first_euro: bool = True
    own_savings: OwnSavings = "paid"


class PilotReader(Reader):
    """The file."""

    version: Annotated[Literal[1], Field(alias="schema")]
    name: Name
    title: Annotated[str, Field(min_length=1)]
    scenario: str
    trial_arm: str
    comparator_arm: str
    region: str | None = None
    level: Level = "practice"
    regions: Annotated[list[str], Field(min_length=2, max_length=500)] | None = None
    sites: SitesReader
    selection: SelectionReader
    design: DesignReader
    controls_from: Literal["same_region", "other_region"] = "same_region"
    contamination: SourcedReader
    drop_out: SourcedReader
    region_drift: SourcedReader
    region_level: SourcedReader | None = None
    practice_noise: SourcedReader
    coding: SourcedReader | None = None
    carry_over: SourcedReader | None = None
    outcomes: Annotated[list[str], Field(min_length=1, max_length=20)]
    estimator: EstimatorReader
    decision: DecisionReader = DecisionReader()
    payment: PaymentReader | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1

    def settings(self) -> dict[str, SourcedReader]:
        """Return the parameters of `UNITS` that the file gives; a name with a dot lies in a part of the file."""
        found = {}
        for key in UNITS:
            at: object = self
            for name in key.split("."):
                at = getattr(at, name)
            if isinstance(at, SourcedReader):
                found[key] = at
        return found

    def payments(self) -> dict[str, SourcedReader]:
        """Return the numbers of the payment that the file gives."""
        given = {key: getattr(self.payment, key, None) for key in PAYMENT_UNITS}
        return {key: term for key, term in given.items() if isinstance(term, SourcedReader)}


def load_pilot(name_or_path: str | os.PathLike[str]) -> Pilot:
    """Read and check a pilot and its scenario.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong.
    """
    path = catalog.find("pilots", os.fspath(name_or_path))
    document = read_yaml(path)
    read = bind(PilotReader, document)
    try:
        scenario = load_scenario(read.scenario)
    except InputError as exc:
        raise ScenarioError(*(placed(problem, document, "scenario") for problem in exc.problems)) from exc
    first = _year(read.design.start, scenario)
    problems = list(checks.problems(read, first, scenario, document))
    if problems:
        raise ScenarioError(*sorted(problems, key=lambda each: (each.line or 0, each.column or 0)))
    assert first is not None
    return Pilot(
        name=read.name,
        title=read.title,
        scenario_name=read.scenario,
        scenario=scenario if read.region is None else replace(scenario, region=read.region),
        trial_arm=read.trial_arm,
        comparator_arm=read.comparator_arm,
        level=read.level,
        regions=tuple(read.regions or ()),
        treated=read.sites.treated,
        controls=read.sites.controls,
        selection=read.selection.kind,
        strata=read.selection.strata or 1,
        named=tuple(read.selection.treated or ()),
        look=read.selection.by or "last_year",
        rollout=read.design.kind,
        start_year=first,
        years=read.design.years,
        waves=read.design.waves or 1,
        withdrawn_after=read.design.withdrawn_after,
        leaves_at_loss=read.design.exit == "expected_value",
        ramp_up=tuple(read.design.ramp_up),
        controls_from=read.controls_from,
        settings={key: _sourced(term) for key, term in read.settings().items()},
        outcomes=tuple(read.outcomes),
        estimator=read.estimator.kind,
        inference=read.estimator.inference,
        analysis=read.estimator.analysis,
        alpha=read.decision.level,
        power=read.decision.power,
        payment=_payment(read),
        payment_terms={key: _sourced(term) for key, term in read.payments().items()},
        seed=read.seed,
        path=document.path,
    )


def _payment(read: PilotReader) -> Payment | None:
    if read.payment is None:
        return None
    terms: dict[str, Any] = {key: term.value for key, term in read.payments().items()}
    terms |= {key: getattr(read.payment, key) for key in ("benchmark", "settled", "first_euro", "own_savings")}
    return Payment(**terms)


def _sourced(read: SourcedReader) -> Sourced:
    return Sourced(read.value, read.range[0], read.range[1], read.source, read.status)


def _year(text: str, scenario: Scenario) -> int | None:
    """Return the contract year that begins on a day; None if no year begins on it."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    same = (day.month, day.day) == (scenario.start.month, scenario.start.day)
    return day.year - scenario.start.year if same else None
