"""From a file to a scenario, and from a scenario to the list of what it settles."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim import catalog
from paysim.errors import ScenarioError
from paysim.parameters import Override, Parameter
from paysim.reading import Document, bind, read_yaml
from paysim.scenario.checks import (
    Extra,
    behaviour_problems,
    control_problems,
    history_problems,
    library_problems,
    name_problems,
    neutrality_problems,
    party_problems,
    patient_problems,
    price_level,
    read_contracts,
    read_delegation,
    read_organisations,
    read_programmes,
    scale_problems,
)
from paysim.scenario.format import ArmReader, ScenarioReader, settings
from paysim.scenario.model import Arm, Behaviour, BudgetNeutrality, Discounting, Scenario

if TYPE_CHECKING:
    from paysim.accounting.organisations import Organisations
    from paysim.care.delegation import DelegationRules
    from paysim.care.programmes import Programme, ProgrammeUse
    from paysim.contracts.terms import Contract


def load_scenario(name_or_path: str | os.PathLike[str], extra: Extra = ()) -> Scenario:
    """Read and check a scenario.

    Parameters
    ----------
    name_or_path
        A name such as ``nl/achterhoek_four_models``, or the path of a YAML file.
    extra
        Folders with further regions and contracts, searched before the shipped ones.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong.
    """
    path = catalog.find("scenarios", os.fspath(name_or_path), extra)
    document = read_yaml(path)
    read = bind(ScenarioReader, document)
    contracts: list[list[Contract]] = []
    programmes: list[list[ProgrammeUse]] = []
    known: dict[str, Programme] = {}
    rules: list[DelegationRules | None] = []
    organisations: list[Organisations | None] = []
    problems = [*name_problems(read, document), *library_problems(read, document, extra)]
    problems += neutrality_problems(read, document)
    prices = price_level(read, document, extra, problems)
    for index, arm in enumerate(read.arms):
        contracts.append(read_contracts(document.at("arms", index, "contracts"), extra, problems, prices))
        problems += history_problems(contracts[-1], read.base_years, document, ("arms", index, "contracts"))
        problems += control_problems(contracts[-1], document, ("arms", index, "contracts"))
        problems += patient_problems(contracts[-1], read.horizon_years, document, ("arms", index, "contracts"))
        rules.append(read_delegation(arm.delegation, document.at("arms", index), extra, problems))
        organisations.append(read_organisations(arm.organisations, document.at("arms", index), extra, problems))
        problems += behaviour_problems(arm.behaviour, document, ("arms", index, "behaviour"))
        of_arm = document.at("arms", index, "programmes") if arm.programmes else document
        programmes.append(read_programmes(arm, of_arm, extra, known, problems))
    problems += party_problems(read, contracts, organisations, document)
    problems += scale_problems(read, contracts, document)
    names = [programme.name for programme in known.values()]
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(document.problem("two programmes share a name", ("arms",), found=name))
    if problems:
        raise ScenarioError(*sorted(problems, key=lambda p: (p.file != document.path, p.line or 0, p.column or 0)))
    arms = tuple(_arm(*each) for each in zip(read.arms, contracts, rules, programmes, organisations, strict=True))
    scenario = replace(_scenario(read, arms, document), programmes=tuple(known.values()))
    return replace(scenario, read={row["name"]: row["value"] for row in resolved(scenario)})


def resolved(scenario: Scenario) -> list[dict[str, Any]]:
    """Return what the scenario settles: rows of name, value, unit, low, high, distribution, source, status.

    What the file leaves out has the status ``default``, what was replaced since ``override``. Amounts of
    contracts keep the source and status that the contract's file states, and are given as written, before any
    budget neutrality; where two arms write different amounts under one name, it begins with the arm.
    """
    rows = []
    for key, info in ScenarioReader.model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict):
            rows.append(_row(scenario, key, getattr(scenario, key), str(extra["unit"])))
    for key in ("costs", "effects"):
        rows.append(_row(scenario, f"discounting.{key}", getattr(scenario.discounting, key), "per year"))
    for arm in scenario.arms:
        label, contracts = f"arms.{arm.name}", [contract.name for contract in arm.contracts]
        rows.append(_row(scenario, f"{label}.contracts", contracts, "names"))
        for contract in arm.contracts:
            rows += [_row(scenario, f"{label}.{name}", *value, "arms") for name, value in _limits(contract)]
        given = "arms" if arm.behaviour.given else ""
        rows.append(_row(scenario, f"{label}.behaviour", arm.behaviour.name, "name", given))
        for name, value in arm.behaviour.settings:
            rows.append(_row(scenario, f"{label}.behaviour.{name}", value, "setting"))
        for use in arm.programmes:
            named = f"{label}.programmes.{use.name}"
            rows.append(_row(scenario, f"{named}.start_year", use.start_year, "year of the run", "arms"))
            rows.append(_row(scenario, f"{named}.payer", use.payer or "nobody", "name", "arms"))
            rows.append(_row(scenario, f"{named}.staff", "hired" if use.hires else "employed", "name", "arms"))
        if arm.delegation is not None:
            rows.append(_row(scenario, f"{label}.delegation", arm.delegation.name, "name", "arms"))
        if arm.organisations is not None:
            rows.append(_row(scenario, f"{label}.organisations", arm.organisations.name, "name", "arms"))
        if arm.peer_feedback:
            rows.append(_row(scenario, f"{label}.peer_feedback", "yes", "yes or no", "arms"))
        if arm.budget_neutral_to is not None:
            neutral = f"{arm.budget_neutral_to.arm} on {arm.budget_neutral_to.on}"
            rows.append(_row(scenario, f"{label}.budget_neutral_to", neutral, "name"))
    amounts: dict[Parameter, str] = {}
    for arm in scenario.arms:
        for contract in arm.contracts:
            for each in contract.amounts:
                amounts.setdefault(each, arm.name)
    times = Counter(each.name for each in amounts)
    for each, first in amounts.items():
        name = each.name if times[each.name] == 1 else f"arms.{first}.{each.name}"
        rows.append({key: getattr(each, key) for key in rows[0]} | {"name": name})
    return rows


def _limits(contract: Contract) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield what limits a contract: name, and value with unit."""
    who = contract.scope.participants
    if who is not None:
        unit = "share of practices that is asked" if who.decides else "share of practices"
        yield f"{contract.name}.participants", (who.share if who.decides else who.mean, unit)
    if contract.after_exit_of is not None:
        yield f"{contract.name}.after_exit_of", (contract.after_exit_of, "organisation")
    if contract.scope.insurers:
        yield f"{contract.name}.insurers", (list(contract.scope.insurers), "names")
    for part in contract.components:
        name = f"{contract.name}.{part.name}"
        if part.share != 1.0:
            yield f"{name}.share", (part.share, "share of the component")
        if part.share_by_year:
            yield f"{name}.share_by_year", (list(part.share_by_year), "share of the component")
        for key in ("from_year", "until_year"):
            if getattr(part, key) is not None:
                yield f"{name}.{key}", (getattr(part, key), "contract year")


