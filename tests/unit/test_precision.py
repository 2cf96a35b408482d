"""How many replicates are enough: the formula, the coverage it gives, and runs that stop where they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import paysim as ps
from paysim.analysis.compare import compare
from paysim.analysis.precision import monte_carlo, needed, simulate_to_precision
from paysim.cli.app import run as command
from paysim.scenario import Scenario


@pytest.mark.parametrize("precision", [0.3, 0.05, 0.01])
def test_the_number_is_the_least_that_is_enough(precision: float) -> None:
    values = np.array([9.0, 10.0, 12.0, 9.5])
    number = needed(values, precision)

    def half(n: int) -> float:
        return float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5)

    assert half(number) <= precision * values.mean()
    assert number == len(values) or half(number - 1) > precision * values.mean()


def test_what_does_not_vary_needs_no_more() -> None:
    assert needed(np.array([5.0, 5.0]), 0.01) == 2
    assert needed(np.array([-1.0, 1.0]), 0.01) == 2
    assert needed(np.array([-9.0, -10.0, -12.0]), 0.05) == needed(np.array([9.0, 10.0, 12.0]), 0.05)


def test_intervals_of_the_chosen_number_are_as_narrow_as_asked() -> None:
    """In simulated experiments the interval so reached is within the precision, and holds the mean as it should."""
    rng = np.random.Generator(np.random.PCG64(4))
    held = []
    for _ in range(2000):
        values = rng.normal(10.0, 1.5, 3)
        while (number := min(needed(values, 0.05), 400)) > len(values):
            values = np.append(values, rng.normal(10.0, 1.5, number - len(values)))
        half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
        assert half <= 0.05 * values.mean()
        held.append(abs(values.mean() - 10.0) <= half)
    assert 0.90 <= np.mean(held) <= 0.97  # stopping when the spread looks small costs a little


@pytest.fixture(scope="module")
def short() -> Scenario:
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("capitation"))
    return replace(scenario, base_years=1, horizon_years=1, arms=arms, compare_with=("dutch_today",))


@pytest.mark.slow
def test_a_run_adds_replicates_until_it_is_precise(short: Scenario, tmp_path: Path) -> None:
    how = {"sample": 1500, "workers": 1, "measures": ("spending_per_head",)}
    loose = simulate_to_precision(short, tmp_path / "run", precision=0.9, **how)
    assert loose.manifest["replicates"] == 3
    table = monte_carlo(loose, ["spending_per_head"]).set_index("arm")
    assert (table["half_width_share"] <= 0.9).all()
    assert table["difference_error"]["dutch_today"] == 0.0
    against = compare(loose).set_index("measure").loc["spending_per_head"]
    half = (against["high"] - against["low"]) / 2.0
    assert table["difference_error"]["capitation"] * stats.t.ppf(0.975, 2) == pytest.approx(half)

    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "run" / "cells").rglob("*.parquet")}
    wanted = float(table["half_width_share"].max()) * 0.999
    tight = simulate_to_precision(short, tmp_path / "run", precision=wanted, most=4, **how)
    assert tight.manifest["replicates"] == 4
    assert {file: file.stat().st_mtime_ns for file in kept} == kept  # nothing is simulated twice


def test_what_cannot_be_is_refused(short: Scenario, tmp_path: Path) -> None:
    with pytest.raises(ps.DataError, match="precision"):
        simulate_to_precision(short, tmp_path, precision=0.0)
    with pytest.raises(ps.DataError, match="spending_per_head"):
        simulate_to_precision(short, tmp_path, precision=0.1, measures=["spending_per_haed"])
    assert command(["run", "nl/achterhoek_four_models", "--precision", "narrow"]) == 2
