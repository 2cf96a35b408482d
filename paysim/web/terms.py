"""The terms of a way of paying as fields of a form, made from the schema of contracts, and back.

A field is an amount of the schema: it has a unit and bounds there, and in the contract's file a value, a source, a
status and perhaps a range. What somebody changes is written into the scenario as a plain number, so that it counts as
the author's choice and not as something found.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from paysim import catalog
from paysim.contracts.terms import contract_schema, read_contract
from paysim.errors import Problem, ScenarioError
from paysim.reading import read_yaml

NEUTRAL = "general_practice"

_SHARE = "share of the component"
_TWICE, _STEPS = 2.0, 200


@dataclass(frozen=True)
class Term:
    """One amount of a contract.

    Attributes
    ----------
    key
        Where it stands: number of the contract in the arm, and the way to it, joined by ``/``.
    label
        What it is, within its component.
    unit
        Of the schema.
    value
        In the file, or the standard when the file leaves it out.
    low, high
        Bounds of the schema; anything between is accepted.
    slider
        Ends of the slider: the source's range where there is one, else a convenience.
    source, status, range
        Of the file; empty where it says none.
    """

    key: str
    label: str
    unit: str
    value: float
    low: float | None
    high: float | None
    slider: tuple[float, float]
    source: str
    status: str
    range: tuple[float, float] | None

    @property
    def step(self) -> float:
        """Step of the slider: a round number of which some two hundred fit in."""
        width = (self.slider[1] - self.slider[0]) / _STEPS
        return 10.0 ** math.floor(math.log10(width)) if width > 0 else 1.0


@dataclass(frozen=True)
class Component:
    """A component with its terms."""

    title: str
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Contract:
    """A contract of an arm with its components, those that have amounts."""

    title: str
    payer: str
    providers: str
    components: tuple[Component, ...]


def contracts(arm: Mapping[str, Any]) -> list[Contract]:
    """Return the contracts of an arm, as its file writes it, with their terms."""
    found = []
    for index, item in enumerate(arm["contracts"]):
        written = _written(item)
        parts = [_component(index, place, part) for place, part in enumerate(written["components"])]
        title = str(written.get("title") or written["name"])
        found.append(Contract(title, written["payer"], written["providers"], tuple(p for p in parts if p.terms)))
    return found


def changed(arm: Mapping[str, Any], given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return an arm with other terms, written out in full, and what was changed: key of a term -> words.

    Parameters
    ----------
    given
        Key of a `Term` -> number as it was typed; keys left out, and numbers as they were, change nothing.

    Raises
    ------
    ScenarioError
        A number that is none, or is out of bounds.
    """
    made, said = copy.deepcopy(dict(arm)), dict[str, str]()
    problems = []
    for contract in contracts(arm):
        for component in contract.components:
            for term in component.terms:
                text = given.get(term.key)
                if text is None:
                    continue
                value = _number(text)
                if value is None or not _within(value, term):
                    allowed = f"a number of {term.low or 0:g} or more" + (
                        f", at most {term.high:g}" if term.high else ""
                    )
                    what = f"{component.title}: {term.label}"
                    problems.append(Problem("out of bounds", key=what, found=text, allowed=(allowed,)))
                elif value != term.value:
                    _put(made, term.key, value)
                    words = f"{term.label}: {term.value:g} -> {value:g} {term.unit}"
                    said[term.key] = f"{component.title}: {words}"
    if problems:
        raise ScenarioError(*problems)
    return made, said


def _written(item: Any) -> dict[str, Any]:
    """Return a contract as its file writes it; one that an arm uses in part with only that part."""
    if isinstance(item, str):
        return dict(copy.deepcopy(read_yaml(catalog.find("contracts", item)).data))
    return _part(item) if "use" in item else dict(copy.deepcopy(item))


def _part(use: Mapping[str, Any]) -> dict[str, Any]:
    """Write out what an arm uses of a contract, as `paysim.contracts.terms.use_contract` does: that has checked it."""
    made = _written(use["use"])
    made |= {key: copy.deepcopy(use[key]) for key in ("participants", "insurers", "after_exit_of") if key in use}
    names = [part.name for part in read_contract(made).components]
    made["components"] = [
        {**part, "name": name, **_limits(part, use)}
        for name, part in zip(names, made["components"], strict=True)
        if name not in use.get("without", ())
    ]
    return made


def _limits(part: Mapping[str, Any], use: Mapping[str, Any]) -> dict[str, Any]:
    """Return the share and years of a component of a contract that is used in part."""
    share = float(part.get("share", 1.0)) * float(use.get("share", 1.0))
    by_year = part.get("share_by_year") or use.get("share_by_year")
    found = {
        "share": share if share != 1.0 else None,
        "share_by_year": list(by_year) if by_year else None,
        "from_year": max((each["from_year"] for each in (part, use) if "from_year" in each), default=None),
        "until_year": min((each["until_year"] for each in (part, use) if "until_year" in each), default=None),
    }
    return {key: value for key, value in found.items() if value is not None}


