"""Rewrite the golden results: ``python -m tests.golden``. Read the diff before you commit it."""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED = HERE / "small.csv"
SAMPLE = 1500
COLUMNS = ("arm", "measure", "value", "unit")


def simulated() -> list[tuple[str, str, float, str]]:
    """Run the golden scenario; return arm, measure, value over the whole horizon, and unit."""
    from paysim.analysis.execution import simulate
    from paysim.scenario import load_scenario

    with tempfile.TemporaryDirectory() as folder:
        results = simulate(load_scenario(HERE / "small.yaml"), Path(folder) / "run", sample=SAMPLE, workers=1).results
    whole = results[(results["period"] == -1) & (results["dimension"] == "all")]
    rows = zip(whole["arm"], whole["measure"], whole["value"], whole["unit"], strict=True)
    return sorted((str(arm), str(measure), float(value), str(unit)) for arm, measure, value, unit in rows)


def expected() -> list[tuple[str, str, float, str]]:
    """Return the golden results."""
    with EXPECTED.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["arm"], row["measure"], float(row["value"]), row["unit"]) for row in rows]


def main() -> None:
    """Write the golden results anew."""
    with EXPECTED.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((arm, measure, f"{value:.12g}", unit) for arm, measure, value, unit in simulated())
    sys.stdout.write(f"{EXPECTED}\n")


if __name__ == "__main__":
    main()
