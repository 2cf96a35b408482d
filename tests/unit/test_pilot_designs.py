"""Designs of pilots: mixed model, norm cost, zones, withdrawal, who takes part and leaves, cash, and the search."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import ttest_ind, ttest_rel
from typer.testing import CliRunner

from paysim import catalog
from paysim.analysis.execution import simulate
from paysim.cli.app import app
from paysim.errors import DataError, ScenarioError
from paysim.kernel.records import PERIODS_PER_YEAR
from paysim.pilots import Panel, Pilot, load_pilot, mixed, panel_of, run_pilot
from paysim.pilots import panel as panels
from paysim.pilots.allocation import NEVER, Allocation, allocate
from paysim.pilots.estimators import paired, pooled
from paysim.pilots.export import export
from paysim.pilots.model import TRUNCATED, Payment, Sourced
from paysim.pilots.money import leave_at_loss, share_paid
from paysim.pilots.panel import read_panel, write_panel
from paysim.pilots.parts import make_parts
from paysim.pilots.sizing import cheapest, power_at, practices_needed, size_pilot
from paysim.pilots.verdict import verdict
from paysim.pilots.worlds import load_worlds, needed, require_sites
from tests.pilots import OFF, PRIMARY, panel

TERMS = Payment(sharing=0.5, loss_sharing=0.0, minimum_savings_rate=0.0, investment_eur_per_head=0.0)


@pytest.fixture(scope="module")
def plot() -> Pilot:
    pilot = load_pilot("plot_acceleration_achterhoek")
    whole = {"outcomes": (PRIMARY,), "treated": 20, "controls": 20, "ramp_up": (1.0,)}
    return replace(pilot, payment=None, payment_terms={}, **whole)


@pytest.fixture(scope="module")
def zones() -> Pilot:
    pilot = load_pilot("ascvd_twelve_zones")
    return replace(pilot, outcomes=(PRIMARY,), start_year=2, years=4, ramp_up=(1.0,))


def wedge(trials: int, sites: int, years: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an indicator of sites that start one after another, and outcomes with intercepts of that spread."""
    start = 1 + np.arange(sites) * (years - 1) // sites
    treated = (np.arange(years) >= start[:, None]).astype(float)
    random = np.random.default_rng(11)
    own = spread * random.standard_normal((trials, sites, 1))
    y = 50.0 + own + np.arange(years) + 2.0 * treated + random.standard_normal((trials, sites, years))
    return np.broadcast_to(treated, y.shape), y


