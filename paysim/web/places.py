"""From an id in an address to a folder: ids match a pattern, and what they lead to lies in the outputs folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from starlette.convertors import Convertor, register_url_convertor

ID = "[A-Za-z0-9][A-Za-z0-9_-]{0,99}"
_ID = re.compile(ID)


class _Id(Convertor[str]):
    regex = ID

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        assert _ID.fullmatch(value)
        return value


register_url_convertor("id", _Id())


def is_id(text: str) -> bool:
    """Tell whether text may stand for a folder: letters, digits, - and _, so no dot and no slash."""
    return _ID.fullmatch(text) is not None


def inside(folder: Path, name: str) -> Path | None:
    """Return ``folder/name`` if it exists and truly lies there; a link that leads elsewhere does not."""
    path = folder / name
    try:
        real = path.resolve(strict=True)
        return path if real.parent == folder.resolve(strict=True) and real.name == name else None
    except (OSError, ValueError, RuntimeError):
        return None


def folders(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder whose names are ids."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if is_id(entry.name) and entry.is_dir() and inside(folder, entry.name) is not None:
            yield entry
