"""`paysim threshold`, `paysim morris`, `paysim structural`, `paysim optimise`: a scenario turned in several ways."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json

if TYPE_CHECKING:
    from paysim.scenario import Scenario

Name = Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")]
Sample = Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")]
Years = Annotated[int | None, typer.Option(min=1, max=100, help="Horizon in years.", metavar="Y")]
Replicates = Annotated[int, typer.Option(min=1, help="Replicates of each.", metavar="R")]
Processes = Annotated[int | None, typer.Option(min=1, help="Processes side by side.", metavar="W")]
Out = Annotated[Path | None, typer.Option(help="Folder for what is simulated.", metavar="DIR")]
Arm = Annotated[str | None, typer.Option(help="Arm to show; default: the last of the scenario.", metavar="ARM")]
Baseline = Annotated[str | None, typer.Option(help="Arm to compare with.", metavar="ARM")]
Measure = Annotated[str, typer.Option(help="A measure of `paysim compare`, or a total per head.", metavar="M")]
Plot = Annotated[Path | None, typer.Option(help="Write the figure; .png or .svg.", metavar="FILE")]


def threshold(
    scenario: Name,
    x: Annotated[str, typer.Option(help="A parameter or a term: NAME=LOW:HIGH.", metavar="X")],
    y: Annotated[str, typer.Option(help="Another one: NAME=LOW:HIGH.", metavar="Y")],
    measure: Measure = "practice_margin_per_1000",
    arm: Arm = None,
    baseline: Baseline = None,
    steps: Annotated[int, typer.Option(min=2, max=50, help="Values of each.", metavar="K")] = 5,
    sample: Sample = None,
    years: Years = None,
    replicates: Replicates = 1,
    workers: Processes = None,
    out: Out = None,
    plot: Plot = None,
    json: Json = False,
) -> None:
    """Two-way map: where the difference of an arm changes sign as two numbers of the scenario move together."""
    from paysim.analysis.measures import records
    from paysim.analysis.threshold import Axis, crossings, threshold_map
    from paysim.cli.validate import check_plot
    from paysim.reading import write_atomic
    from paysim.report.threshold import figure_bytes

    if plot is not None:
        check_plot(plot)
    loaded = _loaded(scenario, years)
    shown, against = _arms(loaded, arm, baseline)
    axes = [
        Axis(name, tuple(low + (high - low) * k / (steps - 1) for k in range(steps)))
        for name, low, high in (_range(each) for each in (x, y))
    ]
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = threshold_map(
            loaded,
            axes[0],
            axes[1],
            measure,
            shown,
            against,
            out,
            sample=sample,
            replicates=replicates,
            workers=workers,
            progress=bars.tick,
        )
    zero = crossings(table)
    if plot is not None:
        title = f"{measure}, {_unit(measure)}:\n{shown} less {against}"
        write_atomic(plot, figure_bytes(table, axes[0].name, axes[1].name, title, plot.suffix[1:]))
    if json:
        about = {"scenario": loaded.name, "measure": measure, "arm": shown, "baseline": against}
        show.as_json({**about, "x": axes[0].name, "y": axes[1].name, "cells": records(table), "zero": records(zero)})
        return
    typer.echo(
        f"{measure}, {_unit(measure)}, {shown} less {against} (value: the arm's own); "
        f"x: {axes[0].name}, y: {axes[1].name}"
    )
    show.table(records(table), tuple(table.columns))
    if len(zero):
        typer.echo("\nwhere the difference changes sign")
        show.table(records(zero), ("y", "x"))
    else:
        typer.echo("\nthe difference changes sign nowhere on this map")
    if plot is not None:
        typer.echo(f"wrote: {plot}")


def morris(
    scenario: Name,
    parameters: Annotated[
        list[str], typer.Option("--parameter", help="Name of a parameter; * stands for any letters.", metavar="NAME")
    ],
    measure: Measure = "spending_total_discounted",
    arm: Arm = None,
    baseline: Baseline = None,
    trajectories: Annotated[int, typer.Option(min=2, help="Paths through the parameters.", metavar="T")] = 10,
    sample: Sample = None,
    years: Years = None,
    workers: Processes = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Morris screening: which of many parameters move the difference between two arms, alone or with others."""
    from paysim.analysis.measures import records
    from paysim.analysis.morris import morris as screened

    loaded = _loaded(scenario, years)
    shown, against = _arms(loaded, arm, baseline)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = screened(
            loaded,
            parameters,
            out,
            measure=measure,
            baseline=against,
            trajectories=trajectories,
            sample=sample,
            workers=workers,
            progress=bars.tick,
        )
    rows = records(table[table["arm"] == shown])
    if json:
        show.as_json({"scenario": loaded.name, "measure": measure, "arm": shown, "baseline": against, "rows": rows})
        return
    typer.echo(
        f"elementary effects on {measure}, {_unit(measure)}, {shown} less {against}, "
        "over the whole range of each parameter"
    )
    show.table(rows, ("mu_star", "mu_star_error", "mu", "sigma", "parameter"))


