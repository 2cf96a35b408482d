"""The parts of a difference between two arms add up, to the cent, and each is what it says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import paysim as ps
from paysim.accounting.ledger import Ledger, is_practice
from paysim.analysis.decomposition import PARTS, Decomposition, decompose
from paysim.cli.app import run
from paysim.contracts.settlement import post, settle_all
from paysim.engine.cell import by_year, run_arm, run_base, settling_arm, solve_arms
from paysim.engine.model import build_model
from paysim.scenario import Behaviour, Scenario

SAMPLE, YEARS = 1500, 2


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    whole = ps.load_scenario("nl/achterhoek_four_models")
    arms = (whole.arms[0], whole.arm("bundled"))
    return replace(whole, horizon_years=YEARS, base_years=1, arms=arms, compare_with=("dutch_today",))


@pytest.fixture(scope="module")
def found(scenario: Scenario) -> Decomposition:
    return decompose(scenario, "bundled", sample=SAMPLE)


def test_parts_add_up(found: Decomposition) -> None:
    whole = found.measures["baseline"] + found.measures[list(PARTS)].sum(axis=1)
    assert np.allclose(whole, found.measures["arm"], rtol=1e-12, atol=1e-9)


def test_money_adds_up_to_the_cent(found: Decomposition) -> None:
    money = found.money
    assert (money.dtypes == "int64").all()
    parts = [f"{each}_cents" for each in PARTS]
    assert (money["baseline_cents"] + money[parts].sum(axis=1) == money["arm_cents"]).all()
    assert (money.sum() == 0).all()  # what one gains another loses, in every part


def test_each_part_moves_something_and_only_what_it_may(found: Decomposition) -> None:
    m = found.measures
    events = ["gp_contacts", "nurse_contacts", "specialist_trajectories", "deaths", "qalys", "statin_years"]
    assert (m.loc[events, "payment"] == 0.0).all()
    assert m.loc["gp_contacts", "behaviour"] < 0.0  # a bundle pays for no visit
    assert m.loc["programme_years", "health"] > 0.0  # and for everybody in a programme
    assert (m["organisation"] == 0.0).all()


def test_the_payment_rule_is_the_settlement_of_the_same_events(scenario: Scenario, found: Decomposition) -> None:
    """Reckoned apart: the quarters of the baseline under either contract, posted in cents."""
    model = build_model(scenario, SAMPLE)
    base = run_base(model, 0)
    passive = run_arm(model, base, settling_arm(scenario), 0)
    solved = solve_arms(scenario, by_year(passive.quarters), base.years)
    years = [k // 4 for k in range(4 * YEARS)]
    paid = []
    for name in ("dutch_today", "bundled"):
        contracts = [each for each in solved[name][0].contracts if not each.by_person]
        events = [replace(each, lines=(), payments=None) for each in passive.quarters]
        ledger = Ledger(name)
        for period, settlement in enumerate(settle_all(contracts, events, years, base.quarters)):
            post(ledger, period, settlement)
        paid.append(sum(cents for actor, cents in ledger.trial_balance().items() if is_practice(actor)))
    assert found.money.loc["practices", "payment_cents"] == paid[1] - paid[0]


def test_an_arm_that_differs_in_payment_alone_differs_by_payment_alone(scenario: Scenario) -> None:
    passive = replace(
        scenario, arms=(scenario.arms[0], replace(scenario.arms[1], behaviour=Behaviour(), budget_neutral_to=None))
    )
    m = decompose(passive, "bundled", sample=SAMPLE).measures
    assert m.loc["spending_general_practice", "payment"] != 0.0
    assert (m[["behaviour", "health", "organisation"]] == 0.0).all(axis=None)


def test_rules_of_delegation_are_a_part_of_their_own() -> None:
    whole = ps.load_scenario("be/middenkempen_task_shifting")
    arm = next(each for each in whole.arms if each.delegation is not None and each.name != whole.current)
    short = replace(whole, horizon_years=1, base_years=1)
    m = decompose(short, arm.name, whole.current, sample=SAMPLE).measures
    assert m.loc["gp_contacts", "organisation"] != 0.0
    whole_sum = m["baseline"] + m[list(PARTS)].sum(axis=1)
    assert np.allclose(whole_sum, m["arm"], rtol=1e-12, atol=1e-9)


@pytest.mark.slow
def test_the_command_prints_what_it_found_and_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--sample", str(SAMPLE), "--years", "1"]
    assert run(["decompose", "nl/achterhoek_four_models", "capitation", *small, "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    row = next(each for each in out["measures"] if each["measure"] == "gp_contacts")
    assert row["baseline"] + sum(row[part] for part in PARTS) == pytest.approx(row["arm"])
    assert run(["decompose", "nl/achterhoek_four_models", "capitatoin", *small]) == 2
    assert "capitation" in capsys.readouterr().err
