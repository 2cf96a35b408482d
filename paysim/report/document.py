"""The report of a run: one self-contained HTML file, and a folder of figures with their tables.

The same run gives the same bytes. The file asks nothing of the network: figures are inside it, and its content
policy forbids the rest.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim.analysis.compare import compare
from paysim.analysis.measures import VERDICT
from paysim.analysis.runs import Run, check_writable, load_run
from paysim.errors import DataError
from paysim.reading import write_atomic
from paysim.report import contents, drawing, method, tables, wording

if TYPE_CHECKING:
    import pandas as pd

REPORT = "report.html"
FIGURE_FOLDER = "figures"

_MOST_ROWS = 200  # shown in the report; the CSV has them all
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Table:
    """A table as the template shows it: text only."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure as the template shows it."""

    name: str
    title: str
    reading: str
    image: str
    table: Table
    wide: bool


@dataclass(frozen=True)
class Section:
    """A numbered part of the report."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    points: Sequence[str] = field(default_factory=tuple)


def write_report(run: Run | str | os.PathLike[str]) -> Path:
    """Write ``report.html`` and ``figures/`` into the run folder.

    Parameters
    ----------
    run
        A run, or its folder.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    DataError
        If the run folder is damaged.
    OutputError
        If it cannot be written to.
    """
    run = run if isinstance(run, Run) else load_run(run)
    check_writable(run)
    folder = run.path / FIGURE_FOLDER
    folder.mkdir(exist_ok=True)
    pictures = {}
    for figure in contents.FIGURES:
        drawn = _draw(run, figure)
        if drawn is None:
            continue
        data, svg, png = drawn
        write_atomic(folder / f"{figure.name}.csv", csv_bytes(data))
        write_atomic(folder / f"{figure.name}.svg", svg)
        write_atomic(folder / f"{figure.name}.png", png)
        pictures[figure.name] = Picture(
            name=figure.name,
            title=figure.title,
            reading=figure.reading,
            image="data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii"),
            table=shown(data, figure.title),
            wide=figure.wide,
        )
    target = run.path / REPORT
    write_atomic(target, render(run, pictures).encode("utf-8"))
    return target


def render(run: Run, pictures: Mapping[str, Picture]) -> str:
    """Return the report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=str(run.scenario.get("title") or run.scenario["name"]),
        subtitle=method.subtitle(run),
        version=str(run.manifest.get("paysim_version", "")),
        sections=_sections(run, pictures),
    )


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV; text that a spreadsheet would take for a formula gets an apostrophe."""
    safe = frame.copy()
    for column in safe.columns:
        if not _is_number(safe[column]):
            safe[column] = [
                "'" + text if isinstance(text, str) and text.startswith(_FORMULA) else text
                for text in safe[column]
            ]
    text = io.StringIO()
    safe.to_csv(text, index=False, lineterminator="\n", float_format="%.12g")
    return text.getvalue().encode("utf-8")


def shown(frame: pd.DataFrame, caption: str) -> Table:
    """Return a frame as text; long ones are cut."""
    rows = [[_text(value) for value in row] for row in frame.head(_MOST_ROWS).itertuples(index=False)]
    more = len(frame) - len(rows)
    note = f"{more} more rows are in the CSV file." if more > 0 else ""
    return Table(caption, [str(name).replace("_", " ") for name in frame.columns], rows, note)


def _draw(run: Run, figure: contents.Figure) -> tuple[pd.DataFrame, bytes, bytes] | None:
    try:
        data = figure.data(run)
    except DataError:
        return None  # the run does not hold what the figure needs
    if data.empty:
        return None
    drawn = figure.draw(run, **figure.options).figure
    assert isinstance(drawn, drawing.Figure)
    return data, drawing.save(drawn, "svg"), drawing.save(drawn, "png")


def _sections(run: Run, pictures: Mapping[str, Picture]) -> list[Section]:
    comparison = compare(run)

    def pick(figures: Iterable[contents.Figure]) -> list[Picture]:
        return [pictures[figure.name] for figure in figures if figure.name in pictures]

    incentives = tables.incentives(run)
    return [
        _verdict(run, comparison),
        Section(
            "Winners and losers",
            ["Against current payment, over the whole horizon; the first table gives every comparison."],
            [_gains(run, comparison)],
            pick(contents.WINNERS),
        ),
        Section(
            "Spending by sector and over time",
            [
                "Payments by insurers in prices of one year, not discounted; what patients pay under the "
                "deductible is part of them and is shown apart."
            ],
            [_discounted(run, comparison)],
            pick(contents.SPENDING),
        ),
        Section("Health and treatment", method.health(run), [], pick(contents.HEALTH)),
        Section(
            "What each arm rewards",
            wording.incentive_sentences(incentives, run.titles, run.current),
            [],
            pick(contents.INCENTIVES),
        ),
        Section(
            "Flows of money",
            [method.flows(run)],
            [_titled(run, tables.flows(run), "Who pays whom over the horizon, million EUR")],
            pick(contents.FLOWS),
        ),
        Section("Equity by education", [method.EQUITY], _equity(run), pick(contents.EQUITY)),
        Section(
            "Access and workload",
            ["Waits and workload are outcomes of the appointment books and clinics, not inputs."],
            [_levels(run)],
            pick(contents.ACCESS),
        ),
        Section("Method", method.sentences(run), [Table(*each) for each in method.facts(run)]),
        Section("Limits of use", (), (), (), method.limits(run)),
    ]


def _verdict(run: Run, comparison: pd.DataFrame) -> Section:
    if comparison.empty:
        return Section("Verdict", ["The run has one arm; there is nothing to compare it with."])
    rows = comparison[comparison["measure"].isin(VERDICT)]
    parts = []
    for base in dict.fromkeys(rows["baseline"]):
        part = rows[rows["baseline"] == base]
        arms = list(dict.fromkeys(part["arm"]))
        lines = []
        for _, group in part.groupby("measure", sort=False):
            cells = {str(row["arm"]): row for row in wording.records(group)}
            first = next(iter(cells.values()))
            label = f"{first['label']}, {first['unit']}"
            lines.append(
                [label, wording.number(first["baseline_value"]), *(_difference(cells[a]) for a in arms)]
            )
        titles = run.titles
        columns = ["", titles[str(base)], *(titles[str(arm)] for arm in arms)]
        parts.append(Table(f"Against {titles[str(base)]}: difference and 95% interval", columns, lines))
    replicates = int(run.manifest.get("replicates", 1))
    sentences = [wording.uncertainty(comparison, replicates), *wording.verdict(comparison, run.titles)]
    return Section("Verdict", sentences, parts)


def _difference(row: Mapping[str, Any]) -> str:
    share = wording.percent(row["relative"])
    return wording.difference(row) + (f" ({share})" if share and row["difference"] else "")


def _gains(run: Run, comparison: pd.DataFrame) -> Table:
    table = wording.gains(comparison)
    table["gain"] = [wording.difference(row) for row in wording.records(table)]
    wide = table.pivot(index=["baseline", "actor"], columns="arm", values="gain")
    wide = wide.reindex(columns=[arm for arm in run.arms if arm in wide.columns])
    order = {actor.label: place for place, actor in enumerate(wording.ACTORS)}
    wide = wide.sort_index(key=lambda level: level.map(order) if level.name == "actor" else level)
    frame = wide.fillna("").reset_index()
    frame["baseline"] = frame["baseline"].map(run.titles)
    return _titled(run, frame, "Gain (+) or loss (−), EUR per head per year, with 95% interval")


def _discounted(run: Run, comparison: pd.DataFrame) -> Table:
    rows = comparison[comparison["measure"].str.endswith("_discounted")].copy()
    for column in ("value", "baseline_value", "difference", "low", "high"):
        rows[column] = rows[column].where(rows["unit"] != "EUR", rows[column] / wording.MILLION)
    rows["unit"] = rows["unit"].replace("EUR", "million EUR")
    rows["incremental"] = [wording.difference(row) for row in wording.records(rows)]
    frame = rows[["label", "unit", "arm", "baseline", "value", "baseline_value", "incremental"]].copy()
    for column in ("arm", "baseline"):
        frame[column] = frame[column].map(run.titles)
    rates = run.scenario.get("discounting", {})
    costs, effects = rates.get("costs", 0.0), rates.get("effects", 0.0)
    caption = (
        f"Discounted totals of the region (costs {100 * costs:.3g}%, effects {100 * effects:.3g}% a year)"
    )
    return shown(frame, caption)


def _equity(run: Run) -> list[Table]:
    try:
        frame = tables.equity(run)
    except DataError:
        return []
    frame["arm"] = frame["arm"].map(run.titles)
    return [shown(frame, "By education, with the slope from the lowest to the highest educated")]


def _levels(run: Run) -> Table:
    frame = tables.levels(run, (*tables.WAITS, *tables.WORKLOAD))
    wide = frame.pivot(index=["label", "unit"], columns="arm", values="value")
    order = list(dict.fromkeys(zip(frame["label"], frame["unit"], strict=True)))
    wide = wide.reindex(index=order, columns=list(run.arms))
    wide.index.names = ["measure", "unit"]
    return _titled(run, wide.reset_index(), "Over the whole horizon")


def _titled(run: Run, frame: pd.DataFrame, caption: str) -> Table:
    """Show a frame whose columns name arms under the arms' titles."""
    return shown(frame.rename(columns=run.titles), caption)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_number(value):
        # Years and counts are whole; averages are not.
        whole = isinstance(value, int) or (hasattr(value, "dtype") and value.dtype.kind in "iu")
        return f"{int(value):,}" if whole else wording.number(float(value))
    return "" if value is None else str(value)


def _is_number(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return kind in ("i", "u", "f") if kind else isinstance(value, int | float) and not isinstance(value, bool)
