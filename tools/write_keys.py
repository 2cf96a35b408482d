"""Write docs/reference/keys.md: every key of every YAML file, from the models that read them.

    python tools/write_keys.py

Form, default and bounds are the model's own. Unit and meaning stand in the field's description or, where it has none,
in ``tools/keys.csv``: by file and key, or with file ``*`` for a key that means the same everywhere.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from paysim.accounting import organisations
from paysim.analysis import structural
from paysim.analysis.trials import design
from paysim.care import catalogue, delegation
from paysim.care.programmes.reading import ProgrammeReader
from paysim.contracts import cases, terms
from paysim.lab import experiment
from paysim.parameters.reader import ParameterFile
from paysim.pilots.load import PilotReader
from paysim.population import mapping, profile
from paysim.reading import Column, read_table
from paysim.scenario.format import SETTINGS, ScenarioReader

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reference/keys.md"
MEANINGS = ROOT / "tools/keys.csv"
FILES: dict[str, tuple[str, type[BaseModel]]] = {
    "scenario": ("`scenarios/`", ScenarioReader),
    "contract": ("`contracts/`, or within an arm; see [contracts](../contracts.md)", terms._ContractReader),
    "component": ("What every component of a contract may have, beside the keys of its kind.", terms._PartReader),
    "use": ("A contract of the library used in an arm, whole or in part.", terms._UseReader),
    "table of a contract": ("A schedule of prices, weights or a grid, `contracts/`.", terms._TableReader),
    "case": ("A worked case, see [contracts](../contracts.md).", cases._Case),
    "region": ("`populations/`", profile._RegionFile),
    "parameters": ("`parameters.yaml` of any folder of the model", ParameterFile),
    "mapping": ("Columns and words of people that are imported, see [import](../import.md).", mapping._MappingFile),
    "programme": ("`programmes/`, see [programmes](../programmes.md)", ProgrammeReader),
    "delegation": ("Rules of delegation, `delegation/`.", delegation._File),
    "organisations": ("Who takes part in the money, `organisations/`.", organisations._File),
    "services": ("Services, their minutes, costs and prices, `paysim/care/services.yaml`.", catalogue._File),
    "pilot": ("`scenarios/pilots/`, see [pilots](../pilots.md)", PilotReader),
    "experiment": ("An experiment of the [laboratory](../laboratory.md).", experiment._File),
    "structures": ("Structural alternatives, see [sensitivity](../sensitivity.md).", structural._SetReader),
    "trials": ("See [trials](../trials.md).", design._TrialsFile),
}
BEFORE = """# Keys of the YAML files

