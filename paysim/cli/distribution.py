"""`paysim distribution FOLDER`: who gains health and who bears its cost, and what society makes of that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json


def distribution(
    folder: Annotated[Path, typer.Argument(help="Folder of `paysim run` or `paysim psa`.", metavar="FOLDER")],
    willingness: Annotated[
        float | None,
        typer.Option(min=1, help="EUR that bring a QALY elsewhere. Default: the middle band.", metavar="EUR"),
    ] = None,
    atkinson: Annotated[
        list[float] | None, typer.Option(min=0, help="Atkinson's aversion; again for more.", metavar="A")
    ] = None,
    kolm: Annotated[
        list[float] | None, typer.Option(min=0, help="Kolm's aversion per QALY; again for more.", metavar="K")
    ] = None,
    shares: Annotated[
        str | None, typer.Option(help="Who bears the cost: LOW,MID,HIGH. Default: all the same.", metavar="S")
    ] = None,
    cost: Annotated[
        str, typer.Option(help="Total over the horizon that counts as cost.", metavar="M")
    ] = "spending_total_discounted",
    baseline: Annotated[str | None, typer.Option(help="Arm to compare with.", metavar="ARM")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the figure; .png or .svg.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Distributional cost-effectiveness by education: equity weights, equally distributed equivalents."""
    from paysim.analysis import distributional as equity
    from paysim.analysis.cost_effectiveness import thresholds_of
    from paysim.analysis.measures import records
    from paysim.analysis.results import load_results
    from paysim.cli.validate import check_plot
    from paysim.reading import write_atomic
    from paysim.report.distribution import figure_bytes

    if plot is not None:
        check_plot(plot)
    found = load_results(folder)
    price = willingness or thresholds_of(found)[1]
    groups = equity.groups_of(found, baseline, cost)
    borne = None if shares is None else _shares(shares)
    aversions: list[tuple[equity.Index, float]] = [(equity.ATKINSON, each) for each in atkinson or ()]
    aversions += [(equity.KOLM, each) for each in kolm or ()]
    whole = equity.distributional(groups, price, borne, aversions or equity.AVERSIONS)
    parts = equity.by_education(groups, price, borne)
    if plot is not None:
        write_atomic(plot, figure_bytes(whole, plot.suffix[1:]))
    if json:
        about = {"baseline": groups.baseline, "willingness": price, "cost": cost}
        show.as_json({**about, "groups": records(parts), "arms": records(whole)})
        return
    spread = "draws" if groups.is_drawn else "replicates"
    typer.echo(
        f"per 1,000 persons of a group over the horizon, less {groups.baseline}; "
        f"{price:,.0f} EUR bring a QALY elsewhere"
    )
    show.table(records(parts), ("education", "people", "level", "qalys", "cost_eur", "forgone", "net", "arm"))
    typer.echo(f"\nQALYs per 1,000 persons, plain and weighted for equity (intervals over {spread})")
    show.table(records(whole), ("index", "aversion", "net", "weighted", "low", "high", "equity", "better", "arm"))
    typer.echo("\nwhat a QALY of a group is worth; 1: that of a mean person")
    weights = whole.drop_duplicates(["index", "aversion"])
    show.table(records(weights), ("index", "aversion", "weight_low", "weight_mid", "weight_high"))
    if plot is not None:
        typer.echo(f"wrote: {plot}")


def _shares(text: str) -> list[float]:
    from paysim.errors import DataError, Problem

    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise DataError(Problem("LOW,MID,HIGH expected", key="shares", found=text)) from None
