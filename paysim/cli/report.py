"""`paysim report RUN`: the report and the figures of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Write report.html and the figures of a run into its folder."""
    from paysim.analysis.runs import load_run
    from paysim.report.document import FIGURE_FOLDER, write_report

    written = write_report(load_run(run))
    figures = written.parent / FIGURE_FOLDER
    if json:
        show.as_json({"report": str(written), "figures": str(figures)})
        return
    typer.echo(f"report: {written}")
    typer.echo(f"figures and their tables: {figures}")
    typer.echo(f"next: paysim compare {run}")
