"""`paysim incentives SCENARIO`: what each arm rewards, without simulating beyond the base run."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json, Seed

DEFAULT_SAMPLE = 30_000


def incentives(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    sample: Annotated[
        int, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")
    ] = DEFAULT_SAMPLE,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Show what one more visit, control, referral or delegated contact brings a practice in each arm."""
    from paysim.analysis.incentives import incentive_map
    from paysim.behaviour.incentives import plain_sentence
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    loaded = loaded if seed is None else replace(loaded, seed=seed)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = incentive_map(loaded, sample=sample, progress=bars.tick)
    from paysim.analysis.measures import records

    rows = records(table)
    if json:
        show.as_json({"scenario": loaded.name, "incentives": rows})
        return
    columns = [
        "arm",
        "lever",
        "segment",
        "marginal_revenue_eur",
        "marginal_cost_eur",
        "margin_eur",
        "predicted_response",
    ]
    show.table([{key: _short(row[key]) for key in columns} for row in rows], columns)
    typer.echo("")
    for arm in loaded.arms:
        own = [row for row in rows if row["arm"] == arm.name]
        if own:
            strongest = max(own, key=lambda row: abs(row["predicted_response"]))
            typer.echo(f"{arm.title}: {plain_sentence(strongest)}")
    typer.echo(f"next: paysim run {scenario}")


def _short(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
