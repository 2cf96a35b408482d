"""`paysim pilot`: try a pilot many times on simulated practices before anybody carries it out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import pilot_tables, show
from paysim.cli.run import Json, Overwrite
from paysim.errors import DataError, Problem, ScenarioError

if TYPE_CHECKING:
    from paysim.pilots import Panel, Pilot, Study

app = typer.Typer(help="Test a pilot before the pilot.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a pilot, or a YAML file.", metavar="PILOT")]
From = Annotated[
    Path | None,
    typer.Option("--run", help="Finished run of its scenario, or a panel. [outputs/pilot-NAME]", metavar="RUN"),
]
_SHOWN = 12
_SWEPT = ("value", "true_effect", "bias", "rmse", "coverage", "type_1", "power", "detectable")
Table = Annotated[Path | None, typer.Option(help="File that ends in .csv or .parquet.", metavar="FILE")]
Sample = Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")]
Side = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Replicates, or regions, side by side, each a process of about 1 GB for 100,000 people; all processors.",
        metavar="N",
    ),
]
Trials = Annotated[int, typer.Option(min=2, max=100_000, help="How often it is carried out.", metavar="N")]
Target = Annotated[float | None, typer.Option(help="Effect to be detected; by default the true one.", metavar="EFFECT")]
Some = Annotated[list[int] | None, typer.Option(min=1, help="May be given several times.", metavar="N")]


def _home(pilot: Pilot) -> Path:
    """Return where the worlds of a pilot are kept if nothing else is said."""
    return Path("outputs") / f"pilot-{pilot.name}"


def _read(name: str, where: Path | None) -> tuple[Pilot, Panel]:
    from paysim.pilots import load_pilot, panel_of, read_panel

    pilot = load_pilot(name)
    run = where or _home(pilot)
    if where is None and not run.is_dir():
        message = f"has not been simulated: `paysim pilot simulate {name}`, or give a run with --run"
        raise DataError(Problem(message, str(run)))
    if run.suffix in (".csv", ".parquet"):
        return pilot, read_panel(run, pilot)
    from paysim.pilots.worlds import load_worlds

    return pilot, panel_of(load_worlds(pilot, run), pilot)


def _from(run: Path | None) -> str:
    return "" if run is None else f" --run {run}"


@app.command("simulate")
def simulate(
    pilot: Name,
    out: Annotated[
        Path | None, typer.Option(help="Run folder, or folder of run folders. [outputs/pilot-NAME]", metavar="DIR")
    ] = None,
    sample: Sample = None,
    replicates: Annotated[int | None, typer.Option(min=1, help="Number of replicates.", metavar="R")] = None,
    workers: Side = None,
    overwrite: Overwrite = False,
) -> None:
    """Simulate what a pilot is drawn from: its two arms, for each zone or region if sites are these; resumed."""
    from paysim.cli.progress import Bars, say_if_compiling
    from paysim.pilots import load_pilot
    from paysim.pilots.worlds import require_sites, simulate_worlds

    loaded = load_pilot(pilot)
    require_sites(loaded, sample)
    say_if_compiling(quiet=False)
    processes = workers or os.cpu_count() or 1
    how: dict[str, Any] = {"sample": sample, "replicates": replicates, "processes": processes, "overwrite": overwrite}
    with Bars(quiet=False) as bars:
        simulate_worlds(loaded, out or _home(loaded), progress=bars.tick, **how)
    typer.echo(f"{len(loaded.regions) or 1} run(s): {out or _home(loaded)}\nnext: paysim pilot run {pilot}{_from(out)}")


@app.command("export")
def export(
    pilot: Name,
    persons: Table = None,
    months: Table = None,
    sample: Sample = None,
) -> None:
    """Simulate a pilot's arms once and write person-years and practice-months as an evaluator would have them."""
    from paysim.cli.progress import say_if_compiling
    from paysim.pilots import load_pilot
    from paysim.pilots.export import export as write

    if persons is None and months is None:
        raise ScenarioError(Problem("nothing to write: give --persons, --months or both", key="persons"))
    loaded = load_pilot(pilot)
    if loaded.sites_are_regions:
        raise ScenarioError(Problem("only for pilots of practices", loaded.path, key="level", found=loaded.level))
    say_if_compiling(quiet=False)
    for table, dictionary in write(loaded, persons, months, sample=sample):
        typer.echo(f"table:      {table}\ndictionary: {dictionary}")


