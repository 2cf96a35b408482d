"""Notebooks are the tutorials, without output, and run from the first cell to the last without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.test_reference import tool

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def test_each_is_its_tutorial():
    """If not: ``make reference``."""
    module = tool("write_notebooks")
    assert [path.stem for path in NOTEBOOKS] == sorted(module.PAGES)
    for path in NOTEBOOKS:
        assert path.read_text("utf-8") == module.notebook(path.stem), path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_has_code_and_no_output(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) >= 5
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert len({cell["id"] for cell in cells}) == len(cells)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_runs(path, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat", reason="`make test-all` installs what runs notebooks")
    client = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    client.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert any(cell.get("outputs") for cell in notebook.cells)
