"""`paysim explain RUN`: how a payment came about, line by line, to the cent."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json

_COLUMNS = ("what", "quantity", "unit", "rate_eur", "eur")


def explain(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    provider: Annotated[str, typer.Option(help="A practice, hospital, insurers or another actor.", metavar="P")],
    period: Annotated[int, typer.Option(help="Quarter since the start, from 0.", metavar="Q")],
    person: Annotated[int | None, typer.Option(help="Only what was paid for this person.", metavar="N")] = None,
    arm: Annotated[str | None, typer.Option(help="Default: the current one.", metavar="ARM")] = None,
    replicate: Annotated[int, typer.Option(min=0, help="Number of the replicate.", metavar="R")] = 0,
    scenario: Annotated[
        Path | None, typer.Option(help="The run's scenario, if it is not a shipped one.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:
    """Show what a provider received and paid in a quarter, and how each amount came about."""
    from paysim.analysis.explain import explain as workings
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    found = workings(loaded, provider, period, arm=arm, replicate=replicate, person=person, scenario=scenario)
    if json:
        read = {"scenario": loaded.scenario["name"], "cents": found.cents, **asdict(found)}
        for key in ("charged", "owed_cents") if found.person else ():
            read["person"][key] = {"/".join(place): value for place, value in read["person"][key].items()}
        show.as_json(read)
        return
    whom = provider if person is None else f"person {person}"
    typer.echo(f"{whom}, quarter {period} (year {period // 4 + 1}), arm {found.arm}, replicate {replicate}")
    for each in found.postings:
        typer.echo(f"\n{each.contract} / {each.component}, {each.counterparty}: EUR {each.cents / 100:,.2f}")
        rows = [{**asdict(line), "rate_eur": _rounded(line.rate_eur), "eur": _rounded(line.eur)} for line in each.lines]
        if rows:
            show.table(rows, _COLUMNS)
        elif each.exact_eur is None:
            typer.echo("no contract settles this between groups of people: costs, programmes, or patients one by one")
    typer.echo(f"\nin all: EUR {found.cents / 100:,.2f}")


def _rounded(value: float | None) -> str | None:
    return None if value is None else f"{value:,.4f}"
