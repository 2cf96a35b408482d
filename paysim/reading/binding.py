"""From a document to a checked model: every fault becomes a `Problem` with its place and the nearest name."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar, Union

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from paysim.errors import InputError, Problem, ScenarioError, nearest_name
from paysim.reading.documents import Document, Location

Model = TypeVar("Model", bound=BaseModel)


def _check_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
        raise ValueError(
            "a name is made of small letters, digits and _, begins with a letter and has at most 64 of them"
        )
    return name


Name = Annotated[str, AfterValidator(_check_name)]
"""A name that users may type on a command line and see as a file name."""

_HINTS = (
    (re.compile(r"[-+]?[0-9]+([.,][0-9]+)?\s*%"), "write a percentage as a share, 3% as 0.03"),
    (re.compile(r"[-+]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+"), "write 1.234,56 as 1234.56"),
    (re.compile(r"[-+]?[0-9]+,[0-9]+"), "write a decimal point, not a comma"),
    (re.compile(r"[-+]?[0-9]{1,3}([,_' ][0-9]{3})+(\.[0-9]+)?"), "write no separators between thousands"),
    (re.compile(r"[0-9]+:[0-9]+(:[0-9]+)?"), "write one plain number, not 1:30"),
    (re.compile(r"0[xob][0-9a-fA-F]+"), "write a decimal number"),
    (
        re.compile(r"[-+]?[0-9.]+(e[-+]?[0-9]+)?\s*(€|eur|euro|EUR)|(€|EUR)\s*[0-9.,]+"),
        "leave the currency out",
    ),
    (re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?"), "write the number without quotes"),
)
_BOOLEANS = {"yes", "no", "on", "off", "true", "false", "y", "n"}
_WANTED = {
    "string_type": "text expected",
    "int_type": "whole number expected",
    "int_from_float": "whole number expected",
    "float_type": "number expected",
    "bool_type": "true or false expected",
    "list_type": "list expected",
    "dict_type": "mapping of keys expected",
    "model_type": "mapping of keys expected",
    "model_attributes_type": "mapping of keys expected",
    "finite_number": "a number must be finite",
    "missing": "required key is missing",
    "extra_forbidden": "unknown key",
}


class Reader(BaseModel):
    """Base of every model of a file: unknown keys refused, nothing converted, numbers finite, frozen.

    A whole number is accepted where a float is wanted; use `list`, not `tuple`, for sequences.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, populate_by_name=False)