def reml(x: np.ndarray, y: np.ndarray, ratio: float, groups: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return -2 log L, coefficients and their covariance with a variance ratio of intercepts to the rest, densely."""
    variance = np.eye(len(y)) + ratio * (groups[:, None] == groups)
    inverse = np.linalg.inv(variance)
    cross = x.T @ inverse @ x
    beta = np.linalg.solve(cross, x.T @ inverse @ y)
    free = len(y) - x.shape[1]
    scale = float((y - x @ beta) @ inverse @ (y - x @ beta)) / free
    logs = np.linalg.slogdet(variance)[1] + np.linalg.slogdet(cross)[1]
    return free * np.log(scale) + logs, beta, scale * np.linalg.inv(cross)


@pytest.mark.parametrize("spread", [0.0, 0.5, 3.0])
def test_the_mixed_model_is_restricted_maximum_likelihood(spread):
    treatment, y = wedge(4, 8, 5, spread)
    found = mixed.fit(treatment, y)
    groups = np.repeat(np.arange(8), 5)
    year = (np.arange(40)[:, None] % 5 == np.arange(5)).astype(float)
    for trial in range(4):
        x = np.column_stack([treatment[trial].ravel(), year])
        best = minimize_scalar(
            lambda log: reml(x, y[trial].ravel(), np.exp(log), groups)[0],  # noqa: B023
            bounds=(-12.0, 12.0),
            method="bounded",
            options={"xatol": 1e-10},
        )
        _, beta, covariance = reml(x, y[trial].ravel(), np.exp(best.x), groups)
        assert found.value[trial] == pytest.approx(beta[0], rel=2e-5)
        assert found.error[trial] == pytest.approx(np.sqrt(covariance[0, 0]), rel=2e-5)
    np.testing.assert_allclose((found.weights * y).sum(axis=(1, 2)), found.value, rtol=1e-9)


def test_a_stepped_wedge_by_the_mixed_model_keeps_its_level(plot):
    own = replace(plot, rollout="stepped_wedge", waves=4, treated=48, controls=0, estimator="mixed_model")
    found = run_pilot(own, panel(), 2000, OFF | {"practice_noise": 0.02}).outcomes[0]
    assert 0.035 <= found.type_1 <= 0.065
    assert 0.93 <= found.coverage <= 0.97
    fixed = run_pilot(replace(own, estimator="two_way_fixed_effects"), panel(), 2000, OFF).outcomes[0]
    assert found.detectable < fixed.detectable * 1.1, "it uses what lies between sites too"
    known = run_pilot(own, panel(-60.0), 500, OFF).outcomes[0]
    assert known.estimate == pytest.approx(-60.0, abs=1.5)
    assert sum(known.bias_by_source.values()) == pytest.approx(known.bias, abs=1e-6)


def test_one_variance_for_both_groups_is_the_t_test():
    y = np.random.default_rng(2).standard_normal((5, 9))
    weights = np.broadcast_to(np.array([0.25] * 4 + [-0.2] * 5), y.shape)
    theirs = ttest_ind(y[:, :4], y[:, 4:], axis=1)
    np.testing.assert_allclose(pooled(y, weights).p, theirs.pvalue, rtol=1e-10)


def test_pairs_are_the_units_of_matched_sites(plot):
    y = np.random.default_rng(5).standard_normal((3, 9))
    partner = np.broadcast_to(np.array([0, 1, 2, 3]), (3, 4))
    weights = np.broadcast_to(np.array([0.25] * 4 + [-0.25] * 4 + [0.0]), y.shape)
    theirs = ttest_rel(y[:, :4], y[:, 4:8], axis=1)
    np.testing.assert_allclose(paired(y, weights, partner).p, theirs.pvalue, rtol=1e-10)
    shared = np.broadcast_to(np.array([0, 0, 1, 2]), (3, 4))
    found = paired(y, np.broadcast_to(np.array([0.25] * 4 + [-0.5, -0.25, -0.25, 0.0, 0.0]), y.shape), shared)
    difference = y[:, :4] - y[:, [4, 4, 5, 6]]
    off = difference - difference.mean(axis=1, keepdims=True)
    by_control = np.stack([off[:, 0] + off[:, 1], off[:, 2], off[:, 3]]) / 4.0
    leverage = np.array([0.5, 0.25, 0.25])[:, None]
    np.testing.assert_allclose(found.error, np.sqrt((by_control**2 / (1.0 - leverage)).sum(axis=0)), rtol=1e-10)
    np.testing.assert_allclose(found.freedom, 1.0 / (leverage**2).sum() - 1.0)
    for selection in ("matched", "randomised"):
        own = replace(plot, estimator="matched_differences", selection=selection, treated=20, controls=40)
        level = run_pilot(own, panel(worlds=20), 2000, OFF).outcomes[0]
        assert 0.03 <= level.type_1 <= 0.065, selection
        assert 0.93 <= level.coverage <= 0.975


def norm(zones: Pilot) -> tuple[Pilot, Panel]:
    names = tuple(f"p{k:03d}" for k in range(14))
    own = replace(zones, regions=names, treated=1, controls=13, estimator="norm_cost", inference="pooled_t")
    data = panel(practices=14, worlds=400)
    mix = 1.0 + 0.2 * np.random.default_rng(4).uniform(-1.0, 1.0, (400, 14, 1)) * np.ones(6)
    data.without[PRIMARY][:] *= mix
    return replace(own, selection="named", named=("p003",)), replace(data, case_mix=mix)


def test_norm_cost_is_what_people_like_these_cost_in_the_controls(zones):
    own, data = norm(zones)
    one = run_pilot(own, data, 2, OFF)
    chosen = allocate(own, data, 2, drop_out=0.0)
    assert (chosen.practice[:, 0] == 3).all()
    y = data.without[PRIMARY][chosen.world[:, None], chosen.practice][:, :, 2:]
    mix = data.case_mix[chosen.world[:, None], chosen.practice][:, :, 2:]
    expected = (y[:, 1:] / mix[:, 1:]).mean(axis=1) * mix[:, 0]
    assert one.outcomes[0].estimate == pytest.approx((y[:, 0] - expected).mean(), rel=1e-10)


def test_norm_cost_takes_a_region_that_is_dear_for_good_for_an_effect(zones):
    own, data = norm(zones)
    found = run_pilot(own, data, 2000, OFF).outcomes[0]
    assert 0.035 <= found.type_1 <= 0.065, "one site against thirteen: the t test of a single one"
    assert 0.93 <= found.coverage <= 0.97
    with_levels = run_pilot(own, data, 2000, OFF | {"region_level": 0.07}).outcomes[0]
    assert with_levels.variance_by_source["level"] == pytest.approx((0.07 * found.mean) ** 2 * (1 + 1 / 13), rel=0.1)
    assert with_levels.detectable > 1.4 * found.detectable
    before = run_pilot(replace(own, estimator="difference_in_differences"), data, 2000, OFF | {"region_level": 0.07})
    assert before.outcomes[0].variance_by_source["level"] < 1e-12, "what a region is for good goes with years before"
    with pytest.raises(DataError, match="no case mix"):
        run_pilot(own, replace(data, case_mix=None), 10)


def test_a_panel_of_zones_survives_a_file(zones, tmp_path: Path):
    own, data = norm(zones)
    named = replace(data, arms=(own.comparator_arm, own.trial_arm))
    table, _ = write_panel(named, tmp_path / "zones.parquet")
    again = read_panel(table, own)
    np.testing.assert_array_equal(again.case_mix, data.case_mix)
    assert run_pilot(own, again, 50, OFF) == run_pilot(own, data, 50, OFF)


def test_coding_alone_raises_norm_cost_savings_one_for_one(zones):
    """T4: people who look 2% dearer and are not save 2% of their norm."""
    own, data = norm(zones)
    honest, coded = (run_pilot(own, data, 400, OFF | {"coding": share}).outcomes[0] for share in (0.0, 0.02))
    start = slice(own.start_year, own.end_year)
    theirs = data.without[PRIMARY][:, :, start] / data.case_mix[:, :, start]
    norms = np.delete(theirs, 3, axis=1).mean(axis=1) * data.case_mix[:, 3, start]
    assert coded.bias_by_source["coding"] == pytest.approx(-0.02 * norms.mean(), rel=0.01)
    assert coded.bias - honest.bias == pytest.approx(coded.bias_by_source["coding"], rel=1e-9)
    assert sum(coded.bias_by_source.values()) == pytest.approx(coded.bias, abs=1e-6)


def test_a_withdrawal_without_controls_compares_with_before(plot):
    series = replace(withdrawn(plot), estimator="interrupted_time_series", controls=0, start_year=2, years=4)
    found = run_pilot(series, panel(-60.0), 200, OFF)
    assert found.withdrawn[0].estimate == pytest.approx(0.0, abs=10.0)


def test_every_zone_drifts_by_itself(zones):
    found = run_pilot(zones, panel(worlds=20), 2000, OFF | {"region_drift": 0.02}).outcomes[0]
    assert 0.035 <= found.type_1 <= 0.06, "drift of each site is spread between sites, which errors by site see"
    assert found.variance_by_source["drift"] > 0.0
    assert found.detectable_floor == 0.0
    assert found.detectable_formula == pytest.approx(found.detectable, rel=0.08)
    more = run_pilot(replace(zones, treated=24, controls=24), panel(worlds=20), 2000, OFF | {"region_drift": 0.02})
    assert more.outcomes[0].detectable == pytest.approx(found.detectable / 2**0.5, rel=0.08)


def test_each_region_has_random_numbers_of_its_own(zones):
    first, second = (needed(zones, name) for name in ("amalo", "bravio"))
    assert first.seed != second.seed
    assert (first.region, second.region) == ("amalo", "bravio")
    assert {arm.name for arm in first.arms} == {"today", "ascvd"}
    assert first.horizon_years == zones.end_year
    assert needed(zones, "amalo") == first


def test_worlds_that_are_not_there_are_named(zones, tmp_path: Path):
    with pytest.raises(DataError, match="no finished run of this region") as caught:
        load_worlds(zones, tmp_path)
    assert len(caught.value.problems) == len(zones.regions)
    with pytest.raises(DataError, match="a run of every zone expected"):
        panel_of(panels.Run(tmp_path, {}), zones)


def test_case_mix_is_what_segments_cost_over_all_sites(zones):
    """Two segments at EUR 100 and 300 a person-year: a site of both halves costs 200, one of the dear ones 300."""
    rate, lines = np.array([100.0, 300.0]), panels.CURATIVE
    lived = np.array([[0.5, 0.5], [0.0, 1.0]]) / PERIODS_PER_YEAR
    paid = np.zeros((2, 2, len(lines)))
    paid[:, :, 0] = lived * rate
    quarter = SimpleNamespace(person_years=lived, payments=paid, lines=lines, practice_names=("a", "b"))
    cell = SimpleNamespace(quarters=(quarter,) * PERIODS_PER_YEAR * 3)
    run = SimpleNamespace(manifest={"replicates": 1}, cell=lambda arm, replicate: cell, path="run")
    own = replace(zones, estimator="norm_cost")
    found = panels._case_mix([run], own, pooled=False)
    np.testing.assert_allclose(found, np.broadcast_to(np.array([200.0, 300.0])[:, None] / 250.0, (1, 2, 3)))
    np.testing.assert_allclose(panels._case_mix([run, run], own, pooled=True), 1.0)


def withdrawn(plot: Pilot) -> Pilot:
    carried = {"carry_over": Sourced(0.0, 0.0, 1.0, "test", "assumed")}
    return replace(plot, rollout="withdrawal", withdrawn_after=2, settings=plot.settings | carried)


def test_what_is_withdrawn_returns_to_baseline(plot):
    own, data = withdrawn(plot), panel(-60.0, worlds=20)
    gone = run_pilot(own, data, 1000, OFF)
    assert gone.outcomes[0].true_effect == pytest.approx(-60.0), "the years under the contract, and no others"
    assert gone.outcomes[0].estimate == pytest.approx(-60.0, abs=2.0)
    assert gone.withdrawn[0].left == 0.0
    assert gone.withdrawn[0].estimate == pytest.approx(0.0, abs=2.0)
    assert 0.03 <= gone.withdrawn[0].finds_something <= 0.07
    stays = run_pilot(own, data, 500, OFF | {"carry_over": 0.5})
    assert stays.withdrawn[0].left == pytest.approx(-60.0 * (0.5 + 0.25) / 2.0)
    assert stays.outcomes[0].true_effect == pytest.approx(-60.0)
    # two-way fixed effects take the years after for years without effect, which is right only if nothing stays
    two_way = replace(own, estimator="two_way_fixed_effects")
    assert abs(run_pilot(two_way, data, 500, OFF).outcomes[0].bias) < 2.0
    assert run_pilot(two_way, data, 500, OFF | {"carry_over": 1.0}).outcomes[0].bias > 10.0


def test_volunteers_by_expected_value_are_paid_for_what_they_know(plot):
    data = panel(-10.0, spread=0.5, worlds=3)
    paid = replace(plot, payment=replace(TERMS, running_cost_eur_per_head_year=10.0))
    own = replace(paid, selection="volunteers", look="expected_value", treated=15, controls=15)
    without, effect = data.without[PRIMARY], data.effect[PRIMARY]
    worth = without[:, :, :2].mean(axis=2) - without[:, :, 2:6].mean(axis=2) - effect[:, :, :4].mean(axis=2)
    worth = np.where(worth > 0.0, 0.5, 0.0) * worth - 10.0
    found = allocate(own, data, 50, drop_out=0.0)
    for trial in range(50):
        wanted = np.argsort(-worth[found.world[trial]], kind="stable")[:15]
        np.testing.assert_array_equal(np.sort(found.practice[trial, :15]), np.sort(wanted))
    study = run_pilot(own, data, 500, OFF)
    assert study.willing == 1.0
    assert study.outcomes[0].bias < -10.0, "they take part because they were dear by chance"
    nobody = replace(own, payment=replace(TERMS, running_cost_eur_per_head_year=1e5))
    empty = run_pilot(nobody, data, 50, OFF)
    assert (empty.willing, empty.stayed) == (0.0, 0.0)
    assert empty.outcomes[0].true_effect == 0.0


def test_sites_leave_when_what_they_see_does_not_pay(plot):
    flat = panel(-100.0, worlds=2)
    flat.without[PRIMARY][:] = 1000.0

    def stayed(cost: float) -> Allocation:
        own = replace(plot, payment=replace(TERMS, running_cost_eur_per_head_year=cost))
        used = dict.fromkeys(("contamination", "drop_out", "region_drift", "region_level"), 0.0)
        used |= {"practice_noise": 0.0, "carry_over": 0.0}
        drawn = allocate(own, flat, 20, drop_out=0.0)
        return leave_at_loss(own, drawn, lambda who: make_parts(own, flat, PRIMARY, who, used))

    assert (stayed(49.0).leaves == NEVER).all(), "half of 100 pays for 49"
    assert (stayed(51.0).leaves[:, :20] == plot.start_year + 1).all(), "and not for 51: one year to find out"
    assert (stayed(51.0).leaves[:, 20:] == NEVER).all()
    own = replace(plot, leaves_at_loss=True, payment=replace(TERMS, running_cost_eur_per_head_year=51.0))
    assert run_pilot(own, flat, 20, OFF).stayed == pytest.approx(0.25)


def test_cash_is_what_the_terms_say(plot):
    """EUR 100 saved a year, half of it paid a year later; 60 invested and 10 a year to run; no grant in the arm."""
    trial = next(arm for arm in plot.scenario.arms if arm.name == plot.trial_arm)
    own = tuple(each for each in trial.contracts if each.name != "plot_grant")
    arms = tuple(replace(arm, contracts=own) if arm is trial else arm for arm in plot.scenario.arms)
    granted, plot = plot, replace(plot, scenario=replace(plot.scenario, arms=arms))
    flat = panel(-100.0, worlds=1)
    flat.without[PRIMARY][:] = 1000.0
    terms = replace(TERMS, investment_eur_per_head=60.0, running_cost_eur_per_head_year=10.0)
    terms = replace(terms, settlement_lag_years=1.0, settled="yearly", reserve_eur_per_head=69.0)
    money = run_pilot(replace(plot, payment=terms), flat, 20, OFF).money
    organisation, payer = money.cash
    for name in ("low", "median", "high"):
        np.testing.assert_allclose([row[name] for row in organisation.fan], [-70.0, -30.0, 10.0, 50.0, 100.0])
        np.testing.assert_allclose([row[name] for row in payer.fan], [100.0, 150.0, 200.0, 250.0, 200.0])
    assert organisation.reserve_needed == pytest.approx(70.0)
    assert (organisation.insolvent, organisation.breaks_even, organisation.break_even_year) == (1.0, 1.0, 3.0)
    assert (payer.insolvent, payer.reserve_needed, payer.break_even_year) == (None, 0.0, 1.0)
    assert (organisation.certain_need, payer.certain_need, money.granted) == (70.0, 0.0, 0.0)
    # the grant of the arm, EUR 8 a head and year, is the organisation's and costs the payer as much
    paid = run_pilot(replace(granted, payment=terms), flat, 20, OFF).money
    assert paid.granted == pytest.approx(32.0)
    assert paid.result == pytest.approx(money.result + 32.0)
    for (with_grant, without), sign in zip(zip(paid.cash, money.cash, strict=True), (1.0, -1.0), strict=True):
        change = [a["median"] - b["median"] for a, b in zip(with_grant.fan, without.fan, strict=True)]
        np.testing.assert_allclose(change, sign * np.array([8.0, 16.0, 24.0, 32.0, 32.0]))
    assert paid.cash[0].certain_need == pytest.approx(62.0)
    enough = run_pilot(replace(plot, payment=replace(terms, reserve_eur_per_head=71.0)), flat, 20, OFF).money
    assert enough.cash[0].insolvent == 0.0
    assert (money.bonus, money.result, money.loss, money.payer_loss) == (200.0, 100.0, 0.0, 0.0)


def test_caps_and_corridors():
    rate = np.array([-0.2, -0.03, -0.01, 0.0, 0.01, 0.03, 0.2])
    terms = replace(TERMS, loss_sharing=0.5, minimum_savings_rate=0.02, gain_cap_share=0.05, loss_cap_share=0.04)
    np.testing.assert_allclose(share_paid(rate, terms), [-0.04, -0.015, 0.0, 0.0, 0.0, 0.015, 0.05])
    beyond = replace(terms, first_euro=False)
    np.testing.assert_allclose(share_paid(rate, beyond), [-0.04, -0.005, 0.0, 0.0, 0.0, 0.005, 0.05])


def test_what_few_persons_cost_does_not_count_where_it_is_truncated(plot):
    """EUR 100 saved, 60 of it below the threshold: a half of 60 is paid, and the payer has saved 100."""
    flat = panel(-100.0, worlds=1)
    flat.without[PRIMARY][:] = 1000.0
    below = TRUNCATED[50_000.0]
    flat.without[below], flat.effect[below] = 0.8 * flat.without[PRIMARY], 0.6 * flat.effect[PRIMARY]
    terms = replace(TERMS, truncate_above_eur=50_000.0)
    money = run_pilot(replace(plot, payment=terms), flat, 20, OFF).money
    assert money.bonus == pytest.approx(120.0)
    assert money.cash[1].fan[-1]["median"] == pytest.approx(4 * 100.0 - 120.0 - money.granted)
    other = {row["value"]: row for row in money.variants if row["term"] == "truncate_above_eur"}
    assert list(other) == ["never"]  # what the panel holds
    assert other["never"]["bonus"] == pytest.approx(200.0)
    capped = replace(terms, gain_cap_share=0.02)
    assert run_pilot(replace(plot, payment=capped), flat, 20, OFF).money.bonus == pytest.approx(4 * 0.02 * 800.0)
    with pytest.raises(DataError, match="simulate the pilot anew"):
        run_pilot(replace(plot, payment=terms), panel(), 20, OFF)


def test_cash_of_practices_and_hospital_is_what_the_contract_does_to_it(plot):
    flat = panel(-100.0, worlds=1)
    for name, euro in (("practice_margin_per_head", 5.0), ("spending_hospital_per_head", -40.0)):
        flat.without[name] = flat.without[PRIMARY]
        flat.effect[name] = np.full_like(flat.effect[PRIMARY], euro)
    money = run_pilot(replace(plot, payment=TERMS), flat, 20, OFF).money
    _, _, practices, hospital = money.cash
    assert [row["median"] for row in practices.fan] == pytest.approx([5.0, 10.0, 15.0, 20.0])
    assert [row["low"] for row in hospital.fan] == pytest.approx([-40.0, -80.0, -120.0, -160.0])
    assert (practices.insolvent, practices.breaks_even, hospital.breaks_even) == (None, 1.0, 0.0)


def test_settling_every_year_pays_more_by_chance(plot):
    """A year is noisier than four, and without repayment every good year is paid."""
    terms = replace(TERMS, minimum_savings_rate=0.02)
    end, yearly = (
        run_pilot(replace(plot, payment=replace(terms, settled=how)), panel(), 1000, OFF).money
        for how in ("end", "yearly")
    )
    assert yearly.chance_bonus > end.chance_bonus
    assert yearly.bonus_without_effect > end.bonus_without_effect
    drifting = OFF | {"region_drift": 0.03}
    own, measured = (
        run_pilot(replace(plot, payment=replace(terms, benchmark=how)), panel(), 1000, drifting).money
        for how in ("own_history", "estimate")
    )
    assert own.chance_bonus > measured.chance_bonus + 0.1, "a benchmark of one's own past pays for the region's drift"


def test_few_sites_are_judged_by_every_inference(plot):
    own = replace(plot, treated=3, controls=15)
    found = {row["inference"]: row["type_1"] for row in run_pilot(own, panel(), 1000, OFF).inferences}
    assert found["cluster_t"] > 0.065
    assert 0.03 <= found["randomisation"] <= 0.07
    assert 0.03 <= found["pooled_t"] <= 0.07
    assert run_pilot(plot, panel(), 50, OFF).inferences == (), "forty are enough"


def test_the_cheapest_design_that_meets_the_target_comes_first(plot):
    terms = replace(TERMS, investment_eur_per_head=10.0, running_cost_eur_per_head_year=5.0)
    found = cheapest(replace(plot, payment=terms), panel(-40.0), sites=[20, 40, 60], years=[2, 4], trials=200)
    good = [row for row in found if row["meets"]]
    assert good
    assert found[0] == min(good, key=lambda row: row["cost_eur"])
    assert found[0]["power"] >= 0.8
    assert found[0]["cost_eur"] == found[0]["treated"] * (10.0 + 5.0 * found[0]["years"])  # one person a site
    assert not any(row["meets"] for row in cheapest(plot, panel(-40.0), [20], [2], 100, target=1.0))


def test_the_commands_search_and_draw_cash(tmp_path: Path):
    pilot = load_pilot("plot_acceleration_achterhoek")
    data = panel(-20.0)
    for name in panels.measured(pilot):
        data.without[name], data.effect[name], data.units[name] = data.without[PRIMARY], data.effect[PRIMARY], "EUR"
    table, _ = write_panel(replace(data, arms=(pilot.comparator_arm, pilot.trial_arm)), tmp_path / "panel.parquet")
    base = [pilot.name, "--run", str(table), "--trials", "20"]
    found = CliRunner().invoke(app, ["pilot", "search", *base, "--sites", "20", "--years", "4"])
    assert found.exit_code == 0, found.output
    assert "cost_eur" in found.output
    drawn = CliRunner().invoke(app, ["pilot", "run", *base, "--plot", str(tmp_path / "cash.png")])
    assert drawn.exit_code == 0, drawn.output
    assert (tmp_path / "cash.png").read_bytes().startswith(b"\x89PNG")
    for shown in ("break_even_year", "practice_margin_per_head", "randomisation", "own_history"):
        assert shown in drawn.output


FAULTS = {
    "region_level is missing": ("region_level:", "# region_level:"),
    "more sites than regions": ("sites: {treated: 12, controls: 12}", "sites: {treated: 12, controls: 13}"),
    "region comes twice": ("[amalo, baldemore", "[amalo, amalo"),
    "the scenario is of another country": ("[amalo, baldemore", "[achterhoek, baldemore"),
    "did you mean 'amalo'": ("[amalo, baldemore", "[amalu, baldemore"),
    "every site is a region of its own": ("level: zone", "level: zone\ncontrols_from: other_region"),
    "a single treated site": ("sites: {treated: 12, controls: 12}", "sites: {treated: 1, controls: 12}"),
    "name them in regions": ("level: zone", "level: zone\nregion: flanders"),
    "withdrawn_after belongs to withdrawal": ("kind: parallel,", "kind: withdrawal,"),
    "no year is left after the contract": ("kind: parallel,", "kind: withdrawal, withdrawn_after: 5,"),
    "knows a norm of payments only": (
        "difference_in_differences, inference: cluster_t",
        "norm_cost, inference: pooled_t",
    ),
    "coding belongs to norm_cost": (
        "difference_in_differences, inference: cluster_t",
        "norm_cost, inference: pooled_t",
    ),
    "treated belongs to named": ("{kind: randomised}", "{kind: named}"),
    "not one of the regions": ("{kind: randomised}", "{kind: named, treated: [flanders]}"),
    "without a payment nothing is expected": ("years: 5}", "years: 5, exit: expected_value}"),
}


@pytest.mark.parametrize("message", FAULTS)
def test_what_cannot_be_is_refused_with_its_place(message, tmp_path):
    text = catalog.find("pilots", "ascvd_twelve_zones").read_text()
    old, new = FAULTS[message]
    assert old in text
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace(old, new))
    with pytest.raises(ScenarioError, match=re.escape(message)) as caught:
        load_pilot(str(file))
    assert all(problem.file == str(file) and problem.line for problem in caught.value.problems)


@pytest.mark.slow
def test_exported_tables_agree_with_each_other(tmp_path: Path):
    """Person-years and practice-months hold the same use and payments, and an evaluator has each practice-year once."""
    pilot = replace(load_pilot("plot_acceleration_achterhoek"), start_year=1, years=1, ramp_up=(1.0,))
    files = {name: tmp_path / f"{name}.parquet" for name in ("persons", "months")}
    written = export(replace(pilot, treated=1, controls=1), files["persons"], files["months"], sample=5000)
    people, months = (pd.read_parquet(file) for file in files.values())
    for (_, dictionary), table in zip(written, (people, months), strict=True):
        assert list(pd.read_csv(dictionary)["column"]) == list(table.columns)
    kept = [name for name in months.columns if name.startswith(("use_", "payments_"))]
    by_year = [table.groupby(["arm", "year"])[kept].sum() for table in (people, months)]
    np.testing.assert_allclose(by_year[0], by_year[1], rtol=1e-9, atol=1e-6)
    assert by_year[0]["use_gp_consult"].min() > 0
    assert (months[kept].to_numpy() > -1e-9).all()
    assert list(months["weeks"].unique()) == [4, 5]
    assert months.groupby(["arm", "site", "year"])["weeks"].sum().eq(52).all()
    seen = people[people["observed"] == 1]
    assert not seen.duplicated(["person", "year"]).any()
    treated = seen[(seen["group"] == "treated") & (seen["year"] >= 1)]
    assert set(treated["arm"]) == {pilot.trial_arm}
    assert set(seen[seen["group"] != "treated"]["arm"]) == {pilot.comparator_arm}
    assert people["person_years"].between(0.0, 1.0 + 1e-9).all()
    assert (people.loc[people["died"] == 1, "person_years"] < 1.0).all()
    # And a run adds up of the same persons what lies above a threshold.
    run = simulate(needed(replace(pilot, treated=1, controls=1), replicates=1), tmp_path / "run", sample=5000)
    of_care = [name for name in kept if name.startswith("payments_") and name != "payments_long_term_care"]
    above = (people[of_care].sum(axis=1) - 25_000.0).clip(lower=0.0).groupby([people["arm"], people["year"]]).sum()
    found = run.wide("all").droplevel(["draw", "replicate", "group"])["payments_above_25000"]
    weight = run.manifest["sample"]["weight"]
    assert len(above) == 4
    for at, euros in above.items():
        assert found[at] == pytest.approx(weight * euros, rel=1e-9)
        assert euros > 0.0
    with pytest.raises(DataError, match="ends in"):
        export(pilot, tmp_path / "persons.xlsx", sample=2000)


def test_a_reserve_below_what_is_spent_anyway_is_called_arithmetic(plot):
    flat = panel(-100.0, worlds=1)
    flat.without[PRIMARY][:] = 1000.0
    terms = replace(TERMS, investment_eur_per_head=60.0, settlement_lag_years=1.0, settled="yearly")
    short = verdict(run_pilot(replace(plot, payment=replace(terms, reserve_eur_per_head=51.0)), flat, 20, OFF))
    assert any("whatever is measured" in reason for reason in short.reasons)
    enough = verdict(run_pilot(replace(plot, payment=replace(terms, reserve_eur_per_head=53.0)), flat, 20, OFF))
    assert not any("whatever is measured" in reason for reason in enough.reasons)


def test_the_payer_s_loss_is_a_reason_and_the_same_error_comes_once(plot):
    flat = panel(0.0, worlds=1)
    own = replace(plot, payment=replace(TERMS, settled="yearly"))
    reasons = verdict(run_pilot(own, flat, 200, OFF)).reasons
    assert any("the payer pays more than it truly saves" in each for each in reasons)
    by = replace(plot, selection="volunteers", look="last_year", payment=None, treated=5, controls=5)
    said = verdict(run_pilot(by, panel(0.5, spread=0.1), 500, OFF)).reasons
    assert any("without any effect it finds one" in each for each in said)
    assert not any("wrong sign" in each for each in said), "it is the error of the first kind again"


def test_the_region_is_all_its_people(plot):
    data = replace(panel(-20.0, worlds=1), weight=3.0)
    study = run_pilot(replace(plot, payment=None), data, 200, OFF)
    (row,) = study.scaled_up()
    assert study.people == pytest.approx(180.0)
    assert row["truth"] == pytest.approx(-20.0)
    assert row["million_truth"] == pytest.approx(-20.0 * 180.0 / 1e6)
    assert row["high"] - row["low"] == pytest.approx(2.0 * study.outcomes[0].half_width_by_people)


def test_power_counts_only_where_the_error_of_the_first_kind_is_kept(plot):
    """Volunteers by their last year find a saving anyway."""
    by = replace(plot, selection="volunteers", look="last_year")
    (row,) = size_pilot(by, panel(-30.0), sites=[40], years=[plot.years], trials=300)
    assert row["power"] >= plot.power
    assert row["type_1"] > 0.2
    assert not row["enough"]
    assert row["people"] == 40


def test_the_report_says_what_was_found(plot, tmp_path: Path):
    pilot = load_pilot("plot_acceleration_achterhoek")
    data = panel(-20.0)
    for name in (*pilot.outcomes, "practice_margin_per_head"):
        data.without[name], data.effect[name], data.units[name] = data.without[PRIMARY], data.effect[PRIMARY], "EUR"
    table, _ = write_panel(replace(data, arms=(pilot.comparator_arm, pilot.trial_arm)), tmp_path / "panel.csv")
    arguments = ["pilot", "report", pilot.name, "--run", str(table), "--trials", "50", "--size-trials", "20", "--out"]
    for folder in ("first", "second"):
        found = CliRunner().invoke(app, [*arguments, str(tmp_path / folder)])
        assert found.exit_code == 0, found.output
    text = (tmp_path / "first/report.html").read_text()
    assert text == (tmp_path / "second/report.html").read_text()
    assert "type 1 the share that find something when the contract does nothing" in text
    assert text.count("Tried in another number of trials") == 2
    what = found.output.splitlines()[0]
    for words in (f"Verdict: {what}", pilot.title, "Why it errs", "If the whole region took part", "Limits of use"):
        assert words in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert (tmp_path / "first/figures/cash.png").read_bytes().startswith(b"\x89PNG")
    assert {"party", "year", "median"} <= set(pd.read_csv(tmp_path / "first/figures/cash.csv").columns)


def test_power_is_that_of_the_target(plot):
    """At the effect that is detected with the wanted power, power is the wanted one; at none, half the level."""
    assert power_at(plot, 3.0, 3.0) == pytest.approx(plot.power)
    assert power_at(plot, 0.0, 3.0) == pytest.approx(plot.alpha / 2.0)
    data = panel(-10.0, worlds=2)
    rows = cheapest(plot, data, [30], [4], 50, target=100.0)
    assert {row["power"] for row in rows} == {power_at(plot, 100.0, row["detectable"]) for row in rows}
    for wrong in (0.0, -1.0):
        with pytest.raises(ScenarioError, match="above 0"):
            cheapest(plot, data, target=wrong)


def test_sizes_hold_the_design_of_the_pilot(plot):
    rows = size_pilot(plot, panel(-10.0, worlds=2), trials=20)
    (own,) = [row for row in rows if row["own"]]
    assert (own["years"], own["treated"], own["controls"]) == (plot.years, plot.treated, plot.controls)


def test_sizes_are_for_the_target(plot):
    """The closed form asks for (detectable / target)^2 as many sites; a size is enough where it detects the target."""
    data = panel(-1.0)
    rows = size_pilot(plot, data, sites=[20, 40], years=[plot.years], trials=300, target=60.0)
    for row in rows:
        assert row["power"] == pytest.approx(power_at(plot, 60.0, row["detectable"]))
        assert row["enough"] == (row["detectable"] <= 60.0)
    small = rows[0]
    assert practices_needed(small, 60.0) == int(np.ceil(20 * (small["detectable_formula"] / 60.0) ** 2))
    with pytest.raises(ScenarioError, match="above 0"):
        size_pilot(plot, data, target=-1.0)


def test_the_event_study_is_told_year_by_year(plot):
    """Before the start nothing is found; then the effect of each year, as least squares with event dummies has it."""
    flat = panel(-100.0, worlds=1)
    flat.effect[PRIMARY][:] = -100.0 * np.arange(1.0, 7.0)
    pilot = replace(plot, ramp_up=(0.5, 1.0), payment=None)
    study = run_pilot(pilot, flat, 300, OFF)
    assert [row["year"] for row in study.by_year] == [-1, 1, 2, 3, 4]
    truth = [row["true_effect"] for row in study.by_year]
    np.testing.assert_allclose(truth, [0.0, -50.0, -200.0, -300.0, -400.0])
    for row in study.by_year:
        assert row["estimate"] == pytest.approx(row["true_effect"], abs=4.0)
        assert row["rejects_without_effect"] < 0.1
    before, *after = study.by_year
    assert before["rejects"] == before["rejects_without_effect"]
    assert after[-1]["rejects"] == 1.0
    events = run_pilot(replace(pilot, estimator="event_study"), flat, 300, OFF)
    mean = np.mean([row["estimate"] for row in after])
    assert events.outcomes[0].estimate == pytest.approx(mean)
    assert run_pilot(replace(pilot, estimator="interrupted_time_series", controls=0), flat, 10, OFF).by_year == ()


def test_more_sites_than_the_region_has_are_refused_by_the_check(tmp_path: Path):
    text = catalog.find("pilots", "plot_acceleration_achterhoek").read_text()
    (tmp_path / "many.yaml").write_text(text.replace("treated: 15", "treated: 500"))
    found = CliRunner().invoke(app, ["check", str(tmp_path / "many.yaml")])
    assert found.exit_code != 0
    assert "more sites than the region has practices" in f"{found.output} {found.exception}"


def test_a_sample_with_too_few_practices_is_refused_before_it_is_simulated():
    pilot = load_pilot("plot_acceleration_achterhoek")
    with pytest.raises(ScenarioError, match=r"30 sites.*allowed: \d+ or more") as caught:
        require_sites(pilot, 10_000)
    enough = int(caught.value.problems[0].allowed[0].split()[0])
    require_sites(pilot, enough)
    require_sites(pilot, None)
