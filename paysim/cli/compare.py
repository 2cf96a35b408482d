"""`paysim compare RUN`: what differs between the arms of a finished run, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paysim.cli import show

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

_NARROWEST = 150  # of the table when the output is no terminal


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
    for base in dict.fromkeys(table["baseline"]):
        _print(table[table["baseline"] == base], str(base), run.titles, headlines)
    from paysim.report.wording import uncertainty

    typer.echo(uncertainty(table, int(run.manifest.get("replicates", 1))))


def _print(table: pd.DataFrame, base: str, titles: dict[str, str], headlines: bool) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from paysim.analysis.measures import VERDICT
    from paysim.report import wording

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, _NARROWEST))
    for sentence in wording.verdict(table, titles):
        console.print(f"- {escape(sentence)}", soft_wrap=False)
    arms = list(dict.fromkeys(table["arm"]))
    shown = Table(box=box.SIMPLE, title=f"Against {escape(titles[base])}", title_justify="left")
    shown.add_column("over the whole horizon", min_width=24)
    for name in (base, *arms):
        shown.add_column(escape(titles[name]), justify="right", min_width=16 if name != base else 8)
    first = [name for name in VERDICT if (table["measure"] == name).any()]
    moved = set(table.loc[table["difference"] != 0, "measure"])
    rest = [name for name in dict.fromkeys(table["measure"]) if name not in VERDICT and name in moved]
    rest = [] if headlines else rest
    for name in (*first, *rest):
        rows = {str(row["arm"]): row for row in wording.records(table[table["measure"] == name])}
        head = next(iter(rows.values()))
        cells = [wording.number(head["baseline_value"]), *(_cell(rows[arm]) for arm in arms)]
        shown.add_row(f"{head['label']}, {head['unit']}", *cells, end_section=name == first[-1])
    console.print(shown)
    still = table[~table["measure"].isin([*moved, *first])]
    if not still.empty and not headlines:
        labels = "; ".join(dict.fromkeys(still["label"]))
        console.print(f"the same in every arm: {escape(labels)}\n")


def _cell(row: dict[str, object]) -> str:
    from rich.markup import escape

    from paysim.report.wording import difference

    return escape(difference(row).replace(" [", "\n["))
