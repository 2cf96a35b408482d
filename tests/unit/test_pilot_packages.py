"""Estimators of pilots against statsmodels and linearmodels, and effects by group and time against their definition."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.panel import PanelOLS
from statsmodels.regression.mixed_linear_model import MixedLM

from paysim import catalog
from paysim.errors import ScenarioError
from paysim.pilots import Pilot, load_pilot, run_pilot
from paysim.pilots.allocation import NEVER, Allocation
from paysim.pilots.estimators import evaluator
from tests.pilots import OFF, PRIMARY, panel

SITES, YEARS, TRIALS = 24, 7, 3
STAGGERED = np.repeat([2, 3, 5, NEVER], 6)
TOGETHER = np.repeat([3, NEVER], [10, 14])


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    found = load_pilot("plot_acceleration_achterhoek")
    sizes = {"treated": 10, "controls": 14, "start_year": 3, "years": 4, "ramp_up": (1.0,)}
    return replace(found, outcomes=(PRIMARY,), payment=None, payment_terms={}, **sizes)


@pytest.fixture(scope="module")
def wedge(pilot: Pilot) -> Pilot:
    return replace(pilot, rollout="staggered", waves=3, treated=18, controls=6, start_year=2, years=5)


@pytest.fixture(scope="module")
def y() -> np.ndarray:
    random = np.random.default_rng(5)
    own = 30.0 * random.standard_normal((TRIALS, SITES, 1))
    return 1000.0 + own + random.standard_normal((TRIALS, SITES, YEARS)).cumsum(axis=2) * 10.0


def allocation(start: np.ndarray) -> Allocation:
    starts = np.broadcast_to(start, (TRIALS, SITES))
    return Allocation(np.zeros(TRIALS, int), np.broadcast_to(np.arange(SITES), starts.shape), starts, starts + NEVER)


def frame(outcome: np.ndarray, start: np.ndarray) -> pd.DataFrame:
    site, year = np.indices(outcome.shape)
    treated = (year >= start[:, None]).astype(float)
    columns = {"site": site.ravel(), "year": year.ravel(), "y": outcome.ravel(), "treated": treated.ravel()}
    return pd.DataFrame(columns)


def test_two_way_fixed_effects_are_those_of_linearmodels(wedge, y):
    found = evaluator(replace(wedge, estimator="two_way_fixed_effects"), allocation(STAGGERED), y).evaluate(y)
    for trial in range(TRIALS):
        data = frame(y[trial], STAGGERED).set_index(["site", "year"])
        model = PanelOLS(data["y"], data[["treated"]], entity_effects=True, time_effects=True)
        theirs = model.fit(cov_type="clustered", cluster_entity=True, debiased=True, group_debias=True)
        assert found.value[trial] == pytest.approx(theirs.params["treated"], rel=1e-9)
        # theirs counts the effects of sites among the columns, ours does not, as they lie within clusters
        cells = SITES * YEARS
        counted = (cells - SITES - YEARS) / (cells - YEARS - 1)
        assert found.error[trial] ** 2 == pytest.approx(theirs.std_errors["treated"] ** 2 * counted, rel=1e-9)


def test_two_way_fixed_effects_have_the_clustered_errors_of_statsmodels(wedge, y):
    found = evaluator(replace(wedge, estimator="two_way_fixed_effects"), allocation(STAGGERED), y).evaluate(y)
    for trial in range(TRIALS):
        data = frame(y[trial], STAGGERED)
        years = pd.get_dummies(data["year"], drop_first=True, dtype=float).add_prefix("year_")
        columns = pd.concat([data[["y", "treated"]], years], axis=1)
        inside = columns - columns.groupby(data["site"]).transform("mean") + columns.mean()
        model = sm.OLS(inside["y"], sm.add_constant(inside.drop(columns="y")))
        theirs = model.fit(cov_type="cluster", cov_kwds={"groups": data["site"]})
        assert found.value[trial] == pytest.approx(theirs.params["treated"], rel=1e-9)
        assert found.error[trial] == pytest.approx(theirs.bse["treated"], rel=1e-9)


@pytest.mark.parametrize("kind", ["difference_in_differences", "event_study"])
def test_one_common_start_has_the_errors_of_statsmodels(pilot, y, kind):
    own = replace(pilot, estimator=kind)
    method = evaluator(own, allocation(TOGETHER), y)
    found = method.evaluate(y)
    same = evaluator(replace(own, inference="pooled_t"), allocation(TOGETHER), y).evaluate(y)
    for trial in range(TRIALS):
        collapsed = y[trial] @ method.yearly.mean(axis=0)
        model = sm.OLS(collapsed, sm.add_constant((TOGETHER < NEVER).astype(float)))
        robust, plain = model.fit(cov_type="HC2"), model.fit()
        assert found.value[trial] == pytest.approx(robust.params[1], rel=1e-9)
        assert found.error[trial] == pytest.approx(robust.bse[1], rel=1e-9), "with one number a site CR2 is HC2"
        assert same.error[trial] == pytest.approx(plain.bse[1], rel=1e-9)
        assert same.p[trial] == pytest.approx(plain.pvalues[1], rel=1e-9)


def test_the_mixed_model_is_that_of_statsmodels(wedge, y):
    found = evaluator(replace(wedge, estimator="mixed_model"), allocation(STAGGERED), y).evaluate(y)
    data = frame(y[0], STAGGERED)
    years = pd.get_dummies(data["year"], dtype=float).add_prefix("year_")
    theirs = MixedLM(data["y"], pd.concat([data["treated"], years], axis=1), groups=data["site"]).fit(reml=True)
    assert found.value[0] == pytest.approx(theirs.fe_params["treated"], rel=1e-4)
    assert found.error[0] == pytest.approx(theirs.bse_fe["treated"], rel=1e-3)


def test_effects_by_group_and_time_are_their_definition(wedge, y):
    found = evaluator(replace(wedge, estimator="group_time"), allocation(STAGGERED), y).evaluate(y)
    for trial in range(TRIALS):
        total, cells = 0.0, 0
        for start in (2, 3, 5):
            own = y[trial][start == STAGGERED]
            for year in range(start, YEARS):
                later = y[trial][year < STAGGERED]
                effect = (own[:, year] - own[:, start - 1]).mean() - (later[:, year] - later[:, start - 1]).mean()
                total, cells = total + len(own) * effect, cells + len(own)
        assert found.value[trial] == pytest.approx(total / cells, rel=1e-10)


def test_a_stepped_wedge_learns_nothing_after_its_last_start(wedge, y):
    start = np.repeat([2, 3, 4, 5], 6)
    method = evaluator(replace(wedge, rollout="stepped_wedge", estimator="group_time"), allocation(start), y)
    used = method.weights(y)
    assert not used[:, :, 5:].any()
    np.testing.assert_allclose(used.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(used.sum(axis=2), 0.0, atol=1e-12)


def test_with_one_start_it_is_the_event_study(pilot, y):
    ours, study = (
        evaluator(replace(pilot, estimator=kind), allocation(TOGETHER), y).evaluate(y)
        for kind in ("group_time", "event_study")
    )
    np.testing.assert_allclose(ours.value, study.value, rtol=1e-10)
    np.testing.assert_allclose(ours.error, study.error, rtol=1e-10)
    np.testing.assert_allclose(ours.freedom, study.freedom, rtol=1e-10)


def test_an_effect_that_grows_is_found_under_staggered_starts(wedge):
    """Two-way fixed effects take sites whose effect still grows for controls; not-yet-treated ones have none."""
    growing = panel(years=8, worlds=20)
    growing.effect[PRIMARY][:] = -20.0 * np.arange(1, 9)
    own = replace(wedge, treated=42, controls=18, years=6)
    ours, theirs = (
        run_pilot(replace(own, estimator=kind), growing, 1500, OFF).outcomes[0]
        for kind in ("group_time", "two_way_fixed_effects")
    )
    assert ours.true_effect == pytest.approx(theirs.true_effect)
    assert abs(ours.bias) < 2.0
    assert theirs.bias > 15.0, "towards zero"
    assert 0.93 <= ours.coverage <= 0.97
    nothing = run_pilot(replace(own, estimator="group_time"), panel(years=8, worlds=20), 2000, OFF).outcomes[0]
    assert 0.04 <= nothing.type_1 <= 0.06


def test_a_site_that_starts_alone_is_refused(tmp_path):
    text = catalog.find("pilots", "ascvd_middenkempen").read_text()
    for old, new in {"two_way_fixed_effects": "group_time", "treated: 12": "treated: 5"}.items():
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "alone.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match="two sites at least that start together") as caught:
        load_pilot(str(file))
    assert caught.value.problems[0].line
