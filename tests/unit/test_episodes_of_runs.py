"""Episodes of a finished run, against the activity that its cells keep."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis.episodes import COLUMNS, _spread
from paysim.analysis.runs import Run
from paysim.cli.app import app


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    scenario = ps.load_scenario("us/achterhoek_episode_bundle")
    short = replace(scenario, horizon_years=2, arms=scenario.arms[:2])
    return ps.simulate(short, tmp_path_factory.mktemp("episodes") / "r", sample=6000)


def test_all_payments_of_episodes_that_ended_are_in_the_table(run: Run) -> None:
    table = ps.episodes(run)
    assert tuple(table.columns) == COLUMNS
    for arm in run.arms:
        mine = table[table["arm"] == arm]
        assert set(mine["kind"]) == {"infarction", "stroke"}
        (rules,) = run.cell(arm).quarters[0].episodes
        ended = [quarter.episodes[rules] for quarter in run.cell(arm).quarters]
        assert mine["ended"].sum() == sum(int(each.ended.sum()) for each in ended) > 10
        paid = (mine["ended"] * mine["mean_eur"]).sum()
        assert paid == pytest.approx(sum(float(each.total[each.ended].sum()) for each in ended))
        assert (mine["median_eur"] <= mine["p95_eur"]).all()
        assert (mine["p95_eur"] <= mine["dearest_eur"]).all()


def test_spread_of_known_amounts() -> None:
    assert _spread(np.array([1.0, 2.0, 3.0, 10.0])) == pytest.approx((4, 4.0, 4.0824829, 2.5, 8.95, 10.0))
    assert _spread(np.array([7.0]))[:2] == (1, 7.0)
    assert np.isnan(_spread(np.zeros(0))[1:]).all()


def test_command_prints_the_same(run: Run) -> None:
    ended = CliRunner().invoke(app, ["money", "episodes", str(run.path), "--json"])
    assert ended.exit_code == 0, ended.output
    assert len(json.loads(ended.output)["episodes"]) == len(ps.episodes(run))


def test_a_run_without_bundles_says_so(tmp_path: Path) -> None:
    scenario = ps.load_scenario("nl/achterhoek_shared_savings")
    today = scenario.arm(scenario.current)
    short = replace(scenario, horizon_years=1, base_years=1, arms=(today,), compare_with=(today.name,))
    with pytest.raises(ps.DataError, match="no contract of this run looks at episodes"):
        ps.episodes(ps.simulate(short, tmp_path / "r", sample=1500))
