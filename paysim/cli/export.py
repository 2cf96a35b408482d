"""`paysim export RUN FILE.xlsx`: the tables of a run or a study as an Excel workbook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json


def export(
    run: Annotated[Path, typer.Argument(help="Folder of `paysim run` or `paysim psa`.", metavar="RUN")],
    file: Annotated[Path, typer.Argument(help="The workbook; ends in .xlsx.", metavar="FILE")],
    json: Json = False,
) -> None:
    """Write the tables of a run or a study as an Excel workbook."""
    from paysim.analysis.results import load_results
    from paysim.report.workbook import write_workbook

    written = write_workbook(load_results(run), file)
    if json:
        show.as_json({"workbook": str(written)})
    else:
        typer.echo(f"workbook: {written}")
