"""Distributional cost-effectiveness against closed forms, and subgroup tables against sums by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from paysim.analysis.compare import compare
from paysim.analysis.distributional import ATKINSON, KOLM, Groups, by_education, distributional, groups_of
from paysim.analysis.measures import measure
from paysim.analysis.runs import load_run
from paysim.analysis.subgroups import kinds_of, subgroups
from paysim.cli.app import app
from paysim.errors import DataError, NotInResults, ScenarioError
from paysim.outcomes.inequality import (
    atkinson_weights,
    equally_distributed_equivalent,
    kolm_equivalent,
    kolm_weights,
    mean,
)

PEOPLE, LEVEL = np.array([100.0, 300.0, 200.0]), np.array([60.0, 68.0, 74.0])


def _groups(effect: object, cost: object = (0.0, 0.0, 0.0)) -> Groups:
    make = [np.broadcast_to(np.asarray(each, float), (1, 2, 3)).copy() for each in (effect, cost)]
    return Groups(("new",), "old", PEOPLE, LEVEL, make[0], make[1], is_drawn=True)


def _weighted(groups: Groups, index: str, aversion: float, **how: object) -> dict[str, float]:
    table = distributional(groups, 50_000.0, aversions=[(index, aversion)], **how)  # type: ignore[list-item,arg-type]
    return dict(table.iloc[0])


def test_kolm_sees_no_inequality_in_what_all_get_alike_and_atkinson_none_in_proportions() -> None:
    row = _weighted(_groups(0.02), KOLM, 0.15)
    assert row["weighted"] == pytest.approx(20.0)
    assert row["equity"] == pytest.approx(0.0, abs=1e-9)
    row = _weighted(_groups(0.001 * LEVEL), ATKINSON, 10.95)
    assert row["weighted"] == pytest.approx(equally_distributed_equivalent(LEVEL, PEOPLE, 10.95))
    row = _weighted(_groups([0.03, 0.0, 0.01]), ATKINSON, 0.0)
    assert row["weighted"] == pytest.approx(row["net"])
    assert row["net"] == pytest.approx(1000.0 * mean(np.array([0.03, 0.0, 0.01]), PEOPLE))


@pytest.mark.parametrize(("index", "aversion"), [(ATKINSON, 1.0), (ATKINSON, 10.95), (KOLM, 0.15)])
def test_small_gains_are_worth_their_weights(index: str, aversion: float) -> None:
    """The derivative of an equivalent, by differences, is its weight times the group's share, scaled to a mean of 1."""
    equivalent = {ATKINSON: equally_distributed_equivalent, KOLM: kolm_equivalent}[index]
    weights = {ATKINSON: atkinson_weights, KOLM: kolm_weights}[index](LEVEL, PEOPLE, aversion)
    step = 1e-5
    slope = np.array(
        [
            (equivalent(LEVEL + step * e, PEOPLE, aversion) - equivalent(LEVEL - step * e, PEOPLE, aversion)) / 2 / step
            for e in np.eye(3)
        ]
    )
    expected = slope / (PEOPLE / PEOPLE.sum())
    assert weights / weights[0] == pytest.approx(expected / expected[0], rel=1e-5)
    assert mean(weights, PEOPLE) == pytest.approx(1.0)
    assert (np.diff(weights) < 0.0).all()


def test_kolm_equivalent_by_hand_and_at_its_ends() -> None:
    value, size = np.array([1.0, 3.0]), np.array([1.0, 1.0])
    assert kolm_equivalent(value, size, 1.0) == pytest.approx(-np.log((np.exp(-1) + np.exp(-3)) / 2))
    assert kolm_equivalent(value, size, 0.0) == pytest.approx(2.0)
    assert kolm_equivalent(value, size, 1e4) == pytest.approx(1.0, abs=1e-3)
    assert kolm_equivalent(value + 1e3, size, 2.0) == pytest.approx(1e3 + kolm_equivalent(value, size, 2.0))


