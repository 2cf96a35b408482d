"""`paysim lab`: published payment experiments run with the model's physicians."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from paysim.cli import show
from paysim.cli.run import Json

_QUANTITIES = (
    *("experiment", "payment", "need", "optimal", "threshold", "threshold_whole_units"),
    *("selfish", "single", "deterministic", "logit", "optimal_deterministic"),
)
_FINDINGS = ("experiment", "chooser", "published", "simulated", "agrees", "status", "finding")
_THEORY = ("model", "found", "theory", "agrees", "prediction")


def lab(
    names: Annotated[
        list[str] | None, typer.Argument(help="Experiments; default: all.", metavar="[EXPERIMENT]...")
    ] = None,
    altruism_mean: Annotated[
        float | None, typer.Option(min=0.0, help="Of the physicians; default: that of practices.", metavar="A")
    ] = None,
    altruism_sd: Annotated[
        float | None, typer.Option(min=0.0, help="Spread; default: that of practices.", metavar="SD")
    ] = None,
    noise: Annotated[
        float | None, typer.Option(min=0.0, help="Scale of the logit chooser, in money.", metavar="S")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="An experiment of your own.", metavar="FILE")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the figure; .png or .svg.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Replicate laboratory experiments on how physicians are paid, and check classic theory. A miss is no error."""
    from paysim.cli.validate import check_plot
    from paysim.lab import run_lab

    if plot is not None:
        check_plot(plot)
    found = run_lab(names or (), altruism_mean=altruism_mean, altruism_sd=altruism_sd, noise=noise, file=file)
    if plot is not None:
        from paysim.reading import write_atomic
        from paysim.report.lab import figure_bytes

        write_atomic(plot, figure_bytes(found, plot.suffix[1:]))
    if json:
        show.as_json(found.as_dict())
        return
    show.table([_rounded(row) for row in found.quantities], _QUANTITIES)
    typer.echo()
    show.table([_rounded(row) for row in found.findings], _FINDINGS)
    if found.fits:
        typer.echo("\nAltruism that explains the mean quantities published:")
        show.table([_rounded(row) for row in found.fits], [name for name in found.fits[0] if name != "experiment"])
    typer.echo()
    show.table([_rounded(row, 4) for row in found.theory], _THEORY)
    s = found.settings
    typer.echo(
        f"\naltruism: mean {s['altruism_mean']:g}, sd {s['altruism_sd']:g}, cut below {s['altruism_min']:g}; "
        f"single: all {s['altruism_single']:g}, any share of a unit; noise of logit: {s['noise']:g}"
    )
    for each in found.experiments:
        typer.echo(f"{each.name}: {each.source}; design {' and '.join(each.design)}")
    typer.echo(found.summary)
    if plot is not None:
        typer.echo(f"wrote: {plot}")


def _rounded(row: Mapping[str, Any], digits: int = 2) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return round(value, digits) + 0.0 if isinstance(value, float) else value

    return {name: plain(value) for name, value in row.items()}
