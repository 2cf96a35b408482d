"""`paysim resume RUN` and `paysim repair RUN`: go on with work from its folder, mend one that was damaged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import show
from paysim.cli.progress import Bars
from paysim.cli.run import Json, Workers

if TYPE_CHECKING:
    from paysim.analysis.resume import Resumed

Folder = Annotated[Path, typer.Argument(help="Folder of `paysim run` or `paysim psa`.", metavar="RUN")]


def resume(
    run: Folder,
    draw: Annotated[
        int | None, typer.Option(min=0, help="Simulate only this draw of a study, in this process.", metavar="N")
    ] = None,
    replicate: Annotated[int, typer.Option(min=0, help="Replicate of that draw.", metavar="R")] = 0,
    workers: Workers = None,
    dask: Annotated[
        str | None,
        typer.Option(help="Go on with a study on a Dask cluster, such as tcp://host:8786.", metavar="ADDRESS"),
    ] = None,
    json: Json = False,
) -> None:
    """Go on with a run or a study after whatever stopped it. Exit code 1 if a world failed."""
    from paysim.analysis import resume as work
    from paysim.analysis.cluster import dask_executor

    if draw is not None:
        typer.echo(f"world: {work.replay(run, draw, replicate)}")
        return
    with Bars(quiet=json) as bars, dask_executor(dask) if dask else nullcontext() as executor:
        found = work.resume(run, workers=workers, executor=executor, progress=bars.tick)
    _finish(found, json)


def repair(run: Folder, workers: Workers = None, json: Json = False) -> None:
    """Find damaged and missing files of a run or a study by their SHA-256 and make only those again."""
    from paysim.analysis import resume as work

    for name in work.damage(run):
        typer.echo(f"damaged: {name}", err=True)
    with Bars(quiet=json) as bars:
        found = work.repair(run, workers=workers, progress=bars.tick)
    _finish(found, json)


def _finish(found: Resumed, json: bool) -> None:
    """Write the report of a run, and say how it stands."""
    if found.command == "run" and not found.was_finished:
        from paysim.report.document import write_report

        write_report(found.path)
    if json:
        show.as_json(
            {
                "folder": str(found.path),
                "command": found.command,
                "was_finished": found.was_finished,
                "damaged": list(found.damaged),
                "failures": list(found.failures),
            }
        )
    else:
        done = "whole: nothing to do" if found.was_finished else "finished"
        typer.echo(f"{found.path}: {done}" + (f"; {len(found.damaged)} files mended" if found.damaged else ""))
        show_failures(found.path, found.failures)
    if found.failures:
        raise typer.Exit(1)


def show_failures(folder: Path, failures: Iterable[Mapping[str, Any]]) -> None:
    """Print every world that failed, with the command that simulates it alone."""
    for each in failures:
        typer.echo(f"draw {each['draw']}, replicate {each['replicate']} failed: {each['error']}", err=True)
        typer.echo(f"  alone: paysim resume {folder} --draw {each['draw']} --replicate {each['replicate']}", err=True)
