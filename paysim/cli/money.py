"""`paysim money`: whose money a finished run is: statements, cash, wrong pockets, points of view, parties, episodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import show
from paysim.cli.run import Json

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(
    help="Whose money: statements, cash, wrong pockets, points of view, parties, episodes.", no_args_is_help=True
)

Folder = Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")]
Actor = Annotated[str, typer.Option(help="A practice, practices, hospital, insurers, ...", metavar="A")]
Arm = Annotated[str | None, typer.Option(help="Default: the current one.", metavar="ARM")]
Replicate = Annotated[int, typer.Option(min=0, help="Number of the replicate.", metavar="R")]
About = Annotated[
    str | None, typer.Option(help="Name or file of organisations; default: those of the country.", metavar="NAME")
]


@app.command("statement")
def statement(run: Folder, actor: Actor, arm: Arm = None, replicate: Replicate = 0, json: Json = False) -> None:
    """Print an actor's income statement by quarter, in euro of the people simulated."""
    from paysim.analysis.money import statement as table
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    _show(loaded.scenario["name"], "statement", table(loaded, actor, arm, replicate).reset_index(), json)
    if not json:
        weight = float((loaded.manifest.get("sample") or {}).get("weight", 1.0))
        typer.echo(f"\nEUR of the people simulated, as in the ledger; each stands for {weight:.4g} of the region.")


@app.command("cash")
def cash(
    run: Folder,
    actor: Actor,
    arm: Arm = None,
    baseline: Annotated[str | None, typer.Option(help="Show differences from this arm.", metavar="ARM")] = None,
    replicate: Replicate = 0,
    organisations: About = None,
    json: Json = False,
) -> None:
    """Print an actor's cash by quarter, in euro of the region: what arose, what was paid, what is left."""
    from paysim.analysis.money import PRACTICES, organisations_of
    from paysim.analysis.money import cash as table
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    about = organisations_of(loaded, organisations)
    found = table(loaded, actor, arm, baseline=baseline, replicate=replicate, organisations=about)
    _show(loaded.scenario["name"], "cash", found.reset_index(), json)
    if json:
        return
    typer.echo("\nEUR of the region; of a single practice, its own. Running costs of an organisation are taken off.")
    others = {each.actor for each in about.members if each.level != "organisations"} - {PRACTICES}
    if actor in others and baseline is None:
        typer.echo("The ledger has no premiums, taxes or costs of this actor: compare with another arm by --baseline.")
        return
    least = float(found["position_eur"].min())
    typer.echo(f"least cash: EUR {least:,.0f}" + (": more is needed than the reserve" if least < 0.0 else ""))


@app.command("pockets")
def pockets(
    run: Folder,
    arm: Annotated[str, typer.Option(help="Arm that is compared.", metavar="ARM")],
    baseline: Annotated[str | None, typer.Option(help="Arm to compare with.", metavar="ARM")] = None,
    by_year: Annotated[bool, typer.Option("--by-year", help="A row for each actor and year.")] = False,
    organisations: About = None,
    through_owners: Annotated[
        bool, typer.Option("--through-owners", help="What organisations gain or lose falls to their owners.")
    ] = False,
    json: Json = False,
) -> None:
    """Print what each actor puts in and gets back in an arm, against a baseline, in euro of the region."""
    from paysim.analysis.money import organisations_of
    from paysim.analysis.money import pockets as table
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    about = organisations_of(loaded, organisations)
    found = table(loaded, arm, baseline, by_year=by_year, organisations=about, through_owners=through_owners)
    if not json:
        found = found[(found["puts_in_eur"] != 0.0) | (found["gets_back_eur"] != 0.0)].round()
        found["actor"] = [about[actor].title for actor in found["actor"]]
    _show(loaded.scenario["name"], "pockets", found, json)
    if not json:
        years = loaded.scenario["horizon_years"]
        typer.echo(f"\nEUR of the region over {years} years; all net amounts together are 0.")


@app.command("perspectives")
def perspectives(
    run: Folder,
    baseline: Annotated[str | None, typer.Option(help="Arm to compare with.", metavar="ARM")] = None,
    json: Json = False,
) -> None:
    """Print what each arm costs from several points of view, in euro per head and year; transfers cancel."""
    from paysim.analysis.measures import records
    from paysim.analysis.money import LONG_TERM_CARE_HELD, perspective_differences
    from paysim.analysis.money import perspectives as table
    from paysim.analysis.runs import load_run
    from paysim.report.caveats import HEALTH
    from paysim.report.wording import interval, number

    loaded = load_run(run)
    found = table(loaded).rename_axis("perspective").reset_index()
    changes = perspective_differences(loaded, baseline)
    if json:
        tables = {"perspectives": records(found), "differences": records(changes)}
        show.as_json({"scenario": loaded.scenario["name"], **tables, "note": LONG_TERM_CARE_HELD})
        return
    _show(loaded.scenario["name"], "perspectives", found, json)
    typer.echo(f"\n{LONG_TERM_CARE_HELD}")
    if changes.empty:
        return
    base = changes["baseline"].iloc[0]
    texts = [
        f"{number(row['difference'], signed=True) or '0'} {interval(row['low'], row['high'])}".strip()
        for row in records(changes)
    ]
    wide = changes.assign(text=texts).pivot(index="perspective", columns="arm", values="text")
    arms = [arm for arm in loaded.arms if arm != base]
    wide = wide.reindex(index=found["perspective"], columns=arms).reset_index()
    typer.echo(f"\nagainst {base}, with 95% intervals where the run has them (chance only)")
    _show(loaded.scenario["name"], "differences", wide, json)
    typer.echo(f"\nAll payers, practices, organisations and the rest add up to 0. {HEALTH}")


@app.command("parties")
def parties(run: Folder, json: Json = False) -> None:
    """Print how many practices took part in contracts of their own choice, by year, and which organisations left."""
    from paysim.analysis.parties import parties_by_year as table
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    found = table(loaded)
    if not json:
        found = found.round(2).astype(object).where(found.notna(), None)
    _show(loaded.scenario["name"], "parties", found, json)
    if not json:
        none = "Nobody has a choice in this run. " if found.empty else ""
        typer.echo(f"{none}EUR per listed person-year; position: EUR per person. Who: parties.csv of the run folder.")


@app.command("episodes")
def episodes(run: Folder, replicate: Replicate = 0, json: Json = False) -> None:
    """Print how many episodes of acute bundles ended in each arm, and what they cost, of the people simulated."""
    from paysim.analysis.episodes import episodes as table
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    _show(loaded.scenario["name"], "episodes", table(loaded, replicate), json)


def _show(scenario: Any, what: str, table: pd.DataFrame, json: bool) -> None:
    from paysim.analysis.measures import records

    rows = records(table)
    if json:
        show.as_json({"scenario": scenario, what: rows})
    else:
        show.table(rows, [str(name) for name in table.columns])
