"""`paysim check SCENARIO`: whether the scenario is right, and what it stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paysim.cli import show

if TYPE_CHECKING:
    from paysim.care.catalogue import Services
    from paysim.scenario import Scenario


_FEW = 1000
"""People on whom the processes are built to which programmes refer; their number does not matter."""


def check(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Check a scenario and print every value it resolves to, with unit, source and status."""
    from paysim.analysis.values import every_value
    from paysim.care.catalogue import load_services
    from paysim.engine.model import load_parameters
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    if loaded.programmes:
        from paysim.engine.model import build_model

        build_model(loaded, sample=_FEW)  # programmes name processes and flags, which only a model has
    services = load_services()
    rows = every_value(loaded, *load_parameters(loaded), services)
    warnings = _warnings(loaded, services)
    if json:
        show.as_json({"scenario": loaded.name, "sha256": loaded.sha256, "warnings": warnings, "parameters": rows})
        return
    show.table(rows, ["name", "value", "unit", "status", "source"])
    typer.echo("")
    for warning in warnings:
        typer.echo(f"warning: arm {warning['arm']}: {warning['message']}", err=True)
    typer.echo(f"{scenario}: ok, {len(loaded.arms)} arms, {len(rows)} values, {len(warnings)} warnings")
    typer.echo(f"next: paysim run {scenario}")


def _warnings(scenario: Scenario, services: Services) -> list[dict[str, str]]:
    """Return the services that an arm pays twice or never, which may be meant but seldom is."""
    from paysim.contracts.coverage import warnings_over

    return [
        {"arm": arm.name, "message": message}
        for arm in scenario.arms
        for message in warnings_over(arm.contracts, services.names, services.sectors, scenario.horizon_years)
    ]
