"""What can be turned in a scenario by name: parameters of the model, and numbers in the contracts of its arms.

A parameter has its own name (``behaviour.altruism_mean``). A number of a contract is named by its way down: arm,
contract, component, field, as in ``mixed.gp_mixed.capitation.share``; in lists of rows the row's own label comes
between, as in ``mixed.gp_mixed.chronic_bundle.bundles.diabetes.eur_per_programme_year``. The share of practices
that take part in an arm's contracts, or are asked to, is ``ARM.participants.share``. Where an arm is
budget-neutral its rates are solved anew for every value, so that what is turned there is how the money is paid, not
how much.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from paysim.contracts.contract import Contract, Part
from paysim.engine.model import load_parameters
from paysim.errors import DataError, Problem, nearest_name
from paysim.parameters import Override
from paysim.scenario import Arm, Scenario

_SHARE = "share"


def value_of(scenario: Scenario, name: str) -> float:
    """Return the number that a name stands for, as it is in the scenario.

    Raises
    ------
    DataError
        If there is no such number; names the nearest.
    """
    parameters, _ = load_parameters(scenario)
    if name in parameters:
        value = parameters.row(name).value
        if isinstance(value, float):
            return value
        raise DataError(Problem("is no single number", key=name, found=str(value)))
    known = terms_of(scenario)
    if name not in known:
        near = nearest_name(name, [*parameters, *known])
        raise DataError(Problem("no such parameter, and no such number in a contract", found=name, nearest=near))
    return known[name]


def with_values(scenario: Scenario, values: dict[str, float]) -> Scenario:
    """Return the scenario with numbers replaced.

    Raises
    ------
    DataError
        If there is no such number, or a contract cannot have it.
    """
    for name, value in values.items():
        value_of(scenario, name)
        scenario = _with(scenario, name, value)
    return scenario


def terms_of(scenario: Scenario) -> dict[str, float]:
    """Return every number in the contracts of the arms, by name."""
    found: dict[str, float] = {}
    for arm in scenario.arms:
        found |= {_participants(arm): share for share in _shares(arm)[:1]}
        for contract in arm.contracts:
            for part in contract.components:
                lead = f"{arm.name}.{contract.name}.{part.name}"
                found[f"{lead}.{_SHARE}"] = part.share
                found |= {f"{lead}.{name}": value for name, value in _numbers(part.terms)}
    return found


def _with(scenario: Scenario, name: str, value: float) -> Scenario:
    parameters, _ = load_parameters(scenario)
    if name in parameters:
        kept = tuple(each for each in scenario.parameters if each.name != name)
        return replace(scenario, parameters=(*kept, Override(name, float(value))))
    for a, arm in enumerate(scenario.arms):
        if name == _participants(arm):
            return replace(scenario, arms=_put(scenario.arms, a, _taking_part(arm, name, value)))
        for c, contract in enumerate(arm.contracts):
            for p, part in enumerate(contract.components):
                lead = f"{arm.name}.{contract.name}.{part.name}."
                if not name.startswith(lead):
                    continue
                try:
                    changed = _changed(part, name.removeprefix(lead), value)
                except (ValueError, TypeError) as exc:
                    raise DataError(Problem(f"cannot be {value:g}: {exc}", key=name)) from None
                parts = _put(contract.components, p, changed)
                contracts = _put(arm.contracts, c, replace(contract, components=parts))
                return replace(scenario, arms=_put(scenario.arms, a, replace(arm, contracts=contracts)))
    raise DataError(Problem("no such number in a contract", found=name))


def _participants(arm: Arm) -> str:
    """Return the name of the share of practices that take part in an arm's contracts, or are asked to."""
    return f"{arm.name}.participants.{_SHARE}"


def _shares(arm: Arm) -> list[float]:
    """Return that share; none if contracts are for all practices, or for different shares of them."""
    found = {each.scope.participants.share for each in arm.contracts if each.scope.participants is not None}
    return list(found) if len(found) == 1 else []


def _taking_part(arm: Arm, name: str, value: float) -> Arm:
    if not 0.0 <= value <= 1.0:
        raise DataError(Problem(f"cannot be {value:g}: a share lies between 0 and 1", key=name))

    def changed(contract: Contract) -> Contract:
        who = contract.scope.participants
        if who is None:
            return contract
        return replace(contract, scope=replace(contract.scope, participants=replace(who, share=value)))

    return replace(arm, contracts=tuple(changed(each) for each in arm.contracts))


def _changed(part: Part, name: str, value: float) -> Part:
    if name == _SHARE:
        if not 0.0 <= value <= 1.0:
            raise ValueError("a share lies between 0 and 1")
        return replace(part, share=value)
    return replace(part, terms=_deep(part.terms, name, value))


def _numbers(terms: Any) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a frozen dataclass and of the labelled rows in it."""
    for each in fields(terms):
        value = getattr(terms, each.name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield each.name, float(value)
        for label, row in _rows(value):
            for name, number in _numbers(row):
                yield f"{each.name}.{label}.{name}", number


def _deep(terms: Any, name: str, value: float) -> Any:
    field, _, rest = name.partition(".")
    if not rest:
        kind = type(getattr(terms, field))
        return replace(terms, **{field: kind(value)})
    rows = list(getattr(terms, field))
    for k, row in enumerate(rows):
        label = _label(row)
        if label and rest.startswith(f"{label}."):
            rows[k] = _deep(row, rest.removeprefix(f"{label}."), value)
            return replace(terms, **{field: tuple(rows)})
    raise ValueError("no such row")


def _rows(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple):
        for row in value:
            if is_dataclass(row) and _label(row):
                yield _label(row), row


def _label(row: Any) -> str:
    return str(getattr(row, "label", ""))


def _put(whole: tuple[Any, ...], place: int, part: Any) -> tuple[Any, ...]:
    return (*whole[:place], part, *whole[place + 1 :])
