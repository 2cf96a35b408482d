"""What can be wrong with a scenario whose keys are all right: names that nothing has, and contradictions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from paysim import catalog
from paysim.care.programmes import Programme, ProgrammeUse, read_programme
from paysim.diseases import DISEASES, REQUIRED
from paysim.errors import InputError, Problem, ScenarioError, nearest_name
from paysim.parameters import PriceLevel
from paysim.reading import Document
from paysim.scenario.format import BEHAVIOURS, BehaviourName, ProgrammeUseReader, ScenarioReader, settings

if TYPE_CHECKING:
    from paysim.accounting.organisations import Organisations
    from paysim.care.delegation import DelegationRules
    from paysim.contracts.terms import Contract
    from paysim.scenario.format import ArmReader

Extra = Sequence[str | os.PathLike[str]]
Loc = tuple[str | int, ...]
Named = TypeVar("Named")


def name_problems(read: ScenarioReader, document: Document) -> Iterator[Problem]:
    """Find names of arms that come twice, and references to arms that do not exist."""
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


def library_problems(read: ScenarioReader, document: Document, extra: Extra) -> Iterator[Problem]:
    """Find a region or a disease that nobody has written, and a disease that is needed and missing."""
    try:
        catalog.find("populations", read.region, extra)
    except ScenarioError as exc:
        yield from (placed(problem, document, "region") for problem in exc.problems)
    for index, name in enumerate(read.diseases):
        if name not in DISEASES:
            near = nearest_name(name, DISEASES)
            yield document.problem(
                "no such disease", ("diseases", index), found=repr(name), allowed=DISEASES, nearest=near
            )
    for name in REQUIRED:
        if name not in read.diseases:
            yield document.problem(f"every model needs {name}", ("diseases",), allowed=DISEASES)


def neutrality_problems(read: ScenarioReader, document: Document) -> Iterator[Problem]:
    """Find budget neutrality of the current arm, or in a circle."""
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


def behaviour_problems(read: BehaviourName | None, document: Document, loc: Loc) -> Iterator[Problem]:
    """Find settings that belong to another behaviour."""
    known = BEHAVIOURS[read.name] if read else ()
    for key, _ in settings(read):
        if key not in known:
            message = f"not a setting of {document.at(*loc).data['name']}"
            yield document.problem(message, (*loc, key), key=True, allowed=("name", *known))


def read_delegation(
    name: str | None, document: Document, extra: Extra, problems: list[Problem]
) -> DelegationRules | None:
    """Read an arm's rules of delegation; what is wrong with them is added to `problems`."""
    from paysim.care.delegation import load_delegation

    return _read_named(load_delegation, "delegation", name, document, extra, problems)


def read_organisations(
    name: str | None, document: Document, extra: Extra, problems: list[Problem]
) -> Organisations | None:
    """Read an arm's organisations; what is wrong with them is added to `problems`."""
    from paysim.accounting.organisations import load_organisations

    return _read_named(load_organisations, "organisations", name, document, extra, problems)


def _read_named(
    load: Callable[[str, Extra], Named],
    key: str,
    name: str | None,
    document: Document,
    extra: Extra,
    problems: list[Problem],
) -> Named | None:
    """Read what an arm names under a key: a part of the catalogue, or a file."""
    if name is None:
        return None
    beside = Path(document.path).parent / name  # a file's path is looked up beside the scenario too
    try:
        return load(str(beside) if name.endswith(".yaml") and beside.is_file() else name, extra)
    except InputError as exc:
        problems += [placed(problem, document, key) for problem in exc.problems]
        return None


def party_problems(
    read: ScenarioReader,
    contracts: Sequence[Sequence[Contract]],
    organisations: Sequence[Organisations | None],
    document: Document,
) -> Iterator[Problem]:
    """Find parties that decide where they cannot: in the current arm, under neutral rates, without a rule of exit."""
    wanted = {arm.budget_neutral_to.arm for arm in read.arms if arm.budget_neutral_to}
    for index, (arm, mine, about) in enumerate(zip(read.arms, contracts, organisations, strict=True)):
        loc = ("arms", index, "contracts")
        open_to = [each.scope.participants for each in mine if each.scope.participants and each.scope.decided]
        if open_to and arm.name == read.current:
            yield document.problem("who takes part in the data year is known: practices decide in other arms", loc)
        if open_to and (arm.budget_neutral_to or arm.name in wanted):
            yield document.problem("rates cannot be neutral where the rates decide who takes part", loc)
        if len({who.share for who in open_to}) > 1:
            yield document.problem("practices of an arm decide once: give all contracts the same share", loc)
        leaving = about.leaving if about else ()
        for contract in mine:
            if contract.after_exit_of is not None and contract.after_exit_of not in leaving:
                message = (
                    f"{contract.name} waits for an organisation that has no rule of exit in this arm's organisations"
                )
                yield document.problem(message, loc, found=contract.after_exit_of, allowed=leaving)
        if about is not None:
            yield from _exit_problems(mine, about, document, ("arms", index, "organisations"))


def _exit_problems(
    contracts: Sequence[Contract], about: Organisations, document: Document, loc: Loc
) -> Iterator[Problem]:
    from paysim.contracts.parties import is_party

    parties = [
        (actor, contract, part)
        for actor in about.leaving
        for contract in contracts
        for part in contract.components
        if is_party(contract, part, actor)
    ]
    if not parties:
        message = "none of these organisations has a rule of exit and is party to a contract of this arm"
        yield document.problem(message, loc, found=about.name, allowed=about.leaving)
    for actor, contract, part in parties:
        if getattr(part.terms, "whole_run", False):
            message = f"{contract.name}/{part.name} must be in force throughout: {actor} cannot leave it"
            yield document.problem(message, loc, found=about.name)


