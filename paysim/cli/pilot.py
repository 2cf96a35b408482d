"""`paysim pilot`: try a pilot many times on simulated practices before anybody carries it out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paysim.cli import show
from paysim.cli.run import Json

if TYPE_CHECKING:
    from paysim.pilots import Panel, Pilot

app = typer.Typer(help="Test a pilot before the pilot.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a pilot, or a YAML file.", metavar="PILOT")]
From = Annotated[Path, typer.Option("--run", help="A finished run of the pilot's scenario, or a panel.", metavar="RUN")]
Trials = Annotated[int, typer.Option(min=2, max=100_000, help="How often it is carried out.", metavar="N")]
Some = Annotated[list[int] | None, typer.Option(min=1, help="May be given several times.", metavar="N")]


def _read(name: str, run: Path) -> tuple[Pilot, Panel]:
    from paysim.pilots import load_pilot, panel_of, read_panel

    pilot = load_pilot(name)
    if run.suffix in (".csv", ".parquet"):
        return pilot, read_panel(run, pilot)
    from paysim.analysis.runs import load_run

    return pilot, panel_of(load_run(run), pilot)


@app.command("panel")
def panel(
    pilot: Name,
    run: From,
    out: Annotated[Path, typer.Option(help="File that ends in .csv or .parquet.", metavar="FILE")],
) -> None:
    """Write the practice-year panel of a pilot's outcomes under both arms, with a data dictionary."""
    from paysim.pilots.panel import write_panel

    _, found = _read(pilot, run)
    table, dictionary = write_panel(found, out)
    typer.echo(f"panel:      {table} ({len(found.practices)} practices, {found.years} years)\ndictionary: {dictionary}")
    typer.echo(f"next: paysim pilot run {pilot} --run {table}")


@app.command("run")
def run(
    pilot: Name,
    run: From,
    trials: Trials = 2000,
    sweep: Annotated[bool, typer.Option("--sweep", help="Each uncertain setting at both ends of its range.")] = False,
    json: Json = False,
) -> None:
    """Carry out a pilot many times and print what it would find beside the truth, and the verdict."""
    from paysim.pilots.study import run_pilot
    from paysim.pilots.study import sweep as swept
    from paysim.pilots.verdict import verdict

    loaded, found = _read(pilot, run)
    study = run_pilot(loaded, found, trials)
    judged = verdict(study)
    rows = swept(loaded, found, trials) if sweep else []
    money = None if study.money is None else asdict(study.money)
    if json:
        outcomes = [asdict(each) for each in study.outcomes]
        about = {"pilot": loaded.name, "trials": trials, "verdict": judged.what, "reasons": judged.reasons}
        show.as_json({**about, "outcomes": outcomes, "money": money, "sweep": rows})
        return
    typer.echo(f"{loaded.title}: {judged.what}")
    for reason in judged.reasons:
        typer.echo(f"- {reason}")
    typer.echo(
        f"\n{trials:,} trials, {loaded.treated} treated and {loaded.controls} control of {study.practices} practices, "
        f"{study.worlds} simulated world(s); {loaded.estimator}, {loaded.inference}\n"
    )
    columns = ["true_effect", "estimate", "bias", "rmse", "coverage", "type_1", "power", "wrong_sign", "region_effect"]
    show.table(_rounded([asdict(each) for each in study.outcomes], columns), ["name", *columns, "unit"])
    typer.echo("")
    columns = ["mean", "detectable", "detectable_formula", "cv", "correlation"]
    show.table(_rounded([asdict(each) for each in study.outcomes], columns), ["name", *columns])
    typer.echo("\nwhere the error of the first outcome comes from")
    first = study.outcomes[0]
    from paysim.pilots.study import SOURCES

    sources = [
        {"source": key, "bias": first.bias_by_source[key], "sd": first.variance_by_source[key] ** 0.5, "what": text}
        for key, text in SOURCES.items()
    ]
    show.table(_rounded(sources, ["bias", "sd"]), ["source", "bias", "sd", "what"])
    if money is not None:
        typer.echo("\nmoney: probabilities, and EUR per head over the whole pilot")
        show.table(
            _rounded([{"what": key, "value": value} for key, value in money.items()], ["value"]), ["what", "value"]
        )
    if rows:
        typer.echo("\nfirst outcome with one setting changed")
        shown = ["value", "true_effect", "bias", "rmse", "coverage", "type_1", "power", "detectable"]
        show.table(_rounded(rows, shown), ["setting", *shown, "unit"])
    typer.echo(f"next: paysim pilot size {pilot} --run {run}")


