"""`paysim programmes RUN`: whom each programme found, asked and helped, round by round, and at what cost."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json

_FOUND = (
    *("eligible", "other_practice", "not_in_records", "taking_part", "not_selected", "asked_before", "selected"),
    *("no_staff", "no_places", "invited", "declined"),
)
_STAY = (
    *("before", "started", "dropped_out", "completed", "died", "departed", "participants", "reach"),
    *("eur_per_invitee", "eur_per_participant", "eur_per_participant_year"),
)


class By(StrEnum):
    """What a row is."""

    ROUND = "round"
    YEAR = "year"


def programmes(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    by: Annotated[By, typer.Option(help="A row a round, or a contract year.")] = By.YEAR,
    education: Annotated[bool, typer.Option("--education", help="Levels of education apart.")] = False,
    arm: Annotated[str | None, typer.Option(help="Of this arm only.", metavar="ARM")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table too.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Print whom programmes found, asked and helped, who left, and what it cost, of the people simulated."""
    from paysim.analysis.measures import records
    from paysim.analysis.programmes import rounds
    from paysim.analysis.runs import load_run
    from paysim.care.programmes.rounds import NOTE
    from paysim.reading import write_atomic
    from paysim.report.document import csv_bytes
    from paysim.report.programmes import title

    loaded = load_run(run)
    if arm is not None:
        loaded.require_arm(arm)
    found = rounds(loaded, by.value, education=education)
    found = found if arm is None else found[found["arm"] == arm]
    if csv is not None:
        write_atomic(csv, csv_bytes(found))
    if json:
        show.as_json({"scenario": loaded.scenario["name"], "programmes": records(found)})
        return
    keys = ["year", "round", *(["education"] if education else [])]
    for (name, programme), part in found.groupby(["arm", "programme"], sort=False):
        rows = records(part.round(dict.fromkeys(_STAY[-3:], 0) | {"reach": 3}).astype(object).where(part.notna(), None))
        typer.echo(f"{loaded.titles[str(name)]}: {title(str(programme))}")
        show.table(rows, [*keys, *_FOUND])
        typer.echo("")
        show.table(rows, [*keys, *_STAY])
        typer.echo("")
    if found.empty:
        typer.echo("No programme ran.")
        return
    weight = float((loaded.manifest.get("sample") or {}).get("weight", 1.0))
    typer.echo(f"People simulated; each stands for {weight:.4g} of the region. {NOTE[by.value]}")
    if csv is not None:
        typer.echo(f"wrote: {csv}")
    typer.echo(f"next: paysim report {run}")
