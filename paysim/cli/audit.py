"""`paysim audit SCENARIO`: which deviations that help nobody each arm would pay for."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.incentives import DEFAULT_SAMPLE
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json, Seed

FEW, MOST = 3, 8


class By(StrEnum):
    """What rows are ranked by."""

    gain = "gain"
    harm = "harm"


def audit(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    arm: Annotated[str | None, typer.Option(help="Show one arm.", metavar="ARM")] = None,
    by: Annotated[By, typer.Option(help="Rank by what it brings, or by the harm it does.")] = By.gain,
    every: Annotated[bool, typer.Option("--all", help="Show everything, what does not pay too.")] = False,
    sample: Annotated[
        int, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")
    ] = DEFAULT_SAMPLE,
    seed: Seed = None,
    json: Json = False,
) -> None:
    """Show which deviations each arm would pay for: whom to drop, what to record, where to shift work."""
    from paysim.analysis.audit import gaming_audit
    from paysim.analysis.measures import records
    from paysim.behaviour.gaming import audit_sentence
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    loaded = loaded if seed is None else replace(loaded, seed=seed)
    shown = [loaded.arm(arm).name] if arm else [each.name for each in loaded.arms]
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        table = gaming_audit(loaded, sample=sample, progress=bars.tick)
    key = "gain_eur" if by is By.gain else "harm_eur"
    rows = [row for row in records(table.sort_values(key, ascending=False, kind="stable")) if row["arm"] in shown]
    rows = [row for row in rows if every or row["profitable"]]
    rows.sort(key=lambda row: shown.index(row["arm"]))
    if json:
        show.as_json({"scenario": loaded.name, "ranked_by": by.value, "deviations": rows})
        return
    if not every:
        rows = [row for name in shown for row in [each for each in rows if each["arm"] == name][:MOST]]
    columns = ["arm", "actor", "kind", "gain_eur", "gain_under_current_eur"]
    columns += ["harm_payers_eur", "harm_organisations_eur", "harm_patients_eur"]
    short = [{c: round(v, 0) if isinstance(v := row[c], float) else v for c in columns} for row in rows]
    show.table(
        [each | {"deviation": row["deviation"]} for each, row in zip(short, rows, strict=True)], [*columns, "deviation"]
    )
    typer.echo("")
    for name in shown:
        own = [row for row in rows if row["arm"] == name and (row["opened"] or name == loaded.current)]
        for row in own[:FEW]:
            typer.echo(audit_sentence(row))
        if not own:
            typer.echo(f"Under {name} no deviation pays more than today.")
    typer.echo(f"next: paysim incentives {scenario}")
