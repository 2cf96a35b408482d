"""`paysim population build` and `paysim population describe`: the people of a region."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import show

if TYPE_CHECKING:
    from paysim.population import Population, RegionProfile

app = typer.Typer(help="Build and describe the people of a region.", no_args_is_help=True)

_FILES = (".parquet", ".csv")
_FARTHEST = 10
_INSIDE, _Z_95 = 0.95, 1.96
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
    everything: Annotated[bool, typer.Option("--all", help="Print every margin, not only the farthest off.")] = False,
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
    typer.echo(f"{population.region}: {len(population.person):,} persons, {len(population.practices):,} practices")
    for line in summary(rows):
        typer.echo(line)
    drawn = [row for row in rows if math.isfinite(row["z"])]
    shown = rows if everything else sorted(drawn, key=lambda row: -abs(row["z"]))[:_FARTHEST]
    typer.echo("\nevery margin:" if everything else f"\nfarthest off, {len(shown)} of {len(rows)} (--all: every one):")
    show.table([_rounded(row) for row in shown], ["margin", "group", "target", "result", "difference", "z", "role"])
    build = f"paysim population build {region} --sample 10000 --out people.csv"
    typer.echo(f"\nnext: {'paysim check SCENARIO' if region.endswith(_FILES) else build}")


def summary(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how well a population meets its margins: exact ones, drawn ones, those without an error.

    Parameters
    ----------
    rows
        Of `paysim.population.describe`, one a margin.
    """
    exact = [row for row in rows if row["role"] == "exact"]
    met = [row for row in exact if row["difference"] == 0]
    drawn = [row for row in rows if math.isfinite(row["z"])]
    inside = [row for row in drawn if abs(row["z"]) <= _Z_95]
    lines = []
    if exact:
        lines.append(f"exact: {len(met)} of {len(exact)} margins that are fixed to the person")
    if drawn:
        far = max(drawn, key=lambda row: abs(row["z"]))
        lines.append(
            f"within sampling error: {len(inside)} of {len(drawn)} drawn margins at |z| up to {_Z_95} "
            f"(about {_INSIDE:.0%} are expected)"
        )
        lines.append(f"largest |z|: {abs(far['z']):.2f} ({far['margin']}, {far['group']})")
    others = [row for row in rows if row["role"] != "exact" and not math.isfinite(row["z"])]
    unknown = sum(not math.isfinite(row["standard_error"]) for row in others)
    if others:
        lines.append(f"no z: {len(others) - unknown} margins met by construction, {unknown} without a known error")
    return lines


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a margin as it is printed: four figures, no z where there is none."""
    whole = row["unit"] == "persons"
    figures = {
        name: f"{row[name]:,.0f}" if whole else f"{row[name] + 0.0:.4f}" for name in ("target", "result", "difference")
    }
    z = f"{row['z']:.2f}" if math.isfinite(row["z"]) else ""
    return {"margin": row["margin"], "group": row["group"], **figures, "z": z, "role": row["role"]}


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
