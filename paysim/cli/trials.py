"""`paysim trials`: classic trials in silico beside what they found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling

_COLUMNS = ("trial", "outcome", "published", "interval", "simulated", "chance", "control_rate", "state", "title")


def trials(
    names: Annotated[list[str] | None, typer.Argument(help="Trials; default: all.", metavar="[TRIAL]...")] = None,
    country: Annotated[
        str, typer.Option(help="Country or region whose people take part, or a YAML file.", metavar="NAME")
    ] = "netherlands",
    replicates: Annotated[
        int, typer.Option(min=1, help="How often everybody goes through each trial.", metavar="R")
    ] = 10,
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Key of the random numbers.", metavar="S")] = 1,
    file: Annotated[
        Path | None, typer.Option(help="Your own trials, in place of the shipped ones.", metavar="FILE")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Replicate classic trials as tests of mechanism. A miss is no error."""
    from paysim.analysis.trials import SHIPPED, replicate_trials

    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        found = replicate_trials(
            country,
            names or (),
            file=file or SHIPPED,
            sample=sample,
            seed=seed,
            replicates=replicates,
            progress=bars.tick,
        )
    if json:
        show.as_json(found.as_dict())
        return
    show.table([_row(row) for row in found.frame.to_dict("records")], _COLUMNS)
    typer.echo()
    for each in found.replications:
        lowers = [f"{each.ldl_difference:.2f} mmol/L LDL"] if each.ldl_difference else []
        lowers += [f"{each.sbp_difference:.1f} mmHg"] if each.sbp_difference else []
        typer.echo(
            f"{each.trial}: {each.title}; {each.persons:,} people, mean age {each.mean_age:.1f}, "
            f"{100 * each.women:.0f}% women, {' and '.join(lowers)} lower for {each.years:g} years"
        )
        for ratio in each.ratios:
            if ratio.missed:
                how = "weaker" if ratio.missed == "above" else "stronger"
                typer.echo(
                    f"  {ratio.outcome} missed, effect {how} than published: {ratio.why or 'no reason is known'}"
                )
    typer.echo(f"\n{found.country}: {found.summary}; chance: 95% interval of the simulation")


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    return dict(row) | {
        "interval": f"{row['lower']:.2f}-{row['upper']:.2f}",
        "chance": f"{row['simulated_low']:.3f}-{row['simulated_high']:.3f}",
        "simulated": round(row["simulated"], 3),
        "control_rate": round(row["control_rate"], 1),
    }
