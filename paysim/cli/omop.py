"""`paysim omop RUN DIR`: synthetic people, visits and costs of an arm in tables of OMOP's shape."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from paysim.cli import show
from paysim.cli.progress import say_if_compiling
from paysim.cli.run import Json


def omop(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    folder: Annotated[Path, typer.Argument(help="Folder for the tables.", metavar="DIR")],
    arm: Annotated[str | None, typer.Option(help="Default: the current one.", metavar="ARM")] = None,
    kind: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Kind of files.", metavar="F")] = "csv",
    json: Json = False,
) -> None:
    """Simulate an arm of a run again and write its synthetic people in the shape of the OMOP common data model."""
    from paysim.analysis.omop import write_omop

    say_if_compiling(quiet=json)
    written = write_omop(run, folder, arm, kind=kind)
    if json:
        show.as_json({"files": [str(each) for each in written]})
        return
    for file in written:
        typer.echo(f"wrote: {file}")
    typer.echo("synthetic: nobody in these tables exists; see docs/omop.md")
