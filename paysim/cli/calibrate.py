"""`paysim calibrate REGION|COUNTRY`: multipliers fitted to published values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show


def calibrate(
    region: Annotated[
        str, typer.Argument(help="Name of a country or region, or a YAML file.", metavar="REGION|COUNTRY")
    ],
    seed: Annotated[int, typer.Option(min=0, help="Key of the people's random numbers.", metavar="S")] = 1,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the calibration; finished blocks in DIR are not fitted again.", metavar="DIR"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Fit the free multipliers of a country's diseases to its published values, and what is left uncertain."""
    from paysim.analysis.calibration import calibrate as fit
    from paysim.analysis.calibration import write_calibration
    from paysim.analysis.execution import check_out

    if out is not None:
        check_out(out, overwrite=True)
    found = fit(region, seed=seed, out=out, say=None if json else typer.echo)
    written = write_calibration(found, out) if out is not None else []
    multipliers, targets = found.frame(), found.fit_frame()
    if json:
        show.as_json(
            {
                "country": found.country,
                "region": found.region,
                "multipliers": multipliers.to_dict("records"),
                "targets": targets.to_dict("records"),
                "covariance": found.covariance_frame().to_dict("records"),
                "education_residual": found.residual,
                "life_expectancy_gap": found.gaps,
                "files": [str(path) for path in written],
            }
        )
        return
    for frame in (multipliers, targets):
        rows = [{str(k): _short(v) for k, v in row.items()} for row in frame.to_dict("records")]
        show.table(rows, list(frame.columns))
    if found.residual is not None and found.gaps is not None:
        men, women = found.gaps
        typer.echo(f"life expectancy at birth, high less low education: {men:.2f} (men), {women:.2f} (women) years")
    for path in written:
        typer.echo(f"wrote: {path}")
    typer.echo(f"next: paysim validate {region}" if written else f"next: paysim calibrate {region} --out DIR")


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
