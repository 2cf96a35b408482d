"""`paysim psa SCENARIO`: simulate a scenario under draws of its uncertain parameters."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.resume import show_failures
from paysim.cli.run import Json, Seed, with_numbers

_COLUMNS = ("arm", "measure", "mean", "low", "high", "difference", "difference_low", "difference_high")


def psa(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    draws: Annotated[int, typer.Option(min=1, help="Sets of parameters.", metavar="N")] = 100,
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    years: Annotated[int | None, typer.Option(min=1, max=100, help="Horizon in years.", metavar="Y")] = None,
    replicates: Annotated[int, typer.Option(min=1, help="Replicates of each draw.", metavar="R")] = 1,
    seed: Seed = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes side by side.", metavar="W")] = None,
    dask: Annotated[
        str | None, typer.Option(help="Simulate on a Dask cluster, such as tcp://host:8786.", metavar="ADDRESS")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the study.", metavar="DIR")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="A world that takes longer counts as hung.", metavar="M")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another study in the folder.")] = False,
    json: Json = False,
) -> None:
    """Probabilistic sensitivity analysis. The same command again takes up what is there; more draws add to it.

    Exit code 1 if a world failed.
    """
    from paysim.analysis.cluster import dask_executor
    from paysim.analysis.measures import records
    from paysim.analysis.psa import psa as study
    from paysim.scenario import load_scenario

    loaded = with_numbers(load_scenario(scenario), seed, years)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars, dask_executor(dask) if dask else nullcontext() as executor:
        found = study(
            loaded,
            out,
            draws=draws,
            replicates=replicates,
            sample=sample,
            workers=workers,
            executor=executor,
            progress=bars.tick,
            overwrite=overwrite,
            limit_s=None if minutes is None else 60.0 * minutes,
        )
    failures = found.manifest["failures"]
    rows = records(found.summary())
    if json:
        about = {key: found.manifest[key] for key in ("scenario", "draws", "replicates", "sample", "horizon_years")}
        show.as_json({**about, "folder": str(found.path), "summary": rows, "failures": failures})
        raise typer.Exit(1 if failures else 0)
    typer.echo(
        f"{loaded.title}: {draws} draws, {replicates} replicates each, {loaded.horizon_years} years; cost (EUR) and "
        "effect (QALYs) per head of the region at the start, discounted; mean and 95% of draws; differences from "
        f"{found.manifest['compare_with'][0]}"
    )
    show.table(rows, _COLUMNS)
    typer.echo(f"\ntables: {found.path}/psa_outcomes.csv, psa_parameters.csv, psa_results.parquet")
    show_failures(found.path, failures)
    if failures:
        raise typer.Exit(1)
