"""A scenario: a region, a horizon and two or more arms, read from one YAML file, checked once, then frozen.

An arm is what cost-effectiveness analysis calls a strategy: the contracts under which practices are paid and
the behaviour with which they respond. `current` names the arm that describes the data year; the base run is
simulated under it and every arm forks from there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from paysim import catalog
from paysim.errors import InputError, Problem, ScenarioError, nearest_name
from paysim.parameters import Override
from paysim.reading import Document, Name, Reader, bind, read_yaml

if TYPE_CHECKING:
    from paysim.contracts.terms import Contract

BEHAVIOURS = ("passive", "profit_altruism")
_DISEASES = Path(__file__).resolve().parent / "diseases"

Extra = Sequence[str | os.PathLike[str]]
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Discounting:
    """Yearly discount rates of costs and of effects, as shares."""

    costs: float
    effects: float


@dataclass(frozen=True)
class BudgetNeutrality:
    """Rates are solved so that payers spend on `on` what they spend in `arm`, without any response."""

    arm: str
    on: str


@dataclass(frozen=True)
class Behaviour:
    """How providers respond: the name of a behaviour and the settings that differ from its defaults."""

    name: str = "passive"
    settings: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Arm:
    """Contracts and behaviour that are compared with those of other arms."""

    name: str
    title: str
    contracts: tuple[Contract, ...]
    budget_neutral_to: BudgetNeutrality | None = None
    behaviour: Behaviour = Behaviour()


@dataclass(frozen=True)
class Scenario:
    """A checked scenario.

    Attributes
    ----------
    region
        Name of the region's profile in `populations/`.
    start
        Calendar day of model time 0.
    horizon_years, base_years
        Length of every arm, and of the base run before it, in years.
    price_year
        Year of the euros in which everything is shown.
    current
        Name of the arm of the data year.
    compare_with
        Names of the arms with which the others are compared.
    parameters
        Values of the model that this scenario replaces.
    sha256
        Of the file the scenario was read from.
    given
        Top-level keys that the file states; the others have their defaults.
    """

    name: str
    title: str
    region: str
    start: date
    horizon_years: int
    base_years: int
    price_year: int
    discounting: Discounting
    seed: int
    replicates: int
    diseases: tuple[str, ...]
    current: str
    compare_with: tuple[str, ...]
    arms: tuple[Arm, ...]
    parameters: tuple[Override, ...] = ()
    path: str = ""
    sha256: str = ""
    given: frozenset[str] = field(default=frozenset(), repr=False)

    def arm(self, name: str) -> Arm:
        """Return the arm of that name.

        Raises
        ------
        ScenarioError
            There is no such arm; names the nearest.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        known = [arm.name for arm in self.arms]
        near = nearest_name(name, known)
        raise ScenarioError(Problem("no such arm", self.path, found=name, allowed=tuple(known), nearest=near))


def _day(text: Any) -> Any:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or not 1900 <= day.year <= 2200:
        raise ValueError("a day such as 2021-01-01 expected")
    return text


def _unit(unit: str, about: str, **bounds: Any) -> Any:
    return Field(description=about, json_schema_extra={"unit": unit}, **bounds)


class _DiscountingReader(Reader):
    costs: Annotated[float, _unit("per year", "discount rate of costs", ge=0, le=0.2)]
    effects: Annotated[float, _unit("per year", "discount rate of effects", ge=0, le=0.2)]


class _NeutralityReader(Reader):
    arm: str
    on: Literal["general_practice"]


class _BehaviourReader(Reader):
    # Settings belong to the behaviour named, so their names are checked after the name is known.
    model_config = ConfigDict(extra="allow")
    name: Literal["passive", "profit_altruism"]


class _ArmReader(Reader):
    name: Name
    title: str | None = None
    contracts: Annotated[list[Any], Field(min_length=1, max_length=50)]
    budget_neutral_to: _NeutralityReader | None = None
    behaviour: _BehaviourReader | None = None


class _OverrideReader(Reader):
    name: str
    value: float | str | list[float]


