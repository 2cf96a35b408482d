"""`paysim run SCENARIO`: simulate every arm, write the run folder and the report, print the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling

if TYPE_CHECKING:
    from paysim.analysis.runs import Run
    from paysim.scenario import Scenario

DEMO_SCENARIO = "nl/achterhoek_four_models"
DEMO_PERSONS = 10_000

Out = Annotated[Path | None, typer.Option(help="The run folder itself.", metavar="DIR")]
Workers = Annotated[int | None, typer.Option(min=1, help="Arms simulated side by side.", metavar="W")]
Seed = Annotated[int | None, typer.Option(min=0, help="Key of the random numbers.", metavar="S")]
People = Annotated[
    Path | None, typer.Option(help="People to simulate, as `population build` or `import` wrote them.", metavar="FILE")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace another run in the folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def run(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario, or a YAML file.", metavar="SCENARIO")],
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    replicates: Annotated[int | None, typer.Option(min=1, help="Number of replicates.", metavar="R")] = None,
    seed: Seed = None,
    workers: Workers = None,
    engine: Annotated[str, typer.Option(help="compiled, or reference (pure SimPy, slow).")] = "compiled",
    years: Annotated[int | None, typer.Option(min=1, max=100, help="Horizon in years.", metavar="Y")] = None,
    population: People = None,
    precision: Annotated[
        str | None,
        typer.Option(help="Add replicates until values are known to this share, such as 5%.", metavar="SHARE"),
    ] = None,
    measures: Annotated[
        list[str] | None, typer.Option("--measure", help="What --precision is about; repeat for more.", metavar="M")
    ] = None,
    out: Out = None,
    overwrite: Overwrite = False,
    progress: Annotated[
        Path | None, typer.Option(help="Write how far the run is, as JSON, while it goes on.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:
    """Simulate a scenario under all its arms."""
    from paysim.scenario import load_scenario

    loaded = with_numbers(load_scenario(scenario), seed, years, replicates)
    share = None if precision is None else _share(precision)
    wanted = measures or ()
    simulate_and_report(loaded, out, sample, workers, engine, json, overwrite, population, share, wanted, progress)


def with_numbers(
    scenario: Scenario, seed: int | None = None, years: int | None = None, replicates: int | None = None
) -> Scenario:
    """Return a scenario with the numbers that somebody gave on the command line; None: those of its file."""
    return replace(
        scenario,
        seed=scenario.seed if seed is None else seed,
        horizon_years=scenario.horizon_years if years is None else years,
        replicates=scenario.replicates if replicates is None else replicates,
    )


def demo(
    out: Out = None, workers: Workers = None, seed: Seed = None, overwrite: Overwrite = False, json: Json = False
) -> None:
    """Simulate about 10,000 people of Achterhoek under all arms of the shipped scenario."""
    from paysim.scenario import load_scenario

    loaded = load_scenario(DEMO_SCENARIO)
    loaded = loaded if seed is None else replace(loaded, seed=seed)
    own = Path("outputs/demo")  # the demo's own folder, which each demo replaces
    simulate_and_report(loaded, out or own, DEMO_PERSONS, workers, "compiled", json, overwrite or out is None)


def simulate_and_report(
    scenario: Scenario,
    out: Path | None,
    sample: int | None,
    workers: int | None,
    engine: str,
    json: bool,
    overwrite: bool,
    population: Path | None = None,
    precision: float | None = None,
    measures: Sequence[str] = (),
    progress: Path | None = None,
) -> None:
    """Run, report and print: what `run` and `demo` share."""
    from paysim.analysis.execution import check_engine, check_out, simulate
    from paysim.analysis.precision import MEASURES, monte_carlo, simulate_to_precision
    from paysim.population import read_population

    check_engine(engine)
    if out is not None:
        check_out(out, overwrite)
    people = None if population is None else read_population(population)
    say_if_compiling(quiet=json)
    wanted = tuple(measures) or MEASURES
    with Bars(quiet=json, file=progress) as bars:
        how: dict[str, Any] = {
            "sample": sample,
            "workers": workers,
            "engine": engine,
            "population": people,
            "progress": bars.tick,
            "overwrite": overwrite,
        }
        if precision is None:
            finished = simulate(scenario, out, **how)
        else:
            finished = simulate_to_precision(scenario, out, precision=precision, measures=wanted, **how)
        bars.tick("report", 0, 1)
        from paysim.report.document import write_report  # what draws takes half a second to import: results come first

        report = write_report(finished)
        bars.tick("report", 1, 1)
    if json:
        show.as_json(_summary(finished, report))
        return
    from paysim.cli.compare import print_differences

    print_differences(finished, headlines=True)
    if finished.manifest["replicates"] > 1:
        from paysim.analysis.measures import records

        typer.echo("\nMonte Carlo standard errors, and half the 95% interval as a share of the value")
        table = monte_carlo(finished, wanted)
        show.table(records(table), tuple(table.columns))
        missed = 0.0 if precision is None else float(table["half_width_share"].max())
        if precision is not None and missed > precision:
            typer.echo(f"after {finished.manifest['replicates']} replicates still {missed:.1%}, not {precision:.1%}")
    typer.echo(f"\nreport:  {report}\ntables:  {finished.path}/results.parquet, ledger.parquet, incentives.csv")
    typer.echo(f"next: paysim compare {finished.path} --baseline {finished.current}")


def _share(text: str) -> float:
    """Return a share written as 5% or 0.05."""
    from paysim.errors import ScenarioError

    try:
        return float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        raise ScenarioError(f"--precision: a share such as 5% expected; found {text!r}") from None


def _summary(finished: Run, report: Path) -> dict[str, Any]:
    from paysim.analysis.compare import compare

    return {
        "run": str(finished.path),
        "report": str(report),
        "scenario": finished.scenario["name"],
        "persons": finished.manifest["persons"],
        "events": finished.manifest["events"],
        "checks": finished.manifest["checks"],
        "comparison": compare(finished).to_dict("records"),
    }
