"""How far samples of whole practices are off: writes `paysim/analysis/sample_bias.csv`.

    python tools/sample_study.py [--samples N]

Runs the arm `current` of Achterhoek, nobody responding, for two years after one base year: the full region, and 20
samples of 10,000 and of 30,000 persons. Takes about ten minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from paysim.analysis.indicators import INDICATORS
from paysim.analysis.measures import MEASURES, horizon, wide
from paysim.analysis.samples import BIAS, COLUMNS
from paysim.analysis.validation import standard_scenario
from paysim.engine.cell import run_arm, run_base
from paysim.engine.model import build_model, load_parameters
from paysim.population import synthesize
from paysim.population.sampling import choose_practices
from paysim.reading import write_atomic

if TYPE_CHECKING:
    from paysim.population import Population
    from paysim.scenario import Scenario

REGION, BASE_YEARS, YEARS = "achterhoek", 1, 2
SIZES, SAMPLES = (10_000, 30_000), 20
HEADER = f"""# {SAMPLES} systematic samples of whole practices of each size against the full region: {REGION},
# arm current, nobody responding, {BASE_YEARS} base year and {YEARS} years. Made by tools/sample_study.py.
"""


def main() -> None:
    """Run the study and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--samples", type=int, default=SAMPLES, help="samples of each size, for a trial of the tool")
    count = parser.parse_args().samples
    scenario = replace(standard_scenario(REGION, YEARS), base_years=BASE_YEARS)
    parameters, region = load_parameters(scenario)
    whole = synthesize(region, seed=scenario.seed, health_values=parameters)
    full = measured(scenario, whole)
    rows = []
    for persons in SIZES:
        samples = []
        for number in range(count):
            chosen, note = choose_practices(whole.practices, whole.municipalities, persons, number)
            samples.append(measured(scenario, whole.take_practices(chosen, note)))
        frame = pd.DataFrame(samples)
        for name in frame.columns:
            rows.append((persons, name, full[name], *error(frame[name].to_numpy(float), full[name])))
    lines = [",".join(COLUMNS), *(",".join(map(text, row)) for row in rows)]
    write_atomic(BIAS, (HEADER + "\n".join(lines) + "\n").encode())


def measured(scenario: Scenario, people: Population) -> dict[str, float]:
    """Return every measure of an arm, by name."""
    begun = time.monotonic()
    model = build_model(scenario, population=people)
    base = run_base(model, 0)
    cell = run_arm(model, base, scenario.arm(scenario.current), 0, state=base.state)
    frame = horizon(wide(pd.DataFrame(dict(cell.results))))
    print(f"{len(people):,} persons, {len(people.practices)} practices: {time.monotonic() - begun:.0f} s", flush=True)
    return {each.name: float(each.of(frame).iloc[0]) for each in (*MEASURES, *INDICATORS) if each.held_by(frame)}


def error(samples: np.ndarray, full: float) -> tuple[float, float, float]:
    """Return bias, its standard error, and the standard deviation between samples, all relative to the full value."""
    if full == 0.0:
        return 0.0, 0.0, 0.0
    relative = samples / full - 1.0
    spread = float(relative.std(ddof=1))
    return float(relative.mean()), spread / float(np.sqrt(len(samples))), spread


def text(value: float | str) -> str:
    """Return a cell of the table."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