class _ScenarioReader(Reader):
    version: Annotated[Literal[1], Field(alias="schema", description="version of this format")]
    name: Annotated[Name, _unit("name", "name of the scenario")]
    title: Annotated[str | None, _unit("text", "title for tables and reports")] = None
    region: Annotated[str, _unit("name", "name of a region's profile")]
    start: Annotated[str, AfterValidator(_day), _unit("day", "calendar day of model time 0")]
    horizon_years: Annotated[int, _unit("years", "length of every arm", ge=1, le=100)]
    base_years: Annotated[int, _unit("years", "length of the base run before the fork", ge=1, le=20)] = 3
    price_year: Annotated[int, _unit("calendar year", "year of the euros shown", ge=2000, le=2100)]
    discounting: _DiscountingReader
    seed: Annotated[int, _unit("count", "key of all random numbers", ge=0, lt=2**63)] = 1
    replicates: Annotated[int, _unit("count", "number of seeds", ge=1, le=10_000)] = 1
    diseases: Annotated[list[str], _unit("names", "diseases that are modelled", min_length=1)]
    current: Annotated[str, _unit("name", "arm of the data year; the base run is simulated under it")]
    compare_with: Annotated[
        list[str], _unit("names", "arms with which the others are compared", min_length=1)
    ] = []
    arms: Annotated[list[_ArmReader], Field(min_length=1, max_length=50)]
    parameters: Annotated[list[_OverrideReader], Field(max_length=1000)] = []


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
    read = bind(_ScenarioReader, document)
    contracts: list[list[Contract]] = []
    problems = [*_name_problems(read, document), *_library_problems(read, document, extra)]
    problems += _neutrality_problems(read, document)
    for index, arm in enumerate(read.arms):
        contracts.append(_contracts(document.at("arms", index, "contracts"), extra, problems))
        problems += _behaviour_problems(arm.behaviour, document, ("arms", index, "behaviour"))
    if problems:
        raise ScenarioError(
            *sorted(problems, key=lambda p: (p.file != document.path, p.line or 0, p.column or 0))
        )
    arms = tuple(_arm(arm, found) for arm, found in zip(read.arms, contracts, strict=True))
    return _scenario(read, arms, document)


def resolved(scenario: Scenario) -> list[dict[str, Any]]:
    """Return what the scenario settles: rows of name, value, unit, source, status (`scenario` or `default`)."""
    rows = []
    for key, info in _ScenarioReader.model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict):
            rows.append(_row(scenario, key, getattr(scenario, key), str(extra["unit"])))
    rows += [
        _row(scenario, f"discounting.{key}", getattr(scenario.discounting, key), "per year")
        for key in ("costs", "effects")
    ]
    for arm in scenario.arms:
        label = f"arms.{arm.name}"
        rows.append(
            _row(scenario, f"{label}.contracts", [contract.name for contract in arm.contracts], "names")
        )
        rows.append(_row(scenario, f"{label}.behaviour", arm.behaviour.name, "name"))
        rows += [
            _row(scenario, f"{label}.behaviour.{name}", value, "") for name, value in arm.behaviour.settings
        ]
        if arm.budget_neutral_to is not None:
            neutral = f"{arm.budget_neutral_to.arm} on {arm.budget_neutral_to.on}"
            rows.append(_row(scenario, f"{label}.budget_neutral_to", neutral, "name"))
    return rows


def _row(scenario: Scenario, name: str, value: Any, unit: str) -> dict[str, Any]:
    shown = (
        list(value) if isinstance(value, tuple) else value.isoformat() if isinstance(value, date) else value
    )
    status = "scenario" if name.split(".")[0] in scenario.given else "default"
    return {"name": name, "value": shown, "unit": unit, "source": scenario.path, "status": status}


def _scenario(read: _ScenarioReader, arms: tuple[Arm, ...], document: Document) -> Scenario:
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
        diseases=tuple(read.diseases),
        current=read.current,
        compare_with=tuple(read.compare_with) or (read.current,),
        arms=arms,
        parameters=overrides,
        path=document.path,
        sha256=hashlib.sha256(Path(document.path).read_bytes()).hexdigest(),
        given=frozenset(document.data),
    )


def _arm(read: _ArmReader, contracts: list[Contract]) -> Arm:
    neutral = read.budget_neutral_to
    settings = (read.behaviour.model_extra or {}) if read.behaviour else {}
    return Arm(
        name=read.name,
        title=read.title or read.name.replace("_", " "),
        contracts=tuple(contracts),
        budget_neutral_to=BudgetNeutrality(neutral.arm, neutral.on) if neutral else None,
        behaviour=Behaviour(
            read.behaviour.name if read.behaviour else "passive",
            tuple((key, float(value)) for key, value in settings.items()),
        ),
    )


