"""Strict YAML: a small, unambiguous part of the language, with the line and column of every key and value.

Values follow the core schema of YAML 1.2: `true`, `false`, `null`, decimal integers and decimal floats;
everything else is text (`NO`, `1:30`, `2021-01-01`, `3%`). Refused, each with its place: anchors and aliases,
tags, several documents, keys that are not text or come twice, numbers with leading zeros, numbers that are
not finite or not exact, and documents beyond the limits. The parser's events are turned into values one by
one, without recursion, so that neither a deep nor a self-repeating document costs more than its own bytes.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from paysim.errors import InputError, Problem, ScenarioError, shorten
from paysim.reading.files import LIMITS, Limits, read_text

Location = tuple[str | int, ...]
Place = tuple[int, int]

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_ZEROS = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_BIGGEST = 2**63 - 1

# Absent only where PyYAML was built without libyaml; the pure Python parser gives the same events, more
# slowly.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """Values read from a file, each with its place.

    Attributes
    ----------
    data
        What the file says: dicts, lists, text, numbers, booleans and None.
    path
        The file as the user named it, for messages.
    base
        Where `data` sits in the whole file; empty for the whole.
    """

    data: Any
    path: str
    base: Location = ()
    _keys: dict[Location, Place] = field(default_factory=dict, repr=False, compare=False)
    _values: dict[Location, Place] = field(default_factory=dict, repr=False, compare=False)

    def place(self, loc: Sequence[str | int] = (), *, key: bool = False) -> Place:
        """Return line and column, counted from 1, of the value at `loc`, or of its key with ``key=True``.

        A location that is not in the file, such as a missing key, gets the place of the nearest container
        around it.
        """
        full = (*self.base, *loc)
        if key and full in self._keys:
            return self._keys[full]
        for length in range(len(full), -1, -1):
            if full[:length] in self._values:
                found = full[:length]
                # A missing key is best shown at the key of the mapping it is missing from.
                return self._keys.get(found, self._values[found]) if length < len(full) else self._values[found]
        return 1, 1

    def at(self, *loc: str | int) -> Document:
        """Return the part at `loc` as a document that still knows its places in the whole file."""
        data = self.data
        for part in loc:
            data = data[part]
        return Document(data, self.path, (*self.base, *loc), self._keys, self._values)

    def problem(
        self,
        message: str,
        loc: Sequence[str | int] = (),
        *,
        key: bool = False,
        found: object = None,
        allowed: Sequence[str] = (),
        nearest: str | None = None,
    ) -> Problem:
        """Return a `Problem` at `loc` with its place and path filled in."""
        line, column = self.place(loc, key=key)
        shown = None if found is None else shorten(found)
        name = key_path((*self.base, *loc))
        return Problem(message, self.path, line, column, name, shown, tuple(allowed), nearest)


def read_yaml(
    path: str | os.PathLike[str], limits: Limits = LIMITS, error: type[InputError] = ScenarioError
) -> Document:
    """Read one YAML file strictly.

    Raises
    ------
    InputError
        Of the class `error`, with file, line and column: the file cannot be read, is not YAML, or uses what
        is refused.
    """
    text = read_text(path, limits.yaml_bytes, error)
    return parse_yaml(text, os.fspath(path), limits, error)


def parse_yaml(text: str, shown: str, limits: Limits = LIMITS, error: type[InputError] = ScenarioError) -> Document:
    """Read YAML from text; `shown` stands for the file in messages."""
    builder = _Builder(shown, limits, error)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        message = " ".join(str(part) for part in (exc.problem, exc.context) if part)
        raise error(Problem(f"is not YAML: {message}{_tab_hint(text, place[0])}", shown, *place)) from exc
    except yaml.YAMLError as exc:
        before = text[: getattr(exc, "position", 0) or 0]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        reason = getattr(exc, "reason", "cannot be parsed")
        raise error(Problem(f"is not YAML: {reason}", shown, line, column)) from exc
    if not builder.started:
        raise error(Problem("is empty", shown, 1, 1))
    return Document(builder.root, shown, (), builder.keys, builder.values)


def key_path(loc: Sequence[str | int]) -> str:
    """Write a location as ``arms[1].contracts[0].rate``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Builder:
    """Turns parser events into values; holds the open containers on a stack."""

    def __init__(self, shown: str, limits: Limits, error: type[InputError]) -> None:
        self.shown, self.limits, self.error = shown, limits, error
        self.root: Any = None
        self.started = False
        self.keys: dict[Location, Place] = {}
        self.values: dict[Location, Place] = {}
        self._stack: list[tuple[Any, Location]] = []
        self._pending: list[str | None] = []  # per open mapping, the key that waits for its value
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        place = (event.start_mark.line + 1, event.start_mark.column + 1) if event.start_mark else (1, 1)
        if isinstance(event, yaml.DocumentStartEvent):
            if self.started:
                self._refuse("a second document begins here; a file holds one", place)
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(f"aliases (*{event.anchor}) are not accepted; write the value out", place)
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
            self._pending.pop()

    def _node(self, event: Any, place: Place) -> None:
        if event.anchor is not None:
            self._refuse(f"anchors (&{event.anchor}) are not accepted; write the value out", place)
        if event.tag is not None:
            self._refuse(f"tags ({shorten(event.tag)}) are not accepted", place)
        self._nodes += 1
        if self._nodes > self.limits.yaml_nodes:
            self._refuse(f"more than {self.limits.yaml_nodes:,} values", place)
        if isinstance(event, yaml.ScalarEvent):
            if self._awaits_key():
                self._key(event.value, place)
            else:
                plain = event.style in (None, "")
                self._put(self._scalar(event.value, place) if plain else event.value, place)
            return
        if self._awaits_key():
            self._refuse("a key must be text", place)
        if len(self._stack) >= self.limits.yaml_depth:
            self._refuse(f"nested more than {self.limits.yaml_depth} levels deep", place)
        container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._stack.append((container, self._put(container, place)))
        self._pending.append(None)

    def _awaits_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1][0], dict) and self._pending[-1] is None

    def _key(self, name: str, place: Place) -> None:
        container, loc = self._stack[-1]
        here = (*loc, name)
        if _INT.fullmatch(name) or _FLOAT.fullmatch(name):
            self._refuse("a key is a name, not a number; is a comma meant as a decimal point?", place, here)
        if name in container:
            first = self.keys[here]
            self._refuse(f"key comes twice; first at line {first[0]}, column {first[1]}", place, here)
        self.keys[here] = place
        self._pending[-1] = name

    def _put(self, value: Any, place: Place) -> Location:
        self.started = True
        if not self._stack:
            loc: Location = ()
            self.root = value
        else:
            container, around = self._stack[-1]
            if isinstance(container, dict):
                name = self._pending[-1]
                assert name is not None
                container[name], self._pending[-1] = value, None
                loc = (*around, name)
            else:
                container.append(value)
                loc = (*around, len(container) - 1)
        self.values[loc] = place
        return loc

    def _scalar(self, text: str, place: Place) -> Any:
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _ZEROS.fullmatch(text):
            bare = text.lstrip("+-").lstrip("0") or "0"
            self._refuse(
                f"leading zeros are ambiguous: write {bare}, or {text!r} in quotes for text",
                place,
                found=text,
            )
        if _NOT_FINITE.fullmatch(text):
            self._refuse("a number must be finite", place, found=text)
        if _INT.fullmatch(text):
            if len(text) > 20 or abs(int(text)) > _BIGGEST:
                self._refuse("whole number too large", place, found=text)
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                self._refuse("a number must be finite", place, found=text)
            return number
        return text

    def _refuse(self, message: str, place: Place, loc: Location = (), found: str | None = None) -> None:
        if not loc and self._stack:
            container, around = self._stack[-1]
            last = self._pending[-1] if isinstance(container, dict) else len(container)
            loc = around if last is None else (*around, last)
        raise self.error(Problem(message, self.shown, *place, key_path(loc), found))


def _tab_hint(text: str, line: int | None) -> str:
    lines = text.splitlines()
    around = lines[max(0, line - 2) : line + 1] if line else []
    return " (indent with blanks, not with tabs)" if any("\t" in each for each in around) else ""
