"""Progress on long work: bars on a terminal, and a file for who looks on from elsewhere."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import typer


def say_if_compiling(quiet: bool = False) -> None:
    """Tell that the engine is about to be compiled, which happens once."""
    from paysim.kernel import cache_folder

    folder = cache_folder()
    if not quiet and not (folder.is_dir() and any(folder.iterdir())):
        typer.echo("compiling the engine: this happens once and takes about half a minute", err=True)


class Bars:
    """One bar for everything that is simulated; safe to call from several threads.

    Parameters
    ----------
    quiet
        No bars on the terminal.
    file
        Written at most twice a second: a JSON object of what is simulated -> [done, total].
    """

    def __init__(self, quiet: bool = False, file: Path | None = None) -> None:
        self._file = None if file is None else _ProgressFile(file)
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description:<20}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
            )
            self._bars = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars:
            self._bars.stop()

    def tick(self, what: str, done: int, total: int) -> None:
        """Move the bar of `what` to `done` of `total`."""
        if self._file is not None:
            self._file.tick(what, done, total)
        if not self._bars:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done)


class _ProgressFile:
    """How far everything is, in a file that is replaced whole."""

    _EVERY_S = 0.5

    def __init__(self, file: Path) -> None:
        self._path, self._known, self._written = file, dict[str, list[int]](), 0.0
        self._lock = threading.Lock()

    def tick(self, what: str, done: int, total: int) -> None:
        from paysim.reading import write_atomic

        with self._lock:
            new = what not in self._known
            self._known[what] = [done, total]
            now = time.monotonic()
            if new or done >= total or now - self._written >= self._EVERY_S:
                self._written = now
                write_atomic(self._path, json.dumps(self._known).encode())
