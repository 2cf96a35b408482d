"""`paysim indicators` lists the 32 indicators; with a run, and in `paysim scorecard RUN`, a run by five aims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paysim.cli import show

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def indicators(
    run: Annotated[Path | None, typer.Argument(help="Folder of a finished run.", metavar="[RUN]")] = None,
    json: Json = False,
) -> None:
    """List the 32 indicators and which are modelled; with a run, print them by aim and arm."""
    if run is None:
        _list(json)
        return
    from paysim.analysis.measures import records
    from paysim.analysis.runs import load_run
    from paysim.analysis.scorecard import indicator_levels

    loaded = load_run(run)
    table = indicator_levels(loaded)
    if json:
        show.as_json({"scenario": loaded.scenario["name"], "indicators": table.to_dict("records")})
        return
    for aim, part in table.groupby("aim", sort=False):
        typer.echo(f"{str(aim).capitalize()}")
        rows = records(part)
        show.table(rows, ["number", "indicator", *loaded.arms, "unit"])
        typer.echo("")
    typer.echo(f"next: paysim scorecard {run}")


def scorecard(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    baseline: Annotated[
        str | None,
        typer.Option(help="Arm to compare with; default: all that the scenario compares with.", metavar="ARM"),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(help="Weigh an aim, such as equity=2; may be repeated. Without, nothing is added up."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what each arm does on five aims: population health, quality and experience, costs, staff, equity."""
    from paysim.analysis.runs import load_run
    from paysim.analysis.scorecard import check_weights, weighted
    from paysim.analysis.scorecard import scorecard as differences

    weights = _weights(weight or [])
    if weights:
        check_weights(weights)
    loaded = load_run(run)
    card = differences(loaded, baseline)
    sums = weighted(card, weights) if weights else None
    if json:
        rows = {"scenario": loaded.scenario["name"], "scorecard": card.to_dict("records")}
        show.as_json(rows | ({} if sums is None else {"weights": weights, "weighted": sums.to_dict("records")}))
        return
    _print_card(loaded, card)
    if sums is not None:
        _print_weighted(loaded, sums)
    typer.echo(f"next: paysim report {run}")


def _list(json: bool) -> None:
    from paysim.outcomes.indicators import indicators as every

    rows = [
        {
            "number": each.number,
            "aim": each.aim,
            "indicator": each.indicator,
            "measure": each.measure if each.modelled else "not modelled",
            "unit": each.unit,
            "how, or why not": each.definition or each.reason,
        }
        for each in every()
    ]
    if json:
        show.as_json({"indicators": rows})
        return
    show.table(rows, list(rows[0]))
    typer.echo("next: paysim indicators RUN")


def _print_card(run: Run, card: pd.DataFrame) -> None:
    from rich.markup import escape

    from paysim.analysis.compare import FEW
    from paysim.cli.compare import console, print_rows
    from paysim.report import caveats
    from paysim.report.wording import uncertainty

    if card.empty:
        typer.echo("The run has one arm; there is nothing to compare it with.")
        return
    out = console()
    for sentence in caveats.before(run, card):
        out.print(escape(sentence))
    for base in dict.fromkeys(card["baseline"]):
        for aim, part in card[card["baseline"] == base].groupby("aim", sort=False):
            few = f" ({FEW})" if caveats.is_small(run) else ""
            print_rows(out, run, part, str(base), f"Against {run.titles[str(base)]}: {aim}{few}")
    meant = "" if caveats.is_small(run) else "Better and worse are beyond chance; a gap is better when nearer to zero. "
    out.print(f"{meant}Aims are not added up.")
    held = uncertainty(card, int(run.manifest.get("replicates", 1)))
    if held:
        out.print(escape(held))


def _print_weighted(run: Run, sums: pd.DataFrame) -> None:
    typer.echo("\nMean gain of each aim's indicators, % of the arm compared with, and their sum by your weights")
    rows = [
        {
            str(name): round(value, 2) if isinstance(value, float) else run.titles[str(value)]
            for name, value in row.items()
        }
        for row in sums.to_dict("records")
    ]
    show.table(rows, list(sums.columns))


def _weights(texts: list[str]) -> dict[str, float]:
    """Read weights such as ``equity=2``."""
    from paysim.errors import Problem, ScenarioError

    found: dict[str, float] = {}
    for text in texts:
        aim, equals, value = text.partition("=")
        aim = aim.strip()
        try:
            number = float(value)
        except ValueError:
            number = None
        if not equals or number is None:
            problem = Problem("a weight is an aim and a number", key="--weight", found=text, allowed=("equity=2",))
            raise ScenarioError(problem)
        if aim in found:
            raise ScenarioError(Problem("the aim comes twice", key="--weight", found=aim))
        found[aim] = number
    return found
