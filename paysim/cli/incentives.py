"""`paysim incentives SCENARIO`: what each arm rewards, without simulating beyond the base run."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

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
    provider: Annotated[
        str, typer.Option(help="practices, patients (by segment), hospital, insurers, integrator, ... or all.")
    ] = "practices",
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Show what one more visit, control, referral, patient and so on brings whom in each arm."""
    from paysim.analysis.incentives import incentive_map
    from paysim.behaviour.actors import actor_sentence
    from paysim.behaviour.incentives import plain_sentence
    from paysim.errors import DataError, Problem, nearest_name
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    loaded = loaded if seed is None else replace(loaded, seed=seed)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = incentive_map(loaded, sample=sample, progress=bars.tick)
    from paysim.analysis.measures import records

    rows = records(table)
    groups = {_group(row) for row in rows}
    if provider not in (*groups, "all"):
        near = nearest_name(provider, groups)
        raise DataError(Problem("no such provider", found=provider, allowed=(*sorted(groups), "all"), nearest=near))
    if json:
        show.as_json({"scenario": loaded.name, "incentives": rows})
        return
    columns = [
        "arm",
        "provider",
        "lever",
        "segment",
        "marginal_revenue_eur",
        "marginal_cost_eur",
        "margin_eur",
        "margin_under_current_eur",
        "predicted_response",
    ]
    shown = [row for row in rows if provider in (_group(row), "all")]
    show.table([{key: _short(row[key]) for key in columns} for row in shown], columns)
    typer.echo("")
    for lever, unit in dict.fromkeys((row["lever"], row["unit"]) for row in shown):
        typer.echo(f"{lever}: {unit}")
    typer.echo("")
    for arm in loaded.arms:
        for group in sorted(groups, key=lambda name: (name != "practices", name)):
            own = [row for row in rows if row["arm"] == arm.name and _group(row) == group]
            if not own:
                continue
            if group == "practices":
                strongest = max(own, key=lambda row: abs(row["predicted_response"]))
                typer.echo(f"{arm.title}: {plain_sentence(strongest)}")
            elif provider in (group, "all"):
                for row in _telling(own, by_change=arm.name != loaded.current):
                    typer.echo(f"{arm.title}: {actor_sentence(row)}")
    typer.echo(f"next: paysim run {scenario}")


def _group(row: dict[str, Any]) -> str:
    return "patients" if row["lever"] in ("patients", "list_size") else str(row["provider"])


def _telling(rows: list[dict[str, Any]], *, by_change: bool) -> list[dict[str, Any]]:
    """Return the rows that say most: the ends of what changes, or of what is left where nothing changes."""

    def key(row: dict[str, Any]) -> float:
        before = row["margin_under_current_eur"]
        return float(row["margin_eur"] - (before or 0.0 if by_change else 0.0))

    ranked = sorted((row for row in rows if _moves_money(row)), key=key)
    return ranked if len(ranked) < 2 else [ranked[0], ranked[-1]]


def _moves_money(row: dict[str, Any]) -> bool:
    """Tell whether somebody gains or loses in the row; a sector paid what its care costs does not."""
    from paysim.behaviour.incentives import HALF_A_CENT

    return any(abs(row[name] or 0.0) >= HALF_A_CENT for name in ("margin_eur", "margin_under_current_eur"))


def _short(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