def _contracts(document: Document, extra: Extra, problems: list[Problem]) -> list[Contract]:
    """Read an arm's contracts; what is wrong with them is added to `problems`."""
    from paysim.contracts.terms import read_contract

    found: list[Contract] = []
    for index, item in enumerate(document.data):
        try:
            if isinstance(item, str):
                contract = read_contract(item, extra)
            elif isinstance(item, dict):
                contract = read_contract(document.at(index), extra)
            else:
                problems.append(
                    document.problem("name of a contract, or a contract expected", (index,), found=item)
                )
                continue
        except InputError as exc:
            problems += [_placed(problem, document, index) for problem in exc.problems]
            continue
        if any(contract.name == other.name for other in found):
            problems.append(
                document.problem("contract comes twice in this arm", (index,), found=contract.name)
            )
        found.append(contract)
    return found


def _placed(problem: Problem, document: Document, *loc: str | int) -> Problem:
    """Give a problem that has no place the place of the value that led to it."""
    if problem.file:
        return problem
    placed = document.problem(problem.message, loc, allowed=problem.allowed, nearest=problem.nearest)
    return Problem(**{**vars(placed), "found": problem.found})


def _name_problems(read: _ScenarioReader, document: Document) -> Iterator[Problem]:
    arms = [arm.name for arm in read.arms]
    for index, name in enumerate(arms):
        if name in arms[:index]:
            yield document.problem("name of an arm comes twice", ("arms", index, "name"), found=name)
    wanted: list[tuple[Loc, str]] = [(("current",), read.current)]
    wanted += [(("compare_with", index), name) for index, name in enumerate(read.compare_with)]
    wanted += [
        (("arms", index, "budget_neutral_to", "arm"), arm.budget_neutral_to.arm)
        for index, arm in enumerate(read.arms)
        if arm.budget_neutral_to
    ]
    for loc, name in wanted:
        if name not in arms:
            near = nearest_name(name, arms)
            yield document.problem("no such arm", loc, found=repr(name), allowed=arms, nearest=near)
    for key, names in (("compare_with", read.compare_with), ("diseases", read.diseases)):
        for index, name in enumerate(names):
            if name in names[:index]:
                yield document.problem("name comes twice", (key, index), found=name)


def _library_problems(read: _ScenarioReader, document: Document, extra: Extra) -> Iterator[Problem]:
    try:
        catalog.find("populations", read.region, extra)
    except ScenarioError as exc:
        yield from (_placed(problem, document, "region") for problem in exc.problems)
    known = sorted(path.parent.name for path in _DISEASES.glob("*/model.py"))
    for index, name in enumerate(read.diseases):
        if name not in known:
            near = nearest_name(name, known)
            yield document.problem(
                "no such disease", ("diseases", index), found=repr(name), allowed=known, nearest=near
            )


def _neutrality_problems(read: _ScenarioReader, document: Document) -> Iterator[Problem]:
    reference = {arm.name: arm.budget_neutral_to.arm for arm in read.arms if arm.budget_neutral_to}
    for index, arm in enumerate(read.arms):
        if arm.name not in reference:
            continue
        loc = ("arms", index, "budget_neutral_to", "arm")
        if arm.name == read.current:
            yield document.problem("the current arm is the base and is not scaled", loc[:-1], key=True)
            continue
        chain = [arm.name]
        while chain[-1] in reference and reference[chain[-1]] not in chain:
            chain.append(reference[chain[-1]])
        if reference.get(chain[-1]) == arm.name:
            circle = " -> ".join([*chain, arm.name])
            yield document.problem(f"budget neutrality goes round in a circle: {circle}", loc)


def _behaviour_problems(read: _BehaviourReader | None, document: Document, loc: Loc) -> Iterator[Problem]:
    extra = (read.model_extra or {}) if read else {}
    if read is None or not extra:
        return
    from importlib import import_module

    known: tuple[str, ...] = tuple(getattr(import_module(f"paysim.behaviour.{read.name}"), "SETTINGS", ()))
    for key, value in extra.items():
        if key not in known:
            near = nearest_name(key, [*known, "name"])
            allowed = ("name", *known)
            yield document.problem("unknown key", (*loc, key), key=True, allowed=allowed, nearest=near)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield document.problem("number expected", (*loc, key), found=value)