def structural(
    scenario: Name,
    structures: Annotated[
        Path | None, typer.Option(help="Alternatives of your own; see docs/sensitivity.md.", metavar="FILE")
    ] = None,
    measure: Measure = "spending_total_discounted",
    arm: Arm = None,
    baseline: Baseline = None,
    draws: Annotated[int, typer.Option(min=0, help="Draws of parameters under each.", metavar="N")] = 0,
    sample: Sample = None,
    years: Years = None,
    replicates: Replicates = 1,
    workers: Processes = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Differences under other ideas of how practices respond; with draws and replicates, what makes the spread."""
    from paysim.analysis import structural as alternatives
    from paysim.analysis.measures import records

    loaded = _loaded(scenario, years)
    shown, against = _arms(loaded, arm, baseline)
    chosen = alternatives.load_structures(structures or alternatives.SHIPPED)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        found = alternatives.structural(
            loaded,
            chosen,
            out,
            measure=measure,
            baseline=against,
            draws=draws,
            replicates=replicates,
            sample=sample,
            workers=workers,
            progress=bars.tick,
        )
    table = alternatives.by_structure(found)
    rows = records(table[table["arm"] == shown])
    split = draws > 1 and replicates > 1 and len(chosen) > 1
    shares = records(alternatives.variance_shares(found)) if split else []
    if json:
        about = {"scenario": loaded.name, "measure": measure, "baseline": against}
        show.as_json({**about, "differences": records(table), "variance": shares})
        return
    typer.echo(f"{measure}, {_unit(measure)}, {shown} less {against}, under each alternative")
    show.table(rows, ("difference", "low", "high", "chance_error", "structure"))
    if split:
        typer.echo(
            "\nshares of the variance of the difference, and its standard deviation (alternatives weighed alike)"
        )
        show.table(shares, ("structure", "parameters", "chance", "total_sd", "arm"))
    else:
        typer.echo("\nwith --draws 2 and --replicates 2 or more, the variance is split")


def optimise(
    scenario: Name,
    terms: Annotated[list[str], typer.Option("--term", help="A term to search: NAME=LOW:HIGH.", metavar="T")],
    less: Annotated[list[str] | None, typer.Option(help="Measure of which less is wanted.", metavar="M")] = None,
    more: Annotated[list[str] | None, typer.Option(help="Measure of which more is wanted.", metavar="M")] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(help="Limit on a difference: MEASURE=LOW:HIGH, an end may be empty.", metavar="L"),
    ] = None,
    designs: Annotated[int, typer.Option(min=1, max=1024, help="Designs to try.", metavar="K")] = 16,
    arm: Arm = None,
    baseline: Baseline = None,
    sample: Sample = None,
    years: Years = None,
    replicates: Replicates = 1,
    workers: Processes = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Search contract terms: the designs that no other beats on all aims at once."""
    from paysim.analysis import optimise as search
    from paysim.analysis.measures import records

    loaded = _loaded(scenario, years)
    shown, against = _arms(loaded, arm, baseline)
    wanted: list[tuple[str, Literal["less", "more"]]] = [(each, "less") for each in less or ()]
    wanted += [(each, "more") for each in more or ()]
    objectives = [search.Objective(*each) for each in wanted] or [
        search.Objective("spending_total_discounted", "less"),
        search.Objective("qalys_discounted", "more"),
    ]
    limits = [search.Constraint(*_range(each, open_ends=True)) for each in keep or ()]
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = search.optimise(
            loaded,
            shown,
            [search.Term(*_range(each)) for each in terms],
            objectives,
            limits,
            out,
            designs=designs,
            baseline=against,
            replicates=replicates,
            sample=sample,
            workers=workers,
            progress=bars.tick,
        )
    if json:
        show.as_json({"scenario": loaded.name, "arm": shown, "baseline": against, "designs": records(table)})
        return
    typer.echo(f"differences of {shown} from {against}; design 0 is the scenario as written; the front first")
    for name in dict.fromkeys([*(each.measure for each in objectives), *(each.measure for each in limits)]):
        typer.echo(f"{name}: {_unit(name)}")
    hidden = [] if replicates > 1 else [each for each in table.columns if each.endswith("_error")]
    show.table(records(table), tuple(each for each in table.columns if each not in hidden))


def _loaded(scenario: str, years: int | None) -> Scenario:
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    return replace(loaded, horizon_years=loaded.horizon_years if years is None else years)


def _arms(scenario: Scenario, arm: str | None, baseline: str | None) -> tuple[str, str]:
    """Return the arm to show and the one to compare with."""
    against = scenario.arm(baseline or scenario.compare_with[0]).name
    return scenario.arm(
        arm or next(each.name for each in reversed(scenario.arms) if each.name != against)
    ).name, against


def _unit(measure: str) -> str:
    """Return the unit of a measure of `compare`; of a total of the results what it is divided by."""
    from paysim.analysis.indicators import INDICATORS
    from paysim.analysis.measures import MEASURES

    known = {each.name: each.unit for each in (*MEASURES, *INDICATORS)}
    return known.get(measure, "per head of the region at the start, over the horizon")


def _range(text: str, open_ends: bool = False) -> tuple[str, float, float]:
    """Return what ``NAME=LOW:HIGH`` says; where ends may be open, one that is left out is infinite."""
    from paysim.errors import ScenarioError

    name, _, ends = text.partition("=")
    low, colon, high = ends.partition(":")
    try:
        if not name or not colon or not (open_ends or (low and high)):
            raise ValueError
        return name, float(low or "-inf"), float(high or "inf")
    except ValueError:
        raise ScenarioError(f"NAME=LOW:HIGH expected; found {text!r}") from None
