"""`paysim tornado SCENARIO`: one parameter at a time at the ends of its distribution."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json

_COLUMNS = ("low", "high", "base", "at_low", "at_high", "swing", "parameter")


def tornado(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    parameters: Annotated[
        list[str], typer.Option("--parameter", help="Name of a parameter; * stands for any letters.", metavar="NAME")
    ],
    arm: Annotated[
        str | None, typer.Option(help="Arm to show; default: the last of the scenario.", metavar="ARM")
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="Arm to compare with.", metavar="ARM")] = None,
    measure: Annotated[str, typer.Option(help="Total over the horizon.", metavar="M")] = "spending_total_discounted",
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    years: Annotated[int | None, typer.Option(min=1, max=100, help="Horizon in years.", metavar="Y")] = None,
    replicates: Annotated[int, typer.Option(min=1, help="Replicates of each.", metavar="R")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes side by side.", metavar="W")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is simulated.", metavar="DIR")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the figure; .png or .svg.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """One-way sensitivity of the difference between two arms, per head over the horizon."""
    from paysim.analysis.measures import records
    from paysim.analysis.one_way import one_way
    from paysim.cli.validate import check_plot
    from paysim.reading import write_atomic
    from paysim.report.tornado import figure_bytes
    from paysim.scenario import load_scenario

    if plot is not None:
        check_plot(plot)
    loaded = load_scenario(scenario)
    loaded = replace(loaded, horizon_years=loaded.horizon_years if years is None else years)
    against = loaded.arm(baseline or loaded.compare_with[0])
    shown = loaded.arm(arm or next(each.name for each in reversed(loaded.arms) if each.name != against.name))
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = one_way(
            loaded,
            parameters,
            out,
            measures=(measure,),
            baseline=against.name,
            replicates=replicates,
            sample=sample,
            workers=workers,
            progress=bars.tick,
        )
    rows = records(table[table["arm"] == shown.name])
    counted = f"{loaded.horizon_years} year{'s' if loaded.horizon_years > 1 else ''}"
    if plot is not None:
        title = f"{shown.title} against {against.title}"
        unit = f"{measure.replace('_', ' ')}, difference per head over {counted}"
        write_atomic(plot, figure_bytes(table, shown.name, measure, title, unit, plot.suffix[1:]))
    if json:
        show.as_json({"scenario": loaded.name, "arm": shown.name, "baseline": against.name, "rows": rows})
        return
    typer.echo(f"{measure}, {shown.name} less {against.name}, per head of the region over {counted}")
    show.table(rows, _COLUMNS)
    if plot is not None:
        typer.echo(f"wrote: {plot}")
