"""`paysim check SCENARIO`: whether a scenario or a pilot is right, and what it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from paysim.cli import show

if TYPE_CHECKING:
    from paysim.care.catalogue import Services
    from paysim.scenario import Scenario


_FEW = 1000
"""People on whom the processes are built to which programmes refer; their number does not matter."""


def check(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario or a pilot, or a YAML file.", metavar="SCENARIO")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Check a scenario and print every value it resolves to, with unit, source and status.

    Below them stands what pays for each service in each arm.
    """
    if _is_pilot(scenario):
        _check_pilot(scenario, json)
        return
    from paysim.analysis.values import every_value
    from paysim.care.background import background_per_head
    from paysim.care.catalogue import load_services
    from paysim.contracts.coverage import coverage_table
    from paysim.engine.model import load_parameters, require_known
    from paysim.parameters import PriceLevel
    from paysim.scenario import load_scenario

    loaded = load_scenario(scenario)
    if loaded.programmes:
        from paysim.engine.model import build_model

        build_model(loaded, sample=_FEW)  # programmes name processes and flags, which only a model has
    parameters, region = load_parameters(loaded)
    require_known(loaded, region.insurers)
    services = load_services().priced(PriceLevel(region.country, loaded.price_year)).with_values(parameters)
    rows = every_value(loaded, parameters, region)
    paid = coverage_table(
        {arm.name: arm.contracts for arm in loaded.arms},
        services.names,
        services.sectors,
        loaded.horizon_years,
        region.insurers,
    )
    warnings = _warnings(loaded, services, background_per_head(parameters), region.insurers)
    if json:
        about = {"scenario": loaded.name, "sha256": loaded.sha256}
        show.as_json({**about, "warnings": warnings, "coverage": paid, "parameters": rows})
        return
    show.table(rows, ["name", "value", "unit", "status", "source"])
    typer.echo("\nWhat pays for each service, from which contract year on:")
    show.table(_together(paid), ["arms", "from_year", "by_unit", "in_advance", "warning", "services"], widest=160)
    typer.echo("")
    for warning in warnings:
        typer.echo(f"warning: arm {warning['arm']}: {warning['message']}", err=True)
    typer.echo(f"{scenario}: ok, {len(loaded.arms)} arms, {len(rows)} values, {len(warnings)} warnings")
    typer.echo(f"next: paysim run {scenario}")


def _together(paid: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return one row for all services that the same arms pay alike, in the order of the catalogue."""
    services: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for row in paid:
        way = tuple((key, value) for key, value in row.items() if key != "service")
        services.setdefault(way, []).append(row["service"])
    return [{**dict(way), "services": ", ".join(names)} for way, names in services.items()]


def _is_pilot(name: str) -> bool:
    """Tell whether a name or file is a pilot: by the catalogue, or by the key that only pilots have."""
    from paysim import catalog
    from paysim.errors import InputError
    from paysim.reading import read_yaml

    if not name.endswith((".yaml", ".yml")):
        return name.removeprefix("pilots/") in catalog.names("pilots") and name not in catalog.names("scenarios")
    try:
        data = read_yaml(name).data
    except InputError:
        return False  # reading it as a scenario says what is wrong
    return isinstance(data, dict) and bool({"trial_arm", "comparator_arm", "scenario"} & set(data))


def _check_pilot(name: str, json: bool) -> None:
    from paysim.pilots import load_pilot
    from paysim.pilots.model import resolved
    from paysim.pilots.worlds import require_sites

    pilot = load_pilot(name.removeprefix("pilots/"))
    require_sites(pilot, None)
    rows = resolved(pilot)
    if json:
        show.as_json({"pilot": pilot.name, "scenario": pilot.scenario.name, "parameters": rows})
        return
    show.table(rows, ["name", "value", "low", "high", "unit", "status", "source"])
    typer.echo(f"\n{name}: ok, {pilot.sites} sites, {len(rows)} values")
    typer.echo(f"next: paysim pilot simulate {name} --out RUN, then paysim pilot run {name} --run RUN")


def _warnings(
    scenario: Scenario, services: Services, spending_per_head: float, insurers: Sequence[str]
) -> list[dict[str, str]]:
    """Return what is seldom meant: services paid twice or never, amounts beyond any scale, arms that never respond."""
    from paysim.contracts.coverage import implausible_amounts, overlaps, warnings_over
    from paysim.scenario.twins import Look, warning, without_twin

    looks = [Look(arm.name, tuple(each.name for each in arm.contracts), arm.behaviour.name) for arm in scenario.arms]
    alone = without_twin(looks, scenario.compare_with)
    amounts = [
        {"arm": arm.name, "message": message}
        for arm in scenario.arms
        for message in [*implausible_amounts(arm.contracts, spending_per_head), *overlaps(arm.contracts)]
    ]
    return [*amounts, *({"arm": name, "message": warning(name)} for name in alone)] + [
        {"arm": arm.name, "message": message}
        for arm in scenario.arms
        for message in warnings_over(
            arm.contracts,
            services.names,
            services.sectors,
            scenario.horizon_years,
            arm.organisations.leaving if arm.organisations else (),
            insurers,
        )
    ]
