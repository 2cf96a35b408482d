"""What can go wrong, sorted by who must act.

`ScenarioError` is for the author of a YAML file, `DataError` for the owner of a table, `OutputError` for
whoever chose the place to write to, `ModelError` for us: an invariant of the model was broken. The first
three are `InputError`s and carry one `Problem` per fault, so that a user sees all faults of a file at once,
each with its place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

_SHOWN = 60
_ALLOWED_SHOWN = 40


@dataclass(frozen=True)
class Problem:
    """One fault in an input, with its place.

    Attributes
    ----------
    message
        What is wrong, in words.
    file, line, column
        Where; line and column count from 1 and are None when the fault has no place in a file.
    key
        Path of the value in the document, such as ``arms[1].contracts[0].rate``, or the name of a table's
        column.
    found
        The value as the user wrote it.
    allowed
        What would be accepted: names, or one phrase such as "a number from 0 to 1".
    nearest
        The allowed name most like the one found.
    """

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    key: str = ""
    found: str | None = None
    allowed: tuple[str, ...] = ()
    nearest: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))
        head = ": ".join(part for part in (place, self.key, self.message) if part)
        tail = []
        if self.found is not None:
            tail.append(f"found {shorten(self.found)}")
        if self.allowed:
            more = len(self.allowed) - _ALLOWED_SHOWN
            names = ", ".join(self.allowed[:_ALLOWED_SHOWN])
            tail.append(f"allowed: {names}" + (f", and {more} more" if more > 0 else ""))
        if self.nearest is not None:
            tail.append(f"did you mean {self.nearest!r}?")
        return "; ".join([head, *tail])


class PaysimError(Exception):
    """Anything paysim refuses to do, with a message for a person to read."""

    exit_code: ClassVar[int] = 1


class ModelError(PaysimError):
    """An invariant of the model is broken: our fault, not the user's."""


class InputError(PaysimError):
    """Something the user gave cannot be used.

    Parameters
    ----------
    *problems
        Problems, or plain messages for faults that have no place in a file.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: list[Problem] = [p if isinstance(p, Problem) else Problem(p) for p in problems]
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class ScenarioError(InputError):
    """A YAML file, or an option of the command line, says something that cannot be."""


class DataError(InputError):
    """A table of source data is missing, broken or out of range."""


class NotInResults(DataError):
    """Results are sound but do not hold what was asked for, such as a region without its practices."""


class OutputError(InputError):
    """The place chosen for the output cannot be written to."""


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Return the name most like `name`, or None when nothing is near.

    Capitals, hyphens and blanks do not count as differences, and a last part given without its folder counts
    as near.
    """
    plain = {_plain(candidate): candidate for candidate in sorted(names, reverse=True)}
    wanted = _plain(name)
    if not wanted:
        return None
    if wanted in plain:
        return plain[wanted]
    ends = [plain[p] for p in sorted(plain) if p.rpartition("/")[2] == wanted.rpartition("/")[2]]
    if ends:
        return ends[0]
    close = difflib.get_close_matches(wanted[:200], list(plain), n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def shorten(text: object) -> str:
    """Return one printable line of at most about 60 characters for a value of any kind."""
    shown = text if isinstance(text, str) else repr(text)
    shown = "".join(ch if ch.isprintable() else repr(ch)[1:-1] for ch in shown[: _SHOWN + 1])
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")
