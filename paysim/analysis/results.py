"""What a folder holds: a run, or a study of draws."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from paysim.analysis.resume import STUDY

if TYPE_CHECKING:
    from paysim.analysis.psa import Psa
    from paysim.analysis.runs import Run


def load_results(path: str | os.PathLike[str]) -> Run | Psa:
    """Open the folder of a run or of a study.

    Raises
    ------
    DataError
        If it holds neither, or is damaged.
    """
    if (Path(path) / STUDY).is_file():
        from paysim.analysis.psa import load_psa

        return load_psa(path)
    from paysim.analysis.runs import load_run

    return load_run(path)
