"""Write the reference part of docs/contracts.md from the components themselves.

python tools/write_components.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args, get_origin, get_type_hints

from paysim.contracts.terms import component_kinds

PAGE = Path(__file__).resolve().parents[1] / "docs/contracts.md"
BEGIN, END = "<!-- components -->", "<!-- /components -->"
_ATTRIBUTES = re.compile(r"Attributes\n-+\n(.*?)(?:\n\n\w+\n-+\n|\Z)", re.S)
_ENTRY = re.compile(r"^(\w[\w, ]*)\n((?:    .*\n?|\n)+)", re.M)


def reference() -> str:
    """Return a section for every kind of component: what it pays, and its keys."""
    return "\n".join(_section(kind, cls) for kind, cls in sorted(component_kinds().items()))


def _section(kind: str, cls: Any) -> str:
    about = (import_module(cls.__module__).__doc__ or "").strip()
    parts = [f"### `{kind}`\n", _prose(about), "", *_table(cls)]
    for row in _rows(cls):
        parts += ["", f"Each of `{row[0]}`:", "", *_table(row[1])]
    return "\n".join(parts) + "\n"


def _prose(text: str) -> str:
    """Return a docstring as Markdown: indented formulas in a block, names in single backticks."""
    text = text.replace("``", "`").replace("::\n", ":\n")
    blocks = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        if all(line.startswith("    ") for line in lines):
            blocks.append("```text\n" + dedent(block) + "\n```")
        else:
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _table(cls: Any) -> list[str]:
    said = dict(_attributes(cls))
    rows = [
        f"| `{each.name}` | {_unit(cls, each)} | {_default(each)} | {said.get(each.name, '')} |" for each in fields(cls)
    ]
    return ["| key | unit or form | default | |", "|---|---|---|---|", *rows]


def _attributes(cls: Any) -> Iterator[tuple[str, str]]:
    found = _ATTRIBUTES.search(dedent("    " + (cls.__doc__ or "")))
    for names, text in _ENTRY.findall(found[1] + "\n" if found else ""):
        for name in names.split(","):
            yield name.strip(), " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def _unit(cls: Any, each: Field[Any]) -> str:
    if "unit" in each.metadata:
        return str(each.metadata["unit"])
    hint = get_type_hints(cls)[each.name]
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        file = f", or a file of kind `{each.metadata['file']}`" if "file" in each.metadata else ""
        return ("rows" if is_dataclass(inner) else "list") + file
    choices = [choice for part in (hint, *get_args(hint)) for choice in get_args(part) if isinstance(choice, str)]
    if choices:
        return ", ".join(f"`{choice}`" for choice in dict.fromkeys(choices))
    plain = {getattr(part, "__name__", "") for part in (hint, *get_args(hint))}
    return "true or false" if "bool" in plain else "whole number" if "int" in plain else "text"


def _default(each: Field[Any]) -> str:
    if each.default is MISSING and each.default_factory is MISSING:
        return "needed"
    if each.default in (None, ()) or each.default is MISSING:
        return ""
    if isinstance(each.default, bool):
        return str(each.default).lower()
    shown = each.default if not isinstance(each.default, tuple) else ", ".join(f"{value:g}" for value in each.default)
    return f"{shown:g}" if isinstance(shown, float) else f"{shown}"


def _rows(cls: Any) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(cls)
    for each in fields(cls):
        if get_origin(hints[each.name]) is tuple and is_dataclass(get_args(hints[each.name])[0]):
            yield each.name, get_args(hints[each.name])[0]


def written(page: str) -> str:
    """Return the page with its reference part made new."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), encoding="utf-8")
    print(f"{PAGE.name} written")
