"""`paysim verify`: the laws that a scenario must keep, tried out on a small sample."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from paysim.cli import show
from paysim.cli.progress import Bars, say_if_compiling
from paysim.cli.run import Json

_COLUMNS = ("domain", "id", "passed", "found", "what")


def verify(
    scenario: Annotated[
        str, typer.Argument(help="Name of a scenario, a YAML file, or the folder of a run.", metavar="SCENARIO")
    ],
    sample: Annotated[int | None, typer.Option(min=1, help="Whole practices with about N people.", metavar="N")] = None,
    json: Json = False,
) -> None:
    """Verify a scenario: laws, extreme values and repetition on a small sample. Exit code 1 if something fails.

    With the folder of a run, what is found is kept with it and stands in its report.
    """
    from paysim.analysis.request import read_request
    from paysim.analysis.runs import load_run
    from paysim.analysis.verification import SAMPLE
    from paysim.analysis.verification import verify as verified
    from paysim.scenario import load_scenario

    folder = Path(scenario) if Path(scenario).is_dir() else None
    run = None if folder is None else load_run(folder)
    loaded = load_scenario(scenario) if folder is None else read_request(folder).scenario(folder)
    say_if_compiling(quiet=json)
    with Bars(quiet=json) as bars:
        found = verified(loaded, sample=sample or SAMPLE, progress=bars.tick)
    if run is not None:
        from paysim.analysis.verified import keep_verification
        from paysim.report.document import write_report

        keep_verification(run, found)
        write_report(run)
    failed = sum(not each.passed for each in found.checks)
    if json:
        checks = [asdict(each) for each in found.checks]
        show.as_json({"scenario": found.scenario, "persons": found.persons, "passed": failed == 0, "checks": checks})
    else:
        show.table([{**asdict(each), "passed": "yes" if each.passed else "NO"} for each in found.checks], _COLUMNS)
        typer.echo(f"{found.scenario}: {len(found.checks)} checks on {found.persons:,} people, {failed} failed")
    if failed:
        raise typer.Exit(1)
