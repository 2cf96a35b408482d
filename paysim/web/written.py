"""A scenario as text: checked by the same reader as on the command line."""

from __future__ import annotations

from pathlib import Path

from paysim.errors import InputError
from paysim.reading import write_atomic
from paysim.scenario import Scenario, load_scenario
from paysim.web.uploads import plain, room


def checked(written: bytes, own: Path) -> Scenario:
    """Return the scenario that a text is; the messages name ``scenario.yaml`` and no folder.

    Raises
    ------
    ScenarioError
        With line and column of everything that is wrong.
    """
    with room(own) as folder:
        file = folder / "scenario.yaml"
        write_atomic(file, written)
        try:
            return load_scenario(file)
        except InputError as exc:
            raise plain(exc, folder) from None