def _component(contract: int, place: int, part: Mapping[str, Any]) -> Component:
    kind = str(part["kind"])
    title = str(part.get("name") or part.get("sector") or kind).replace("_", " ")
    definition = contract_schema()["properties"]["components"]["items"]["discriminator"]["mapping"][kind]
    return Component(title, tuple(_terms(_definition(definition), part, f"{contract}/components/{place}", "")))


def _terms(definition: Mapping[str, Any], data: Mapping[str, Any], path: str, where: str) -> Iterator[Term]:
    """Yield the amounts of a mapping, and those of the rows in its lists."""
    for name, about in definition["properties"].items():
        kinds = list(_kinds(about))
        bounds = next((each for each in kinds if each.get("type") == "number"), None)
        rows = next((each for each in kinds if each.get("type") == "array" and "$ref" in each.get("items", {})), None)
        if bounds is not None and ("unit" in about or name == "share"):
            alone = where and sum("unit" in each for each in definition["properties"].values()) == 1
            plain = " ".join(word for word in name.split("_") if word != "eur")  # the unit says so
            label = where if alone else f"{where}: {plain}".removeprefix(": ")
            term = _term(label, name, about, bounds, data.get(name), f"{path}/{name}")
            if term is not None:
                yield term
        elif rows is not None and name in data:
            inner = _definition(rows["items"]["$ref"])
            for index, row in enumerate(_rows(data[name])):
                yield from _terms(inner, row, f"{path}/{name}/{index}", f"{where}{_row_label(row)}")


def _term(
    label: str, name: str, about: Mapping[str, Any], bounds: Mapping[str, Any], given: Any, key: str
) -> Term | None:
    amount = given if isinstance(given, dict) else {"value": given}
    value = amount["value"]
    value = about.get("standard", 1.0 if name == "share" else None) if value is None else value
    if value is None:
        return None  # may be left out, and is
    unit = str(about.get("unit", _SHARE))
    listed = amount.get("range")
    known = (float(listed[0]), float(listed[1])) if listed else None
    high = bounds.get("maximum")
    source = str(amount.get("source", ""))
    year = f" ({amount['year']})" if "year" in amount else ""
    return Term(
        key=key,
        label=label,
        unit=unit,
        value=float(value),
        low=bounds.get("minimum"),
        high=high,
        slider=_slider(float(value), unit, known, high),
        source=source + year if source else "",
        status=str(amount.get("status", "")),
        range=known,
    )


def _slider(value: float, unit: str, known: tuple[float, float] | None, high: float | None) -> tuple[float, float]:
    if known is not None:
        return min(known[0], value), max(known[1], value)
    if high == 1.0 or (unit.startswith(("share", "per year")) and value <= 1.0):
        return 0.0, 1.0
    return 0.0, _TWICE * value or 1.0


def _kinds(about: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the forms that a value may have."""
    several = about.get("anyOf") or about.get("oneOf")
    if several is None:
        yield about
        return
    for each in several:
        yield from _kinds(each)


def _definition(reference: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = contract_schema()["$defs"][reference.rpartition("/")[2]]
    return found


def _row_label(row: Mapping[str, Any]) -> str:
    """Return what tells a row from the others, in words."""
    words = []
    for name, value in row.items():
        plain = name.replace("_", " ")
        if isinstance(value, bool):
            words.append(plain if value else f"not {plain}")
        elif isinstance(value, str):
            words.append(_spoken(value))
        elif isinstance(value, int) and name.endswith("_from"):
            words.append(f"{plain} {value}")
    return ", ".join(words)


def _spoken(name: str) -> str:
    """Return a name of the data in words."""
    return " ".join("GP" if word == "gp" else word for word in name.split("_"))


def _rows(given: Any) -> Sequence[dict[str, Any]]:
    """Return the rows of a list, written in the contract or in a file of its own."""
    if isinstance(given, str):
        return list(copy.deepcopy(read_yaml(catalog.find("contracts", given)).data["rows"]))
    return list(given)


def _put(arm: dict[str, Any], key: str, value: float) -> None:
    """Write a number into an arm; contracts and tables on the way there are written out."""
    index, *way = key.split("/")
    written = _written(arm["contracts"][int(index)])
    arm["contracts"][int(index)] = written
    here: Any = written
    for step in way[:-1]:
        if isinstance(here, list):
            here = here[int(step)]
            continue
        if isinstance(here[step], str):
            here[step] = _rows(here[step])
        here = here[step]
    here[way[-1]] = value


def _number(text: str) -> float | None:
    try:
        value = float(text.strip().replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _within(value: float, term: Term) -> bool:
    return (term.low is None or value >= term.low) and (term.high is None or value <= term.high)
