"""Asks the child process of `paysim.web.previewer`, and starts another when it has ended."""

from __future__ import annotations

import os
from typing import Any

from paysim.errors import ScenarioError
from paysim.reading import write_atomic
from paysim.web.child import Child
from paysim.web.settings import Settings

PERSONS = 5_000
"""People of the base year that a preview stands on; a choice between speed and chance, assumed."""


class Preview:
    """Of one server; questions are answered one after the other."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._child = Child("paysim.web.previewer")

    def ask(self, written: bytes) -> dict[str, Any]:
        """Return ``rows`` and ``paid`` of a scenario; see `paysim.analysis.incentives`.

        Raises
        ------
        ScenarioError
            The scenario cannot be.
        """
        own = self.settings.own
        own.mkdir(parents=True, exist_ok=True)
        file = own / f".preview-{os.urandom(6).hex()}.yaml"
        try:
            write_atomic(file, written)
            found = self._child.ask({"scenario": str(file), "sample": PERSONS})
        finally:
            file.unlink(missing_ok=True)
        if "problem" in found:
            raise ScenarioError(*str(found["problem"]).replace(str(file), "scenario.yaml").splitlines())
        return found

    def stop(self) -> None:
        """End the child process."""
        self._child.stop()