def _row(scenario: Scenario, name: str, value: Any, unit: str, key: str | None = None) -> dict[str, Any]:
    shown = list(value) if isinstance(value, tuple) else value.isoformat() if isinstance(value, date) else value
    given = (name.split(".")[0] if key is None else key) in scenario.given
    source, status = (Path(scenario.path).name, "scenario") if given else ("paysim", "default")
    if scenario.read and scenario.read.get(name) != shown:
        source, status = "option of the command line, or Python", "override"
    bounds = {"low": None, "high": None, "distribution": None}
    return {"name": name, "value": shown, "unit": unit, **bounds, "source": source, "status": status}


def _scenario(read: ScenarioReader, arms: tuple[Arm, ...], document: Document) -> Scenario:
    overrides = tuple(
        Override(
            row.name,
            tuple(row.value) if isinstance(row.value, list) else row.value,
            document.path,
            *document.place(("parameters", index, "name")),
        )
        for index, row in enumerate(read.parameters)
    )
    return Scenario(
        name=read.name,
        title=read.title or read.name,
        region=read.region,
        start=date.fromisoformat(read.start),
        horizon_years=read.horizon_years,
        base_years=read.base_years,
        price_year=read.price_year,
        discounting=Discounting(read.discounting.costs, read.discounting.effects),
        seed=read.seed,
        replicates=read.replicates,
        population=read.population,
        diseases=tuple(read.diseases),
        current=read.current,
        compare_with=tuple(read.compare_with) or (read.current,),
        arms=arms,
        parameters=overrides,
        path=document.path,
        sha256=hashlib.sha256(Path(document.path).read_bytes()).hexdigest(),
        given=frozenset(document.data),
    )


def _arm(
    read: ArmReader,
    contracts: list[Contract],
    rules: DelegationRules | None,
    programmes: list[ProgrammeUse],
    organisations: Organisations | None,
) -> Arm:
    neutral = read.budget_neutral_to
    return Arm(
        name=read.name,
        title=read.title or read.name.replace("_", " "),
        contracts=tuple(contracts),
        budget_neutral_to=BudgetNeutrality(neutral.arm, neutral.on) if neutral else None,
        behaviour=Behaviour(
            read.behaviour.name if read.behaviour else "passive",
            tuple(settings(read.behaviour)),
            read.behaviour is not None,
        ),
        programmes=tuple(programmes),
        delegation=rules,
        peer_feedback=read.peer_feedback,
        organisations=organisations,
    )
