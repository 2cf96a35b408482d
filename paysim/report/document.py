"""The report of a run: one self-contained HTML file, and a folder of figures with their tables.

The same run gives the same bytes. The file asks nothing of the network: figures are inside it, and its
content policy forbids the rest.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim.analysis.compare import FEW, compare
from paysim.analysis.measures import records
from paysim.analysis.results import load_results
from paysim.analysis.runs import Run, check_writable
from paysim.analysis.studied import keep_study, kept_study
from paysim.analysis.verified import kept_verification
from paysim.errors import NotInResults
from paysim.reading import no_formula, write_atomic
from paysim.reading.locks import make_folder
from paysim.report import aims, caveats, checklists, contents, drawing, equity, method, rounds, tables, wording
from paysim.report.findings import findings
from paysim.report.programmes import programmes
from paysim.report.uncertainty import Uncertainty

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.psa import Psa

REPORT = "report.html"
FIGURE_FOLDER = "figures"

_HALF = 6.0  # inches: two figures side by side
_MOST_ROWS = 200  # shown in the report; the CSV has them all
_QALYS = ("qalys_per_1000", "QALYs")
_QALY_DECIMALS = 3  # more would be noise


@dataclass(frozen=True)
class Table:
    """A table as the template shows it: text only."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    points: Sequence[str] = ()
    words: Sequence[bool] = ()

    def left(self, column: int) -> bool:
        """Tell whether a column holds words, which stand at the left."""
        return self.words[column] if self.words else column == 0


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
    notes: Sequence[str] = ()


