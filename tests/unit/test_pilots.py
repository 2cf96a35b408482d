"""Pilots: estimators against dense least squares, size and coverage without effect, known truth, and refusals."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from paysim import catalog
from paysim.analysis.compare import compare
from paysim.analysis.measures import measure, totals_of, wide
from paysim.analysis.runs import Run, load_run
from paysim.cli.app import app
from paysim.errors import DataError, ScenarioError
from paysim.pilots import Pilot, compare_pilots, load_pilot, panel_of, read_panel, run_pilot, size_pilot
from paysim.pilots.allocation import NEVER, Allocation, allocate
from paysim.pilots.estimators import evaluator, welch
from paysim.pilots.model import PAID_ON, Payment
from paysim.pilots.panel import write_panel
from paysim.pilots.parts import SOURCES
from paysim.pilots.sizing import practices_needed
from paysim.pilots.study import region_effect, sweep
from paysim.pilots.verdict import CHANGE, DO_NOT_RUN, RUN, verdict
from paysim.pilots.worlds import simulate_worlds
from tests.pilots import OFF, PRIMARY, panel


@pytest.fixture(scope="module")
def plot() -> Pilot:
    pilot = load_pilot("plot_acceleration_achterhoek")
    return replace(pilot, outcomes=(PRIMARY,), treated=20, controls=20, payment=None, payment_terms={})


def dense(outcome: np.ndarray, columns: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return coefficients, residuals and the inverse of X'X of one trial's panel ``[site, year]``."""
    x = np.column_stack([column.ravel() for column in columns])
    inverse = np.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ outcome.ravel()
    return beta, outcome.ravel() - x @ beta, inverse


def fixed_effects(sites: int, years: int) -> list[np.ndarray]:
    grid = np.indices((sites, years))
    found = [(grid[0] == s).astype(float) for s in range(sites)]
    return found + [(grid[1] == t).astype(float) for t in range(1, years)]


