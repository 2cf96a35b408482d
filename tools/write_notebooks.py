"""Write docs/notebooks/*.ipynb from tutorials: the text of a page and its Python blocks as cells, without output.

python tools/write_notebooks.py
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
FOLDER = DOCS / "notebooks"
PAGES = ("psa_to_ceac", "one_zone")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.M | re.S)


def notebook(page: str) -> str:
    """Return a tutorial as a notebook, in the format of nbformat 4.5."""
    text = (DOCS / "tutorials" / f"{page}.md").read_text("utf-8")
    cells = [_cell(kind, source, f"{page}{k}") for k, (kind, source) in enumerate(_parts(text))]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield text and code in turn; commands of the shell are shown, not run."""
    waiting, at = "", 0
    for found in _BLOCK.finditer(text):
        waiting += text[at : found.start()]
        at = found.end()
        if found[1] != "python":
            waiting += found[0]
            continue
        yield "markdown", waiting
        yield "code", found[2]
        waiting = ""
    yield "markdown", waiting + text[at:]


def _cell(kind: str, source: str, key: str) -> dict[str, Any]:
    lines = source.strip("\n").splitlines(keepends=True)
    cell: dict[str, Any] = {"cell_type": kind, "id": hashlib.sha256(key.encode()).hexdigest()[:8], "metadata": {}}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell | {"source": lines}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in PAGES:
        (FOLDER / f"{name}.ipynb").write_text(notebook(name), encoding="utf-8")
        print(f"{name}.ipynb written")
