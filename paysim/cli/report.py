"""`paysim report RUN`: the report and the figures of a finished run or study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show


def report(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run or study.", metavar="RUN")],
    study: Annotated[
        Path | None,
        typer.Option(help="Folder of `paysim psa` of the same scenario; kept with the run.", metavar="DIR"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Write report.html and the figures of a run, or of a study of draws, into its folder."""
    from paysim.analysis.psa import load_psa
    from paysim.analysis.results import load_results
    from paysim.analysis.resume import STUDY
    from paysim.report.document import FIGURE_FOLDER, write_report

    written = write_report(load_results(run), None if study is None else load_psa(study))
    figures = written.parent / FIGURE_FOLDER
    if json:
        show.as_json({"report": str(written), "figures": str(figures)})
        return
    typer.echo(f"report: {written}")
    typer.echo(f"figures and their tables: {figures}")
    typer.echo(f"next: paysim {'cea' if (run / STUDY).is_file() else 'compare'} {run}")
