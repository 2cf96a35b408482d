"""Runs that were asked for in the app: a folder each, a queue, and states that are read from files alone.

``<outputs>/.app/<id>/`` holds what was asked (``job.json``, ``<id>.yaml``) and what the child process writes
(`paysim.web.runner`); ``<outputs>/<id>/`` is the run folder. Nothing is remembered in the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from paysim.analysis.runs import MANIFEST
from paysim.reading import write_atomic
from paysim.web import runner
from paysim.web.places import folders, inside, is_id
from paysim.web.settings import Settings

JOB, PROGRESS = "job.json", "progress.json"
QUEUED, RUNNING, FINISHED, FAILED, CANCELLED, STOPPED = (
    *("queued", "running", "finished", "failed", "cancelled", "stopped"),
)
_STARTED, _CANCEL = "started", "cancel"
_LAST_WORDS = 6_000
_PATIENCE_S = 2.5
_EVERY_S = 0.4
_SETTLING = 2  # the base run and the report come on top of the arms


@dataclass(frozen=True)
class Job:
    """What somebody asked for.

    Attributes
    ----------
    id
        Name of its folders.
    title
        Of the scenario.
    made
        Local time, for people to read.
    sample
        About how many people; None: the whole region.
    arms
        How many ways of paying are simulated.
    population
        File name of an uploaded population in the job's folder, or None.
    notes
        What was changed, in words.
    """

    id: str
    title: str
    made: str
    sample: int | None
    arms: int
    population: str | None = None
    notes: tuple[str, ...] = ()


class Jobs:
    """The queue of one outputs folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._children: list[subprocess.Popen[bytes]] = []

    def ask(
        self,
        scenario: bytes,
        title: str,
        arms: int,
        sample: int | None,
        population: Path | None = None,
        notes: Sequence[str] = (),
    ) -> Job:
        """Put a run in the queue; its folder appears whole."""
        own = self.settings.own
        own.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now():%Y%m%d-%H%M%S}-{os.urandom(3).hex()}"
        people = None if population is None else f"population{population.suffix}"
        job = Job(name, title, f"{datetime.now():%Y-%m-%d %H:%M}", sample, arms, people, tuple(notes))
        making = own / f".{name}.new"
        making.mkdir()
        if population is not None and people is not None:
            shutil.copyfile(population, making / people)
        write_atomic(making / f"{name}.yaml", scenario)
        write_atomic(making / runner.COMMAND, json.dumps(self.command(job)).encode())
        write_atomic(making / JOB, json.dumps(asdict(job)).encode())
        os.replace(making, own / name)
        return job

    def scenario(self, job: Job) -> Path:
        """Return the scenario's file; amounts have its name as their source, so it is given away under the same."""
        return self.settings.own / job.id / f"{job.id}.yaml"

    def command(self, job: Job) -> list[str]:
        """Return the command of the child process."""
        own = self.settings.own / job.id
        options = ["--progress", str(own / PROGRESS), "--out", str(self.settings.outputs / job.id)]
        return [sys.executable, "-m", "paysim", "run", str(self.scenario(job)), *_choices(job, own), *options]

    def spoken(self, job: Job) -> str:
        """Return the command that repeats the run, for somebody to type."""
        own = _near(self.settings.own / job.id)
        out = _near(self.settings.outputs / job.id)
        return shlex.join(["paysim", "run", str(_near(self.scenario(job))), *_choices(job, own), "--out", str(out)])

    def all(self) -> list[Job]:
        """Return every job, the newest first."""
        found = [self.job(folder.name) for folder in folders(self.settings.own)]
        return sorted((job for job in found if job is not None), key=lambda job: job.id, reverse=True)

    def job(self, name: str) -> Job | None:
        """Return a job by its id."""
        if not is_id(name) or inside(self.settings.own, name) is None:
            return None
        try:
            data = json.loads((self.settings.own / name / JOB).read_bytes())
            return Job(**{**data, "notes": tuple(data.get("notes", ()))})
        except (OSError, ValueError, TypeError, AttributeError):
            return None

    def state(self, name: str) -> str:
        """Return how far a job is, by its files."""
        own = self.settings.own / name
        if self._alive(name):
            return FINISHED if self.reporting(name) else RUNNING
        ended = _read(own / runner.ENDED)
        if ended.get("code") == 0 and (self.settings.outputs / name / MANIFEST).is_file():
            return FINISHED
        if (own / _CANCEL).exists():
            return CANCELLED
        if ended:
            return FAILED
        if not (own / _STARTED).exists():
            return QUEUED
        # Between the mark of the start and the child's lock there is a moment.
        young = time.time() - (own / _STARTED).stat().st_mtime < 5 * _PATIENCE_S
        return RUNNING if young else STOPPED

    def progress(self, name: str) -> dict[str, tuple[int, int]]:
        """Return what is simulated -> weeks done and weeks in all."""
        found = _read(self.settings.own / name / PROGRESS)
        return {
            str(key): (int(value[0]), int(value[1]))
            for key, value in found.items()
            if isinstance(value, list) and len(value) == 2
        }

    def reporting(self, name: str) -> bool:
        """Tell whether all results are there and the child process draws the report of them."""
        drawn = self.progress(name).get("report", (1, 1))[0]
        return drawn == 0 and (self.settings.outputs / name / MANIFEST).is_file() and self._alive(name)

    def share_done(self, job: Job) -> float:
        """Return the share of all work that is done, from 0 to 1."""
        parts = [done / total for done, total in self.progress(job.id).values() if total > 0]
        return min(1.0, sum(parts) / max(job.arms + _SETTLING, len(parts)))

    def last_words(self, name: str) -> str:
        """Return the end of what the child process printed."""
        try:
            text = (self.settings.own / name / runner.LOG).read_bytes()[-_LAST_WORDS:]
        except OSError:
            return ""
        return text.decode("utf-8", "replace").strip()

    def cancel(self, name: str) -> None:
        """Stop a job, also its child processes; one that waits will not start."""
        own = self.settings.own / name
        if self.state(name) not in (QUEUED, RUNNING):
            return
        write_atomic(own / _CANCEL, b"")
        self._signal(name, signal.SIGTERM)

    def again(self, name: str) -> None:
        """Put a job that did not finish back in the queue; arms that were finished are not simulated again."""
        if self.state(name) in (FAILED, CANCELLED, STOPPED):
            for mark in (runner.ENDED, PROGRESS, _CANCEL, _STARTED):
                (self.settings.own / name / mark).unlink(missing_ok=True)

    def start(self) -> None:
        """Begin to work the queue in a thread of its own."""
        self._thread = threading.Thread(target=self._work, name="queue", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop working the queue; runs that go on do go on."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(_EVERY_S):
            with contextlib.suppress(OSError):  # such as a full disk: the next look finds out
                self.look()

    def look(self) -> None:
        """Start what may start; end what was cancelled and does not end by itself."""
        self._children = [child for child in self._children if child.poll() is None]
        running = 0
        for job in reversed(self.all()):
            own = self.settings.own / job.id
            state = self.state(job.id)
            mark = own / _CANCEL
            working = state == RUNNING or self.reporting(job.id)
            if working and mark.exists() and time.time() - mark.stat().st_mtime > _PATIENCE_S:
                self._signal(job.id, signal.SIGKILL)
            elif working or (state == QUEUED and running < self.settings.at_once and self._launch(job)):
                running += 1

    def _launch(self, job: Job) -> bool:
        own = self.settings.own / job.id
        try:
            os.close(os.open(own / _STARTED, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except OSError:
            return False
        command = [sys.executable, "-m", "paysim.web.runner", str(own)]
        # A session of its own: Ctrl-C at the server does not reach it, and all of it can be stopped at once.
        child = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._children.append(child)
        return True

    def _alive(self, name: str) -> bool:
        """Tell whether the child holds its lock."""
        try:
            handle = os.open(self.settings.own / name / runner.LOCK, os.O_RDWR)
        except OSError:
            return False
        try:
            return not runner.try_lock(handle)
        finally:
            os.close(handle)

    def _signal(self, name: str, number: int) -> None:
        group = _read(self.settings.own / name / runner.PROCESS).get("group")
        if isinstance(group, int) and group > 1 and self._alive(name):
            with contextlib.suppress(OSError):
                os.killpg(group, number)


def _choices(job: Job, own: Path) -> list[str]:
    sample = [] if job.sample is None else ["--sample", str(job.sample)]
    return sample + ([] if job.population is None else ["--population", str(own / job.population)])


def _near(path: Path) -> Path:
    """Return a path as seen from here, where it lies below."""
    with contextlib.suppress(ValueError):
        return path.resolve().relative_to(Path.cwd())
    return path


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
