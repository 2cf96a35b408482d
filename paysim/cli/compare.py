"""`paysim compare RUN`: what differs between the arms of a finished run, with intervals."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from paysim.cli import show

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.table import Table

    from paysim.analysis.runs import Run

_NARROWEST = 150  # of the table when the output is no terminal and COLUMNS says nothing
_WIDEST = 10_000
_LABEL = 24


def compare(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.", metavar="RUN")],
    baseline: Annotated[
        str | None,
        typer.Option(help="Arm to compare with; default: all that the scenario compares with.", metavar="ARM"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Compare the arms of a run: differences with 95% intervals, the verdict first."""
    from paysim.analysis.compare import baselines
    from paysim.analysis.compare import compare as differences
    from paysim.analysis.runs import load_run

    loaded = load_run(run)
    table = differences(loaded, baseline)
    if json:
        against = list(baselines(loaded, baseline))
        rows = table.to_dict("records")
        show.as_json({"scenario": loaded.scenario["name"], "baselines": against, "differences": rows})
        return
    print_differences(loaded, table)
    typer.echo(f"next: paysim report {run}")


def print_differences(run: Run, table: pd.DataFrame | None = None, headlines: bool = False) -> None:
    """Print the differences between a run's arms: sentences, then a table, for each arm compared with.

    With `headlines`, the table has only what the verdict is about.
    """
    if table is None:
        from paysim.analysis.compare import compare as differences

        table = differences(run)
    if table.empty:
        typer.echo("The run has one arm; there is nothing to compare it with.")
        return
    from paysim.report import caveats, wording

    out = console()
    first = str(table["baseline"].iloc[0])
    for sentence in wording.headlines(table, run.titles, first, caveats.is_small(run)):
        out.print(escape(sentence))
    for base in dict.fromkeys(table["baseline"]):
        out.print()
        _print(out, run, table[table["baseline"] == base], str(base), headlines)
    out.print(f"{wording.CARE}:")
    for sentence in (*caveats.before(run, table), *caveats.after(run)):
        out.print(f"- {escape(sentence)}")
    held = wording.uncertainty(table, int(run.manifest.get("replicates", 1)))
    if held:
        out.print(escape(held))


def console() -> Console:
    """Return where tables are printed; wide enough when the output is no terminal."""
    from rich.console import Console

    found = Console(highlight=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found = Console(highlight=False, width=max(found.width, _NARROWEST))
    return found


def _print(console: Console, run: Run, table: pd.DataFrame, base: str, headlines: bool) -> None:
    from paysim.analysis.measures import VERDICT
    from paysim.report import caveats, wording
    from paysim.report.findings import findings

    titles = run.titles
    for sentence in wording.verdict(table, titles, caveats.is_small(run), findings(run, base)):
        console.print(f"- {escape(sentence)}")
    console.print()
    arms = [str(arm) for arm in dict.fromkeys(table["arm"])]
    first = wording.headline_rows(table)
    moved = set(table.loc[table["difference"] != 0, "measure"])
    rest = table[~table["measure"].isin(VERDICT) & table["measure"].isin(moved)]
    rows = [_Row(part, last=False) for _, part in first.groupby("measure", sort=False)]
    rows[-1].last = True
    rows += [] if headlines else [_Row(part) for _, part in rest.groupby("measure", sort=False)]
    _show(console, rows, base, arms, titles, f"Against {titles[base]}")
    still = table[~table["measure"].isin([*moved, *VERDICT])]
    if not still.empty and not headlines:
        labels = "; ".join(dict.fromkeys(still["label"]))
        console.print(f"the same in every arm: {escape(labels)}\n")


def print_rows(out: Console, run: Run, table: pd.DataFrame, base: str, title: str) -> None:
    """Print the differences of a table against one arm, a row a measure; of a scorecard with what they mean."""
    arms = [str(arm) for arm in dict.fromkeys(table["arm"])]
    rows = [_Row(part) for _, part in table.groupby("measure", sort=False)]
    _show(out, rows, base, arms, run.titles, title)


def _show(out: Console, rows: list[_Row], base: str, arms: list[str], titles: dict[str, str], title: str) -> None:
    whole = _beside(rows, base, arms, titles, title)
    unbound = out.options.update(max_width=_WIDEST)
    if out.measure(whole, options=unbound).minimum <= out.width:
        out.print(whole)
        return
    for arm in arms:  # side by side some arms would fall off the edge
        out.print(_alone(rows, base, arm, titles, title))


class _Row:
    """A measure with its difference in each arm, as a table shows it."""

    def __init__(self, part: pd.DataFrame, last: bool = False) -> None:
        from paysim.analysis.measures import records
        from paysim.report import wording

        rows = records(part)
        self.cells = {str(row["arm"]): _cell(row) for row in rows}
        head = rows[0]
        self.label, self.base = f"{head['label']}, {head['unit']}", wording.baseline_value(head)
        self.last = last


def _beside(rows: list[_Row], base: str, arms: list[str], titles: dict[str, str], title: str) -> Table:
    """Return one table with the arms side by side; only the labels give way when it is narrow."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE, title=escape(title), title_justify="left")
    shown.add_column("over the whole horizon", min_width=_LABEL)
    for name in (base, *arms):
        cells = [row.base if name == base else row.cells[name] for row in rows]
        width = _width([*cells, *titles[name].split()])
        # A fixed width: rich takes room from any other column, and cuts numbers.
        shown.add_column(escape(titles[name]), justify="right", width=width)
    for row in rows:
        cells = [row.base, *(escape(row.cells[arm]) for arm in arms)]
        shown.add_row(escape(row.label), *cells, end_section=row.last)
    return shown


def _alone(rows: list[_Row], base: str, arm: str, titles: dict[str, str], title: str) -> Table:
    """Return the table of one arm, for narrow terminals."""
    from rich import box
    from rich.table import Table

    whose = escape(f"{titles[arm]} {title[:1].lower()}{title[1:]}")
    shown = Table(box=box.SIMPLE, title=whose, title_justify="left")
    shown.add_column("over the whole horizon", min_width=_LABEL, overflow="fold")
    shown.add_column("baseline", justify="right", width=_width(["baseline", *(row.base for row in rows)]))
    shown.add_column("difference", justify="right", width=_width(["difference", *(row.cells[arm] for row in rows)]))
    for row in rows:
        shown.add_row(escape(row.label), row.base, escape(row.cells[arm]), end_section=row.last)
    return shown


def _cell(row: Mapping[str, Any]) -> str:
    """Return a difference, its interval on its own line, and in a scorecard what it means when beyond chance."""
    from paysim.analysis.scorecard import BETTER, WORSE
    from paysim.report.wording import difference

    text = difference(row).replace(" [", "\n[")
    return f"{text}\n{row['meaning']}" if row.get("meaning") in (BETTER, WORSE) else text


def _width(cells: list[str]) -> int:
    return max((len(line) for cell in cells for line in cell.splitlines()), default=0)