@app.command("panel")
def panel(
    pilot: Name,
    out: Annotated[Path, typer.Option(help="File that ends in .csv or .parquet.", metavar="FILE")],
    run: From = None,
) -> None:
    """Write the site-year panel of a pilot's outcomes under both arms, with a data dictionary."""
    from paysim.pilots.panel import write_panel

    _, found = _read(pilot, run)
    table, dictionary = write_panel(found, out)
    typer.echo(f"panel:      {table} ({len(found.practices)} sites, {found.years} years)\ndictionary: {dictionary}")
    typer.echo(f"next: paysim pilot run {pilot} --run {table}")


@app.command("run")
def run(
    pilot: Name,
    run: From = None,
    trials: Trials = 2000,
    sweep: Annotated[bool, typer.Option("--sweep", help="Each uncertain setting at both ends of its range.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw cash: a .png or .svg file.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Carry out a pilot many times and print what it would find beside the truth, and the verdict."""
    from paysim.cli.validate import check_plot
    from paysim.pilots.study import run_pilot
    from paysim.pilots.study import sweep as swept
    from paysim.pilots.verdict import verdict

    if plot is not None:
        check_plot(plot)
    loaded, found = _read(pilot, run)
    if plot is not None and loaded.payment is None:
        raise ScenarioError(Problem("there is no cash to draw without a payment", loaded.path, key="payment"))
    study = run_pilot(loaded, found, trials)
    judged = verdict(study)
    notes = pilot_tables.notes(loaded, trials)
    rows = swept(loaded, found, trials) if sweep else []
    if json:
        about = {
            "pilot": loaded.name,
            "trials": trials,
            "verdict": judged.what,
            "reasons": judged.reasons,
            "notes": notes,
        }
        show.as_json({**about, **pilot_tables.plain(study), "sweep": rows})
        return
    pilot_tables.study(study, judged)
    for note in notes:
        typer.echo(f"note: {note}")
    if rows:
        typer.echo("\nfirst outcome with one setting changed")
        pilot_tables.rows(rows, ["setting", *_SWEPT, "unit"])
    if plot is not None:
        _draw_cash(study, plot)
        typer.echo(f"figure: {plot}")
    typer.echo(f"next: paysim pilot size {pilot}{_from(run)}")


@app.command("report")
def report(
    pilot: Name,
    out: Annotated[Path, typer.Option(help="Folder for report.html and its figures.", metavar="DIR")],
    run: From = None,
    trials: Trials = 2000,
    size_trials: Annotated[int, typer.Option(min=2, max=100_000, help="Trials of each size and setting.")] = 300,
) -> None:
    """Write the report of a pilot as one HTML file: verdict, what it would find and why, money, and sizes."""
    from paysim.pilots import size_pilot
    from paysim.pilots.study import run_pilot
    from paysim.pilots.study import sweep as swept
    from paysim.pilots.verdict import verdict
    from paysim.report.pilots import write_report

    loaded, found = _read(pilot, run)
    study = run_pilot(loaded, found, trials)
    judged = verdict(study)
    sizes = size_pilot(loaded, found, trials=size_trials)
    written = write_report(study, judged, sizes, swept(loaded, found, size_trials), out)
    typer.echo(f"{judged.what}\nreport: {written}\nfigures and their tables: {written.parent / 'figures'}")


@app.command("size")
def size(
    pilot: Name,
    run: From = None,
    sites: Some = None,
    years: Some = None,
    target: Target = None,
    trials: Trials = 500,
    plot: Annotated[Path | None, typer.Option(help="Draw it: a .png or .svg file.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Print power and minimum detectable effect by number of practices and years, for the true effect or a target."""
    from paysim.cli.validate import check_plot
    from paysim.pilots import size_pilot
    from paysim.pilots.sizing import MOST_SITES, practices_needed

    if plot is not None:
        check_plot(plot)
    loaded, found = _read(pilot, run)
    rows = size_pilot(loaded, found, sites or (), years or (), trials, target)
    if plot is not None:
        _draw(rows, found.units[loaded.outcomes[0]], loaded, plot)
    if json:
        show.as_json({"pilot": loaded.name, "outcome": loaded.outcomes[0], "sizes": rows})
        return
    what = "the true effect" if target is None else f"an effect of {target:g} {found.units[loaded.outcomes[0]]}"
    text = f"{loaded.outcomes[0]}: {what}, level {loaded.alpha:g}, wanted power {loaded.power:g}"
    typer.echo(f"{text}; own: the pilot's design")
    pilot_tables.rows(rows, list(rows[0]))
    if not any(row["enough"] for row in rows):
        typer.echo(f"No size that this region has shows {what} with the wanted power.")
    # Who comes forward is biased whatever their number, so no closed form speaks of it.
    needed = None if loaded.selection == "volunteers" else practices_needed(rows[-1], target)
    if needed is not None and needed > MOST_SITES:
        typer.echo(f"By the closed form {what} takes more {loaded.level}s than any country has.")
    elif needed is not None:
        text = f"By the closed form {what} takes {needed:,} {loaded.level}s like these"
        typer.echo(f"{text} over {rows[-1]['years']} years; there are {len(found.practices)}.")
    elif rows[-1]["detectable_floor"] and loaded.selection != "volunteers":
        typer.echo(f"Drift that the controls do not share hides {what} from any number of {loaded.level}s.")
    if plot is not None:
        typer.echo(f"figure: {plot}")


@app.command("compare")
def compare(
    pilots: Annotated[list[str], typer.Argument(help="Names or YAML files.", metavar="PILOT...")],
    run: Annotated[
        list[Path] | None,
        typer.Option(
            "--run", help="A run for all, or one for each in order. [outputs/pilot-NAME of each]", metavar="RUN"
        ),
    ] = None,
    trials: Trials = 2000,
    json: Json = False,
) -> None:
    """Print pilots side by side, by their primary outcome."""
    from paysim.pilots import compare_pilots

    if run and len(run) not in (1, len(pilots)):
        allowed = (f"1 or {len(pilots)}",)
        raise ScenarioError(
            Problem("one run for all pilots, or one for each", key="run", found=str(len(run)), allowed=allowed)
        )
    given: list[Path | None] = [*run] if run else [None]
    runs = given if len(given) == len(pilots) else given * len(pilots)
    rows = compare_pilots([_read(*each) for each in zip(pilots, runs, strict=True)], trials)
    if json:
        show.as_json({"pilots": rows})
        return
    pilot_tables.rows(rows, list(rows[0]))


@app.command("search")
def search(
    pilot: Name,
    run: From = None,
    sites: Some = None,
    years: Some = None,
    target: Target = None,
    trials: Trials = 300,
    json: Json = False,
) -> None:
    """Print designs around a pilot's, the cheapest that meets its target first."""
    from paysim.pilots.sizing import cheapest

    loaded, found = _read(pilot, run)
    rows = cheapest(loaded, found, sites or (), years or (), trials, target)
    if json:
        show.as_json({"pilot": loaded.name, "outcome": loaded.outcomes[0], "designs": rows})
        return
    good = [row for row in rows if row["meets"]]
    wanted = "the true effect" if target is None else f"an effect of {target:g} {found.units[loaded.outcomes[0]]}"
    what = f"{loaded.outcomes[0]}, {wanted}, power {loaded.power:g}"
    typer.echo(f"{what}: {len(good)} of {len(rows)} designs meet it")
    shown = good[:_SHOWN] if good else sorted(rows, key=lambda row: row["detectable"])[:_SHOWN]
    if not good:
        typer.echo("None does; the ones that can show most:")
    pilot_tables.rows(shown, list(rows[0]))


def _draw_cash(study: Study, file: Path) -> None:
    from paysim.reading import write_atomic
    from paysim.report.drawing import save
    from paysim.report.pilots import cash_fan

    assert study.money is not None
    write_atomic(file, save(cash_fan(study.money.cash), file.suffix[1:]))


def _draw(rows: list[dict[str, object]], unit: str, pilot: Pilot, file: Path) -> None:
    from paysim.reading import write_atomic
    from paysim.report.drawing import save
    from paysim.report.pilots import power_curves

    figure = power_curves(rows, unit, pilot.power, f"{pilot.level}s")
    write_atomic(file, save(figure, file.suffix[1:]))
