"""`paysim population`: a region of one's own, the people of a region, and how well they meet its margins."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import show

if TYPE_CHECKING:
    import pandas as pd

    from paysim.population import Population, RegionProfile

app = typer.Typer(help="Build and describe the people of a region.", no_args_is_help=True)

_FILES = (".parquet", ".csv")
_FIGURES = (".png", ".svg")
_FARTHEST = 10
_INSIDE, _Z_95 = 0.95, 1.96
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def _print_schema(wanted: bool) -> None:
    if wanted:
        from paysim.population.fields import schema_rows

        rows = schema_rows()
        show.table(rows, list(rows[0]))
        raise typer.Exit


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


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the region: small letters, digits, _.", metavar="NAME")],
    country: Annotated[str, typer.Option(help="Whose national values hold: NL or BE.", metavar="NL|BE")],
    persons: Annotated[
        Path, typer.Option(help="CSV: sex (M, F), age_from, age_to, persons; and municipality.", metavar="FILE")
    ],
    title: Annotated[str, typer.Option(help="Name for people to read.", metavar="TEXT")] = "",
    year: Annotated[int, typer.Option(min=1990, max=2100, help="Year of the table.", metavar="YEAR")] = 2021,
    municipality_column: Annotated[
        str | None,
        typer.Option(
            "--municipality-column", "--municipalities-column", help="If not `municipality`.", metavar="COLUMN"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the region's files.", metavar="DIR")] = Path(),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    json: _Json = False,
) -> None:
    """Write a region of your own, YAML and table, from a table of persons."""
    from paysim.population.new_region import new_region

    made = new_region(
        name,
        country,
        persons,
        out,
        title=title,
        year=year,
        municipality_column=municipality_column,
        overwrite=overwrite,
    )
    summary = {
        "region": str(made.file),
        "table": str(made.table),
        "municipalities": len(made.profile.municipalities),
        "persons": made.profile.persons.total,
    }
    if json:
        show.as_json(summary)
        return
    show.table([{"what": key, "value": str(value)} for key, value in summary.items()], ["what", "value"])
    typer.echo(f"next: paysim population describe {made.file}")


@app.command("import")
def import_people(
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet, one row a person; or a folder of Synthea's CSV.", metavar="FILE")
    ],
    region: Annotated[str, typer.Option(help="Name of the region, or a YAML file.", metavar="REGION")],
    out: Annotated[Path, typer.Option(help="Write the population; .parquet or .csv.", metavar="FILE")],
    mapping: Annotated[
        Path | None, typer.Option(help="YAML: other names of columns, units and levels.", metavar="FILE")
    ] = None,
    practices: Annotated[
        Path | None, typer.Option(help="CSV: staff of the practices named in FILE.", metavar="FILE")
    ] = None,
    reference_date: Annotated[
        str | None, typer.Option(help="Day at which ages are taken from dates of birth.", metavar="YYYY-MM-DD")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="people, or synthea.", metavar="FORMAT")] = "people",
    seed: Annotated[int, typer.Option(min=0, help="Key of what is drawn.", metavar="S")] = 1,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the columns of FILE; stop.", is_eager=True, callback=_print_schema)
    ] = False,
    json: _Json = False,
) -> None:
    """Make a population of a region's own people, see docs/import.md."""
    from paysim.population import ImplausibleWarning, implausible, import_population, write_population

    _check_target(out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImplausibleWarning)  # they are printed below
        population = import_population(
            file,
            region,
            mapping=mapping,
            practices=practices,
            seed=seed,
            reference_date=reference_date,
            format=form,  # type: ignore[arg-type]
        )
    write_population(population, out)
    summary = {
        "region": population.region,
        "persons": len(population),
        "practices": len(population.practices),
        "note": population.import_note,
        "file": str(out),
    }
    notes = implausible(population)
    if json:
        show.as_json(summary | {"implausible": notes})
        return
    for key, value in summary.items():
        typer.echo(f"{key}: {value:,}" if isinstance(value, int) else f"{key}: {value}")
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"next: paysim run SCENARIO --population {out}")


