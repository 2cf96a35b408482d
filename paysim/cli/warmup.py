"""`paysim warmup`: compile the engine beforehand."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import typer

from paysim.cli.progress import say_if_compiling
from paysim.cli.run import DEMO_SCENARIO


def warmup() -> None:
    """Compile the engine beforehand, so that the first run starts at once."""
    from paysim.analysis.execution import simulate
    from paysim.scenario import load_scenario

    say_if_compiling()
    scenario = replace(load_scenario(DEMO_SCENARIO), base_years=1, horizon_years=1)
    scenario = replace(scenario, arms=scenario.arms[:2], compare_with=(scenario.current,))
    with tempfile.TemporaryDirectory() as folder:
        simulate(scenario, folder, sample=1, workers=1)
    typer.echo("the engine is compiled\nnext: paysim demo")
