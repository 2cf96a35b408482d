"""`paysim cases`: worked cases of payment rules, settled and compared with what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show

app = typer.Typer(help="Worked cases of payment rules.", no_args_is_help=True)

_COLUMNS = ("case", "what", "expected_eur", "paid_eur", "difference_eur", "met")


@app.command("run")
def run(
    files: Annotated[list[Path], typer.Argument(help="YAML files of cases.", metavar="FILE...")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Settle cases and compare; the exit code is 1 if an amount is not as expected."""
    from paysim.contracts.cases import run_case

    cases = [run_case(each) for each in files]
    rows = [
        {
            "case": case.name,
            "what": each.what,
            "expected_eur": round(each.expected, 4),
            "paid_eur": round(each.paid, 4),
            "difference_eur": round(each.paid - each.expected, 4),
            "met": each.met if json else "yes" if each.met else "NO",
        }
        for case in cases
        for each in case.outcomes
    ]
    unseen = [
        {"case": case.name, "what": what, "paid_eur": round(euros, 4)}
        for case in cases
        for what, euros in case.not_looked_at
    ]
    if json:
        show.as_json({"cases": rows, "not_looked_at": unseen})
    else:
        show.table(rows, _COLUMNS)
        for each in unseen:
            typer.echo(f"note: {each['case']}: {each['what']}: paid {each['paid_eur']}, but nothing was expected of it")
        met = sum(case.met for case in cases)
        typer.echo(f"\n{met} of {len(cases)} cases as expected")
    if not all(case.met for case in cases):
        raise typer.Exit(1)
