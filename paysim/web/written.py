"""A scenario as text: checked by the same reader as on the command line."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from paysim.errors import InputError
from paysim.reading import write_atomic
from paysim.scenario import Scenario, load_scenario


def checked(written: bytes, own: Path) -> Scenario:
    """Return the scenario that a text is; the messages name ``scenario.yaml`` and no folder.

    Raises
    ------
    ScenarioError
        With line and column of everything that is wrong.
    """
    own.mkdir(parents=True, exist_ok=True)
    folder = own / f".check-{os.urandom(6).hex()}"
    folder.mkdir()
    file = folder / "scenario.yaml"
    try:
        write_atomic(file, written)
        return load_scenario(file)
    except InputError as exc:
        raise type(exc)(*(replace(each, file=_plain(each.file, folder)) for each in exc.problems)) from None
    finally:
        file.unlink(missing_ok=True)
        folder.rmdir()


def _plain(name: str, folder: Path) -> str:
    return Path(name).name if name.startswith(str(folder)) else name
