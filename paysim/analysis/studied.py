"""A study of draws kept with a run of the same scenario, so that the run's report can show it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from paysim.errors import DataError, Problem
from paysim.reading import write_atomic
from paysim.reading.locks import make_folder

if TYPE_CHECKING:
    from paysim.analysis.psa import Psa
    from paysim.analysis.runs import Run

KEPT = "psa"
"""Folder in a run folder."""


def keep_study(run: Run, study: Psa) -> None:
    """Copy the tables of a study into the folder of a run, for its report; worlds stay where they are.

    Raises
    ------
    DataError
        If the study is of another scenario, or compares other arms.
    OutputError
        If the folder cannot be written to.
    """
    ours = (run.scenario.get("sha256"), run.scenario["region"], list(run.arms))
    theirs = (study.manifest["sha256"], study.manifest["country_region"], list(study.manifest["arms"]))
    if ours != theirs:
        message = "is a study of another scenario than the run's, so that they cannot stand in one report"
        raise DataError(Problem(message, file=str(study.path), found=study.manifest["scenario"]))
    target = run.path / KEPT
    if target.resolve() == study.path.resolve():
        return
    shutil.rmtree(target, ignore_errors=True)
    make_folder(target)
    for name in (*study.manifest["files"], "psa.json"):
        write_atomic(target / name, (study.path / name).read_bytes())


def kept_study(run: Run) -> Psa | None:
    """Return the study kept with a run; None if there is none.

    Raises
    ------
    DataError
        If it is damaged.
    """
    if not (run.path / KEPT).is_dir():
        return None
    from paysim.analysis.psa import load_psa

    return load_psa(run.path / KEPT)
