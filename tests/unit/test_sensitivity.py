"""Numbers turned by name, threshold maps, Morris screening, structural alternatives and the search of terms."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis import optimise as search
from paysim.analysis import threshold as maps
from paysim.analysis.levers import terms_of, value_of, with_values
from paysim.analysis.morris import effects, paths
from paysim.analysis.structural import by_structure, load_structures, structural, variance_shares
from paysim.cli.app import app
from paysim.engine.model import load_parameters
from paysim.report.threshold import figure_bytes
from paysim.scenario import Scenario

SHARE = "mixed.gp_mixed.capitation.share"
FEES = "mixed.gp_mixed.fee_for_service.share"
SAMPLE = 1500


@pytest.fixture(scope="module")
def short() -> Scenario:
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("mixed"))
    return replace(scenario, base_years=1, horizon_years=1, arms=arms, compare_with=("dutch_today",))


# Numbers by name


def test_every_number_of_a_contract_can_be_turned_and_nothing_else_moves(short: Scenario) -> None:
    before = terms_of(short)
    assert before[SHARE] == 0.5
    assert len(before) > 50
    for name in [SHARE, FEES, "mixed.gp_mixed.chronic_bundle.bundles.diabetes.eur_per_programme_year"]:
        after = terms_of(with_values(short, {name: before[name] * 0.9}))
        assert {each for each in before if after[each] != before[each]} == {name}
        assert after[name] == pytest.approx(before[name] * 0.9)
    turned = with_values(short, {"behaviour.speed": 0.3, SHARE: 0.25})
    assert (value_of(turned, "behaviour.speed"), value_of(turned, SHARE)) == (0.3, 0.25)
    assert value_of(short, "behaviour.speed") == load_parameters(short)[0]["behaviour.speed"]


def test_numbers_that_cannot_be_are_refused(short: Scenario) -> None:
    with pytest.raises(ps.DataError, match=SHARE):
        with_values(short, {"mixed.gp_mixed.capitation.shares": 0.5})
    with pytest.raises(ps.DataError, match="between 0 and 1"):
        with_values(short, {SHARE: 1.5})
    with pytest.raises(ps.DataError, match="two or more rising"):
        maps.Axis(SHARE, (0.5, 0.5))
    with pytest.raises(ps.DataError, match="low must be below high"):
        search.Term(SHARE, 0.5, 0.5)


# Threshold maps


def test_signs_change_where_a_plane_is_zero() -> None:
    x, y = np.meshgrid(np.linspace(0.0, 1.0, 5), np.linspace(0.0, 2.0, 3))
    table = pd.DataFrame({"x": x.ravel(), "y": y.ravel(), "difference": (2.0 * x - y).ravel()})
    found = maps.crossings(table)
    assert list(zip(found["y"], found["x"], strict=True)) == [(0.0, 0.0), (1.0, 0.5), (2.0, 1.0)]
    assert maps.crossings(table.assign(difference=1.0)).empty
    assert figure_bytes(table, "x", "y", "plane", "png").startswith(b"\x89PNG")
    assert figure_bytes(table, "x", "y", "plane", "svg") == figure_bytes(table, "x", "y", "plane", "svg")


@pytest.mark.slow
def test_a_cell_of_the_map_is_the_scenario_run_with_its_numbers(short: Scenario, tmp_path: Path) -> None:
    x, y = maps.Axis(SHARE, (0.3, 0.6)), maps.Axis("behaviour.speed", (0.1, 0.2))
    table = maps.threshold_map(
        short, x, y, "spending_per_head", "mixed", out=tmp_path / "map", sample=SAMPLE, workers=1
    )
    assert len(table) == 4
    turned = with_values(short, {SHARE: 0.6, "behaviour.speed": 0.1})
    seen = (
        ps.compare(ps.simulate(turned, tmp_path / "run", sample=SAMPLE)).set_index("measure").loc["spending_per_head"]
    )
    cell = table[(table["x"] == 0.6) & (table["y"] == 0.1)].iloc[0]
    assert cell["value"] == pytest.approx(seen["value"], rel=1e-12)
    assert cell["difference"] == pytest.approx(seen["difference"], rel=1e-6)


# Morris


def test_every_parameter_moves_once_in_a_trajectory_inside_the_cube() -> None:
    design = paths(6, 20, 1)
    assert design.min() >= 0.0
    assert design.max() <= 1.0
    moved = np.diff(design, axis=1)
    assert ((moved != 0.0).sum(axis=1) == 1).all()
    assert np.abs(moved).max(axis=1) == pytest.approx(2.0 / 3.0)
    assert (np.diff(design, axis=1).sum(axis=1) < 0.0).any()
    assert np.array_equal(design, paths(6, 20, 1))
    assert not np.array_equal(design, paths(6, 20, 2))


def test_effects_of_known_functions() -> None:
    """A straight line has its slope in every trajectory, a product is spread, what does nothing is nothing."""
    design = paths(4, 40, 3)
    x = np.moveaxis(design, 2, 0)
    found = effects(design, 3.0 * x[0] - 2.0 * x[1] + 4.0 * x[1] * x[2])
    assert found[:, 0] == pytest.approx(3.0)
    assert found[:, 3] == pytest.approx(0.0)
    assert found[:, 1] == pytest.approx(4.0 * x[2, :, 0] - 2.0, abs=4.0)
    assert found[:, 1].std() > 0.5
    assert found[:, 2].min() >= 0.0


# Structural alternatives


def test_the_shipped_set_is_read_and_reaches_the_arms_that_respond(short: Scenario) -> None:
    named = {each.name: each for each in load_structures()}
    assert {"as_written", "passive", "no_altruism", "target_income", "slow", "fast"} <= set(named)
    assert named["as_written"].of(short).arms == short.arms
    assert [arm.behaviour.name for arm in named["passive"].of(short).arms] == ["passive", "passive"]
    assert [arm.behaviour.name for arm in named["target_income"].of(short).arms] == ["passive", "target_income"]
    assert value_of(named["fast"].of(short), "behaviour.speed") == 0.7


def test_a_set_of_ones_own_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("schema: 1\nstructures:\n  - {name: a, behaviour: pasive}\n  - {name: a}\n")
    with pytest.raises(ps.ScenarioError, match="passive"):
        load_structures(file)
    file.write_text("schema: 1\nstructures:\n  - {name: a, behavior: passive}\n")
    with pytest.raises(ps.ScenarioError, match="behaviour"):
        load_structures(file)


def _synthetic(structure: float, parameters: float, chance: float, seed: int) -> pd.DataFrame:
    """Differences with known variances: 4 alternatives, 40 shared draws, 3 replicates that share their lives."""
    rng = np.random.Generator(np.random.PCG64(seed))
    of_structure = structure * np.array([-1.0, -1.0, 1.0, 1.0])[:, None, None]
    of_draw = parameters * rng.standard_normal((1, 40, 1))
    lives = chance * rng.standard_normal((1, 40, 3))  # the same in every alternative
    values = of_structure + of_draw + lives
    s, d, r = np.indices(values.shape)
    columns = {"structure": s.ravel(), "draw": d.ravel(), "replicate": r.ravel(), "arm": "new"}
    return pd.DataFrame({**columns, "difference": values.ravel()})


@pytest.mark.parametrize("wanted", [(1.0, 1.0, 1.0), (2.0, 0.5, 1.0), (0.0, 1.0, 2.0)])
def test_variances_are_split_as_they_were_made(wanted: tuple[float, float, float]) -> None:
    found = pd.concat([variance_shares(_synthetic(*wanted, seed)) for seed in range(100)])
    squares = np.array(wanted) ** 2
    mean = found[["structure", "parameters", "chance"]].mul(found["total_sd"] ** 2, axis=0).mean()
    assert mean.to_numpy() == pytest.approx(squares, abs=0.12)


@pytest.mark.slow
def test_alternatives_share_draws_and_differ_only_by_structure(short: Scenario, tmp_path: Path) -> None:
    chosen = [each for each in load_structures() if each.name in ("as_written", "passive")]
    found = structural(short, chosen, tmp_path, measure="spending_per_head", sample=SAMPLE, workers=1)
    table = by_structure(found).set_index("structure")
    own = ps.compare(ps.simulate(short, tmp_path / "run", sample=SAMPLE)).set_index("measure")
    assert table["difference"]["as_written"] == pytest.approx(own["difference"]["spending_per_head"], rel=1e-6)
    assert table["difference"]["passive"] != table["difference"]["as_written"]
    with pytest.raises(ps.DataError, match="two alternatives"):
        variance_shares(found)


# Search


def test_the_front_of_points_worked_by_hand() -> None:
    costs = np.array([[1.0, 5.0], [2.0, 3.0], [3.0, 3.0], [4.0, 1.0], [0.0, 9.0], [2.0, 3.0]])
    everything = np.ones(6, dtype=bool)
    assert list(search.front(costs, everything)) == [True, True, False, True, True, True]
    assert list(search.front(costs, everything & (costs[:, 1] > 3.0))) == [True, False, False, False, True, False]


def test_designs_fill_the_box_and_more_only_add() -> None:
    terms = [search.Term("a", 0.0, 1.0), search.Term("b", 10.0, 30.0)]
    few, many = search.points_of(terms, 7), search.points_of(terms, 31)
    assert np.array_equal(few, many[:7])
    assert many.mean(axis=0) == pytest.approx([0.5, 20.0], rel=0.05)
    assert (many >= [0.0, 10.0]).all()
    assert (many <= [1.0, 30.0]).all()


@pytest.mark.slow
def test_commands(short: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paysim.cli.sensitivity._loaded", lambda *_: short)
    few = ["--sample", str(SAMPLE), "--workers", "1", "--out", str(tmp_path / "worlds")]

    def read(*words: str) -> Any:
        ended = CliRunner().invoke(app, [*words, "--json"])
        assert ended.exit_code == 0, ended.output
        return json.loads(ended.output)

    found = read(
        "optimise", "x", "--term", f"{SHARE}=0.1:0.9", "--designs", "2", "--keep", "qalys_discounted=-1:", *few
    )
    assert [each["design"] for each in sorted(found["designs"], key=lambda row: row["design"])] == [0, 1, 2]
    assert any(each["front"] for each in found["designs"])
    found = read("morris", "x", "--parameter", "behaviour.speed", "--trajectories", "2", *few)
    assert found["rows"][0]["parameter"] == "behaviour.speed"
    for wrong in (
        ["threshold", "x", "--x", "speed", "--y", f"{SHARE}=0:1"],
        ["optimise", "x", "--term", f"{SHARE}=:1"],
    ):
        ended = CliRunner().invoke(app, wrong)
        assert "NAME=LOW:HIGH expected" in str(ended.exception)
