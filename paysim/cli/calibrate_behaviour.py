"""`paysim calibrate-behaviour [SCENARIO]`: behaviour fitted to reforms whose effect was observed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import say_if_compiling
from paysim.cli.run import Json

DEFAULT = "nl/achterhoek_four_models"


def calibrate_behaviour(
    scenario: Annotated[
        str, typer.Argument(help="Whose region and current contracts the practices have.", metavar="SCENARIO")
    ] = DEFAULT,
    sample: Annotated[int, typer.Option(min=1000, help="Whole practices with about N people.", metavar="N")] = 60_000,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the fit; predictions in DIR are not made again.", metavar="DIR"),
    ] = None,
    json: Json = False,
) -> None:
    """Fit what providers are like to observed responses to payment, and tell what that leaves uncertain."""
    from paysim.analysis.behaviour_calibration import FREE, write_behaviour_calibration
    from paysim.analysis.behaviour_calibration import calibrate_behaviour as fit
    from paysim.analysis.execution import check_out
    from paysim.scenario import load_scenario

    if out is not None:
        check_out(out, overwrite=True)
    say_if_compiling(quiet=json)
    found = fit(load_scenario(scenario), sample=sample, out=out, say=None if json else typer.echo)
    written = write_behaviour_calibration(found, out) if out is not None else []
    rows, targets = found.rows(), list(found.targets)
    correlations = found.correlations().to_dict("records")
    if json:
        paths = [str(path) for path in written]
        show.as_json({"parameters": rows, "targets": targets, "correlations": correlations, "files": paths})
        return
    numbers = ("prior", "value", "low", "high", "identified")
    shown = [{"parameter": row["parameter"]} | {name: _short(row[name]) for name in numbers} for row in rows]
    show.table([each | {"moved": row["moved"]} for each, row in zip(shown, rows, strict=True)], [*shown[0], "moved"])
    typer.echo("")
    columns = ("published", "before", "fitted", "sd", "accept_low", "accept_high")
    fits = [{"target": row["id"], "role": row["role"]} | {n: _short(row[n]) for n in columns} for row in targets]
    show.table(
        [each | {"agrees": row["agrees"]} for each, row in zip(fits, targets, strict=True)], [*fits[0], "agrees"]
    )
    kept = [row["parameter"] for row in rows if not row["moved"] and row["parameter"] in FREE]
    typer.echo(f"not moved by any target, kept at their prior and drawn from it: {', '.join(kept)}")
    others = [row["parameter"] for row in rows if row["parameter"] not in FREE]
    typer.echo(f"not known of the reforms themselves, fitted along and thrown away: {', '.join(others)}")
    for path in written:
        typer.echo(f"wrote: {path}")
    typer.echo("next: paysim incentives SCENARIO" if written else "next: paysim calibrate-behaviour --out DIR")


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
