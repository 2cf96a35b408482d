"""What can be wrong with a pilot beyond its keys: names, ranges, and designs whose effect cannot be identified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from paysim.analysis.measures import measure
from paysim.errors import InputError, Problem, nearest_name
from paysim.parameters import sourced_problems
from paysim.pilots.model import ANY_START, COLLAPSED, GROUP_TIME, NO_SHARE, NORM_COST, PAID_ON, TREATED_ONLY, TRUNCATED
from paysim.population import load_region
from paysim.reading import Document
from paysim.scenario import Scenario

if TYPE_CHECKING:
    from paysim.pilots.load import PilotReader


def problems(read: PilotReader, first: int | None, scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Yield what is wrong with a pilot that starts in a contract year; None: on no first day of one."""
    yield from _names(read, scenario, document)
    yield from _numbers(read, document)
    yield from _regions(read, scenario, document)
    if first is None:
        wanted = f"a day such as {scenario.start.replace(year=scenario.start.year + 2).isoformat()}"
        message = "no contract year begins on this day"
        yield document.problem(message, ("design", "start"), found=read.design.start, allowed=[wanted])
        return
    yield from _times(read, first, scenario, document)
    yield from _controls(read, document)
    yield from _rollout(read, document)
    yield from _selection(read, document)
    yield from _estimator(read, document)


def _names(read: PilotReader, scenario: Scenario, document: Document) -> Iterator[Problem]:
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
    if read.payment is not None and PAID_ON not in read.outcomes:
        yield document.problem("is settled on an outcome that is not measured", ("outcomes",), allowed=[PAID_ON])


def _numbers(read: PilotReader, document: Document) -> Iterator[Problem]:
    numbers = [(tuple(key.split(".")), term) for key, term in read.settings().items()]
    numbers += [(("payment", key), term) for key, term in read.payments().items()]
    for where, number in numbers:
        low, high = number.range
        most = float("inf") if where[-1] in NO_SHARE else 1.0
        if not 0.0 <= low <= high <= most:
            what = "two numbers from 0" if where[-1] in NO_SHARE else "two shares from 0 to 1"
            yield document.problem(f"{what} expected, the lower one first", (*where, "range"), found=number.range)
            continue
        yield from sourced_problems(number, where, document)
        if where[-1] == "settlement_lag_years" and any(each % 1 for each in (number.value, low, high)):
            yield document.problem("whole years expected", where, found=number.value)
        if where[-1] == "truncate_above_eur":
            allowed = [f"{euro:g}" for euro in TRUNCATED]
            for wrong in dict.fromkeys(each for each in (number.value, low, high) if each not in TRUNCATED):
                yield document.problem("payments are not known up to this amount", where, found=wrong, allowed=allowed)


def _regions(read: PilotReader, scenario: Scenario, document: Document) -> Iterator[Problem]:
    country = load_region(scenario.region).country
    others = [(("regions", index), name) for index, name in enumerate(read.regions or [])]
    for loc, name in [*others, *([(("region",), read.region)] if read.region is not None else [])]:
        try:
            theirs = load_region(name).country
        except InputError as exc:
            problem = exc.problems[0]
            yield document.problem(problem.message, loc, found=name, nearest=problem.nearest)
            continue
        if theirs != country:
            yield document.problem("the scenario is of another country", loc, found=theirs, allowed=[country])
    if read.region is not None and read.level != "practice":
        yield document.problem("sites are regions of their own: name them in regions", ("region",), found=read.region)
    if (read.level == "practice") != (read.regions is None):
        yield document.problem("regions belong to a level of zone or region, which needs them", ("level",))
        return
    if read.level == "practice":
        if read.region_level is not None:
            yield document.problem("belongs to a level of zone or region", ("region_level",))
        return
    if read.region_level is None:
        yield document.problem("region_level is missing: how much regions differ for good", ("level",))
    if read.controls_from == "other_region":
        yield document.problem("every site is a region of its own already", ("controls_from",))
    names = read.regions or []
    for index, name in enumerate(names):
        if name in names[:index]:
            yield document.problem("region comes twice", ("regions", index), found=name)
    wanted = read.sites.treated + read.sites.controls
    if wanted > len(names):
        yield document.problem("more sites than regions", ("sites",), found=wanted, allowed=[f"at most {len(names)}"])


def _times(read: PilotReader, first: int, scenario: Scenario, document: Document) -> Iterator[Problem]:
    design, kind = read.design, read.estimator.kind
    if first < 0:
        message = f"starts before the region, whose years begin on {scenario.start.isoformat()}"
        yield document.problem(message, ("design", "start"), found=design.start)
    elif first == 0:
        message = f"{kind} cannot be identified: the pilot starts with the scenario, so there is no year before it"
        yield document.problem(message, ("design", "start"), found=design.start)
    elif first == 1 and kind == TREATED_ONLY:
        message = f"{kind} cannot be identified: a trend before the pilot takes at least two years"
        yield document.problem(message, ("design", "start"), found=design.start)
    if first + design.years > scenario.horizon_years:
        message = f"ends after the scenario, which has {scenario.horizon_years} years"
        yield document.problem(message, ("design", "years"), found=design.years)
    if len(design.ramp_up) > design.years:
        message = "more years of ramp-up than the pilot has"
        yield document.problem(message, ("design", "ramp_up"), found=len(design.ramp_up))


