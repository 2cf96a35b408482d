"""`paysim validate REGION|COUNTRY`: simulated values beside published ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling

_COLUMNS = (
    *("id", "observed", "simulated", "simulated_low", "simulated_high", "lower", "upper", "unit"),
    *("state", "rule", "z", "role", "status"),
)


def validate(
    region: Annotated[
        str, typer.Argument(help="Name of a region or country, or a YAML file.", metavar="REGION|COUNTRY")
    ],
    years: Annotated[int, typer.Option(min=1, max=100, help="Years observed.", metavar="Y")] = 5,
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Key of the random numbers.", metavar="S")] = 1,
    replicates: Annotated[int, typer.Option(min=1, help="Number of runs to average.", metavar="R")] = 1,
    targets: Annotated[
        list[Path] | None,
        typer.Option(help="Further targets, or a table of payments; may be repeated.", metavar="FILE"),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the figure; .png or .svg.", metavar="FILE")] = None,
    out: Annotated[Path | None, typer.Option(help="Write page, tables and figure.", metavar="DIR")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Compare a run, as the region is paid today, with every published value known of it. A miss is no error."""
    from paysim.analysis.execution import check_out
    from paysim.analysis.validation import validate as compare

    if plot is not None:
        check_plot(plot)
    if out is not None:
        check_out(out, overwrite=True)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        found = compare(
            region,
            years=years,
            sample=sample,
            seed=seed,
            replicates=replicates,
            targets=targets or (),
            progress=bars.tick,
        )
    written: list[Path] = []
    if plot is not None:
        from paysim.reading import write_atomic
        from paysim.report.validation import figure_bytes

        write_atomic(plot, figure_bytes(found, plot.suffix[1:]))
        written.append(plot)
    if out is not None:
        from paysim.report.validation import write_validation

        written += write_validation(found, out)
    if json:
        show.as_json(found.as_dict())
        return
    rows = [{**each, "z": None if each["z"] is None else round(each["z"], 1)} for each in found.as_dict()["targets"]]
    show.table(rows, _COLUMNS)
    typer.echo(f"\n{found.title}, {found.years} years, {found.persons:,} persons: {found.summary}")
    if found.sample:
        typer.echo(found.sample)
    for path in written:
        typer.echo(f"wrote: {path}")
    typer.echo(f"next: paysim validate {region} --json" if written else f"next: paysim validate {region} --out DIR")


def check_plot(plot: Path) -> None:
    """Refuse a file that cannot be written before a minute is spent on what it should show."""
    from paysim.errors import OutputError, Problem, nearest_name
    from paysim.report.validation import KINDS

    if plot.suffix not in KINDS:
        near = nearest_name(plot.suffix, KINDS)
        raise OutputError(Problem("unknown kind of figure", str(plot), found=plot.suffix, allowed=KINDS, nearest=near))
    if not plot.parent.is_dir():
        raise OutputError(Problem("the folder does not exist", str(plot.parent)))
    if plot.is_dir():
        raise OutputError(Problem("is a folder; a figure needs a file", str(plot)))
