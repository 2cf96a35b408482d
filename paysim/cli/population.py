"""`paysim population build` and `paysim population describe`: the people of a region."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paysim.cli import show

if TYPE_CHECKING:
    from paysim.population import Population, RegionProfile

app = typer.Typer(help="Build and describe the people of a region.", no_args_is_help=True)

_FILES = (".parquet", ".csv")
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@app.command("build")
def build(
    region: Annotated[str, typer.Argument(help="Name of a region, or a YAML file.", metavar="REGION")],
    sample: Annotated[
        int | None, typer.Option(min=1, help="Whole practices with about N persons.", metavar="N")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Key of the random numbers.", metavar="S")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write one row a person; .parquet or .csv.", metavar="FILE")] = None,
    json: _Json = False,
) -> None:
    """Build a region's population from its published tables."""
    from paysim.population import load_region, synthesize, write_population

    if out is not None:
        _check_target(out)
    population = synthesize(load_region(region), seed=seed, sample=sample)
    if out is not None:
        write_population(population, out)
    summary = {
        "region": population.region,
        "seed": population.seed,
        "persons": len(population.person),
        "practices": len(population.practices),
        "sample": population.sample_note,
        "file": str(out) if out else None,
    }
    if json:
        show.as_json(summary)
        return
    show.table([{"what": key, "value": str(value)} for key, value in summary.items() if value], ["what", "value"])
    typer.echo(f"next: paysim population describe {out or region}")


@app.command("describe")
def describe(
    region: Annotated[
        str, typer.Argument(help="Name of a region, or a file that `build` wrote.", metavar="REGION|FILE")
    ],
    json: _Json = False,
) -> None:
    """Compare a population with every margin it should reproduce."""
    from paysim.population import describe as compare

    population, profile = _read_or_build(region)
    frame = compare(population, profile)
    rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    if json:
        show.as_json({"region": population.region, "persons": len(population.person), "margins": rows})
        return
    show.table(rows, [str(name) for name in frame.columns])
    typer.echo(f"\n{population.region}: {len(population.person):,} persons, {len(population.practices):,} practices")


def _read_or_build(region: str) -> tuple[Population, RegionProfile]:
    """Return a population with the profile of its region: of a file, the catalogue's; else the one named."""
    from paysim.population import load_region, read_population, synthesize

    if region.endswith(_FILES):
        population = read_population(Path(region))
        return population, load_region(population.region)
    profile = load_region(region)
    return synthesize(profile), profile


def _check_target(out: Path) -> None:
    """Refuse a file that cannot be written before minutes are spent on what it should hold."""
    from paysim.errors import OutputError, Problem

    if out.suffix not in _FILES:
        raise OutputError(Problem("unknown kind of file", str(out), found=repr(out.suffix), allowed=_FILES))
    if not out.parent.is_dir():
        raise OutputError(Problem("the folder does not exist", str(out.parent)))
