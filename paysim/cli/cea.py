"""`paysim cea STUDY`: cost-effectiveness of the arms of a sensitivity analysis."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json
from paysim.errors import DataError

_MOST = 12


def cea(
    study: Annotated[Path, typer.Argument(help="Folder of `paysim psa`.", metavar="STUDY")],
    willingness: Annotated[
        list[float] | None,
        typer.Option(min=0, help="EUR per QALY; repeat for more. Default: bands of the country.", metavar="EUR"),
    ] = None,
    cost: Annotated[
        str, typer.Option(help="Total over the horizon that counts as cost.", metavar="M")
    ] = "spending_total_discounted",
    groups: Annotated[
        bool, typer.Option("--groups", help="Value groups of parameters, by the first part of their names.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Write the figure; .png or .svg.", metavar="FILE")] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write tables that BCEA, SAVI and hesim read.", metavar="DIR")
    ] = None,
    json: Json = False,
) -> None:
    """Frontier, acceptability and value of information over draws."""
    from paysim.analysis import cost_effectiveness as ce
    from paysim.analysis.exports import write_exports
    from paysim.analysis.measures import records
    from paysim.analysis.partial_information import by_prefix, highest_by_chance, partial_information
    from paysim.analysis.psa import load_psa
    from paysim.analysis.regression import LEAST_DRAWS
    from paysim.cli.validate import check_plot
    from paysim.reading import write_atomic
    from paysim.report.acceptability import figure_bytes
    from paysim.report.uncertainty import beware

    if plot is not None:
        check_plot(plot)
    for each in willingness or ():
        if not math.isfinite(each):
            raise DataError(f"--willingness: a finite number of EUR expected; found {each}")
    found = load_psa(study)
    outcomes, effect = found.outcomes(cost=cost), found.effect_of(cost)
    baseline = found.manifest["compare_with"][0]
    further = ce.increments(outcomes, baseline)
    thresholds = willingness or list(ce.thresholds_of(found))
    ranked, chosen = ce.strategies(outcomes), ce.acceptability(outcomes, thresholds)
    value = ce.value_of_information(outcomes, thresholds)
    value["region_eur"] = value["corrected_eur"].fillna(value["raw_eur"]) * found.people
    valued_at = thresholds[min(1, len(thresholds) - 1)]
    chosen_groups = by_prefix([str(each) for each in found.parameters.columns]) if groups else None
    partial = partial_information(outcomes, found.parameters, valued_at, chosen_groups)
    by_chance = highest_by_chance(outcomes, found.parameters, valued_at, chosen_groups)
    known = partial["evppi_eur"].notna().any()
    if export is not None:
        write_exports(export, outcomes, found.parameters)
    if plot is not None:
        write_atomic(plot, figure_bytes(outcomes, baseline, plot.suffix[1:], partial if known else None))
    arms = {str(key): value for key, value in chosen.reset_index().to_dict("list").items()}
    if json:
        show.as_json(
            {
                "scenario": found.manifest["scenario"],
                "cost": cost,
                "effect": effect,
                "baseline": baseline,
                "increments": further.to_dict("records"),
                "strategies": ranked.to_dict("records"),
                "acceptability": arms,
                "value_of_information": value.reset_index().to_dict("records"),
                "partial_information": {
                    "threshold": valued_at,
                    "highest_by_chance_eur": by_chance,
                    "rows": partial.to_dict("records"),
                },
            }
        )
        return
    typer.echo(f"{cost} (EUR) and {effect} per head over {found.manifest['horizon_years']} years, means of draws")
    show.table(records(ranked), ("cost", "effect", "icer", "status", "arm"))
    typer.echo(f"\nmore than {baseline}: means, central 95% of draws, and EUR per QALY")
    show.table(
        records(further),
        ("cost", "cost_low", "cost_high", "effect", "effect_low", "effect_high", "icer", "against", "arm"),
    )
    typer.echo("\nprobability of the greatest net benefit, by EUR per QALY")
    show.table(records(chosen.reset_index()), ("threshold", *chosen.columns))
    typer.echo(
        "\nexpected value of perfect information, EUR per head (corrected for chance: with two replicates or more)"
    )
    show.table(records(value.reset_index()), ("threshold", "raw_eur", "corrected_eur", "region_eur"))
    if not known:
        typer.echo(f"\nthe value of single parameters takes {LEAST_DRAWS} draws or more, and 500 to be told well")
    else:
        typer.echo(
            f"\nexpected value of knowing one {'group' if groups else 'parameter'} perfectly, EUR per head at "
            f"{valued_at:,.0f} EUR per QALY, the highest {_MOST} of {len(partial)}; if none mattered, the highest "
            f"would still exceed {by_chance:.3g} in 1 of 20 studies"
        )
        show.table(records(partial.head(_MOST)), ("evppi_eur", "se_eur", "parameter"))
    for note in beware(found.manifest):
        typer.echo(f"\n{note}")
    for written in (plot, export):
        if written is not None:
            typer.echo(f"wrote: {written}")
