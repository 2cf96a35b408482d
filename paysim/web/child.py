"""A child process that answers questions, a JSON object a line; another is started when it has ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from paysim.errors import ModelError


class Child:
    """Of one server; questions are answered one after the other.

    Parameters
    ----------
    command
        Module and its arguments, which calls `answer_each`.
    """

    def __init__(self, *command: str) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._starting = threading.Lock()  # who stops does not wait for an answer
        self._stopped = False
        self._process: subprocess.Popen[str] | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Return the answer.

        Raises
        ------
        ModelError
            The child ended twice without one, or was stopped.
        """
        with self._lock:
            for _ in range(2):  # it may have ended since, for want of questions
                process = self._running()
                if process is None:
                    break
                assert process.stdin is not None
                assert process.stdout is not None
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(question) + "\n")
                    process.stdin.flush()
                    line = process.stdout.readline()
                    if line.endswith("\n"):  # else it ended in the middle of it
                        found: dict[str, Any] = json.loads(line)
                        return found
                process.kill()
                process.wait()
        raise ModelError(f"{self._command[0]} ended without an answer")

    def warm(self) -> None:
        """Start the child, so that the first answer does not wait for it."""
        if self._lock.acquire(blocking=False):
            try:
                self._running()
            finally:
                self._lock.release()

    def stop(self) -> None:
        """End the child for good: a question that waits for it then gets no answer, and none is asked of another."""
        with self._starting:
            self._stopped = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _running(self) -> subprocess.Popen[str] | None:
        """Return the child, started if need be; None if it was stopped."""
        with self._starting:
            if self._stopped:
                return None
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", *self._command],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,
                )
            return self._process


def answer_each(answer: Callable[[dict[str, Any]], dict[str, Any]], idle_s: float) -> None:
    """Answer the questions of a parent until it ends, or asks nothing for a while; then no memory is taken."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints does not mix with the answers
    while select.select([sys.stdin], [], [], idle_s)[0]:
        line = sys.stdin.readline()
        if not line:
            break
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
