"""From a name to a file: the name in a scenario is the name of a file.

A name is the path below the folder of its kind, without the suffix: ``achterhoek``, ``nl/gp_capitation``. The
first place that has it wins: a path the user gave, folders of the user, the library inside an installed
package, the checkout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from paysim.errors import Problem, ScenarioError, nearest_name

Kind = Literal["scenarios", "populations", "contracts", "programmes", "delegation", "organisations", "pilots"]
KINDS: tuple[str, ...] = get_args(Kind)

_PACKAGE = Path(__file__).resolve().parent
_SUFFIXES = (".yaml", ".yml")
_PILOTS = "pilots"
"""Pilots lie beside the scenarios that they are pilots of, in a folder of their own."""


def find(kind: Kind, name: str, extra: Sequence[str | os.PathLike[str]] = ()) -> Path:
    """Return the file that `name` stands for.

    Parameters
    ----------
    kind
        ``scenarios``, ``populations``, ``contracts``, ``programmes``, ``delegation``, ``organisations`` or ``pilots``.
    name
        A name of the catalogue, or a path that ends in ``.yaml``.
    extra
        Folders of the user, each laid out as the library is: either ``<folder>/<kind>/<name>.yaml`` or
        ``<folder>/<name>.yaml``.

    Raises
    ------
    ScenarioError
        Nothing of that kind has the name; names the nearest that exist.
    """
    if name.endswith(_SUFFIXES):
        path = Path(name)
        if path.is_file():
            return path
    else:
        # A name stays below its folder, so that a scenario from elsewhere cannot point at other files.
        parts = name.split("/")
        safe = name.isprintable() and all(part not in ("", ".", "..") and "\\" not in part for part in parts)
        for folder in _folders(kind, extra) if safe else ():
            path = folder / f"{name}.yaml"
            if len(name) < 200 and path.is_file():
                return path
    known = names(kind, extra)
    wanted = name.removesuffix(".yaml").removesuffix(".yml").removeprefix(f"{kind}/")
    what = f"no such {'file' if name.endswith(_SUFFIXES) else kind.removesuffix('s')}"
    near = nearest_name(wanted, known)
    raise ScenarioError(Problem(what, found=repr(name), allowed=tuple(known), nearest=near))


def names(kind: Kind, extra: Sequence[str | os.PathLike[str]] = ()) -> list[str]:
    """Return the sorted names of everything of one kind."""
    found = set()
    for folder in _folders(kind, extra):
        found |= {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")}
    return sorted(name for name in found if kind != "scenarios" or not name.startswith(f"{_PILOTS}/"))


def _folders(kind: Kind, extra: Sequence[str | os.PathLike[str]]) -> Iterator[Path]:
    for each in extra:
        inner = Path(each) / kind
        yield inner if inner.is_dir() else Path(each)
    inside = f"scenarios/{_PILOTS}" if kind == _PILOTS else kind
    for folder in (_PACKAGE / "library" / inside, _PACKAGE.parent / inside):
        if folder.is_dir():
            yield folder
