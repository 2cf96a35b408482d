"""Every measure of a run is described, every indicator is a measure or has a reason, and a null arm changes nothing."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
import pytest

from paysim.analysis.equity import equally_distributed
from paysim.analysis.indicators import GAPS, INDICATORS
from paysim.analysis.measures import MEASURES, by_arm, horizon, wide
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.scorecard import SAME, indicator_levels, scorecard, shown, weighted
from paysim.care.programmes import COUNTS, read_programme
from paysim.engine.cell import run_arm, run_base
from paysim.engine.model import build_model
from paysim.errors import DataError, ScenarioError
from paysim.outcomes import Measure, programmes
from paysim.outcomes.indicators import AIMS, NUMBERS, PROCESS, describe, descriptions, indicators
from paysim.scenario import Arm
from tests.toy import few_people, scenario
from tests.unit.test_outcomes_burden import counted

ARM = "dutch_today"


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """Return the results of one arm and of its twin, which differs in name only."""
    short = replace(scenario(horizon_years=2), programmes=(read_programme("copd_self_management"),))
    model = build_model(short, population=few_people(people=400))
    base = run_base(model, 0)
    arms: list[Arm] = [short.arm(ARM), replace(short.arm(ARM), name="twin")]
    cells = [run_arm(model, base, arm, 0) for arm in arms]
    return pd.concat([pd.DataFrame(dict(cell.results)) for cell in cells], ignore_index=True)


def test_every_measure_has_the_unit_and_description_of_the_table(results: pd.DataFrame) -> None:
    for name, unit in results[["measure", "unit"]].drop_duplicates().itertuples(index=False):
        found = describe(name)
        assert found is not None, f"{name} is not in paysim/outcomes/measures.csv"
        assert found[0] == unit, name
        assert found[1]


def test_every_row_of_the_table_is_a_measure_of_a_run(results: pd.DataFrame) -> None:
    measures = set(results["measure"])
    measures |= {each.name for each in of_a_programme()}
    measures |= {"payments_top_1_share_3_years"}  # takes three years
    unused = [name for name in descriptions() if not any(fnmatchcase(each, name) for each in measures)]
    assert unused == []


def of_a_programme() -> list[Measure]:
    """Return the measures of a programme in which nothing happens."""
    empty = counted(person_years=np.zeros((1, 1)))
    arrays = {"programmes": np.zeros((1, 1, len(COUNTS)))}
    return list(
        programmes.measures(replace(empty, arrays=arrays, programme_names=("x",), contact_hours=np.ones((1, 1, 3))))
    )


def test_measures_of_programmes_are_described() -> None:
    for each in of_a_programme():
        found = describe(each.name)
        assert found is not None, each.name
        assert found[0] == each.unit, each.name


def test_every_measure_is_a_number_over_the_horizon(results: pd.DataFrame) -> None:
    whole = results[(results["period"] == -1) & (results["dimension"] == "all")]
    equity = whole["measure"].str.contains("_index|standardised|equally")  # may be unknown among so few people
    assert np.isfinite(whole.loc[~equity, "value"]).all()
    assert np.isfinite(whole.loc[~equity, "value"]).sum() > 100


def test_all_32_indicators_are_listed_each_with_a_measure_or_a_reason() -> None:
    rows = indicators()
    assert sorted({each.number for each in rows}) == list(range(1, NUMBERS + 1))
    for each in rows:
        assert each.aim in (*AIMS, PROCESS)
        assert each.unit
        if each.modelled:
            assert each.definition, each.indicator
            assert not each.reason
            assert find_measure(each.measure).unit == each.unit, each.measure
        else:
            assert each.reason, each.indicator
            assert not each.measure
            assert not each.headline
    names = [each.measure for each in rows if each.modelled]
    assert len(names) == len(set(names))
    assert {each.aim for each in shown()} == set(AIMS)


def test_the_measures_of_the_indicators_are_in_a_runs_results(results: pd.DataFrame) -> None:
    frame = horizon(wide(results))
    for each in indicators():
        if each.modelled:
            assert find_measure(each.measure).held_by(frame), each.measure
    names = [each.name for each in (*MEASURES, *INDICATORS)]
    assert len(names) == len(set(names))
    assert set(GAPS) <= set(names)
    assert all(each.held_by(frame) for each in INDICATORS)


def test_shares_lie_between_0_and_100(results: pd.DataFrame) -> None:
    levels = indicator_levels(results)
    shares = levels[levels["unit"].str.startswith("%")]
    assert len(shares) > 10
    assert ((shares[ARM] >= 0) & (shares[ARM] <= 100)).all()
    value = levels.set_index("measure")[ARM]
    assert value["ldl_at_strict_target"] <= value["ldl_at_target"]
    assert value["obesity"] <= value["overweight"]
    assert value["wait_gp_planned_median_days"] <= value["wait_gp_planned_p90_days"]
    assert 60.0 < value["life_expectancy"] < 100.0
    assert value["quality_adjusted_life_expectancy"] < value["life_expectancy"]


def test_groups_add_up_to_all(results: pd.DataFrame) -> None:
    one = results[(results["arm"] == ARM) & (results["period"] == -1)]
    for name in ("ascvd_persons", "ascvd_ldl_at_target", "avoidable_admissions", "smokers", "ascvd_years"):
        part = one[one["measure"] == name].groupby("dimension")["value"].sum()
        np.testing.assert_allclose(part, part["all"], err_msg=name)


def test_an_arm_that_is_the_same_has_a_scorecard_of_zeros(results: pd.DataFrame) -> None:
    card = scorecard(results, ARM)
    assert len(card) == len(shown())
    known = card[np.isfinite(card["value"])]
    assert (known["difference"] == 0.0).all()
    assert (known["low"] == 0.0).all()
    assert (known["high"] == 0.0).all()
    assert set(known["meaning"]) == {SAME}
    assert list(dict.fromkeys(card["aim"])) == list(AIMS)
    sums = weighted(known, {"equity": 2.0, "costs": 1.0})
    assert sums.loc[0, "weighted"] == 0.0


def test_ways_of_averting_inequality_swept(results: pd.DataFrame) -> None:
    table = equally_distributed(results, (0.0, 1.0, 10.95, 30.0), baseline=ARM)
    assert (table["difference"] == 0.0).all()
    one = table[table["arm"] == ARM]
    assert (np.diff(one["equivalent"]) <= 0.0).all()
    assert one["lost"].iloc[0] == pytest.approx(0.0, abs=1e-9)
    assert (one["lost"].iloc[1:] > 0.0).all()
    with pytest.raises(ScenarioError, match="0 or more"):
        equally_distributed(results, (-1.0,))


def test_life_expectancy_falls_as_deaths_rise(results: pd.DataFrame) -> None:
    """By hand from the same results: the index of the groups is that of the table."""
    from paysim.outcomes.inequality import slope_index

    groups = (
        by_arm(horizon(wide(results, "education")))[ARM].droplevel(["draw", "replicate"]).loc[["low", "mid", "high"]]
    )
    whole = by_arm(horizon(wide(results)))[ARM]
    by_hand = slope_index(groups["life_expectancy"].to_numpy(), groups["person_years"].to_numpy())
    assert whole["life_expectancy_slope_index"].iloc[0] == pytest.approx(float(by_hand))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"equty": 1.0}, "did you mean 'equity'"),
        ({"equity": -1.0}, "0 or more"),
        ({"equity": float("nan")}, "0 or more"),
        ({"equity": 0.0}, "no aim weighs anything"),
    ],
)
def test_weights_that_mean_nothing_are_refused(results: pd.DataFrame, weights: dict[str, float], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        weighted(scorecard(results, ARM), weights)


def test_an_unknown_measure_names_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'ldl_at_target'"):
        find_measure("ldl_at_targt")
