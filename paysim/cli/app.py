"""The application: its commands, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

from paysim import __version__
from paysim.cli import (
    audit,
    calibrate,
    calibrate_behaviour,
    cases,
    cea,
    check,
    compare,
    decompose,
    distribution,
    explain,
    export,
    incentives,
    indicators,
    lab,
    money,
    omop,
    pilot,
    population,
    programmes,
    psa,
    regions,
    report,
    resume,
    sensitivity,
    serve,
    sobol,
    subgroups,
    tornado,
    trials,
    validate,
    verify,
    warmup,
)
from paysim.cli import run as run_command
from paysim.errors import PaysimError

INTERRUPTED = 3

app = typer.Typer(
    name="paysim",
    help="Discrete-event microsimulation of how providers of health care are paid.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(run_command.demo)
app.command("run")(run_command.run)
app.command("regions")(regions.regions)
app.command("resume")(resume.resume)
app.command("repair")(resume.repair)
app.command("compare")(compare.compare)
app.command("scorecard")(indicators.scorecard)
app.command("indicators")(indicators.indicators)
app.command("subgroups")(subgroups.subgroups)
app.command("programmes")(programmes.programmes)
app.command("report")(report.report)
app.command("decompose")(decompose.decompose)
app.command("omop")(omop.omop)
app.command("export")(export.export)
app.command("serve")(serve.serve)
app.command("explain")(explain.explain)
app.command("incentives")(incentives.incentives)
app.command("audit")(audit.audit)
app.command("check")(check.check)
app.command("calibrate")(calibrate.calibrate)
app.command("calibrate-behaviour")(calibrate_behaviour.calibrate_behaviour)
app.command("validate")(validate.validate)
app.command("psa")(psa.psa)
app.command("cea")(cea.cea)
app.command("distribution")(distribution.distribution)
app.command("tornado")(tornado.tornado)
app.command("sobol")(sobol.sobol)
app.command("threshold")(sensitivity.threshold)
app.command("morris")(sensitivity.morris)
app.command("structural")(sensitivity.structural)
app.command("optimise")(sensitivity.optimise)
app.command("verify")(verify.verify)
app.command("trials")(trials.trials)
app.command("lab")(lab.lab)
app.command("warmup")(warmup.warmup)
app.add_typer(population.app, name="population")
app.add_typer(cases.app, name="cases")
app.add_typer(money.app, name="money")
app.add_typer(pilot.app, name="pilot")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"paysim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code.

    Parameters
    ----------
    arguments
        What follows ``paysim`` on the command line; by default those of this process.
    """
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are printed to stderr."""
    # A batch system stops a run with SIGTERM; it then ends as with Ctrl-C, leaving no half-written file.
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        app(args=None if arguments is None else list(arguments), prog_name="paysim")
    except SystemExit as exc:  # how typer ends every command, also after a wrong option
        if isinstance(exc.__context__, BrokenPipeError):
            return 0  # the reader of our output, such as `head`, has had enough
        return INTERRUPTED if exc.code == 130 else exc.code if isinstance(exc.code, int) else int(bool(exc.code))
    except PaysimError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, former)
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
