"""`paysim check SCENARIO`: whether the scenario is right, and what it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import show

if TYPE_CHECKING:
    from paysim.scenario import Scenario


def check(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Check a scenario and print every value it resolves to, with unit, source and status."""
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    rows = settled(loaded)
    if json:
        show.as_json({"scenario": loaded.name, "sha256": loaded.sha256, "parameters": rows})
        return
    show.table(rows, ["name", "value", "unit", "status", "source"])
    typer.echo(f"\n{scenario}: ok, {len(loaded.arms)} arms, {len(rows)} values")
    typer.echo(f"next: paysim run {scenario}")


def settled(scenario: Scenario) -> list[dict[str, Any]]:
    """Return every value that the scenario settles, one row each."""
    from paysim.care.catalogue import load_services
    from paysim.engine.model import load_parameters
    from paysim.scenario import resolved

    parameters, region = load_parameters(scenario)
    return [*resolved(scenario), *parameters.frame(), *region.parameters.frame(), *load_services().frame()]
