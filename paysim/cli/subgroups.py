"""`paysim subgroups RUN`: what arms do to people of an education, age, municipality or kind of practice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json

_COLUMNS = ("group", "person_years", "arm", "value", "baseline_value", "difference", "low", "high")


def subgroups(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    by: Annotated[
        str, typer.Option(help="education, age, sex, municipality, condition or practice_type.", metavar="D")
    ] = "education",
    measure: Annotated[
        list[str] | None, typer.Option("--measure", help="Measure of `paysim compare`; again for more.", metavar="M")
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="Arm to compare with.", metavar="ARM")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table too.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Measures by subgroup, with the difference of every arm from a baseline."""
    from paysim.analysis.measures import records
    from paysim.analysis.runs import load_run
    from paysim.analysis.subgroups import subgroups as table
    from paysim.reading import write_atomic
    from paysim.report.document import csv_bytes

    loaded = load_run(run)
    found = table(loaded, by, measure, baseline=baseline)
    if csv is not None:
        write_atomic(csv, csv_bytes(found))
    if json:
        show.as_json({"scenario": loaded.scenario["name"], "dimension": by, "rows": records(found)})
        return
    for (label, unit), part in found.groupby(["label", "unit"], sort=False):
        typer.echo(f"{label}, {unit}, by {by}; differences from {part['baseline'].iloc[0]}, 95% interval")
        show.table(records(part), _COLUMNS)
        typer.echo("")
    typer.echo("Groups are not standardised: compare arms within a group.")
    if csv is not None:
        typer.echo(f"wrote: {csv}")
