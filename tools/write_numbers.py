"""Write the pages of all numbers from the data files: docs/reference/parameters.md and docs/reference/provenance.md.

    python tools/write_numbers.py

A number is whatever a YAML file of the model or the library gives a status: a parameter, a table, an amount.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paysim.parameters import Status
from paysim.reading import read_yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/reference"
STATUSES: tuple[Status, ...] = ("found", "derived", "recalled", "assumed")
WEAK = ("recalled", "assumed")
PLACES = {
    "People": ("paysim/population", "populations"),
    "Health": ("paysim/diseases",),
    "Care": ("paysim/care", "delegation"),
    "Behaviour": ("paysim/behaviour", "paysim/lab"),
    "Outcomes and society": ("paysim/outcomes", "organisations"),
    "Contracts": ("contracts", "scenarios"),
    "Programmes": ("programmes",),
    "Trials": ("paysim/analysis",),
}
"""Heading -> folders; a file belongs to the first that has it."""
_ABOUT = ("name", "source", "status", "range", "distribution", "note", "unit", "year", "text_columns", "support_range")
_WHAT = {
    "found": "stands in the source",
    "derived": "calculated from what stands in sources, as the source column says",
    "recalled": "remembered from the literature and not looked up again",
    "assumed": "an expert's guess or a choice; there is no source",
}
_PARAMETERS = """# Numbers and their sources

Every number that a data file of the model or the library gives a status, from the files themselves
(`python tools/write_numbers.py` writes this page). Values are those in the file, before prices are brought to a
scenario's year and before a calibration replaces some. [Weak numbers](provenance.md) are listed apart; tables are CSV
files beside their YAML.
"""
_PROVENANCE = """# Weak numbers

Which numbers have a source and which have not, from the data files themselves (`python tools/write_numbers.py` writes
this page). A status says how well a number is known, not how much it matters: for that see [uncertainty](../psa.md) and
[sensitivity](../sensitivity.md). All numbers, the well-founded ones too, are in
[numbers and their sources](parameters.md). Beside these, consumer prices (`paysim/parameters/price_index.csv`) are
derived for the Netherlands and recalled for Belgium.

"""


@dataclass(frozen=True)
class Number:
    """A value with its origin, as a file has it; texts are as they are shown."""

    file: str
    name: str
    value: str
    unit: str
    range: str
    source: str
    status: str


def numbers(root: Path = ROOT) -> list[Number]:
    """Return every number of the product, by file."""
    found = []
    for path in _files(root):
        file = path.relative_to(root).as_posix()
        data = read_yaml(path).data
        found += [Number(file, *each) for each in _sourced(data, "", data.get("price_year", ""))]
    return found


def _files(root: Path) -> Iterator[Path]:
    for folders in PLACES.values():
        for folder in folders:
            yield from sorted((root / folder).rglob("*.yaml"))


def _sourced(at: Any, name: str, year: Any) -> Iterator[tuple[str, ...]]:
    """Walk a document; whatever has a status is a number, and what lies in it may hold more."""
    if isinstance(at, dict):
        if at.get("status") in STATUSES:
            values = {key: each for key, each in at.items() if key not in _ABOUT and _plain(each)}
            given = values.get("value", ", ".join(f"{key} {_shown(each)}" for key, each in values.items()))
            unit = at.get("unit") or _unit(name, at.get("year", year))
            yield name, _shown(given), str(unit), _range(at), str(at.get("source", "")), str(at["status"])
        for key, each in at.items():
            yield from _sourced(each, f"{name}.{key}" if name else str(key), year)
    elif isinstance(at, list):
        for k, each in enumerate(at):
            label = _label(each, k)
            short = name.rpartition(".")[0] if name.endswith((".parameters", ".tables")) else name
            short = "" if name in ("parameters", "tables") else short
            yield from _sourced(each, f"{short}.{label}" if short else label, year)


def _plain(each: Any) -> bool:
    return all(isinstance(value, int | float | str) for value in (each if isinstance(each, list) else [each]))


def _label(each: Any, k: int) -> str:
    if not isinstance(each, dict):
        return str(k)
    for key in ("name", "kind", "service", "condition", "actor", "task", "segment", "id"):
        if isinstance(each.get(key), str):
            return str(each[key])
    return str(next((text for text in each.values() if isinstance(text, str)), k))


def _unit(name: str, year: Any) -> str:
    """Return the unit that the name of an amount without one tells."""
    key = name.rpartition(".")[2]
    if "eur" in key.split("_") or key in ("price", "material", "resource"):
        return f"EUR {year}".strip() + key.partition("eur")[2].replace("_", " ")
    for word in ("share", "minutes", "years", "quarters"):
        if word in key:
            return word
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    return f"{value:.6g}" if isinstance(value, int | float) else str(value)


def _range(at: dict[str, Any]) -> str:
    given = at.get("range")
    return f"{_shown(given[0])} to {_shown(given[1])}" if isinstance(given, list) and len(given) == 2 else ""


def parameters_page(rows: Sequence[Number]) -> str:
    """Return the page of all numbers."""
    return _PARAMETERS + "".join(_sections(rows))


def provenance_page(rows: Sequence[Number]) -> str:
    """Return the page that counts numbers by status and lists the weak ones."""
    head = f"| of | {' | '.join(STATUSES)} | numbers |\n|---|{'--:|' * (len(STATUSES) + 1)}\n"
    lines = [_counts(title, [row for row in rows if _place(row) == title]) for title in PLACES]
    meaning = "\n".join(f"- **{status}**: {_WHAT[status]}." for status in STATUSES)
    weak = [row for row in rows if row.status in WEAK]
    return f"{_PROVENANCE}{meaning}\n\n{head}{''.join(lines)}{_counts('**all**', rows)}{''.join(_sections(weak))}"


def _counts(title: str, rows: Sequence[Number]) -> str:
    counted = Counter(row.status for row in rows)
    return f"| {title} | {' | '.join(str(counted[status]) for status in STATUSES)} | {len(rows)} |\n"


def _place(row: Number) -> str:
    return next(t for t, folders in PLACES.items() if any(row.file.startswith(f"{each}/") for each in folders))


def _sections(rows: Sequence[Number]) -> Iterator[str]:
    for title in PLACES:
        here = [row for row in rows if _place(row) == title]
        yield f"\n## {title}\n" if here else ""
        for file in dict.fromkeys(row.file for row in here):
            yield f"\n### `{file}`\n\n| name | value | unit | range | status | source |\n|---|--:|---|---|---|---|\n"
            for row in here:
                if row.file == file:
                    cells = (f"`{row.name}`", row.value, row.unit, row.range, row.status, row.source)
                    yield f"| {' | '.join(_cell(each) for each in cells)} |\n"


def _cell(text: str) -> str:
    for mark in "\\|<>*[]$":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.replace("~", "about ").split())


def main() -> None:
    """Write both pages."""
    rows = numbers()
    for name, text in (("parameters.md", parameters_page(rows)), ("provenance.md", provenance_page(rows))):
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(rows)} numbers")


if __name__ == "__main__":
    main()