@app.command("size")
def size(
    pilot: Name,
    run: From,
    sites: Some = None,
    years: Some = None,
    trials: Trials = 500,
    plot: Annotated[Path | None, typer.Option(help="Draw it: a .png or .svg file.", metavar="FILE")] = None,
    json: Json = False,
) -> None:
    """Print power and minimum detectable effect by number of practices and years."""
    from paysim.cli.validate import check_plot
    from paysim.pilots import size_pilot
    from paysim.pilots.sizing import practices_needed

    if plot is not None:
        check_plot(plot)
    loaded, found = _read(pilot, run)
    rows = size_pilot(loaded, found, sites or (), years or (), trials)
    if plot is not None:
        _draw(rows, found.units[loaded.outcomes[0]], loaded.power, plot)
    if json:
        show.as_json({"pilot": loaded.name, "outcome": loaded.outcomes[0], "sizes": rows})
        return
    typer.echo(f"{loaded.outcomes[0]}, level {loaded.level:g}, wanted power {loaded.power:g}")
    shown = [{**row, "enough": "yes" if row["enough"] else "no"} for row in rows]
    numbers = [name for name in rows[0] if name not in ("years", "treated", "controls", "enough")]
    show.table(_rounded(shown, numbers), list(rows[0]))
    if not any(row["enough"] for row in rows):
        typer.echo("No size that this region has shows the true effect with the wanted power.")
    needed = practices_needed(rows[-1])
    if needed is not None:
        text = (
            f"By the closed form the true effect takes {needed:,} practices like these over {rows[-1]['years']} years"
        )
        typer.echo(f"{text}; the region has {len(found.practices)}.")
    elif rows[-1]["detectable_floor"]:
        typer.echo("Drift that the controls do not share hides the true effect from any number of practices.")


@app.command("compare")
def compare(
    pilots: Annotated[list[str], typer.Argument(help="Names or YAML files.", metavar="PILOT...")],
    run: Annotated[list[Path], typer.Option("--run", help="A run for all, or one for each in order.", metavar="RUN")],
    trials: Trials = 2000,
    json: Json = False,
) -> None:
    """Print pilots side by side, by their primary outcome."""
    from paysim.errors import Problem, ScenarioError
    from paysim.pilots import compare_pilots

    if len(run) not in (1, len(pilots)):
        allowed = (f"1 or {len(pilots)}",)
        raise ScenarioError(
            Problem("one run for all pilots, or one for each", key="run", found=str(len(run)), allowed=allowed)
        )
    runs = run if len(run) == len(pilots) else run * len(pilots)
    rows = compare_pilots([_read(*each) for each in zip(pilots, runs, strict=True)], trials)
    if json:
        show.as_json({"pilots": rows})
        return
    numbers = ["true_effect", "bias", "rmse", "coverage", "type_1", "power", "detectable"]
    show.table(_rounded(rows, numbers), list(rows[0]))


def _draw(rows: list[dict[str, object]], unit: str, wanted: float, file: Path) -> None:
    from paysim.reading import write_atomic
    from paysim.report.drawing import save
    from paysim.report.pilots import power_curves

    figure = power_curves(rows, unit, wanted).get_figure(root=True)
    assert figure is not None
    write_atomic(file, save(figure, file.suffix[1:]))


def _rounded(rows: list[dict[str, object]], columns: list[str]) -> list[dict[str, object]]:
    """Return the rows with four digits in some columns."""

    def short(value: object) -> object:
        return float(f"{value:.4g}") + 0.0 if isinstance(value, float) else value

    return [{**row, **{name: short(row[name]) for name in columns}} for row in rows]