def _controls(read: PilotReader, document: Document) -> Iterator[Problem]:
    kind, controls = read.estimator.kind, read.sites.controls
    if read.design.kind == "stepped_wedge":
        if controls:
            message = "in a stepped wedge all sites start in the end; later ones are the controls"
            yield document.problem(message, ("sites", "controls"), found=controls)
    elif controls < 2 and kind != TREATED_ONLY:
        message = f"{kind} cannot be identified without controls: at least 2"
        yield document.problem(message, ("sites",), found=controls)
    if read.sites.treated < 2 and read.estimator.inference not in ("pooled_t", "randomisation"):
        message = "a single treated site has no spread of its own: take pooled_t or randomisation"
        yield document.problem(message, ("sites", "treated"), found=read.sites.treated)
    if read.selection.kind == "matched" and controls < read.sites.treated:
        yield document.problem("every treated site needs a control of its own", ("sites", "controls"), found=controls)


def _rollout(read: PilotReader, document: Document) -> Iterator[Problem]:
    design, kind = read.design, read.estimator.kind
    in_waves = design.kind in ("staggered", "stepped_wedge")
    if (design.waves is not None) != in_waves:
        message = "waves belong to staggered and stepped_wedge, which need them"
        yield document.problem(message, ("design",), found=design.kind)
    elif design.waves is not None:
        if design.waves > design.years:
            yield document.problem("more waves than years of the pilot", ("design", "waves"), found=design.waves)
        if design.waves > read.sites.treated:
            yield document.problem("more waves than treated sites", ("design", "waves"), found=design.waves)
        if kind == GROUP_TIME and read.sites.treated < 2 * design.waves:
            message = f"{kind} needs two sites at least that start together, for their spread"
            yield document.problem(message, ("sites", "treated"), found=read.sites.treated)
        if kind not in ANY_START:
            instead = "" if kind == TREATED_ONLY else f"; with waves use {' or '.join(ANY_START)}"
            message = f"{kind} needs one common start{instead}"
            yield document.problem(message, ("estimator", "kind"), found=kind)
    if (design.withdrawn_after is not None) != (design.kind == "withdrawal"):
        message = "withdrawn_after belongs to withdrawal, which needs it"
        yield document.problem(message, ("design",), found=design.kind)
    elif design.withdrawn_after is not None and design.withdrawn_after >= design.years:
        message = "no year is left after the contract is withdrawn"
        yield document.problem(message, ("design", "withdrawn_after"), found=design.withdrawn_after)
    if (read.carry_over is not None) != (design.kind == "withdrawal"):
        yield document.problem("carry_over belongs to withdrawal, which needs it", ("design",), found=design.kind)
    if design.exit == "expected_value" and read.payment is None:
        yield document.problem("without a payment nothing is expected", ("design", "exit"), found=design.exit)


def _selection(read: PilotReader, document: Document) -> Iterator[Problem]:
    chosen = read.selection
    wants = {"strata": "stratified", "error": "volunteers", "treated": "named"}
    for key, kind in wants.items():
        if (getattr(chosen, key) is not None) != (chosen.kind == kind):
            yield document.problem(f"{key} belongs to {kind}, which needs it", ("selection",), found=chosen.kind)
    if chosen.by is not None and chosen.kind != "volunteers":
        yield document.problem("by belongs to volunteers", ("selection",), found=chosen.kind)
    if chosen.by == "expected_value" and read.payment is None:
        yield document.problem("without a payment nothing is expected", ("selection", "by"), found=chosen.by)
    named = chosen.treated or []
    if named and len(named) != read.sites.treated:
        message = "not as many names as treated sites"
        yield document.problem(message, ("selection", "treated"), found=len(named), allowed=[str(read.sites.treated)])
    for index, name in enumerate(named):
        if name in named[:index]:
            yield document.problem("site comes twice", ("selection", "treated", index), found=name)
        if read.regions is not None and name not in read.regions:
            near = nearest_name(name, read.regions)
            yield document.problem("not one of the regions", ("selection", "treated", index), found=name, nearest=near)


def _estimator(read: PilotReader, document: Document) -> Iterator[Problem]:
    kind, inference = read.estimator.kind, read.estimator.inference
    where = ("estimator", "inference")
    if inference in ("wild_cluster_bootstrap", "randomisation") and kind not in COLLAPSED:
        if not (inference == "randomisation" and kind == NORM_COST):
            yield document.problem(f"only for {' and '.join(COLLAPSED)}", where, found=inference)
    if inference == "pooled_t" and kind not in (*COLLAPSED, NORM_COST):
        yield document.problem(f"only for {', '.join((*COLLAPSED, NORM_COST))}", where, found=inference)
    if inference == "randomisation" and read.selection.kind not in ("randomised", "named"):
        yield document.problem("needs randomised sites", where, found=read.selection.kind)
    if read.estimator.analysis == "per_protocol" and kind in ANY_START:
        yield document.problem(f"not with {kind}", ("estimator", "analysis"), found=read.estimator.analysis)
    if (read.coding is not None) != (kind == NORM_COST):
        yield document.problem(f"coding belongs to {NORM_COST}, which needs it", ("estimator", "kind"), found=kind)
    if kind == NORM_COST:
        for index, name in enumerate(read.outcomes):
            if name not in (PAID_ON, "spending_per_head"):
                message = f"{kind} knows a norm of payments only"
                yield document.problem(message, ("outcomes", index), found=name, allowed=[PAID_ON, "spending_per_head"])