def write_report(run: Run | Psa | str | os.PathLike[str], study: Psa | None = None) -> Path:
    """Write ``report.html`` and ``figures/`` into the folder of a run or of a study.

    Parameters
    ----------
    run
        A run or a study of draws, or its folder.
    study
        A study of the same scenario, whose cost-effectiveness then stands in the run's report; it is kept with the
        run, so that later reports show it too.

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
    run = load_results(run) if isinstance(run, str | os.PathLike) else run
    if not isinstance(run, Run):
        return _write_study(run)
    check_writable(run)
    if study is not None:
        keep_study(run, study)
    kept = kept_study(run)
    folder = run.path / FIGURE_FOLDER
    folder.mkdir(exist_ok=True)
    pictures = {}
    for figure in contents.FIGURES:
        drawn = _draw(run, figure)
        if drawn is not None:
            pictures[figure.name] = keep(folder, figure.name, figure.title, figure.reading, *drawn, figure.wide)
    target = run.path / REPORT
    text = render(run, pictures, [] if kept is None else [_uncertainty(kept, folder)])
    write_atomic(target, text.encode("utf-8"))
    return target


def _write_study(study: Psa) -> Path:
    """Write the report of a study alone."""
    folder = study.path / FIGURE_FOLDER
    make_folder(folder)
    sections = [_uncertainty(study, folder), Section("Limits of use", (), (), (), method.limits_of_study(study))]
    about = study.manifest
    text = html(str(about["title"]), method.subtitle_of_study(study), str(about["paysim"]), sections)
    target = study.path / REPORT
    write_atomic(target, text.encode("utf-8"))
    return target


def keep(
    folder: Path, name: str, title: str, reading: str, data: pd.DataFrame, svg: bytes, png: bytes, wide: bool
) -> Picture:
    """Write a figure and its table beside the report, and return it as the template shows it."""
    write_atomic(folder / f"{name}.csv", csv_bytes(data))
    write_atomic(folder / f"{name}.svg", svg)
    write_atomic(folder / f"{name}.png", png)
    image = "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
    return Picture(name, title, reading, image, shown(data, title), wide)


def _uncertainty(study: Psa, folder: Path) -> Section:
    """Return what a study of draws says, its figures written into the folder."""
    about = Uncertainty(study)
    pictures = []
    for each in about.figures():
        sheet = each.draw(drawing.new_axes(_HALF, _HALF * 0.72)).figure
        assert isinstance(sheet, drawing.Figure)
        wide = each.name == "ce_single_parameters"
        pictures.append(keep(folder, each.name, each.title, each.reading, each.table, *images(sheet), wide))
    tables = [shown(table, caption) for caption, table in about.tables()]
    return Section("Cost-effectiveness under uncertainty", about.sentences(), tables, pictures)


def render(run: Run, pictures: Mapping[str, Picture], uncertainty: Sequence[Section] = ()) -> str:
    """Return the report of a run as HTML."""
    title = str(run.scenario.get("title") or run.scenario["name"])
    version = str(run.manifest.get("paysim_version", ""))
    return html(title, method.subtitle(run), version, _sections(run, pictures, uncertainty))


def html(title: str, subtitle: str, version: str, sections: Sequence[Section]) -> str:
    """Return a report as HTML; its last section must be the limits of use, which the foot refers to."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=title, subtitle=subtitle, version=version, sections=sections, care=wording.CARE
    )


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a frame as CSV; text that a spreadsheet would take for a formula gets an apostrophe."""
    safe = frame.copy()
    for column in safe.columns:
        if not _is_number(safe[column]):
            safe[column] = [no_formula(value) for value in safe[column]]
    text = io.StringIO()
    safe.to_csv(text, index=False, lineterminator="\n", float_format="%.12g")
    return text.getvalue().encode("utf-8")


def shown(frame: pd.DataFrame, caption: str) -> Table:
    """Return a frame as text; long ones are cut."""
    first = frame.head(_MOST_ROWS)
    named = first["measure"] if "measure" in first.columns else [""] * len(first)
    most = [_QALY_DECIMALS if name in _QALYS else None for name in named]
    rows = [
        [_text(value, places) for value in row] for row, places in zip(first.itertuples(index=False), most, strict=True)
    ]
    more = len(frame) - len(rows)
    note = f"{more} more rows are in the CSV file." if more > 0 else ""
    columns = [str(name).replace("_", " ").capitalize() for name in frame.columns]
    words = [i == 0 or not _is_number(frame[name]) for i, name in enumerate(frame.columns)]
    return Table(caption, columns, rows, note, words=words)


def _draw(run: Run, figure: contents.Figure) -> tuple[pd.DataFrame, bytes, bytes] | None:
    try:
        data = figure.data(run)
    except NotInResults:
        return None  # the run does not hold what the figure needs
    if data.empty:
        return None
    drawn = figure.draw(run, **figure.options).figure
    assert isinstance(drawn, drawing.Figure)
    return data, *images(drawn)


def images(sheet: drawing.Figure) -> tuple[bytes, bytes]:
    """Return a figure as the bytes of an svg and of a png file."""
    svg = drawing.save(sheet, "svg")
    sheet.set_layout_engine("none")  # laid out already; the second file need not do it again
    return svg, drawing.save(sheet, "png")


def _sections(run: Run, pictures: Mapping[str, Picture], uncertainty: Sequence[Section]) -> list[Section]:
    comparison = compare(run)

    def pick(figures: Iterable[contents.Figure]) -> list[Picture]:
        return [pictures[figure.name] for figure in figures if figure.name in pictures]

    incentives = tables.incentives(run)
    return [
        _verdict(run, comparison),
        Section("Scorecard on five aims", aims.sentences(), _scorecard(run), pick(contents.AIMS)),
        Section(
            "Winners and losers",
            [method.WINNERS, *caveats.hospital(run)],
            _gains(run, comparison),
            pick(contents.WINNERS),
        ),
        Section(
            "Spending by sector and over time",
            [method.SPENDING, *caveats.hospital(run)],
            _discounted(run, comparison),
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
            [_flows(run)],
            pick(contents.FLOWS),
        ),
        Section("Equity by education", [method.EQUITY, *equity.sentences(run)], _equity(run), pick(contents.EQUITY)),
        Section(
            "Access and workload",
            ["Waits and workload are outcomes of the appointment books and clinics, not inputs."],
            [*_waits(run), _levels(run)],
            pick(contents.ACCESS),
        ),
        *_programmes(run, pick(contents.PROGRAMMES)),
        *uncertainty,
        Section("Method", method.sentences(run), [_fact(each) for each in method.facts(run)]),
        *_verification(run),
        Section("Indicators", (), [_indicators()]),
        Section(
            "Reporting checklists",
            ["Filled from the run; what it cannot know is left for the authors."],
            [_checklist(run, name, caption) for name, caption in checklists.CHECKLISTS.items()],
        ),
        Section("Limits of use", (), (), (), method.limits(run)),
    ]


def _verdict(run: Run, comparison: pd.DataFrame) -> Section:
    if comparison.empty:
        return Section("Verdict", ["The run has one arm; there is nothing to compare it with."])
    rows = wording.headline_rows(comparison)
    small = caveats.is_small(run)
    parts = []
    for base in dict.fromkeys(comparison["baseline"]):
        against = comparison[comparison["baseline"] == base]
        points = wording.verdict(against, run.titles, small, findings(run, str(base)))
        parts.append(_against(run, rows, str(base), "difference, 95% interval, share", points))
    replicates = int(run.manifest.get("replicates", 1))
    points = wording.headlines(comparison, run.titles, str(comparison["baseline"].iloc[0]), small)
    notes = [*caveats.before(run, comparison), wording.uncertainty(comparison, replicates), *caveats.after(run)]
    told = programmes(run)  # in a section of their own
    notes = [each for each in notes if each and each not in told]
    return Section("Verdict", (), parts, (), points, notes)


def _against(run: Run, comparison: pd.DataFrame, base: str, what: str, points: Sequence[str] = ()) -> Table:
    """Return a table of differences from one arm: a row a measure, a column an arm."""
    part = comparison[comparison["baseline"] == base]
    arms = list(dict.fromkeys(part["arm"]))
    lines = []
    for _, group in part.groupby("measure", sort=False):
        cells = {str(row["arm"]): row for row in records(group)}
        first = next(iter(cells.values()))
        label = f"{first['label']}, {first['unit']}"
        lines.append([label, wording.baseline_value(first), *(_difference(cells[a]) for a in arms)])
    columns = ["", run.titles[base], *(run.titles[str(arm)] for arm in arms)]
    return Table(f"Against {run.titles[base]}: {what}", columns, lines, points=points)


def _difference(row: Mapping[str, Any]) -> str:
    share = wording.percent(row["relative"]) if row["difference"] else ""
    return wording.difference(row) + (f" ({share})" if share else "")


def _gains(run: Run, comparison: pd.DataFrame) -> list[Table]:
    table = wording.gains(comparison)
    held = FEW if caveats.is_small(run) else "95% interval"
    table["gain"] = [wording.difference(row) for row in records(table)]
    order = [actor.label for actor in wording.ACTORS]
    made = []
    for base, part in table.groupby("baseline", sort=False):
        moved = part.groupby("actor")["difference"].agg(lambda each: bool((each != 0).any()))
        wide = part.pivot(index="actor", columns="arm", values="gain")
        arms = [arm for arm in run.arms if arm in wide.columns]
        wide = wide.reindex(index=[name for name in order if name in wide.index and moved[name]], columns=arms)
        rows = [[str(name), *(str(cell) for cell in wide.loc[name])] for name in wide.index]
        caption = f"Against {run.titles[str(base)]}: gain or loss, EUR per head per year unless said, {held}"
        still = [name for name in order if name in moved.index and not moved[name]]
        note = f"No change in any arm: {', '.join(still)}." if still else ""
        made.append(Table(caption, ["", *(run.titles[arm] for arm in arms)], rows, note))
    return made


def _discounted(run: Run, comparison: pd.DataFrame) -> list[Table]:
    rows = comparison[comparison["measure"].str.endswith("_discounted")]
    rates = run.scenario.get("discounting", {})
    costs, effects = 100 * rates.get("costs", 0.0), 100 * rates.get("effects", 0.0)
    what = f"totals of the region, discounted (costs {costs:.3g}%, effects {effects:.3g}% a year)"
    return [_against(run, rows, str(base), what) for base in dict.fromkeys(rows["baseline"])]


def _flows(run: Run) -> Table:
    frame = tables.flows(run)
    for column in ("payer", "payee", "account"):
        frame[column] = frame[column].str.replace("_", " ").str.capitalize()
    return _titled(run, frame, "Who pays whom over the horizon, million EUR")


def _equity(run: Run) -> list[Table]:
    try:
        frame = tables.equity(run)
    except NotInResults:
        return []
    frame["arm"] = frame["arm"].map(run.titles)
    made = [shown(frame, "By education, with the slope from the lowest to the highest educated")]
    try:
        indices = aims.inequality_indices(run)
    except NotInResults:
        return made
    indices["arm"] = indices["arm"].map(run.titles)
    return [*made, shown(indices, "Standardised for sex and age, with indices of inequality")]


def _scorecard(run: Run) -> list[Table]:
    against = run.titles[run.current]
    held = FEW if caveats.is_small(run) else "95% interval"
    return [
        Table(f"{aim.capitalize()}, against {against}: difference, {held}", columns, rows)
        for aim, columns, rows in aims.scorecard_rows(run)
    ]


def _indicators() -> Table:
    columns, rows = aims.indicator_rows()
    return Table("The 32 indicators", columns, rows, words=[True] * len(columns))


def _checklist(run: Run, name: str, caption: str) -> Table:
    rows = checklists.rows(run, name)
    return Table(caption, ["Item", "Topic", "In this report"], rows, words=[True, True, True])


def _verification(run: Run) -> list[Section]:
    """Return the checks that were tried on the run's scenario, if they were: `paysim verify RUN`."""
    found = kept_verification(run)
    if found is None:
        return []
    rows = [[each.domain, each.what, "yes" if each.passed else "NO", each.found] for each in found.checks]
    failed = sum(not each.passed for each in found.checks)
    text = (
        f"{len(found.checks)} things that must hold whatever the numbers are, tried on {found.persons:,} people of "
        f"this scenario; {failed} failed."
    )
    columns = ["Domain", "What must hold", "Passed", "What was seen"]
    return [Section("Verification", [text], [Table("Checks", columns, rows, words=[True] * 4)])]


