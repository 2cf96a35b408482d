"""What the model and its library say, in another language: looked up in ``phrases.csv`` and ``titles.csv``.

A phrase is found as it stands, by a pattern whose holes stand for numbers, titles and other phrases, or put together
from two phrases at a colon or a comma. What is not in the book stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from paysim.reading import Column, read_table

FILES = (Path(__file__).with_name("phrases.csv"), Path(__file__).with_name("titles.csv"))
"""What the model says; what files of the library call themselves."""
_THOUSANDS, _POINT = re.compile(r"(?<=\d),(?=\d)"), re.compile(r"(?<=\d)\.(?=\d)")
_SEPARATORS = {"nl": (".", ","), "fr": ("\u202f", ",")}
_HOLE = re.compile(r"\\\{(\w)\\\}")
_JOINTS: dict[str, dict[str, str]] = {", ": {}, ": ": {"fr": "\u00a0: "}}
"""Where phrases are put together, and how other languages write it."""


@lru_cache(maxsize=1)
def book() -> Mapping[str, tuple[Mapping[str, str], tuple[tuple[re.Pattern[str], str], ...]]]:
    """Return by language the phrases without holes, and the patterns of those with holes, longest first."""
    text = Column(str)
    tables = [read_table(file, {"en": text, "nl": text, "fr": text}) for file in FILES]
    found = {}
    for language in ("nl", "fr"):
        pairs = [pair for rows in tables for pair in zip(rows["en"], rows[language], strict=True)]
        whole = [pair for pair in pairs if "{" not in pair[0]]
        plain = {_key(english): other for english, other in whole} | dict(whole)
        holes = sorted((pair for pair in pairs if "{" in pair[0]), key=lambda pair: -len(pair[0]))
        patterns = [(re.compile(_HOLE.sub(r"(?P<\1>.+?)", re.escape(english))), other) for english, other in holes]
        found[language] = (plain, tuple(patterns))
    return found


@lru_cache(maxsize=20_000)
def phrase(text: str, language: str) -> str | None:
    """Return what the model says in another language; None where the book has no words for it."""
    if not any(letter.isalpha() for letter in text):
        return written(text, language)
    plain, patterns = book()[language]
    known = _plain(text, plain)
    if known is not None:
        return known
    for pattern, other in patterns:
        match = pattern.fullmatch(text)
        if match:
            parts = match.groupdict().items()
            return other.format(**{name: phrase(part, language) or written(part, language) for name, part in parts})
    for joint, other_joint in _JOINTS.items():
        at = text.rfind(joint)
        while at > 0:
            before, after = phrase(text[:at], language), phrase(text[at + len(joint) :], language)
            if before is not None and after is not None:
                return before + other_joint.get(language, joint) + after
            at = text.rfind(joint, 0, at)
    return None


def written(text: str, language: str) -> str:
    """Return text in which numbers are written as English does, as another language writes them."""
    thousands, point = _SEPARATORS[language]
    return _POINT.sub(point, _THOUSANDS.sub("\0", text)).replace("\0", thousands)


def _plain(text: str, plain: Mapping[str, str]) -> str | None:
    """Return a phrase without holes; names in code and capitals make no difference."""
    if text in plain:
        return plain[text]
    known = plain.get(_key(text))
    return known[0].upper() + known[1:] if known and text[0].isupper() else known


def _key(text: str) -> str:
    return text.replace("_", " ").lower()
