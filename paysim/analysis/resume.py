"""Going on with work from its folder alone, and mending a folder that was damaged.

What was asked lies in the folder, see `request`. A finished folder is known by the hashes of its files, before the
engine is even loaded. Every file of a run or a study has its SHA-256 in the manifest, the manifest and the request
carry their own, so any changed bit is found; only the cells that it hit are simulated again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim.analysis.request import INPUT, REQUEST, Request, read_request, restore_input
from paysim.errors import DataError, Problem
from paysim.reading.seals import sha256_of, unsealed

if TYPE_CHECKING:
    from paysim.analysis.psa import Psa
    from paysim.analysis.runs import Run
    from paysim.engine.cell import Progress

RUN, STUDY = "manifest.json", "psa.json"
"""Manifests; `runs` and `psa` have them too, but bring the engine along."""

_REPORT = "report.html"


@dataclass(frozen=True)
class Resumed:
    """Work that is finished.

    Attributes
    ----------
    command
        ``run`` or ``psa``.
    path
        Its folder.
    was_finished
        Nothing had to be done.
    damaged
        Files that had to be made again because they were missing or not what was written.
    failures
        Worlds of a study that failed once more: ``draw, replicate, error``.
    """

    command: str
    path: Path
    was_finished: bool
    damaged: tuple[str, ...] = ()
    failures: tuple[Mapping[str, Any], ...] = ()


def resume(
    path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Resumed:
    """Go on with a run or a study after whatever stopped it.

    Parameters
    ----------
    path
        The folder.
    workers, executor, progress
        As of `simulate` and `psa`; they change no number.

    Raises
    ------
    DataError
        If the folder holds no work, or is damaged (`repair` mends it), or paysim, a contract or a region has changed
        since the work began, so that its parts would not fit together.
    OutputError
        If somebody else works in the folder.
    """
    folder = _folder(path)
    request = read_request(folder)
    manifest = _manifest(folder, request.command)
    if manifest is not None and manifest["request"] == request.as_mapping() and not manifest.get("failures"):
        wrong = _wrong(folder, manifest)
        if wrong:
            what = "is missing or damaged; `paysim repair` mends it"
            raise DataError(*(Problem(what, file=str(folder / name)) for name in wrong))
        if request.command == "psa" or (folder / _REPORT).is_file():
            return Resumed(request.command, folder, was_finished=True)
    found = _go_on(folder, request, workers, executor, progress)
    return Resumed(request.command, folder, False, (), tuple(found.manifest.get("failures", ())))


def damage(path: str | os.PathLike[str]) -> list[str]:
    """Return the files of a run or a study that are missing or not what was written, by name inside the folder.

    Figures, report and log are made from the rest and are not looked at.

    Raises
    ------
    DataError
        If the folder holds no work.
    """
    folder = _folder(path)
    command = _command(folder)
    wrong = []
    file = folder / INPUT / REQUEST
    try:
        request = unsealed(file.read_bytes())
    except OSError:
        request = None
    if request is None:
        wrong.append(f"{INPUT}/{REQUEST}")
    manifest = _manifest(folder, command)
    if manifest is None:
        if request is None or (folder / _name(command)).exists():
            wrong.append(_name(command))
        request = request or {"files": {}}
    else:
        wrong += _wrong(folder, manifest)
        request = manifest["request"] or {"files": {}}
    wrong += [f"{INPUT}/{name}" for name, sha in request["files"].items() if sha256_of(folder / INPUT / name) != sha]
    return sorted(set(wrong))


def repair(
    path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Resumed:
    """Find what is damaged in a folder and make only that again; everything is then as it was, to the bit.

    Raises
    ------
    DataError
        If what was asked cannot be known any more: the request and the manifest are both damaged, or a file of one's
        own in ``input/`` is.
    """
    folder = _folder(path)
    wrong = damage(folder)
    command = _command(folder)
    if not wrong and _manifest(folder, command) is not None:
        return Resumed(command, folder, was_finished=True)
    manifest = _manifest(folder, command)
    request = _request(folder, manifest)
    restore_input(folder, request)
    (folder / _name(command)).unlink(missing_ok=True)
    for name in wrong:
        if name.startswith("cells/") and command == "run":
            shutil.rmtree((folder / name).parent, ignore_errors=True)
        elif name.startswith("cells/"):
            (folder / name).unlink(missing_ok=True)
    found = _go_on(folder, request, workers, executor, progress)
    return Resumed(command, folder, False, tuple(wrong), tuple(found.manifest.get("failures", ())))


def replay(path: str | os.PathLike[str], draw: int, replicate: int = 0) -> Path:
    """Simulate one world of a study in this process, so that what goes wrong is seen; return its file.

    Raises
    ------
    DataError
        If the folder holds no study.
    """
    from paysim.analysis.cells import CELLS
    from paysim.analysis.worlds import World, simulate_world

    folder = _folder(path)
    request = read_request(folder)
    if request.command != "psa":
        raise DataError(Problem("holds a run; single worlds are those of `paysim psa`", file=str(folder)))
    world = World(request.scenario(folder), request.options["sample"], draw, replicate)
    return folder / CELLS / simulate_world(world, str(folder / CELLS))


def _go_on(
    folder: Path, request: Request, workers: int | None, executor: Executor | None, progress: Progress | None
) -> Run | Psa:
    """Do what was asked; parts that are there are taken up."""
    scenario = request.scenario(folder)
    how = {"workers": workers, "executor": executor, "progress": progress, **request.options}
    if request.command == "psa":
        from paysim.analysis.psa import identity_of_study, psa

        _require_same(folder, request, identity_of_study(scenario, request.options["sample"]))
        return psa(scenario, folder, **how)
    from paysim.analysis.execution import identity_of_run, simulate

    people = request.population(folder)
    _require_same(folder, request, identity_of_run(scenario, people, **request.options))
    return simulate(scenario, folder, population=people, **how)


def _require_same(folder: Path, request: Request, identity: str) -> None:
    if identity != request.identity:
        what = (
            "cannot go on: paysim, a contract or a region has changed since, or the scenario was changed in Python; "
            "begin again with --overwrite"
        )
        raise DataError(Problem(what, file=str(folder)))


def _request(folder: Path, manifest: Mapping[str, Any] | None) -> Request:
    try:
        return read_request(folder)
    except DataError:
        if manifest is None or not manifest.get("request"):
            raise DataError(
                Problem("request and manifest are both damaged: begin again with --overwrite", file=str(folder))
            ) from None
        return Request(**manifest["request"])


def _wrong(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    kept = {**manifest["files"], **manifest["cells"]}
    return sorted(name for name, sha256 in kept.items() if sha256_of(folder / name) != sha256)


def _manifest(folder: Path, command: str) -> dict[str, Any] | None:
    """Return the manifest of a finished folder; None if there is none, or it is damaged."""
    try:
        return unsealed((folder / _name(command)).read_bytes())
    except OSError:
        return None


def _command(folder: Path) -> str:
    """Return what made a folder, from what is readable of it."""
    try:
        return read_request(folder).command
    except DataError:
        for command in ("run", "psa"):
            if (folder / _name(command)).is_file():
                return command
        raise


def _name(command: str) -> str:
    return STUDY if command == "psa" else RUN


def _folder(path: str | os.PathLike[str]) -> Path:
    folder = Path(path)
    if not folder.is_dir():
        raise DataError(Problem("no such folder", file=str(folder)))
    return folder