def _programmes(run: Run, pictures: Sequence[Picture]) -> list[Section]:
    """Return whom programmes found, asked and helped; nothing where none ran."""
    made = [Table(caption, columns, lines) for caption, columns, lines in rounds.by_year(run)]
    return [Section("Programmes", rounds.sentences(run), made, pictures, programmes(run))] if made else []


def _waits(run: Run) -> list[Table]:
    try:
        frame = aims.waits_beside(run)
    except NotInResults:
        return []
    return [_titled(run, frame, "Waits by service: median (90th percentile) over the whole horizon")]


def _levels(run: Run) -> Table:
    frame = tables.levels(run, (*tables.WAITS, *tables.WORKLOAD))
    wide = frame.pivot(index=["label", "unit"], columns="arm", values="value")
    order = list(dict.fromkeys(zip(frame["label"], frame["unit"], strict=True)))
    wide = wide.reindex(index=order, columns=list(run.arms))
    wide.index.names = ["measure", "unit"]
    return _titled(run, wide.reset_index(), "Over the whole horizon")


def _fact(fact: method.Facts) -> Table:
    caption, columns, rows = fact
    return Table(caption, columns, rows, words=[True] * len(columns))


def _titled(run: Run, frame: pd.DataFrame, caption: str) -> Table:
    """Show a frame whose columns name arms under the arms' titles."""
    table = shown(frame, caption)
    return replace(table, columns=[run.titles.get(str(name), str(name).capitalize()) for name in frame.columns])


def _text(value: Any, most: int | None = None) -> str:
    if isinstance(value, str):
        return value
    if _is_number(value):
        # Years and counts are whole; averages are not.
        whole = isinstance(value, int) or (hasattr(value, "dtype") and value.dtype.kind in "iu")
        if whole:
            return f"{int(value):,}"
        places = wording.decimals(float(value))
        return wording.number(float(value), digits=places if most is None else min(places, most))
    return "" if value is None else str(value)


def _is_number(value: Any) -> bool:
    kind = getattr(getattr(value, "dtype", None), "kind", None)
    return kind in ("i", "u", "f") if kind else isinstance(value, int | float) and not isinstance(value, bool)