@app.command("describe")
def describe(
    region: Annotated[
        str, typer.Argument(help="Name of a region, or a file that `build` wrote.", metavar="REGION|FILE")
    ],
    everything: Annotated[bool, typer.Option("--all", help="Print every margin, not only the farthest off.")] = False,
    of: Annotated[
        str | None, typer.Option("--region", help="Region of a FILE, if not in the catalogue.", metavar="REGION")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the margins; .png or .svg.", metavar="FILE")] = None,
    json: _Json = False,
) -> None:
    """Compare a population with every margin it should reproduce, and with published levels."""
    from paysim.analysis.measures import records
    from paysim.population import describe as compare
    from paysim.population.tally import on_its_side, tally

    if plot is not None:
        _check_target(plot, _FIGURES)
    population, profile = _read_or_build(region, of)
    frame = compare(population, profile)
    if plot is not None:
        _draw(frame, population, profile.title, plot)
    rows = records(frame)
    if json:
        counts = [each._asdict() for each in tally(rows)]
        show.as_json({"region": population.region, "persons": len(population.person), "tally": counts, "margins": rows})
        return
    typer.echo(f"{population.region}: {len(population.person):,} persons, {len(population.practices):,} practices")
    if population.sample_note:
        typer.echo(population.sample_note)
    if population.import_note:
        typer.echo(
            "imported: persons by sex, age and municipality are scaled to the region, so that shares are compared"
        )
    for line in summary(rows):
        typer.echo(line)
    drawn = [row for row in rows if math.isfinite(row["z"])]
    shown = rows if everything else sorted(drawn, key=lambda row: -abs(row["z"]))[:_FARTHEST]
    typer.echo("\nevery margin:" if everything else f"\nfarthest off, {len(shown)} of {len(rows)} (--all: every one):")
    columns = ["margin", "group", "target", "result", "difference", "error", "z", "role"]
    show.table([_rounded(row) for row in shown], columns)
    if not everything:
        typer.echo("\nnot imposed, farthest from their targets:")
        derived = [
            row for row in rows if row["role"] == "derived" and row["standard_error"] > 0 and not on_its_side(row)
        ]
        derived.sort(key=lambda row: -abs(row["difference"] / row["standard_error"]))
        show.table([_rounded(row) for row in derived[:_FARTHEST]], columns)
    build = f"paysim population build {region} --sample 10000 --out people.csv"
    if plot is not None:
        typer.echo(f"\nfigure: {plot}")
    typer.echo(f"\nnext: {'paysim check SCENARIO' if region.endswith(_FILES) else build}")


def summary(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how well a population meets its margins: exact ones, drawn ones, those without an error.

    Parameters
    ----------
    rows
        Of `paysim.population.describe`, one a margin.
    """
    from paysim.population.tally import tally

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
    imposed = [row for row in rows if row["role"] != "derived"]
    others = [row for row in imposed if row["role"] != "exact" and not math.isfinite(row["z"])]
    unknown = sum(not math.isfinite(row["standard_error"]) for row in others)
    if others:
        lines.append(f"no z: {len(others) - unknown} margins met by construction, {unknown} without a known error")
    for each in tally(rows):
        if each.kind.startswith("compared"):
            of = "" if each.met is None else f"{each.met} of "
            words = "published levels" if each.met is not None else "comparisons of people with others among them"
            lines.append(f"not imposed: {of}{each.margins} {words}{f' within {each.within}' if each.within else ''}")
    return lines


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a margin as it is printed: four figures, no z where there is none."""
    whole = row["unit"] == "persons"
    figures = {
        name: f"{row[name]:,.0f}" if whole else f"{row[name] + 0.0:.4f}" for name in ("target", "result", "difference")
    }
    error = row["standard_error"]
    figures["error"] = "" if not math.isfinite(error) else f"{error:,.0f}" if whole else f"{error:.4f}"
    z = f"{row['z']:.2f}" if math.isfinite(row["z"]) else ""
    return {"margin": row["margin"], "group": row["group"], **figures, "z": z, "role": row["role"]}


def _read_or_build(region: str, of: str | None) -> tuple[Population, RegionProfile]:
    """Return a population with the profile of its region: of a file, `of` or the catalogue's; else the one named."""
    from paysim.population import load_region, read_population, synthesize

    if region.endswith(_FILES):
        population = read_population(Path(region))
        return population, load_region(of or population.region)
    profile = load_region(region)
    return synthesize(profile), profile


def _draw(frame: pd.DataFrame, population: Population, title: str, plot: Path) -> None:
    from paysim.reading import write_atomic
    from paysim.report.drawing import save
    from paysim.report.population import draw_margins

    heading = f"{title}: {len(population):,} persons"
    write_atomic(plot, save(draw_margins(frame, heading), plot.suffix.lower().removeprefix(".")))


def _check_target(out: Path, kinds: tuple[str, ...] = _FILES) -> None:
    """Refuse a file that cannot be written before minutes are spent on what it should hold."""
    from paysim.errors import OutputError, Problem

    if out.suffix not in kinds:
        raise OutputError(Problem("unknown kind of file", str(out), found=repr(out.suffix), allowed=kinds))
    if not out.parent.is_dir():
        raise OutputError(Problem("the folder does not exist", str(out.parent)))
