"""`paysim regions SCENARIO`: a scenario in many regions, each by itself and all added up."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json, Seed, with_numbers

_COLUMNS = ("region", "people", "arm", "value", "baseline_value", "difference", "low", "high")
_SHOWN = ("spending_per_head", "resource_cost_per_head", "practice_margin_per_1000", "qalys_per_1000")


def regions(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    region: Annotated[
        list[str], typer.Option("--region", help="Name of a region; * stands for any letters.", metavar="R")
    ],
    measure: Annotated[
        list[str] | None, typer.Option("--measure", help="Measure of `paysim compare`; again for more.", metavar="M")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Whole practices with about N people of each region.", metavar="N")
    ] = None,
    years: Annotated[int | None, typer.Option(min=1, max=100, help="Horizon in years.", metavar="Y")] = None,
    replicates: Annotated[int | None, typer.Option(min=1, help="Replicates of each.", metavar="R")] = None,
    seed: Seed = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes side by side.", metavar="W")] = None,
    dask: Annotated[
        str | None, typer.Option(help="Simulate on a Dask cluster, such as tcp://host:8786.", metavar="ADDRESS")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for what is simulated.", metavar="DIR")] = None,
    json: Json = False,
) -> None:
    """Simulate a scenario in many regions. The same command again takes up what is there; more regions add to it."""
    from paysim.analysis.cluster import dask_executor
    from paysim.analysis.measures import records
    from paysim.analysis.regions import POOLED
    from paysim.analysis.regions import regions as simulated
    from paysim.scenario import load_scenario

    loaded = with_numbers(load_scenario(scenario), seed, years, replicates)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars, dask_executor(dask) if dask else nullcontext() as executor:
        found = simulated(loaded, region, out, sample=sample, workers=workers, executor=executor, progress=bars.tick)
    table = found.table(measure or _SHOWN)
    if json:
        show.as_json({"scenario": loaded.name, "regions": list(found.names), "rows": records(table)})
        return
    typer.echo(
        f"{loaded.title}: {len(found.names)} regions, {loaded.horizon_years} years, {loaded.replicates} replicates; "
        f"{POOLED}: together; differences from {found.baseline}"
    )
    for (label, unit), part in table.groupby(["label", "unit"], sort=False):
        typer.echo(f"\n{label}, {unit}")
        show.table(records(part), _COLUMNS)
    typer.echo(f"\nall measures: {found.path}/regions.csv")
