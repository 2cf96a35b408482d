"""`paysim decompose SCENARIO ARM`: the difference from a baseline by payment rule, behaviour and health."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json

SHOWN = (
    *("spending_total", "spending_general_practice", "spending_hospital", "practice_revenue"),
    *("gp_contacts", "nurse_contacts", "specialist_trajectories", "ed_visits", "qalys", "deaths"),
)


def decompose(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    arm: Annotated[str, typer.Argument(help="Arm to explain.", metavar="ARM")],
    baseline: Annotated[
        str | None, typer.Option(help="Default: the first that the scenario compares with.", metavar="ARM")
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option("--measure", help="Measure to show; again for more.", metavar="M")
    ] = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    years: Annotated[int | None, typer.Option(min=1, max=100, help="Horizon in years.", metavar="Y")] = None,
    json: Json = False,
) -> None:
    """Decompose the difference between two arms into payment rule, behaviour, health and organisation."""
    from paysim.analysis.decomposition import PARTS
    from paysim.analysis.decomposition import decompose as decomposed
    from paysim.analysis.measures import records
    from paysim.errors import NotInResults, Problem, nearest_name
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    loaded = replace(loaded, horizon_years=loaded.horizon_years if years is None else years)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        found = decomposed(loaded, arm, baseline, sample=sample, progress=bars.tick)
    known = list(found.measures.index)
    for name in measure or ():
        if name not in known:
            raise NotInResults(Problem("no such measure", found=name, nearest=nearest_name(name, known)))
    names = measure or [name for name in SHOWN if name in known]
    measures, money = records(found.measures.reset_index()), records(found.money.reset_index())
    rows = [_without_noise(row) for name in names for row in measures if row["measure"] == name]
    if json:
        show.as_json(
            {
                "scenario": loaded.name,
                "arm": found.arm,
                "baseline": found.baseline,
                "measures": measures,
                "money": money,
            }
        )
        return
    typer.echo(f"{found.arm} less {found.baseline}, whole region, over {loaded.horizon_years} years")
    show.table(rows, ["measure", "baseline", *PARTS, "arm", "unit"])
    typer.echo("")
    typer.echo("what is left of all postings by actor, in euro of the whole region")
    show.table(records(found.money_eur.reset_index()), ["actor", *_COLUMNS])
    for line in _sentences(rows, found.arm, found.baseline):
        typer.echo(line)
    if found.replicates > 1:
        typer.echo(f"\n95% intervals over {found.replicates} replicates (chance only)")
        shown = [row for row in records(found.intervals.reset_index()) if row["measure"] in names]
        show.table(shown, ["measure", *(f"{part}_{end}" for part in PARTS for end in ("low", "high"))])
    else:
        typer.echo("One replicate has no interval: a part may be chance alone (replicates in the scenario's file).")
    if found.note:
        typer.echo(f"{found.note}: amounts are those of the region, with the chance of a sample.")
    typer.echo(f"next: paysim incentives {scenario}")


_NOISE = 1e-12
_COLUMNS = ("baseline", "payment", "behaviour", "health", "organisation", "arm")


def _sentences(rows: list[dict[str, Any]], arm: str, baseline: str) -> list[str]:
    """Return a sentence for each measure that differs."""
    found = []
    for row in rows:
        parts = {name: float(row[name]) for name in _COLUMNS}
        total = parts["arm"] - parts["baseline"]
        if total:
            causes = ", ".join(f"{_amount(parts[name])} by {name}" for name in _COLUMNS[1:-1] if parts[name])
            found.append(f"{row['measure']}: {_amount(total)} {row['unit']} in {arm} against {baseline}: {causes}.")
    return found


def _amount(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 100.0 else f"{value:+.3g}"


def _without_noise(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with what is only the rounding of sums of numbers as large as the whole taken as nothing."""
    largest = max(abs(float(row[name])) for name in ("baseline", "arm"))
    small = [name for name in _COLUMNS[1:-1] if abs(float(row[name])) < _NOISE * largest]
    return row | dict.fromkeys(small, 0.0)
