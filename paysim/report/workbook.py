"""Tables of a run or a study as an Excel workbook.

Written here, because it takes little: an .xlsx file is a zip of XML (ECMA-376). Text is text and never a formula,
numbers keep all their digits, and the same tables give the same bytes.
"""

from __future__ import annotations

import io
import math
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from paysim.errors import OutputError, Problem
from paysim.reading import write_atomic

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.psa import Psa
    from paysim.analysis.runs import Run

MOST_ROWS, MOST_COLUMNS, MOST_TEXT = 1_048_576, 16_384, 32_767
"""Limits of a sheet, and of the text in a cell."""

_SPACE = "http://schemas.openxmlformats.org"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_SPACE}/spreadsheetml/2006/main">'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="2"><xf fontId="0"/><xf fontId="1" applyFont="1"/></cellXfs></styleSheet>'
)


def write_workbook(source: Run | Psa, path: str | os.PathLike[str]) -> Path:
    """Write the tables of a run or a study as a workbook.

    Parameters
    ----------
    path
        Ends in ``.xlsx``.

    Returns
    -------
    Path
        Of the workbook.

    Raises
    ------
    OutputError
        Another suffix, a table too large for a sheet, or the file cannot be written.
    """
    if Path(path).suffix.lower() != ".xlsx":
        raise OutputError(Problem("a name that ends in .xlsx expected", file=os.fspath(path)))
    write_atomic(path, workbook_bytes(_tables(source), os.fspath(path)))
    return Path(path)


def workbook_bytes(tables: Mapping[str, pd.DataFrame], shown: str = "") -> bytes:
    """Return tables as an .xlsx file, a sheet each; names of sheets have at most 31 characters."""
    names = list(tables)
    sheets = "".join(f'<sheet name="{_text(n)}" sheetId="{k}" r:id="rId{k}"/>' for k, n in enumerate(names, 1))
    kinds = "".join(
        f'<Override PartName="/xl/worksheets/sheet{k}.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for k in range(1, len(names) + 1)
    )
    package = f"{_SPACE}/package/2006"
    office = f"{_SPACE}/officeDocument/2006/relationships"
    links = "".join(
        f'<Relationship Id="rId{k}" Type="{office}/worksheet" Target="worksheets/sheet{k}.xml"/>'
        for k in range(1, len(names) + 1)
    )
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'{_HEAD}<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{main}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{main}.styles+xml"/>{kinds}</Types>',
        "_rels/.rels": f'{_HEAD}<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_SPACE}/spreadsheetml/2006/main" xmlns:r="{office}">'
        f"<sheets>{sheets}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{package}/relationships">{links}'
        f'<Relationship Id="rId{len(names) + 1}" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": _STYLES,
    }
    parts |= {f"xl/worksheets/sheet{k}.xml": _sheet(tables[name], name, shown) for k, name in enumerate(names, 1)}
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _tables(source: Run | Psa) -> dict[str, pd.DataFrame]:
    """Return the sheets: what it is, what a reader asks first, then the tables behind."""
    import pandas as pd

    from paysim.analysis.runs import Run

    manifest = source.manifest
    if isinstance(source, Run):
        from paysim.analysis.compare import compare
        from paysim.analysis.measures import HORIZON

        about = {**{name: source.scenario.get(name) for name in ("name", "title", "region", "start", "horizon_years")}}
        about |= {"price_year": source.scenario.get("price_year"), "paysim": manifest.get("paysim_version")}
        about |= {name: manifest.get(name) for name in ("persons", "practices", "seed", "replicates", "identity")}
        results = source.results
        whole = results[(results["dimension"] == "all") & (results["period"] == HORIZON)]
        years = results[(results["dimension"] == "all") & (results["period"] != HORIZON)]
        tables = {
            "differences": compare(source),
            "horizon": whole,
            "by year": years,
            "what arms reward": source.incentives,
            "parameters": source.parameters,
        }
    else:
        from paysim.analysis.cost_effectiveness import strategies

        kept = ("scenario", "title", "country_region", "horizon_years", "seed", "sample", "draws", "replicates")
        about = {name: manifest.get(name) for name in (*kept, "paysim", "identity")}
        outcomes = source.outcomes()
        tables = {
            "summary": source.summary(),
            "strategies": strategies(outcomes),
            "outcomes": outcomes,
            "parameters": source.parameters.reset_index(),
        }
    rows = [(name.replace("_", " "), "" if value is None else value) for name, value in about.items()]
    return {"about": pd.DataFrame(rows, columns=["what", "value"]), **tables}


def _sheet(table: pd.DataFrame, name: str, shown: str) -> str:
    if len(table) >= MOST_ROWS or len(table.columns) > MOST_COLUMNS:
        size = f"{len(table):,} rows and {len(table.columns):,} columns"
        raise OutputError(
            Problem("is too large for a sheet; use the tables of the folder", shown, key=name, found=size)
        )
    head = "".join(_cell(str(each), style=1) for each in table.columns)
    rows = [f"<row>{head}</row>"]
    rows += ["<row>" + "".join(map(_cell, row)) + "</row>" for row in table.astype(object).itertuples(index=False)]
    frozen = '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView>'
    return (
        f'{_HEAD}<worksheet xmlns="{_SPACE}/spreadsheetml/2006/main">{frozen}</sheetViews>'
        f"<sheetData>{''.join(rows)}</sheetData></worksheet>"
    )


def _cell(value: Any, style: int = 0) -> str:
    look = f' s="{style}"' if style else ""
    if isinstance(value, bool) or (hasattr(value, "dtype") and value.dtype.kind == "b"):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float) or (hasattr(value, "dtype") and value.dtype.kind in "iuf"):
        return f"<c><v>{value!s}</v></c>" if math.isfinite(value) else "<c/>"
    if value is None:
        return "<c/>"
    text = _text(str(value)[:MOST_TEXT])
    return f'<c t="inlineStr"{look}><is><t xml:space="preserve">{text}</t></is></c>'


def _text(text: str) -> str:
    """Return text as XML may hold it."""
    return escape(_NOT_XML.sub("", text), {'"': "&quot;"})
