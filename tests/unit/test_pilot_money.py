"""Money of pilots: what one party pays another one receives, and what the arm's own contracts pay is what the run paid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paysim.analysis.money import pockets
from paysim.contracts.settlement import PAYERS
from paysim.pilots import Panel, Pilot, load_pilot, panel_of, run_pilot
from paysim.pilots.flows import flows_of
from paysim.pilots.model import Payment
from paysim.pilots.panel import FLOWS, measured
from paysim.pilots.worlds import simulate_worlds
from tests.pilots import OFF, PRIMARY, panel

TERMS = Payment(
    sharing=0.5,
    loss_sharing=0.5,
    minimum_savings_rate=0.0,
    investment_eur_per_head=20.0,
    running_cost_eur_per_head_year=8.0,
    settlement_lag_years=2.0,
    settled="yearly",
)
GRANT = 8.0


@pytest.fixture(scope="module")
def plot() -> Pilot:
    pilot = load_pilot("plot_acceleration_achterhoek")
    return replace(pilot, outcomes=(PRIMARY,), treated=20, controls=20, ramp_up=(1.0,), payment=TERMS, payment_terms={})


def moving(spread: float = 0.0) -> Panel:
    """Return made-up practices in an arm that saves 100 on care, and pays the organisation 8 and 40 of savings.

    Of these practices get 15; their staff gets 5 more, and they get 3 less for care.
    """
    data = panel(-100.0, worlds=1)
    data.without[PRIMARY][:] = 1000.0
    random = np.random.default_rng(3)
    values = dict(zip(FLOWS, (-52.0, -3.0, -70.0, 48.0, 7.0, 5.0, 0.0), strict=True))
    for name, euro in values.items():
        data.without[name] = np.full_like(data.without[PRIMARY], 500.0)
        data.effect[name] = euro + spread * random.standard_normal(data.without[PRIMARY].shape)
    return data


@pytest.mark.parametrize("own", ["paid", "replaced"])
def test_what_one_party_pays_others_receive_in_every_year(plot, own):
    terms = replace(TERMS, own_savings=own)
    cash = run_pilot(replace(plot, payment=terms), moving(), 10, OFF).money.cash
    assert [each.party for each in cash] == [
        "organisation",
        "payer",
        "practices",
        "hospital",
        "other providers",
        "staff and suppliers",
    ]
    so_far = np.array([[row["median"] for row in each.fan] for each in cash])
    np.testing.assert_allclose(so_far.sum(axis=0), 0.0, atol=1e-9)
    paid = np.diff(so_far, prepend=0.0)
    full = float(own == "paid")
    bonus = np.array([0.0, 0.0, 50.0, 50.0, 50.0, 50.0])
    here = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(paid[0], (GRANT - 8.0 + 25.0 * full) * here - [20.0, 0, 0, 0, 0, 0] + bonus, atol=1e-9)
    np.testing.assert_allclose(paid[1], (100.0 - GRANT - 40.0 * full) * here - bonus, atol=1e-9)
    np.testing.assert_allclose(paid[2], (-8.0 + 15.0 * full) * here, atol=1e-9)
    np.testing.assert_allclose(paid[3], -70.0 * here)


def test_money_balances_when_trials_differ(plot):
    """With chance in every flow the means still add up: sites that leave, ramp-up, and practices of all kinds."""
    rough = replace(plot, ramp_up=(0.5, 1.0), payment=replace(TERMS, settled="end"))
    data = moving(spread=30.0)
    money = run_pilot(rough, data, 2, OFF | {"drop_out": 0.3}).money
    # of two trials 10% and 90% lie symmetrically around the median, the mean
    so_far = np.array([[row["median"] for row in each.fan] for each in money.cash])
    np.testing.assert_allclose(so_far.sum(axis=0), 0.0, atol=1e-9)
    assert money.own_savings != 0.0


def test_savings_that_the_arm_pays_itself_count_for_who_pays(plot):
    """100 saved, 50 paid by result, 8 as a grant and 40 by the arm itself: 2 are left to the payer; 1 more is a loss."""
    money = run_pilot(plot, moving(), 10, OFF).money
    assert (money.own_savings, money.granted, money.payer_loss) == pytest.approx((160.0, 32.0, 0.0))
    assert money.result == pytest.approx(4 * (50.0 + 8.0 - 8.0 + 25.0) - 20.0)
    rows = {row["value"]: row for row in money.variants if row["term"] == "own_savings"}
    assert list(rows) == ["replaced"]
    assert rows["replaced"]["bonus"] == pytest.approx(money.bonus)
    more = run_pilot(replace(plot, payment=replace(TERMS, sharing=0.53)), moving(), 10, OFF).money
    assert more.payer_loss == 1.0
    assert run_pilot(plot, panel(-100.0), 10, OFF).money.own_savings == 0.0, "not known from such a panel"


@pytest.mark.slow
def test_flows_are_those_of_the_ledger(tmp_path: Path):
    """An integrator that bears all risk and shares it out: by year, what the double-entry ledger says of every party."""
    pilot = replace(load_pilot("plot_acceleration_achterhoek"), trial_arm="full_risk", start_year=1, years=2)
    run = simulate_worlds(pilot, tmp_path / "run", sample=4000, workers=1)
    frame = run.wide("all").reset_index()
    frame = frame[frame["period"] >= 0].sort_values("period")
    trial, without = (frame[frame["arm"] == arm].reset_index() for arm in (pilot.trial_arm, pilot.comparator_arm))
    lived = without["person_years"].to_numpy(float)
    held = panel_of(run, replace(pilot, treated=1, controls=1))
    from paysim.analysis.measures import measure

    totals = {
        name: ((trial[measure(name).total] - without[measure(name).total]) / lived).to_numpy(float)[None, None, :]
        for name in measured(pilot)
    }
    one = replace(held, without=totals, effect=totals, region=None)
    flows = flows_of(one, pilot, float(held.people.mean()))
    ledger = pockets(run, pilot.trial_arm, pilot.comparator_arm, by_year=True).pivot(
        index="year", columns="actor", values="net_eur"
    )
    net = {str(actor): ledger[actor].fillna(0.0).to_numpy() / lived for actor in ledger}
    fixed = GRANT
    care = totals[PRIMARY][0, 0]
    payers = sum(net[actor] for actor in PAYERS if actor in net and actor != "care_offices")
    got = {name: getattr(flows, name)[0, 0] for name in ("own_paid", "own_received", "shared_out")}
    assert np.abs(got["shared_out"]).max() > 1.0, "the integrator shares nothing out: nothing is tested"
    np.testing.assert_allclose(-care - fixed - got["own_paid"], payers, atol=0.02)
    np.testing.assert_allclose(fixed + got["own_received"] - got["shared_out"], net["integrator"], atol=0.02)
    np.testing.assert_allclose((flows.margin + flows.to_practices)[0, 0], net["practices"], atol=0.02)
    np.testing.assert_allclose(flows.hospital[0, 0], net["hospital"], atol=0.02)
