"""Workbooks: what is written is what a reader of spreadsheets finds, and nothing in it is a formula."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from paysim.analysis.runs import load_run
from paysim.cli.app import run as command
from paysim.errors import OutputError
from paysim.report import workbook
from paysim.report.workbook import workbook_bytes

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
HOSTILE = ["=1+1", "+cmd", "-2", "@SUM(A1)", "\tx", "<b>&\"'", "a\x00b\x0bc", "https://example.org", "é€"]


def _read(data: bytes) -> dict[str, list[list[Any]]]:
    """Read a workbook by the standard's names, apart from the writer."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        book = ET.fromstring(archive.read("xl/workbook.xml"))
        names = [sheet.attrib["name"] for sheet in book.iter(f"{SPACE}sheet")]
        found = {}
        for number, name in enumerate(names, 1):
            page = ET.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))
            assert not list(page.iter(f"{SPACE}f"))
            found[name] = [[_value(cell) for cell in row] for row in page.iter(f"{SPACE}row")]
    return found


def _value(cell: ET.Element) -> Any:
    if cell.attrib.get("t") == "inlineStr":
        return "".join(each.text or "" for each in cell.iter(f"{SPACE}t"))
    value = cell.find(f"{SPACE}v")
    if value is None:
        return None
    return bool(int(value.text or 0)) if cell.attrib.get("t") == "b" else float(value.text or "nan")


def test_cells_read_back_exactly() -> None:
    numbers = [0.1 + 0.2, -1e-300, 1e300, 3.0, np.nan, np.inf, 1 / 3, 0.0, 7.0]
    table = pd.DataFrame({"text": HOSTILE, "number": numbers, "whole": range(9), "flag": [True, False, True] * 3})
    (head, *rows) = _read(workbook_bytes({"one": table, "a & b": table}))["a & b"]
    assert head == ["text", "number", "whole", "flag"]
    assert [row[0] for row in rows] == [each.replace("\x00", "").replace("\x0b", "") for each in HOSTILE]
    assert [row[1] for row in rows] == [value if np.isfinite(value) else None for value in numbers]
    assert [row[2] for row in rows] == list(range(9))
    assert [row[3] for row in rows] == [True, False, True] * 3
    assert workbook_bytes({"one": table}) == workbook_bytes({"one": table})


def test_other_readers_agree() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    table = pd.DataFrame({"text": HOSTILE[:5], "number": [1.5, 2.0, 1 / 3, 0.0, -1.0]})
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes({"one": table})))["one"]
    rows = list(sheet.iter_rows(min_row=2))
    assert [row[0].value for row in rows] == HOSTILE[:5]
    assert all(row[0].data_type != "f" for row in rows)
    assert [row[1].value for row in rows] == list(table["number"])


def test_a_run_is_written(run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(["export", str(run_folder), str(tmp_path / "book.xlsx")]) == 0
    found = _read((tmp_path / "book.xlsx").read_bytes())
    assert list(found) == ["about", "differences", "horizon", "by year", "what arms reward", "parameters"]
    run = load_run(run_folder)
    assert len(found["parameters"]) == len(run.parameters) + 1
    assert command(["export", str(run_folder), str(tmp_path / "book.xls")]) == 2
    monkeypatch.setattr(workbook, "MOST_ROWS", 5)
    with pytest.raises(OutputError, match="too large for a sheet"):
        workbook.write_workbook(run, tmp_path / "large.xlsx")