def sandwich(x: np.ndarray, residual: np.ndarray, inverse: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    scores = np.stack([x[cluster == g].T @ residual[cluster == g] for g in np.unique(cluster)])
    return inverse @ scores.T @ scores @ inverse


def allocation(starts: list[int], trials: int = 3) -> Allocation:
    start = np.broadcast_to(np.array(starts), (trials, len(starts)))
    return Allocation(np.zeros(trials, int), np.broadcast_to(np.arange(len(starts)), start.shape), start, start + NEVER)


def outcomes(trials: int, sites: int, years: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((trials, sites, years)).cumsum(axis=2) * 10.0 + 500.0


def test_two_way_fixed_effects_are_dense_least_squares_with_clustered_errors(plot):
    starts = [2, 2, 3, 3, 4, 4, 5, NEVER, NEVER]
    pilot = replace(plot, estimator="two_way_fixed_effects", treated=7, controls=2, rollout="staggered", waves=4)
    y = outcomes(3, 9, 6)
    found = evaluator(pilot, allocation(starts), y).evaluate(y)
    treated = (np.arange(6) >= np.array(starts)[:, None]).astype(float)
    columns = [treated, *fixed_effects(9, 6)]
    x = np.column_stack([column.ravel() for column in columns])
    cluster = np.repeat(np.arange(9), 6)
    for trial in range(3):
        beta, residual, inverse = dense(y[trial], columns)
        # site effects lie within the clusters and are not counted: 6 years and the treatment
        variance = sandwich(x, residual, inverse, cluster)[0, 0] * 9 / 8 * (54 - 1) / (54 - 7)
        assert found.value[trial] == pytest.approx(beta[0], rel=1e-10)
        assert found.error[trial] == pytest.approx(np.sqrt(variance), rel=1e-10)


@pytest.mark.parametrize("kind", ["difference_in_differences", "event_study"])
def test_one_common_start_is_the_regression_with_cr2_errors(plot, kind):
    starts = [2] * 5 + [NEVER] * 4
    pilot = replace(plot, estimator=kind, treated=5, controls=4)
    y = outcomes(3, 9, 6)
    method = evaluator(pilot, allocation(starts), y)
    found = method.evaluate(y)
    own, year = np.arange(9)[:, None] < 5, np.arange(6)[None, :]
    for trial in range(3):
        if kind == "difference_in_differences":
            beta, _, _ = dense(y[trial], [(own & (year >= 2)).astype(float), *fixed_effects(9, 6)])
            wanted = beta[0]
        else:  # a coefficient for every year but the last before the start
            events = [(own & (year == t)).astype(float) for t in range(6) if t != 1]
            beta, _, _ = dense(y[trial], [*events, *fixed_effects(9, 6)])
            wanted = beta[1:5].mean()
        assert found.value[trial] == pytest.approx(wanted, rel=1e-9)
        # CR2 of one number a site: residuals divided by the root of one less the leverage
        collapsed = y[trial] @ method.yearly.mean(axis=0)
        x = np.column_stack([np.ones(9), own[:, 0].astype(float)])
        _, residual, inverse = dense(collapsed, [x[:, 0], x[:, 1]])
        leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
        variance = sandwich(x, residual / np.sqrt(1.0 - leverage), inverse, np.arange(9))[1, 1]
        assert found.error[trial] == pytest.approx(np.sqrt(variance), rel=1e-10)


def test_interrupted_time_series_is_the_segmented_regression_of_the_treated(plot):
    pilot = replace(plot, estimator="interrupted_time_series", treated=6, controls=0, start_year=3, years=4)
    y = outcomes(2, 6, 7)
    found = evaluator(pilot, allocation([3] * 6, 2), y).evaluate(y)
    year = np.arange(7.0)
    after = year >= 3
    columns = [np.ones(7), year, after * 1.0, after * (year - year[after].mean())]
    for trial in range(2):
        beta, _, _ = dense(y[trial].mean(axis=0), columns)
        assert found.value[trial] == pytest.approx(beta[2], rel=1e-9)


def test_matching_takes_the_nearest_before_the_start(plot):
    pilot = replace(plot, estimator="matched_differences", treated=2, controls=3)
    y = outcomes(1, 5, 6)
    y[0, :, :2] = np.array([10.0, 20.0, 19.0, 11.0, 500.0])[:, None]
    method = evaluator(pilot, allocation([2, 2, NEVER, NEVER, NEVER], 1), y)
    np.testing.assert_allclose(method.sites[0], [0.5, 0.5, -0.5, -0.5, 0.0])


@pytest.mark.parametrize("inference", ["cluster_t", "randomisation", "wild_cluster_bootstrap"])
def test_without_effect_size_and_coverage_are_as_promised(plot, inference):
    study = run_pilot(replace(plot, inference=inference), panel(), 2000, OFF)
    found = study.outcomes[0]
    assert 0.04 <= found.type_1 <= 0.06
    assert 0.93 <= found.coverage <= 0.97
    assert found.true_effect == 0.0
    assert (found.power, found.wrong_sign) == (None, None), "without effect there is no power, only type I error"
    assert abs(found.bias) < 4.0 * found.rmse / 2000**0.5


def test_a_stepped_wedge_has_the_right_size_too(plot):
    wedge = replace(plot, rollout="stepped_wedge", waves=4, treated=48, controls=0, estimator="two_way_fixed_effects")
    found = run_pilot(wedge, panel(), 2000, OFF | {"region_drift": 0.02, "practice_noise": 0.03}).outcomes[0]
    assert 0.04 <= found.type_1 <= 0.065
    assert 0.93 <= found.coverage <= 0.97


def test_power_and_detectable_effect_follow_the_closed_form(plot):
    plot = replace(plot, ramp_up=(1.0,))
    found = run_pilot(plot, panel(), 2000, OFF).outcomes[0]
    # two years before, four after: variance of the change is 40^2 (1/2 + 1/4), of which the formula must not know
    by_hand = (1.959964 + 0.841621) * 40.0 * np.sqrt(0.75 * (1 / 20 + 1 / 20))
    assert found.detectable == pytest.approx(by_hand, rel=0.08)
    assert found.detectable_formula == pytest.approx(found.detectable, rel=0.05)
    at_least = run_pilot(plot, panel(found.detectable_formula), 2000, OFF).outcomes[0]
    assert at_least.power == pytest.approx(0.8, abs=0.04)


def test_the_known_truth_is_recovered_when_nothing_is_in_the_way(plot):
    whole = replace(plot, ramp_up=(1.0,))
    for selection in ("randomised", "stratified", "matched"):
        found = run_pilot(replace(whole, selection=selection, strata=4), panel(-30.0, spread=0.5), 2000, OFF).outcomes[
            0
        ]
        assert found.estimate == pytest.approx(found.true_effect, abs=1.5), selection
        assert found.true_effect == pytest.approx(-30.0, abs=2.5)
        assert abs(found.bias_by_source["timing"]) < 1e-9


def test_ramp_up_and_drop_out_are_in_the_truth(plot):
    half = run_pilot(replace(plot, ramp_up=(0.5, 1.0)), panel(-40.0), 500, OFF).outcomes[0]
    assert half.true_effect == pytest.approx(-40.0 * 3.5 / 4.0)
    assert half.region_effect == pytest.approx(half.true_effect)
    leaving = run_pilot(replace(plot, ramp_up=(1.0,)), panel(-40.0), 2000, OFF | {"drop_out": 0.2}).outcomes[0]
    stays = np.mean([0.8**k for k in range(4)])
    assert leaving.true_effect == pytest.approx(-40.0 * stays, rel=0.01)
    assert abs(leaving.bias_by_source["timing"]) < 1e-9  # intention to treat measures just that
    kept = replace(plot, ramp_up=(1.0,), analysis="per_protocol")
    assert run_pilot(kept, panel(-40.0), 500, OFF | {"drop_out": 0.2}).outcomes[0].estimate < leaving.estimate - 3.0


def test_every_source_biases_as_theory_says(plot):
    data = panel(-40.0)
    whole = replace(plot, ramp_up=(1.0,))
    # contamination takes its share of the effect away
    mixed = run_pilot(whole, data, 500, OFF | {"contamination": 0.25}).outcomes[0]
    assert mixed.bias_by_source["contamination"] == pytest.approx(10.0)
    # drift cancels within a region, and not against another
    for place, size in (("same_region", 0.0), ("other_region", 1.0)):
        found = run_pilot(replace(whole, controls_from=place), data, 500, OFF | {"region_drift": 0.02}).outcomes[0]
        assert (found.variance_by_source["drift"] > 0.0) == bool(size), place
    assert found.type_1 > 0.2
    # sums of sources are the whole
    assert sum(found.bias_by_source.values()) == pytest.approx(found.bias, abs=1e-6)
    assert set(found.bias_by_source) == set(SOURCES)


def test_a_series_without_controls_takes_drift_for_an_effect(plot):
    series = replace(plot, estimator="interrupted_time_series", controls=0, start_year=3, years=3)
    still, drifting = (run_pilot(series, panel(), 2000, OFF | {"region_drift": sd}).outcomes[0] for sd in (0.0, 0.02))
    assert still.type_1 < 0.07
    assert drifting.type_1 > 0.3
    assert drifting.coverage < 0.7
    assert "change over time" in verdict(run_pilot(series, panel(), 500, OFF | {"region_drift": 0.02})).reasons[0]


def test_volunteers_regress_to_the_mean(plot):
    """Picked for the last year before, excess over the years before is (1 - reliability) of it, by year that picks."""
    found = run_pilot(replace(plot, selection="volunteers"), panel(-1e-9), 500, OFF).outcomes[0]
    data = panel()
    without = data.without[PRIMARY]
    picked = np.argsort(-without[:, :, 1], axis=1)[:, :20]
    noise = np.take_along_axis(without[:, :, 1], picked, 1).mean() - without[:, :, 1].mean()
    share = 40.0**2 / (50.0**2 + 40.0**2)  # of the excess that is of that year alone
    rest = noise * 60 / 40  # against those not picked
    assert found.bias == pytest.approx(-share * rest / 2.0, rel=0.25)
    assert found.type_1 > 0.2
    assert verdict(run_pilot(replace(plot, selection="volunteers"), panel(-1e-9), 500, OFF)).what == DO_NOT_RUN


def test_trials_do_not_depend_on_how_many_there_are(plot):
    few, many = (allocate(plot, panel(), trials, drop_out=0.1) for trials in (20, 200))
    np.testing.assert_array_equal(few.practice, many.practice[:20])
    np.testing.assert_array_equal(few.leaves, many.leaves[:20])
    assert run_pilot(plot, panel(-20.0), 50) == run_pilot(plot, panel(-20.0), 50)
    every = np.sort(many.practice, axis=1)
    assert (np.diff(every, axis=1) > 0).all(), "a practice comes twice"


@pytest.mark.parametrize("selection", ["randomised", "stratified", "volunteers", "matched"])
def test_nobody_comes_twice(plot, selection):
    found = allocate(replace(plot, selection=selection, strata=5), panel(), 100, drop_out=0.0).practice
    assert (np.diff(np.sort(found, axis=1), axis=1) > 0).all()


def test_a_bonus_by_chance_is_that_of_the_normal_distribution(plot):
    """Shared-savings arithmetic with noise: P(pay) = 1 - Phi(MSR / SE)."""
    terms = Payment(sharing=0.5, loss_sharing=0.5, minimum_savings_rate=0.02, investment_eur_per_head=42.0)
    # The arm grants 8 a year, so 10 of the investment are its own.
    study = run_pilot(replace(plot, payment=terms), panel(practices=200, worlds=20), 2000, OFF)
    error = 40.0 * np.sqrt(0.75 * (1 / 20 + 1 / 20)) / 1000.0
    from scipy.stats import norm

    assert study.money is not None
    assert study.money.chance_bonus == pytest.approx(norm.sf(0.02 / error), abs=0.012)
    assert study.money.chance_penalty == pytest.approx(norm.sf(0.02 / error), abs=0.012)
    assert study.money.loss_without_effect >= 1.0 - study.money.chance_bonus
    none = run_pilot(replace(plot, payment=replace(terms, minimum_savings_rate=0.5)), panel(), 100, OFF).money
    assert none is not None
    assert (none.chance_bonus, none.chance_penalty, none.loss) == (0.0, 0.0, 1.0)


def test_money_counts_a_site_from_its_own_start(plot):
    """Two waves in four years: half of the sites have money of four years and half of two, so three a head."""
    terms = Payment(sharing=0.5, loss_sharing=0.0, minimum_savings_rate=0.0, investment_eur_per_head=10.0)
    staggered = {"rollout": "staggered", "waves": 2, "estimator": "two_way_fixed_effects", "ramp_up": (1.0,)}
    money = run_pilot(replace(plot, payment=terms, **staggered), panel(-500.0), 400, OFF).money
    assert money is not None
    assert money.bonus == pytest.approx(0.5 * 500.0 * 3.0, rel=0.02)
    assert money.payer_loss == 0.0, "the payer gives away half of what it saves in the same years"


def test_savings_are_settled_on_care_without_what_the_arm_pays_as_savings():
    """Grants and shared savings that the arm itself pays are no care: counted as such a payer would pay them twice."""
    parts = {"spending_total": 100.0, "spending_organisations": 7.0, "practice_revenue_shared_savings": 2.0}
    parts |= {"patient_payments": 5.0, "person_years": 2.0, "practice_revenue": 30.0}
    where = {"arm": "a", "draw": 0, "replicate": 0, "period": 0, "dimension": "practice", "group": "p"}
    frame = wide(pd.DataFrame([where | {"measure": name, "value": value} for name, value in parts.items()]), "practice")
    assert measure(PAID_ON).of(frame).item() == (100.0 - 7.0 - 2.0) / 2.0
    without = wide(
        pd.DataFrame(
            [where | {"measure": name, "value": value} for name, value in parts.items() if "shared" not in name]
        ),
        "practice",
    )
    assert measure(PAID_ON).of(without).item() == (100.0 - 7.0) / 2.0, "no arm shares savings with practices"


def test_drift_that_controls_do_not_share_is_a_floor(plot):
    """The closed form is what is simulated, and more sites do not take the drift away."""
    apart = replace(plot, controls_from="other_region", ramp_up=(1.0,))
    found = run_pilot(apart, panel(), 2000, OFF | {"region_drift": 0.02}).outcomes[0]
    assert found.detectable_formula == pytest.approx(found.detectable, rel=0.06)
    # two years before and four after: the walk is 1, 2 before and 3, 4, 5, 6 after, in each of two regions
    weights = np.array([-0.5, -0.5, 0.25, 0.25, 0.25, 0.25])
    times = np.arange(1, 7)
    variance = weights @ np.minimum(times[:, None], times) @ weights
    assert found.detectable_floor == pytest.approx(2.801585 * 0.02 * found.mean * np.sqrt(2.0 * variance), rel=1e-6)
    row = {"treated": 20, "controls": 20, "detectable_formula": 100.0, "detectable_floor": 60.0}
    assert practices_needed(row | {"true_effect": -59.0}) is None
    assert practices_needed(row | {"true_effect": -80.0}) == 40 * (100**2 - 60**2) // (80**2 - 60**2) + 1


def test_volunteers_differ_between_trials_of_one_world(plot):
    one = panel(worlds=1)
    eager = replace(plot, selection="volunteers", treated=10, controls=10)
    sure, unsure = (allocate(eager, one, 200, drop_out=0.0, error=size) for size in (0.0, 1.0))
    assert len({tuple(sorted(row)) for row in sure.practice[:, :10]}) == 1
    assert len({tuple(sorted(row)) for row in unsure.practice[:, :10]}) > 100
    bias = [run_pilot(eager, one, 200, OFF | {"selection.error": size}).outcomes[0].bias for size in (0.0, 1.0, 50.0)]
    assert abs(bias[0]) > abs(bias[1]) > abs(bias[2]), "the less they know, the less they regress to the mean"
    again = allocate(eager, one, 20, drop_out=0.0, error=1.0)
    np.testing.assert_array_equal(again.practice, unsure.practice[:20])


def test_the_verdict_follows_what_was_found(plot):
    nothing = verdict(run_pilot(plot, panel(), 500, OFF))
    assert nothing.what == DO_NOT_RUN
    assert "nothing to find" in nothing.reasons[0]
    good = verdict(run_pilot(replace(plot, ramp_up=(1.0,)), panel(-60.0), 500, OFF))
    assert good.what == RUN
    assert len(good.reasons) == 3
    short = verdict(run_pilot(replace(plot, ramp_up=(1.0,)), panel(-25.0), 500, OFF))
    assert short.what == CHANGE
    assert "power" in short.reasons[0]


def test_sizes_grow_more_certain(plot):
    rows = size_pilot(plot, panel(-30.0), sites=[10, 40], years=[2, 4], trials=300)
    by = {(row["years"], row["treated"]): row["detectable"] for row in rows}
    assert by[2, 5] > by[4, 5] > by[4, 20]
    with pytest.raises(ScenarioError, match="no such number of practices"):
        size_pilot(plot, panel(), sites=[61])
    with pytest.raises(ScenarioError, match="no such length"):
        size_pilot(plot, panel(), years=[5])
    needed = practices_needed(rows[-1])
    assert needed == pytest.approx(40 * (rows[-1]["detectable_formula"] / rows[-1]["true_effect"]) ** 2, abs=1.0)
    larger = panel(-30.0, practices=max(needed, 10), worlds=20)
    enough = replace(plot, treated=needed - needed // 2, controls=needed // 2)
    settings = {key: each.value for key, each in plot.settings.items()} | {"contamination": 0.0}
    assert run_pilot(enough, larger, 2000, settings).outcomes[0].power == pytest.approx(0.8, abs=0.08)
    wider = sweep(plot, panel(-30.0), 100)
    assert {row["setting"] for row in wider} == set(plot.settings)
    side = compare_pilots([(plot, panel(-30.0)), (replace(plot, selection="volunteers"), panel(-30.0))], 200)
    assert abs(side[1]["bias"]) > abs(side[0]["bias"])


def test_more_sites_than_practices_are_refused(plot):
    with pytest.raises(ScenarioError, match=r"more sites than practices.*at most 30"):
        run_pilot(plot, panel(practices=30), 10)


def test_welch_without_spread_has_no_error():
    found = welch(np.zeros((2, 4)), np.array([[0.5, 0.5, -0.5, -0.5]] * 2))
    np.testing.assert_array_equal(found.p, 1.0)
    np.testing.assert_array_equal(found.value, 0.0)


@pytest.mark.parametrize("name", catalog.names("pilots"))
def test_shipped_pilots_are_right(name):
    pilot = load_pilot(name)
    assert pilot.name == name
    found = CliRunner().invoke(app, ["check", name])
    assert found.exit_code == 0, found.output
    assert "ok" in found.output
    assert not [each for each in catalog.names("scenarios") if each.startswith("pilots")]


FAULTS = {
    "starts before the region": ("start: 2023-01-01", "start: 2020-01-01"),
    "no contract year begins on this day": ("start: 2023-01-01", "start: 2023-04-01"),
    "there is no year before it": ("start: 2023-01-01", "start: 2021-01-01"),
    "ends after the scenario": ("years: 4", "years: 9"),
    "cannot be identified without controls": ("controls: 15", "controls: 0"),
    "did you mean 'upside_sharing'": ("trial_arm: upside_sharing", "trial_arm: upside_sharin"),
    "is the comparator": ("trial_arm: upside_sharing", "trial_arm: today"),
    "did you mean 'controls'": ("controls: 15", "control: 15"),
    "did you mean 'gp_contacts_per_head'": ("gp_contacts_per_head", "gp_contact_per_head"),
    "value lies outside its range": ("{value: 0.1, range: [0.0, 0.3]", "{value: 0.5, range: [0.0, 0.3]"),
    "no such scenario": ("scenario: nl/achterhoek_plot", "scenario: nl/achterhoek_plod"),
    "needs one common start": ("kind: parallel, start: 2023-01-01", "kind: staggered, waves: 2, start: 2023-01-01"),
    "at least two years": (
        "start: 2023-01-01, years: 4, ramp_up: [0.5, 1.0]}",
        "start: 2022-01-01, years: 4}",
    ),
    "needs randomised sites": ("inference: cluster_t", "inference: randomisation"),
    "two shares from 0 to 1 expected": (
        "practice_noise: {value: 0.01, range: [0.0, 0.04]",
        "practice_noise: {value: 0.01, range: [-0.04, 0.04]",
    ),
    "payments are not known up to this amount": (
        "  settled: yearly",
        "  truncate_above_eur: {value: 30000, range: [25000, 50000], source: a test, status: assumed}\n  settled: yearly",
    ),
    "two numbers from 0 expected": ("range: [5, 60]", "range: [-5, 60]"),
    "belongs to volunteers": ("selection: {kind: randomised}", "selection: {kind: volunteers}"),
}


@pytest.mark.parametrize("message", FAULTS)
def test_what_cannot_be_is_refused_with_its_place(message, tmp_path):
    name = "plot_acceleration_volunteers" if "randomised sites" in message else "plot_acceleration_achterhoek"
    text = catalog.find("pilots", name).read_text()
    old, new = FAULTS[message]
    assert old in text
    text = text.replace(old, new)
    if "two years" in message:
        text = text.replace("difference_in_differences", "interrupted_time_series")
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=re.escape(message)) as caught:
        load_pilot(str(file))
    assert all(problem.file == str(file) and problem.line for problem in caught.value.problems)


@pytest.fixture(scope="module")
def made(run_folder) -> tuple[Run, Pilot]:
    """Return a made-up run with two of its arms as a pilot."""
    run = load_run(run_folder)
    pilot = load_pilot("plot_acceleration_achterhoek")
    scenario = replace(pilot.scenario, region=run.scenario.get("region", pilot.scenario.region))
    names = {"comparator_arm": "dutch_today", "trial_arm": "capitation"}
    return run, replace(pilot, scenario=scenario, outcomes=("practice_margin_per_head",), **names)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_panel_is_the_run_and_survives_a_file(made, tmp_path: Path, ending):
    run, pilot = made
    found = panel_of(run, pilot)
    frame = run.wide("practice").reset_index()
    one = frame[(frame["group"] == found.practices[0]) & (frame["period"] == 3) & (frame["replicate"] == 0)]
    values = {arm: one.loc[one["arm"] == arm, "practice_margin"].item() for arm in found.arms}
    lived = {arm: one.loc[one["arm"] == arm, "person_years"].item() for arm in found.arms}
    (name,) = pilot.outcomes
    assert found.without[name][0, 0, 3] == pytest.approx(values["dutch_today"] / lived["dutch_today"])
    both = found.without[name] + found.effect[name]
    assert both[0, 0, 3] == pytest.approx(values["capitation"] / lived["capitation"])
    table, dictionary = write_panel(found, tmp_path / f"panel.{ending}")
    assert "person_years" in dictionary.read_text()
    again = read_panel(table, pilot)
    np.testing.assert_allclose(again.without[name], found.without[name], rtol=1e-12)
    np.testing.assert_allclose(again.effect[name], found.effect[name], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(again.people, found.people, rtol=1e-12)
    np.testing.assert_allclose(again.of_region(name), found.of_region(name), rtol=1e-12)
    assert again.weight == pytest.approx(found.weight)
    with pytest.raises(DataError, match="shorter than the pilot"):
        read_panel(table, replace(pilot, years=30))


def test_a_part_of_the_results_is_what_the_whole_says(made):
    run, _ = made
    names = ("spending_per_head", "insurer_payments_per_head", "gp_contacts_per_head", "care_payments_per_head")
    for dimension in ("all", "practice"):
        some, whole = run.some(dimension, totals_of(measure(name) for name in names)), run.wide(dimension)
        assert len(some.columns) < len(whole.columns) / 4
        for name in names:
            assert measure(name).held_by(some) == measure(name).held_by(whole)
            if not measure(name).held_by(whole):
                continue
            pd.testing.assert_series_equal(measure(name).of(some), measure(name).of(whole), check_names=False)


@pytest.mark.slow
def test_replicates_in_processes_are_the_same_and_are_taken_up(tmp_path: Path):
    """Side by side in two processes, and one after the other: the same bytes, and nothing is simulated twice."""
    pilot = replace(load_pilot("plot_acceleration_achterhoek"), start_year=0, years=1)
    first, second = (tmp_path / name for name in ("first", "second"))
    said: list[tuple[str, int, int]] = []
    how = {"sample": 4000, "replicates": 2}
    simulate_worlds(pilot, first, processes=2, progress=lambda *each: said.append(each), **how)
    assert [each for each in said if each[0] == "replicates"] == [("replicates", 1, 2), ("replicates", 2, 2)]
    assert not [each for each in said if each[0] != "replicates"], "cells of the processes were not found"
    simulate_worlds(pilot, second, workers=1, **how)
    for name in ("results.parquet", "ledger.parquet", "incentives.csv"):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_truth_of_the_region_is_what_runs_are_compared_by(made):
    """Totals of both arms over all years, without ramp-up: the difference that `paysim compare` prints."""
    run, pilot = made
    years = int(run.wide("all").index.get_level_values("period").max()) + 1
    names = ("spending_per_head", "qalys_per_1000", "gp_contacts_per_head", "practice_margin_per_head")
    whole = replace(pilot, outcomes=names, start_year=0, years=years, ramp_up=(1.0,))
    held = panel_of(run, whole)
    compared = compare(run, baseline=pilot.comparator_arm)
    mine = compared[compared["arm"] == pilot.trial_arm].set_index("measure")["difference"]
    for name in names:
        assert region_effect(whole, held, name) == pytest.approx(mine[name], rel=1e-9, abs=1e-12), name
    half = region_effect(replace(whole, ramp_up=(0.5,)), held, "spending_per_head")
    assert half == pytest.approx(0.5 * mine["spending_per_head"], rel=1e-9), "money has the comparator's person-years"


def test_what_is_scaled_up_weighs_sites_by_their_people(plot):
    """Two sizes of sites, of which only the large ones gain: 30 x 3 / (3 + 1) a head, where the mean site gains 15."""
    data = panel(worlds=1, practices=40)
    large = np.arange(40) % 2 == 0
    data.without[PRIMARY][:] = 1000.0
    data.effect[PRIMARY][:, large] = -30.0
    data = replace(data, people=np.where(large, 3.0, 1.0)[None, :])
    found = run_pilot(replace(plot, ramp_up=(1.0,)), data, 2000, OFF).outcomes[0]
    assert found.estimate == pytest.approx(-15.0, abs=0.2)
    assert found.region_effect == pytest.approx(-22.5)
    assert found.estimate_by_people == pytest.approx(-22.5, abs=0.3)


def test_runs_that_do_not_fit_are_refused(made, tmp_path: Path):
    run, pilot = made
    with pytest.raises(DataError, match="shorter than the pilot"):
        panel_of(run, replace(pilot, years=30))
    with pytest.raises(DataError, match="no such arm"):
        panel_of(run, replace(pilot, trial_arm="capitatoin"))
    with pytest.raises(DataError, match="ends in"):
        write_panel(panel(), tmp_path / "panel.xlsx")
    (tmp_path / "empty.csv").write_text("practice,year\n")
    with pytest.raises(DataError, match="column missing"):
        read_panel(tmp_path / "empty.csv", pilot)


def test_worlds_that_were_not_simulated_are_asked_for(tmp_path: Path, monkeypatch):
    """Without --run a pilot's worlds are looked for in the folder that `pilot simulate` writes by default."""
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["pilot", "run", "plot_acceleration_achterhoek"])
    assert found.exit_code != 0
    said = f"{found.output} {found.exception}"
    assert "paysim pilot simulate plot_acceleration_achterhoek" in said
    assert "outputs/pilot-plot_acceleration_achterhoek" in said.replace("\n", "")


def test_the_commands_work_on_a_panel(plot, tmp_path: Path):
    pilot = load_pilot("plot_acceleration_achterhoek")
    data = panel(-20.0)
    for name in pilot.outcomes:
        data.without[name], data.effect[name], data.units[name] = data.without[PRIMARY], data.effect[PRIMARY], "EUR"
    named = replace(data, arms=(pilot.comparator_arm, pilot.trial_arm))
    table, _ = write_panel(named, tmp_path / "panel.csv")
    for command in (["run", "--sweep"], ["size"], ["compare"]):
        arguments = ["pilot", command[0], pilot.name, *command[1:], "--run", str(table), "--trials", "50"]
        found = CliRunner().invoke(app, arguments)
        assert found.exit_code == 0, found.output
        assert "true_effect" in found.output
        assert CliRunner().invoke(app, [*arguments, "--json"]).output.startswith("{")
    drawn = ["pilot", "size", pilot.name, "--run", str(table), "--trials", "20", "--plot"]
    assert CliRunner().invoke(app, [*drawn, str(tmp_path / "power.png")]).exit_code == 0
    assert (tmp_path / "power.png").read_bytes().startswith(b"\x89PNG")
    assert CliRunner().invoke(app, [*drawn, str(tmp_path / "power.gif")]).exit_code != 0
