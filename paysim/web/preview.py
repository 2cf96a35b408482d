"""Asks the child process of `paysim.web.previewer`, and starts another when it has ended."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import Any

from paysim.errors import ModelError, ScenarioError
from paysim.reading import write_atomic
from paysim.web.settings import Settings

PERSONS = 5_000
"""People of the base year that a preview stands on; a choice between speed and chance, assumed."""


class Preview:
    """Of one server; questions are answered one after the other."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None

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
            with self._lock:
                found = self._answer({"scenario": str(file), "sample": PERSONS})
        finally:
            file.unlink(missing_ok=True)
        if "problem" in found:
            raise ScenarioError(*str(found["problem"]).replace(str(file), "scenario.yaml").splitlines())
        return found

    def stop(self) -> None:
        """End the child process."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        for _ in range(2):  # it may have ended since, for want of questions
            child = self._running()
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(json.dumps(question) + "\n")
                child.stdin.flush()
                line = child.stdout.readline()
                if line:
                    found: dict[str, Any] = json.loads(line)
                    return found
            child.kill()
            child.wait()
        raise ModelError("the preview ended without an answer")

    def _running(self) -> subprocess.Popen[str]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "paysim.web.previewer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,
            )
        return self._child