def bind(model: type[Model], document: Document, error: type[InputError] = ScenarioError) -> Model:
    """Check a document against `model` and return the filled model.

    Raises
    ------
    InputError
        Of the class `error`, with one problem for every fault, sorted by place.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as exc:
        faults = _one_branch(document.data, exc.errors(include_url=False))
        found = [_problem(model, document, fault) for fault in faults]
        raise error(*sorted(set(found), key=lambda p: (p.line or 0, p.column or 0, p.message))) from exc


def _problem(model: type[BaseModel], document: Document, fault: Any) -> Problem:
    kind: str = fault["type"]
    loc = _real(document.data, fault["loc"], kind)
    value = fault["input"]
    if kind == "extra_forbidden":
        keys = _keys_at(model, document.data, loc[:-1])
        unused = [key for key in keys if key not in _get(document.data, loc[:-1])]
        near = nearest_name(str(loc[-1]), unused) or nearest_name(str(loc[-1]), keys)
        return document.problem(_WANTED[kind], loc, key=True, allowed=keys, nearest=near)
    if kind == "missing":
        return document.problem(f"{_WANTED[kind]} from the mapping that begins here", loc)
    allowed, near = _choices(fault, value)
    message = _message(fault, value)
    found = None if isinstance(value, dict | list) and kind == "value_error" else _show(value)
    return document.problem(message, loc, found=found, allowed=allowed, nearest=near)


def _one_branch(data: Any, faults: list[Any]) -> list[Any]:
    """Of the faults of several alternatives keep those of the one that the user meant.

    That is the one whose faults lie deepest; when the value is of none of the kinds, one fault names them
    all.
    """
    groups: dict[Location, dict[str, list[Any]]] = {}
    kept = []
    for fault in faults:
        split = _branch(data, fault["loc"])
        if split is None or (fault["type"] == "missing" and split[1] == fault["loc"][-1]):
            kept.append(fault)
        else:
            groups.setdefault(split[0], {}).setdefault(split[1], []).append(fault)
    for where, branches in groups.items():
        deeper = [each for each in branches.values() if any(_real(data, f["loc"], f["type"]) != where for f in each)]
        if len(branches) == 1 or deeper:
            kept += min(deeper or branches.values(), key=_strangeness)
            continue
        flat = [fault for each in branches.values() for fault in each]
        plain = [fault for fault in flat if fault["type"] not in _WANTED]
        wanted = [_WANTED[fault["type"]].removesuffix(" expected") for fault in flat if fault["type"] in _WANTED]
        text = " or ".join(dict.fromkeys(wanted)) + " expected"
        kept += plain[:1] or [{**flat[0], "type": "union", "msg": text + _hint(str(flat[0]["input"]), "float_type")}]
    return kept


def _strangeness(faults: Iterable[Any]) -> tuple[bool, int]:
    """How unlikely it is that the user meant this alternative: by its kind, then by the number of faults."""
    kinds = [fault["type"] for fault in faults]
    return "literal_error" in kinds or "enum" in kinds, len(kinds)


def _branch(data: Any, loc: tuple[Any, ...]) -> tuple[Location, str] | None:
    """Where a location first names something that is not in the file, and what it names."""
    for index, part in enumerate(loc):
        inside = isinstance(data, dict) and part in data
        if not inside and not (isinstance(data, list) and isinstance(part, int) and part < len(data)):
            return tuple(loc[:index]), str(part)
        data = data[part]
    return None


def _message(fault: Any, value: Any) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return "not one of the allowed values"
    if kind == "union_tag_invalid":
        return f"unknown {str(context['discriminator']).strip(chr(39))}"
    if kind == "union_tag_not_found":
        return f"required key {context['discriminator']} is missing"
    message = _WANTED.get(kind)
    if message is None:
        text = str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should ")
        message = (text[:1].lower() + text[1:]).removesuffix(" ").replace(" after validation", "")
        return message.replace("be ", "must be ", 1) if message.startswith("be ") else message
    if value is None:
        return f"{message}; nothing is written here"
    if isinstance(value, str) and kind in ("int_type", "float_type", "bool_type"):
        return message + _hint(value.strip(), kind)
    return message


def number_hint(text: str) -> str:
    """Return how to write the number that a text looks like, such as ``4%`` or ``1,5``; empty if like none."""
    return _hint(text.strip(), "float_type").removeprefix(": ")


def _hint(text: str, kind: str) -> str:
    if kind == "bool_type":
        return ": write true or false" if text.lower() in _BOOLEANS else ""
    for form, advice in _HINTS:
        if form.fullmatch(text):
            return f": {advice}"
    return ""


def _choices(fault: Any, value: Any) -> tuple[list[str], str | None]:
    context = fault.get("ctx", {})
    text = context.get("expected") or context.get("expected_tags")
    if fault["type"] not in ("literal_error", "enum", "union_tag_invalid") or not isinstance(text, str):
        return [], None
    names = re.findall(r"'([^']*)'", text) or [text]
    wrong = context.get("tag", value)
    return names, nearest_name(wrong, names) if isinstance(wrong, str) else None


def _real(data: Any, loc: tuple[Any, ...], kind: str) -> Location:
    """Drop from pydantic's location what is not in the file: names of union members and of validators."""
    kept: list[str | int] = []
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        listed = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if listed or (isinstance(data, dict) and part in data):
            data = data[part]
            kept.append(part)
        elif last and kind == "missing":
            kept.append(part)
    return tuple(kept)


def _get(data: Any, loc: Location) -> Any:
    for part in loc:
        data = data[part]
    return data


def _keys_at(model: type[BaseModel], data: Any, loc: Location) -> list[str]:
    """Names of the keys that the model allows at `loc`; of alternatives, those that fit the data best."""
    found: list[Any] = [model]
    for part in loc:
        found = [inner for each in found for inner in _inside(each, part)]
        data = data[part]
        found = [each for each in found if _fits(each, data)] or found
    return sorted({key for each in found for key in _names(each)})


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    """Types that can stand at key or index `part` of a value of the given type."""
    if _is_model(annotation):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                yield from _alternatives(info.annotation)
    elif isinstance(part, int) and typing.get_origin(annotation) in (list, tuple):
        for argument in typing.get_args(annotation)[:1]:
            yield from _alternatives(argument)


def _alternatives(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for argument in typing.get_args(annotation):
            yield from _alternatives(argument)
    else:
        yield annotation


def _fits(annotation: Any, data: Any) -> bool:
    """Whether the literal fields of a model, such as the kind of a component, say the same as the data."""
    if not _is_model(annotation):
        return isinstance(data, list) and typing.get_origin(annotation) in (list, tuple)
    if not isinstance(data, dict):
        return False
    for name, info in annotation.model_fields.items():
        if typing.get_origin(info.annotation) is typing.Literal and (info.alias or name) in data:
            if data[info.alias or name] not in typing.get_args(info.annotation):
                return False
    return True


def _names(annotation: Any) -> list[str]:
    return [info.alias or name for name, info in annotation.model_fields.items()] if _is_model(annotation) else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _show(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return repr(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a mapping with {', '.join(map(str, list(value)[:5]))}" if value else "an empty mapping"
    return f"a list of {len(value)}" if isinstance(value, list) else str(value)
