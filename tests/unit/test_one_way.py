"""One-way sensitivity: against runs with the values written in, repeated calls, the figure, and bad names."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis import worlds
from paysim.analysis.one_way import COLUMNS, ENDS
from paysim.analysis.worlds import uncertain
from paysim.cli.app import app
from paysim.parameters import Override
from paysim.parameters.draws import at_quantile
from paysim.report.tornado import figure_bytes, tornado
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 1500
NAMES = ("behaviour.et*", "behaviour.visit_curvature")
MEASURE = "spending_total_discounted"


@pytest.fixture(scope="module")
def short() -> Scenario:
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("fee_for_service"))
    return replace(scenario, base_years=1, horizon_years=1, arms=arms, compare_with=("dutch_today",))


@pytest.fixture(scope="module")
def one() -> Any:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("one-way") / "worlds"


@pytest.fixture(scope="module")
def table(short: Scenario, one: Executor, folder: Path) -> pd.DataFrame:
    return ps.one_way(short, NAMES, folder, sample=SAMPLE, executor=one)


@pytest.mark.slow
def test_each_end_is_the_scenario_run_with_that_value(short: Scenario, table: pd.DataFrame, tmp_path: Path) -> None:
    assert list(table.columns) == list(COLUMNS)
    parameter = next(each for each in uncertain(short) if each.name == "behaviour.visit_curvature")
    row = table[(table["parameter"] == parameter.name) & (table["measure"] == MEASURE)].iloc[0]
    for number, end in enumerate(("at_low", "at_high")):
        value = at_quantile(parameter, ENDS[number])
        assert row[("low", "high")[number]] == value
        changed = replace(short, parameters=(*short.parameters, Override(parameter.name, value)))
        run = ps.simulate(changed, tmp_path / end, sample=SAMPLE)
        results = run.results
        total = results[
            (results["dimension"] == "all") & (results["period"] == -1) & (results["measure"] == MEASURE)
        ].set_index("arm")["value"]
        people = run.manifest["sample"]["persons"] * run.manifest["sample"]["weight"]
        assert (total["fee_for_service"] - total["dutch_today"]) / people == pytest.approx(row[end], rel=1e-9)
    assert row["swing"] == pytest.approx(abs(row["at_high"] - row["at_low"]))
    assert row["swing"] > 0.0


def test_more_parameters_take_up_what_is_there(
    short: Scenario, one: Executor, table: pd.DataFrame, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worlds, "build_model", None)  # nothing is simulated again
    again = ps.one_way(short, NAMES[1:], folder, sample=SAMPLE, executor=one)
    wanted = table[table["parameter"] == "behaviour.visit_curvature"].reset_index(drop=True)
    assert again.equals(wanted)


def test_the_widest_comes_first_and_is_drawn_on_top(table: pd.DataFrame) -> None:
    for _, rows in table.groupby(["measure", "arm"]):
        assert rows["swing"].is_monotonic_decreasing
    from paysim.report import drawing

    ax = tornado(table, "fee_for_service", MEASURE, drawing.Figure().subplots())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    first = table[table["measure"] == MEASURE]["parameter"].iloc[0]
    assert labels[-1].startswith(f"{first} (")
    assert len(ax.patches) == 2 * len(labels)
    assert figure_bytes(table, "fee_for_service", MEASURE, "title", "EUR", "svg").startswith(b"<?xml")


def test_names_that_fit_nothing_are_refused(short: Scenario, one: Executor, folder: Path) -> None:
    with pytest.raises(ps.DataError, match=r"did you mean 'behaviour\.visit_curvature'"):
        ps.one_way(short, ["behaviour.visit_curvture"], folder, sample=SAMPLE, executor=one)
    with pytest.raises(ps.DataError, match="at least one"):
        ps.one_way(short, [], folder, sample=SAMPLE, executor=one)
    with pytest.raises(ps.ScenarioError):
        ps.one_way(short, NAMES[1:], folder, baseline="capitaton", sample=SAMPLE, executor=one)
    with pytest.raises(ps.PaysimError, match="did you mean 'qalys_discounted'"):
        ps.one_way(short, NAMES[1:], folder, measures=("qalys_discountd",), sample=SAMPLE, executor=one)
    text = CliRunner().invoke(app, ["tornado", "nl/achterhoek_plot", "--parameter", "x", "--plot", "a.gif"])
    assert text.exit_code != 0
