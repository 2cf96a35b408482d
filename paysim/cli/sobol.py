"""`paysim sobol STUDY`: what share of the spread of a difference each uncertain parameter makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json

_MOST = 15


def sobol(
    study: Annotated[Path, typer.Argument(help="Folder of `paysim psa`.", metavar="STUDY")],
    measure: Annotated[
        str, typer.Option(help="A measure of `paysim compare`, or a total per head.", metavar="M")
    ] = "spending_total_discounted",
    arm: Annotated[str | None, typer.Option(help="Arm; default: the last of the scenario.", metavar="ARM")] = None,
    json: Json = False,
) -> None:
    """First-order Sobol indices of an arm's difference from the first arm compared with, from draws that are there."""
    from paysim.analysis.measures import records
    from paysim.analysis.psa import load_psa
    from paysim.analysis.sobol import chance_share, first_order, highest_by_chance
    from paysim.analysis.worlds import measured
    from paysim.errors import ScenarioError, nearest_name

    found = load_psa(study)
    against, arms = found.manifest["compare_with"][0], found.manifest["arms"]
    shown = arm or next(each for each in reversed(arms) if each != against)
    if shown not in arms or shown == against:
        near = nearest_name(shown, arms)
        raise ScenarioError(f"--arm: another arm than {against} expected; found {shown!r}, did you mean {near!r}?")
    wide = measured(found.results, [measure], against, found.path)[measure].unstack("arm")
    values = (wide[shown] - wide[against]).rename("value").reset_index()
    table, chance = first_order(values, found.parameters), chance_share(values)
    highest = highest_by_chance(values, found.parameters)
    if json:
        about = {"scenario": found.manifest["scenario"], "measure": measure, "arm": shown, "baseline": against}
        more = {"chance_share": chance, "highest_by_chance": highest, "rows": records(table)}
        show.as_json({**about, **more})
        return
    typer.echo(
        f"share of the variance of {measure}, {shown} less {against}, that each parameter makes alone; the highest "
        f"{_MOST} of {len(table)}; if none mattered, the highest would still exceed {highest:.3f} in 1 of 20 studies"
    )
    show.table(records(table.head(_MOST)), ("index", "se", "parameter"))
    typer.echo(
        f"together {table['index'].sum():.2f}"
        + ("" if chance != chance else f"; chance {chance:.2f}")
        + "; the rest is interactions, and error"
    )