def price_level(read: ScenarioReader, document: Document, extra: Extra, problems: list[Problem]) -> PriceLevel | None:
    """Return the price level of a scenario; None if its region cannot be read, or its year has no consumer prices."""
    from paysim.population import load_region

    try:
        country = load_region(read.region, extra).country
    except InputError:
        return None  # reported with the region
    try:
        return PriceLevel(country, read.price_year)
    except InputError as exc:
        one = exc.problems[0]
        problems.append(document.problem(one.message, ("price_year",), found=one.found, allowed=one.allowed))
        return None


def read_contracts(
    document: Document, extra: Extra, problems: list[Problem], prices: PriceLevel | None = None
) -> list[Contract]:
    """Read an arm's contracts at a price level; what is wrong with them is added to `problems`."""
    from paysim.contracts.terms import read_contract, use_contract

    def named(name: str) -> Contract:
        beside = Path(document.path).parent / name  # a file's path is looked up beside the scenario too
        return read_contract(beside if name.endswith(".yaml") and beside.is_file() else name, extra, prices)

    found: list[Contract] = []
    for index, item in enumerate(document.data):
        try:
            if isinstance(item, str):
                contract = named(item)
            elif isinstance(item, dict) and isinstance(item.get("use"), str):
                contract = use_contract(document.at(index), named(item["use"]))
            elif isinstance(item, dict):
                contract = read_contract(document.at(index), extra, prices)
            else:
                problems.append(document.problem("name of a contract, or a contract expected", (index,), found=item))
                continue
        except InputError as exc:
            problems += [placed(problem, document, index) for problem in exc.problems]
            continue
        if any(contract.name == other.name for other in found):
            problems.append(document.problem("contract comes twice in this arm", (index,), found=contract.name))
        found.append(contract)
    return found


def history_problems(contracts: Sequence[Contract], base_years: int, document: Document, loc: Loc) -> Iterator[Problem]:
    """Find terms that look back on more years than there are before the start."""
    for contract in contracts:
        for part in contract.components:
            if part.base_years_needed > base_years:
                message = f"{contract.name}/{part.name} looks back on {part.base_years_needed} years before the start"
                yield document.problem(
                    message, loc, found=f"base_years {base_years}", allowed=(f"{part.base_years_needed} or more",)
                )


def patient_problems(contracts: Sequence[Contract], years: int, document: Document, loc: Loc) -> Iterator[Problem]:
    """Find terms of patients that cannot be in force together in one of the contract years."""
    from paysim.contracts.contract import patients_terms

    for year in range(years):
        try:
            patients_terms(contracts, year)
        except ScenarioError as exc:
            yield from (placed(problem, document, *loc) for problem in exc.problems)
            return


def scale_problems(
    read: ScenarioReader, contracts: Sequence[Sequence[Contract]], document: Document
) -> Iterator[Problem]:
    """Find budget neutrality of an arm that has no rate to multiply."""
    from paysim.contracts.contract import PRACTICES

    for index, (arm, mine) in enumerate(zip(read.arms, contracts, strict=True)):
        of_practices = [part for each in mine if each.providers == PRACTICES for part in each.components]
        if arm.budget_neutral_to and of_practices and not any(part.scalable for part in of_practices):
            found = ", ".join(dict.fromkeys(part.kind for part in of_practices))
            message = "no component that pays practices has rates to scale: budget neutrality has nothing to solve"
            yield document.problem(message, ("arms", index, "budget_neutral_to"), key=True, found=found)


def control_problems(contracts: Sequence[Contract], document: Document, loc: Loc) -> Iterator[Problem]:
    """Find terms held against practices outside the contract where there need be none."""
    for contract in contracts:
        who = contract.scope.participants
        if who is not None and not who.decides and 0.0 < who.share < 1.0:
            continue
        for part in contract.components:
            if part.needs_controls:
                message = f"{contract.name}/{part.name} has trend: control, which needs practices outside the contract"
                allowed = ("participants: {share: ...} between 0 and 1",)
                found = "practices decide, and all may join" if who is not None and who.decides else "all practices"
                yield document.problem(message, loc, found=found, allowed=allowed)


def read_programmes(
    arm: ArmReader, document: Document, extra: Extra, known: dict[str, Programme], problems: list[Problem]
) -> list[ProgrammeUse]:
    """Read an arm's programmes into `known`; what is wrong with them is added to `problems`.

    Parameters
    ----------
    document
        The list in the scenario's file.
    known
        Programmes read so far, by the name in the scenario; a name is read once.
    """
    found: list[ProgrammeUse] = []
    for index, item in enumerate(arm.programmes):
        name = item if isinstance(item, str) else item.name
        try:
            if name not in known:
                beside = Path(document.path).parent / name
                known[name] = read_programme(beside if name.endswith(".yaml") and beside.is_file() else name, extra)
        except InputError as exc:
            problems += [placed(problem, document, index) for problem in exc.problems]
            continue
        programme = known[name]
        if programme.name in [each.name for each in found]:
            problems.append(document.problem("programme comes twice in this arm", (index,), found=programme.name))
        use = ProgrammeUseReader(name=item) if isinstance(item, str) else item
        payer = programme.payer if use.payer is None else use.payer
        payer = None if payer == "nobody" else payer
        hires = payer is not None if use.staff is None else use.staff == "hired"
        found.append(ProgrammeUse(programme.name, use.start_year, payer, hires))
    return found


def placed(problem: Problem, document: Document, *loc: str | int) -> Problem:
    """Give a problem that has no place the place of the value that led to it."""
    if problem.file:
        return problem
    placed = document.problem(problem.message, loc, allowed=problem.allowed, nearest=problem.nearest)
    return Problem(**{**vars(placed), "found": problem.found})