def test_money_is_health_forgone_by_those_who_bear_it() -> None:
    groups = _groups(0.0, [100.0, 50.0, 0.0])
    net = groups.net(50_000.0)[0, 0]
    assert net == pytest.approx(-(100 * 100 + 300 * 50) / 600 / 50_000.0)  # the same for everybody
    low = groups.net(50_000.0, (1.0, 0.0, 0.0))[0, 0]
    assert low == pytest.approx([-25_000 / 100 / 50_000.0, 0.0, 0.0])
    assert _weighted(groups, KOLM, 0.15, shares=(1.0, 0.0, 0.0))["equity"] < 0.0
    table = by_education(groups, 50_000.0)
    assert (table["net"] + table["forgone"] - table["qalys"]).abs().max() == pytest.approx(0.0)
    assert (table["people"] * table["forgone"]).sum() / 1000.0 == pytest.approx(25_000 / 50_000.0)


def test_what_makes_no_sense_is_refused() -> None:
    groups = _groups(0.0)
    with pytest.raises(DataError, match="add up to 1"):
        groups.net(50_000.0, (0.5, 0.5, 0.5))
    with pytest.raises(DataError, match="above 0"):
        groups.net(0.0)
    with pytest.raises(DataError, match="aversion"):
        _weighted(groups, ATKINSON, -1.0)
    nobody = replace(groups, arms=(), effect=np.empty((0, 2, 3)), cost=np.empty((0, 2, 3)))
    assert distributional(nobody, 50_000.0).empty


def test_a_run_gives_groups_whose_sum_is_the_region(run_folder: Path) -> None:
    run = load_run(run_folder)
    results = run.results
    if "quality_adjusted_life_expectancy" not in set(results["measure"]):
        with pytest.raises(NotInResults, match="education"):
            groups_of(run)


def test_subgroups_have_the_values_of_the_region_when_they_are_joined(run_folder: Path) -> None:
    run = load_run(run_folder)
    table = subgroups(run, "education", ["spending_per_head", "gp_contacts_per_head"])
    whole = compare(run, run.compare_with[0], measures=[measure("spending_per_head")])
    assert list(dict.fromkeys(table["group"])) == ["low", "mid", "high"]
    for arm, part in table[table["measure"] == "spending_per_head"].groupby("arm"):
        joined = np.average(part["baseline_value"], weights=part["person_years"])
        assert joined == pytest.approx(whole[whole["arm"] == arm]["baseline_value"].iloc[0], rel=1e-6)


def test_kinds_of_practices_are_told_by_their_doctors_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paysim.analysis.compare.FEWEST_PRACTICES", 2)
    rows = []
    for arm, gain in (("old", 0.0), ("new", 2.0)):
        for name, fte, people in (("A", 1.0, 2000.0), ("B", 1.4, 1000.0), ("C", 3.2, 5000.0)):
            values = {"gp_fte": fte, "person_years": people, "spending_total": people * (10.0 + gain * fte)}
            values["wait_gp_planned_days"] = fte
            rows += [(arm, 0, 0, period, "practice", name, m, v, "") for period in (0, -1) for m, v in values.items()]
    columns = ["arm", "draw", "replicate", "period", "dimension", "group", "measure", "value", "unit"]
    results = pd.DataFrame(rows, columns=columns)
    table = subgroups(results, "practice_type", ["spending_per_head", "wait_gp_planned_days"]).set_index(
        ["measure", "group"]
    )
    solo = table.loc[("spending_per_head", "solo")]
    assert solo["value"] == pytest.approx(10.0 + 2.0 * (2000 * 1.0 + 1000 * 1.4) / 3000)
    assert solo["low"] < solo["difference"] < solo["high"]
    assert table.loc[("wait_gp_planned_days", "solo")]["value"] == pytest.approx((2000 * 1.0 + 1000 * 1.4) / 3000)
    assert np.isnan(table.loc[("spending_per_head", "group")]["low"])  # one practice has no spread
    with pytest.raises(NotInResults, match="working time"):
        kinds_of(pd.DataFrame({"spending_total": [1.0]}), "old")
    with pytest.raises(ScenarioError, match="education"):
        subgroups(results, "educaton")


def test_commands_print_tables_and_json(run_folder: Path) -> None:
    found = CliRunner().invoke(app, ["subgroups", str(run_folder), "--by", "age", "--measure", "spending_per_head"])
    assert found.exit_code == 0, found.output
    assert "compare arms within a group" in found.output
    found = CliRunner().invoke(app, ["distribution", str(run_folder), "--shares", "1,x,0"])
    assert found.exit_code != 0