Every key that a file may have, with its unit, default and bounds, from the models that read the files
(`python tools/write_keys.py` writes this page). A key that is not here is an error that names the nearest one. `[]` is
an item of a list, `<>` a name of your own. What has a *source* has a *status* too: see [weak numbers](provenance.md).
"""


@dataclass(frozen=True)
class Key:
    """A key: its path in the file, and what is to be known of it."""

    file: str
    path: str
    form: str
    default: str
    field: FieldInfo


def keys(file: str) -> list[Key]:
    """Return every key of a kind of file, in order."""
    return list(_keys(file, FILES[file][1], ""))


def _keys(file: str, model: type[BaseModel], before: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        if name in SETTINGS and before == "arms[].behaviour.":
            continue  # one row for all of them, below
        path = f"{before}{field.alias or name}"
        inner, mark = _models(field.annotation)
        if inner and all(_is_sourced(each) for each in inner):
            yield Key(file, path, _sourced(inner[0]) + (" by name" if mark == ".<>" else ""), _default(field), field)
            continue
        yield Key(file, path, _form(field), _default(field), field)
        for each in inner if path != "history" else ():  # the same keys as the case itself
            yield from _keys(file, each, f"{path}{mark}.")


def _models(hint: Any) -> tuple[list[type[BaseModel]], str]:
    """Return the models that a field holds, and how its items are marked."""
    origin, parts = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return [hint], ""
    if origin is list:
        return _models(parts[0])[0], "[]"
    if origin is dict:
        return _models(parts[1])[0], ".<>"
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        found = [_models(part) for part in parts if part is not type(None)]
        return [each for models, _ in found for each in models], next((mark for models, mark in found if models), "")
    return [], ""


def _is_sourced(model: type[BaseModel]) -> bool:
    names = model.model_fields.keys()
    return {"value", "source", "status"} <= names and not names & {"name", "kind"}


def _sourced(model: type[BaseModel]) -> str:
    value = model.model_fields["value"]
    bounds = _bounds(value.metadata)
    needed = (name for name, field in model.model_fields.items() if field.is_required() and name != "value")
    others = ", ".join(f"`{name}`" for name in needed)
    return f"number with a source: `value`{f' ({bounds})' if bounds else ''}, {others}"


def _form(field: FieldInfo) -> str:
    words = _hint(field.annotation)
    bounds = _bounds(field.metadata)
    return f"{words}, {bounds}" if bounds else words


def _hint(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        bounds = _bounds(hint.__metadata__)
        return f"{_hint(parts[0])}, {bounds}" if bounds else _hint(parts[0])
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin is list:
        return f"list of {_hint(parts[0])}"
    if origin is dict:
        return f"{_hint(parts[1])} by name"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_hint(part) for part in parts if part is not type(None)))
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return "keys below"
    return {int: "whole number", float: "number", str: "text", bool: "true or false"}.get(hint, "contract")


def _bounds(metadata: Sequence[Any]) -> str:
    """Return bounds in words; of a list they are those of its length."""
    said = []
    for each in metadata:
        if isinstance(each, FieldInfo):
            said += [_bounds(each.metadata)]
            continue
        for word, name in (("at least", "ge"), ("above", "gt"), ("at most", "le"), ("below", "lt")):
            if getattr(each, name, None) is not None:
                said.append(f"{word} {_number(getattr(each, name))}")
        if (getattr(each, "min_length", None) or 1) > 1:
            said.append(f"at least {each.min_length} long")
        if getattr(each, "max_length", None):
            said.append(f"at most {each.max_length:,} long")
    return ", ".join(filter(None, said))


def _number(value: float) -> str:
    if isinstance(value, int):
        return "2^63" if value == 2**63 else f"{value:,}" if value >= 10_000 else str(value)
    return f"{value:g}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if value in (None, "", [], {}) or value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@lru_cache(maxsize=1)
def meanings() -> dict[tuple[str, str], tuple[str, str]]:
    """Return unit and meaning by file and key."""
    text = Column(str)
    rows = read_table(MEANINGS, {"file": text, "key": text, "unit": text, "meaning": text})
    return {
        (file, key): (unit, meaning)
        for file, key, unit, meaning in zip(rows["file"], rows["key"], rows["unit"], rows["meaning"], strict=True)
    }


def meaning(key: Key) -> tuple[str, str]:
    """Return unit and meaning of a key; empty where nobody wrote them."""
    extra = key.field.json_schema_extra
    if key.field.description:
        return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else "", key.field.description
    known, last = meanings(), key.path.rpartition(".")[2]
    return known.get((key.file, key.path)) or known.get((key.file, last)) or known.get(("*", last)) or ("", "")


def page() -> str:
    """Return the page."""
    return BEFORE + "".join(_section(file, about) for file, (about, _) in FILES.items())


def _section(file: str, about: str) -> str:
    lines = [
        f"\n## {file[0].upper()}{file[1:]}\n\n{about}\n",
        "| key | form | unit | default | |",
        "|---|---|---|---|---|",
    ]
    for key in keys(file):
        unit, words = meaning(key)
        lines.append(f"| `{key.path}` | {key.form} | {unit} | {key.default} | {words} |")
    if file == "scenario":
        lines.append(
            "| `arms[].behaviour.<>` | number | | as fitted | a setting of that behaviour, one of the numbers of "
            "`paysim/behaviour/parameters.yaml` |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} written")
