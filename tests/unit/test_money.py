"""Statements, cash, wrong pockets and points of view: all of one ledger, so that nothing is lost between actors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.accounting.organisations import Organisation, Organisations
from paysim.analysis.compare import CHANCE_ONLY, FEW, FEWEST_PRACTICES, ONE_SUM
from paysim.analysis.explain import explain
from paysim.analysis.money import (
    MEASURED,
    ORGANISATIONS_ROW,
    REST,
    organisations_of,
    perspective_differences,
    shortages,
)
from paysim.analysis.runs import Run
from paysim.cli.app import app
from paysim.contracts.contract import Contract
from paysim.contracts.terms import read_contract
from paysim.engine.accounts import _per_listed_year
from paysim.report.findings import findings

ARM, BASE = "two_sided", "today"
YEARS = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    scenario = ps.load_scenario("us/achterhoek_shared_savings")
    arms = tuple(arm for arm in scenario.arms if arm.name in (BASE, ARM))
    short = replace(scenario, horizon_years=YEARS, arms=arms)
    return ps.simulate(short, tmp_path_factory.mktemp("run") / "r", sample=1500)


def test_a_statement_adds_up_to_the_ledger(run: Run) -> None:
    table = ps.statement(run, "practices", ARM)
    ledger = run.ledger.astype({"actor": str})
    mine = ledger[(ledger["arm"] == ARM) & ledger["actor"].str.startswith("practice:")]
    assert 100.0 * table["result_eur"].sum() == pytest.approx(mine["cents"].sum())
    assert len(table) == 4 * YEARS
    np.testing.assert_allclose(table["income_eur"] + table["expenses_eur"], table["result_eur"])


def test_all_pockets_together_are_empty(run: Run) -> None:
    table = ps.pockets(run, ARM)
    assert list(table["actor"]).index("integrator") >= 0
    scale = table["puts_in_eur"].sum()
    assert scale > 1e5
    for column in ("net_eur", "net_discounted_eur"):
        assert abs(table[column].sum()) < 1e-9 * scale
    np.testing.assert_allclose(table["gets_back_eur"] - table["puts_in_eur"], table["net_eur"], atol=1e-6)
    yearly = ps.pockets(run, ARM, by_year=True)
    np.testing.assert_allclose(yearly.groupby("actor")["net_eur"].sum()[table["actor"]], table["net_eur"])
    # insurers look one year ahead
    insurers = table.set_index("actor").loc["insurers"]
    first = yearly[(yearly["actor"] == "insurers") & (yearly["year"] == 0)]["net_discounted_eur"].item()
    assert insurers["net_within_horizon_eur"] == pytest.approx(0.935 * first)
    assert first == pytest.approx(
        yearly[(yearly["actor"] == "insurers") & (yearly["year"] == 0)]["net_eur"].item() * 1.03**-0.5
    )


@pytest.mark.parametrize(
    ("retention", "lag", "contract", "returned"),
    [
        (0.94, 1, None, 0.65),
        (0.94, 3, None, 0.60),
        (0.94, 1, 5, 0.32),
        (0.94, 3, 5, 0.21),
        (0.94, 1, 3, 0.21),
        (0.99, 1, 15, 0.93),
        (1.0, 1, None, 1.0),
    ],
)
def test_what_returns_of_a_steady_saving_is_the_closed_form(
    monkeypatch: pytest.MonkeyPatch, retention: float, lag: int, contract: int | None, returned: float
) -> None:
    """A saving of one euro a year from year `lag` to 15, at a discount of 3%: sum (d r)^t / sum d^t."""
    import pandas as pd

    years, rate = 15, 0.03
    saved = pd.MultiIndex.from_tuples(
        [("insurers", "hospital", year - 1) for year in range(lag, years + 1)], names=["actor", "account", "year"]
    )
    flows = {"with": pd.Series(1.0, index=saved), "without": pd.Series(0.0, index=saved)}
    monkeypatch.setattr("paysim.analysis.money._yearly", lambda _run, arm: flows[arm])
    run = SimpleNamespace(scenario={"horizon_years": years, "discounting": {"costs": rate}}, compare_with=["without"])
    member = Organisation("insurers", "Insurers", "insurance", horizon_years=contract, retention=retention)
    row = ps.pockets(run, "with", organisations=Organisations("x", "x", (member,), {})).iloc[0]  # type: ignore[arg-type]
    share = row["net_within_horizon_eur"] / row["net_discounted_eur"]
    d = 1.0 / (1.0 + rate)
    above = sum((d * retention) ** t for t in range(lag, min(years, contract or years) + 1))
    assert share == pytest.approx(above / sum(d**t for t in range(lag, years + 1)), rel=1e-12)
    assert share == pytest.approx(returned, abs=0.005)


def test_nobody_puts_anything_in_a_pocket_without_a_change(run: Run) -> None:
    same = ps.pockets(run, BASE, BASE)
    assert not same[["puts_in_eur", "gets_back_eur", "net_eur"]].to_numpy().any()


def test_owners_take_what_their_organisation_gains(run: Run) -> None:
    about = organisations_of(run)
    owned = replace(
        about,
        members=tuple(
            replace(each, owners=(("practices", 0.25), ("investor", 0.75))) if each.actor == "integrator" else each
            for each in about.members
        ),
    )
    before = ps.pockets(run, ARM).set_index("actor")["net_eur"]
    after = ps.pockets(run, ARM, organisations=owned, through_owners=True).set_index("actor")["net_eur"]
    assert before["integrator"] != 0.0
    assert after["integrator"] == pytest.approx(0.0, abs=1e-6)
    assert after["investor"] == pytest.approx(0.75 * before["integrator"])
    assert after["practices"] == pytest.approx(before["practices"] + 0.25 * before["integrator"])
    assert after.sum() == pytest.approx(0.0, abs=1e-6)
    chain = replace(
        owned,
        members=tuple(
            replace(each, owners=(("hospital", 1.0),)) if each.actor == "investor" else each for each in owned.members
        ),
    )
    further = ps.pockets(run, ARM, organisations=chain, through_owners=True).set_index("actor")["net_eur"]
    assert further["investor"] == pytest.approx(0.0, abs=1e-6)
    assert further["hospital"] == pytest.approx(before["hospital"] + 0.75 * before["integrator"])
    nobody = replace(about, members=tuple(replace(each, owners=()) for each in about.members))
    with pytest.raises(ps.DataError, match="name no owners"):
        ps.pockets(run, ARM, organisations=nobody, through_owners=True)


def test_transfers_cancel_between_payers(run: Run) -> None:
    table = ps.perspectives(run)
    results = run.results
    whole = results[results["dimension"] == "all"]

    def per_head(measure: str, arm: str) -> float:
        mine = whole[(whole["arm"] == arm) & (whole["period"] >= 0)]
        people = mine[mine["measure"] == "person_years"]["value"].sum()
        return float(mine[mine["measure"] == measure]["value"].sum() / people)

    for arm in run.arms:
        of_payers = table.loc["all payers", arm]
        parts = ("insurers", "patients", "long-term care payers", "municipalities and government")
        assert of_payers == pytest.approx(sum(table.loc[part, arm] for part in parts))
        spent = per_head("spending_total", arm) + per_head("spending_long_term_care", arm)
        assert of_payers == pytest.approx(spent, rel=1e-4)
        assert table.loc["patients", arm] == pytest.approx(per_head("patient_payments", arm), rel=1e-4)
        assert -table.loc["practices", arm] == pytest.approx(per_head("practice_margin", arm), rel=1e-4)


def test_organising_costs_society_what_running_the_organisation_takes(run: Run) -> None:
    """The integrator takes part in one arm only: there EUR 8 for each person of the region is used up a year."""
    results = run.results
    whole = results[(results["dimension"] == "all") & (results["period"] >= 0)]
    total = whole.groupby(["arm", "measure"])["value"].sum()
    by_person = organisations_of(run)["integrator"].running_cost_eur_per_person_year
    assert by_person == 8.0
    for arm, cost in ((BASE, 0.0), (ARM, by_person)):
        assert total[arm, "resource_cost_organisations"] == pytest.approx(cost * total[arm, "person_years"])
        parts = [total[arm, name] for name in total[arm].index if name.startswith("resource_cost_")]
        others = total[arm, "resource_cost_total"] + total[arm, "resource_cost_long_term_care"]
        assert sum(parts) - total[arm, "resource_cost_total"] == pytest.approx(others)


def test_what_organisations_keep_is_what_the_ledger_says(run: Run) -> None:
    results, ledger, weight = run.results, run.ledger.astype({"actor": str}), run.manifest["sample"]["weight"]
    whole = results[(results["dimension"] == "all") & (results["period"] >= 0)]
    total = whole.groupby(["arm", "measure"])["value"].sum()
    for arm in run.arms:
        mine = ledger[(ledger["arm"] == arm) & (ledger["actor"] == "integrator")]
        kept = weight * mine["cents"].sum() / 100.0
        rounded = 0.005 * weight * len(mine)  # to a cent in each entry of the ledger
        assert total[arm, "organisations_net"] == pytest.approx(kept, rel=0.0, abs=rounded)
        left = total[arm, "organisations_net"] - total[arm, "resource_cost_organisations"]
        assert total[arm, "organisations_result"] == pytest.approx(left)


def test_one_sum_of_the_region_has_no_interval_between_practices(run: Run) -> None:
    """Practices that share one pooled payment are no sample of it, but of the care that it was reckoned on."""
    results = run.results
    moved = results[(results["measure"] == "paid_on_pooled_sum") & (results["arm"] == ARM)]
    pooled = bool(moved["value"].any())
    assert pooled == any(
        getattr(part.terms, "pooled", False) for each in run.contracts(ARM) for part in each.components
    )
    for found, care in ((run, FEW), (of_many_practices(results), CHANCE_ONLY)):
        table = ps.compare(found, BASE).set_index("measure")
        for name in ("spending_per_head", "spending_organisations_per_head", "organisations_result_per_head"):
            row = table.loc[name]
            assert row["difference"] != 0.0
            assert (row["interval"] == ONE_SUM and np.isnan(row["low"])) == (pooled or "result" in name)
        row = table.loc["care_payments_per_head"]
        assert row["interval"] == care
        assert (row["low"] < row["difference"] < row["high"]) == (care == CHANCE_ONLY)


def of_many_practices(results: pd.DataFrame) -> pd.DataFrame:
    """Return the results of a run as if every practice were as many as intervals take, each dearer than the last."""
    results = results.astype({"group": str})
    parts = results["dimension"].isin(["practice", "origin"])
    copies = []
    for k in range(FEWEST_PRACTICES):
        each = results[parts].assign(group=results["group"] + f" of {k}")
        dearer = each["measure"].str.startswith(("spending", "payments"))
        copies.append(each.assign(value=each["value"].where(~dearer, each["value"] * (1.0 + 0.1 * k))))
    return pd.concat([results[~parts], *copies])


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Run]:
    """Simulate an arm of a shipped scenario beside the current one for two years, once."""

    @cache
    def simulated(name: str, arm: str) -> Run:
        scenario = ps.load_scenario(name)
        arms = (scenario.arm(scenario.current), scenario.arm(arm))
        needed = max(
            (part.base_years_needed for each in arms for c in each.contracts for part in c.components), default=1
        )
        short = replace(scenario, base_years=max(1, needed), horizon_years=2, arms=arms)
        return ps.simulate(short, tmp_path_factory.mktemp("shipped") / "r", sample=1500)

    return simulated


@pytest.mark.parametrize(
    ("name", "arm", "organisations", "others"),
    [
        ("be/middenkempen_ascvd_payment", "zone_savings", True, True),
        ("nl/achterhoek_wrong_pocket", "pact", False, True),
        ("nl/achterhoek_hospital_budget", "global_budget", False, False),
        ("us/achterhoek_episode_bundle", "prospective", False, False),
    ],
)
def test_results_and_ledger_agree_on_who_pays_whom(
    shipped: Callable[[str, str], Run], name: str, arm: str, organisations: bool, others: bool
) -> None:
    """Also where money is paid by other terms than prices: budgets, grants, savings, and from one payer to another."""
    _agree(shipped(name, arm), arm, organisations, others)


def test_what_comes_on_top_of_a_price_is_spent_too(tmp_path: Path) -> None:
    """Deductions for short stays and additions for long ones."""
    scenario = ps.load_scenario("nl/achterhoek_hospital_budget")
    today = scenario.arm(scenario.current)
    others = tuple(each for each in today.contracts if each.name != "hospital_tariffs")
    by_stay = replace(today, name="by_stay", contracts=(*others, read_contract("nl/hospital_admissions")))
    run = ps.simulate(
        replace(scenario, base_years=1, horizon_years=1, arms=(today, by_stay)), tmp_path / "r", sample=1500
    )
    _agree(run, "by_stay", False, False)


def test_prices_paid_to_organisations_and_payers_are_spent_once(tmp_path: Path) -> None:
    """A care group paid by the visit, a hospital paid for a service of general practice, and payers that pay payers."""
    scenario = ps.load_scenario("us/achterhoek_shared_savings")
    today = scenario.arm(BASE)
    fee = [{"service": "gp_consult", "price_eur": 5}]
    grant = {"kind": "infrastructure_grant", "eur_per_person_year": 7}
    more = (
        _contract("insurers", "care_group", {"kind": "fee_for_service", "schedule": fee}),
        _contract("insurers", "sectors", {"kind": "tariff", "sector": "hospital", "schedule": fee}),
        _contract("insurers", "patients", grant),
        _contract("patients", "municipalities", grant),
        _contract("patients", "care_group", grant),
    )
    arm = replace(today, name="mine", contracts=(*today.contracts, *more))
    run = ps.simulate(replace(scenario, base_years=1, horizon_years=1, arms=(today, arm)), tmp_path / "r", sample=1500)
    _agree(run, "mine", True, True)
    table, results = ps.perspectives(run), run.results
    here = results[(results["dimension"] == "all") & (results["period"] >= 0) & (results["arm"] == "mine")]
    total = here.groupby("measure")["value"].sum()
    assert table.loc["patients", "mine"] * total["person_years"] == pytest.approx(total["patient_payments"], rel=1e-5)
    others = table.loc["municipalities and government", "mine"] * total["person_years"]
    assert others == pytest.approx(total["payments_by_others"], rel=1e-5)


def _contract(payer: str, providers: str, component: dict[str, object]) -> Contract:
    name = f"{payer}_{providers}"
    return read_contract({"name": name, "payer": payer, "providers": providers, "components": [component]})


def test_what_is_paid_for_nobody_is_not_lost() -> None:
    lived = np.array([[1.0, 3.0], [0.0, 0.0], [2.0, 0.0]])
    euros = np.array([[[1.0], [3.0]], [[5.0], [1.0]], [[4.0], [8.0]]])
    rates = _per_listed_year(euros, lived)
    assert (rates[:, :, 0] * lived).sum() == pytest.approx(euros.sum())
    np.testing.assert_allclose(rates[:, :, 0], [[2.0, 2.0], [0.0, 0.0], [7.0, 0.0]])
    assert not _per_listed_year(euros, np.zeros_like(lived)).any()


def _agree(run: Run, arm: str, organisations: bool, others: bool) -> None:
    results, ledger = run.results, run.ledger.astype({"actor": str, "contract": str})
    weight = run.manifest["sample"]["weight"]
    for each in run.arms:
        here = results[(results["arm"] == each) & (results["dimension"] == "all") & (results["period"] >= 0)]
        total = here.groupby("measure")["value"].sum()
        table = ps.perspectives(run)[each] * total["person_years"]
        own = total["spending_total"] - total["patient_payments"] - total["payments_by_others"]
        assert table["insurers"] == pytest.approx(own, rel=1e-5)
        programmes = total.get("spending_programmes", 0.0)
        by_line = [total[f"spending_{line}"] for line in ("general_practice", "hospital", "pharmacy", "organisations")]
        by_line += [
            total[f"spending_{line}"] for line in ("out_of_hours", "mental_health", "district_nursing", "other_care")
        ]
        assert total["spending_total"] == pytest.approx(sum(by_line) + programmes)
        mine = ledger[ledger["arm"] == each]
        hospital = mine[mine["actor"] == "hospital"]["cents"].sum() / 100.0
        assert total["spending_hospital"] / weight == pytest.approx(hospital, rel=1e-6)
        assert bool(total["payments_by_others"]) == (others and each == arm)
        assert bool(total["spending_organisations"]) == (organisations and each == arm)


def _about(lag: int, reserve: float = 0.0) -> Organisations:
    names = ("patients", "practices", "hospital", "insurers", "integrator")
    members = tuple(Organisation(name, name, "any", reserve_eur_per_person=reserve) for name in names)
    return Organisations("mine", "mine", members, {"hospital": lag})


def test_bills_are_paid_as_late_as_their_lag(run: Run) -> None:
    at_once = ps.cash(run, "hospital", ARM, organisations=_about(0))
    np.testing.assert_array_equal(at_once["cash_eur"], at_once["result_eur"])
    assert not at_once["receivable_eur"].to_numpy().any()
    late = ps.cash(run, "hospital", ARM, organisations=_about(2))
    np.testing.assert_array_equal(late["cash_eur"][2:], at_once["result_eur"][:-2])
    first = ps.statement(run, "hospital", BASE)["result_eur"][0]
    np.testing.assert_allclose(late["cash_eur"][:2], first * run.manifest["sample"]["weight"])
    np.testing.assert_allclose(late["receivable_eur"].iloc[-1], at_once["result_eur"].iloc[-2:].sum())
    # one actor's receivable is another's debt
    payer = ps.cash(run, "insurers", ARM, organisations=_about(2))
    others = ps.cash(run, "insurers", ARM, organisations=_about(0))
    np.testing.assert_allclose(payer["receivable_eur"] - others["receivable_eur"], -late["receivable_eur"])


def test_a_budget_is_not_paid_like_a_bill(shipped: Callable[[str, str], Run]) -> None:
    run = shipped("nl/achterhoek_hospital_budget", "global_budget")
    rows = run.ledger.astype({"actor": str, "component": str})
    mine = rows[(rows["arm"] == "global_budget") & (rows["actor"] == "hospital") & (rows["period"] == 7)]
    kinds = {part.name: part.kind for each in run.contracts("global_budget") for part in each.components}
    billed = mine[mine["component"].map(kinds) == "tariff"]["cents"].sum() / 100.0
    late = ps.cash(run, "hospital", "global_budget", organisations=_about(1))
    assert mine["cents"].sum() / 100.0 > 2.0 * billed
    assert late["receivable_eur"].iloc[-1] == pytest.approx(billed * run.manifest["sample"]["weight"], abs=1e-6)


def test_points_of_view_add_up_and_their_differences_are_those_of_the_comparison(run: Run) -> None:
    table = ps.perspectives(run)
    rows = ["all payers", "practices", ORGANISATIONS_ROW, REST]
    np.testing.assert_allclose(table.loc[rows].sum(), 0.0, atol=1e-9)
    assert table.loc["of it running organisations", ARM] == pytest.approx(8.0)
    changes = perspective_differences(run, BASE).set_index("perspective")
    told = ps.compare(run, BASE).set_index("measure")
    for title, (name, sign) in MEASURED.items():
        if name in told.index:
            ends = sorted(sign * told.loc[name, ["low", "high"]].astype(float))
            np.testing.assert_allclose(changes.loc[title, ["low", "high"]].astype(float), ends)


def test_the_region_pays_what_pockets_say_and_an_organisation_its_own_costs(run: Run) -> None:
    """Cash and pockets are in one unit; cash has running costs besides, which no ledger has."""
    pockets = ps.pockets(run, ARM, BASE).set_index("actor")["net_eur"]
    for actor in ("hospital", "integrator"):
        change = ps.cash(run, actor, ARM, baseline=BASE, organisations=_about(0))
        assert change["result_eur"].sum() == pytest.approx(pockets[actor], rel=1e-6, abs=1.0)
    people = run.cell(BASE).quarters[0].person_years.sum() * 4 * run.manifest["sample"]["weight"]
    about = organisations_of(run)
    with_costs = ps.cash(run, "integrator", ARM)["result_eur"]
    without = ps.cash(run, "integrator", ARM, organisations=_about(0))["result_eur"]
    np.testing.assert_allclose(without - with_costs, 8.0 * people / 4.0)
    for each in shortages(run, ARM):
        found = ps.cash(run, "integrator", ARM, organisations=about)
        assert each.quarters == found["insolvent"].sum()
        assert each.least_eur_per_person == pytest.approx(found["position_eur"].min() / people)
    said = findings(run, BASE)[ARM]
    assert any("insolvent" in each for each in said) == bool(shortages(run, ARM))


def test_a_small_run_tells_no_intervals_of_winners(run: Run) -> None:
    table = ps.compare(run, BASE)
    differs = table["difference"] != 0.0
    assert table.loc[differs, ["low", "high"]].isna().all(axis=None)
    assert np.isfinite(table.loc[differs, "difference"]).any()


def test_who_runs_out_of_cash_is_flagged(run: Run) -> None:
    change = ps.cash(run, "hospital", ARM, baseline=BASE, organisations=_about(0))
    lost = -change["cash_eur"].cumsum().min()
    assert lost > 0.0
    missing = ps.cash(run, "integrator", ARM, baseline=BASE, organisations=_about(0))
    alone = ps.cash(run, "integrator", ARM, organisations=_about(0))
    np.testing.assert_array_equal(missing["cash_eur"], alone["cash_eur"])
    assert not ps.statement(run, "integrator", BASE).to_numpy().any()
    people = run.cell(BASE).quarters[0].person_years.sum() * 4 * run.manifest["sample"]["weight"]
    for reserve, broke in ((1.01 * lost / people, False), (0.99 * lost / people, True)):
        found = ps.cash(run, "hospital", ARM, baseline=BASE, organisations=_about(0, reserve))
        assert found["insolvent"].any() == broke


@pytest.mark.parametrize("name", ["nl", "be"])
def test_shipped_organisations_name_every_actor(run: Run, name: str) -> None:
    from paysim.accounting.ledger import FIXED_ACTORS

    about = ps.load_organisations(name)
    assert {each.actor for each in about.members} >= {*FIXED_ACTORS, "practices", "care_offices"}


GOOD = """schema: 1
name: mine
title: Mine
organisations:
  - {actor: practices, title: Practices, level: providers}
  - {actor: integrator, title: Integrator, level: organisations, owners: [{actor: practices, share: {value: 0.5, source: mine, status: found}}]}
payment_lags:
  - {account: hospital, quarters: {value: 1, range: [0, 3], source: mine, status: assumed}}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("value: 0.5", "value: 1.5", ["owners", "owners hold more than all"]),
        (
            "level: providers}",
            "level: providers, owners: [{actor: integrator, share: {value: 1, source: a, status: found}}]}",
            ["actors own each other", "integrator"],
        ),
        ("owners: [{actor: practices", "owners: [{actor: practises", ["no such owner", "practices"]),
        ("value: 1, range", "value: 1.5, range", ["whole quarters"]),
        ("range: [0, 3]", "range: [2, 3]", ["outside its range"]),
        ("range: [0, 3], ", "", ["needs a range"]),
        ("actor: integrator", "actor: practices", ["actor comes twice"]),
        ("level: providers", "levle: providers", ["unknown key", "level"]),
    ],
)
def test_organisations_that_are_wrong_say_where(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert ps.load_organisations(str(path)).lags == {"hospital": 1}
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ps.DataError) as caught:
        ps.load_organisations(str(path))
    for word in ("mine.yaml", *words):
        assert word in str(caught.value)


def test_an_organisation_that_is_in_other_arms_is_said_to_be_there(run: Run) -> None:
    with pytest.raises(ps.DataError, match=f"in arm '{BASE}', but in {ARM}: give --arm"):
        explain(run, "integrator", 4)
    with pytest.raises(ps.DataError, match="no such provider"):
        explain(run, "integratr", 4)


def test_unknown_actors_are_refused_by_name(run: Run) -> None:
    with pytest.raises(ps.DataError, match="did you mean 'hospital'"):
        ps.statement(run, "hospitl")
    with pytest.raises(ps.DataError, match="no such arm"):
        ps.pockets(run, "two_sidde")
    with pytest.raises(ps.DataError, match="do not name this actor"):
        ps.pockets(run, ARM, organisations=_about(0))


@pytest.mark.parametrize(
    "arguments",
    [
        ["statement", "--actor", "practices"],
        ["cash", "--actor", "integrator", "--arm", ARM],
        ["cash", "--actor", "hospital", "--arm", ARM, "--baseline", BASE],
        ["pockets", "--arm", ARM],
        ["pockets", "--arm", ARM, "--by-year"],
        ["perspectives"],
    ],
)
def test_the_commands_print_tables_and_json(run: Run, arguments: list[str]) -> None:
    wanted = ["money", arguments[0], str(run.path), *arguments[1:]]
    text = CliRunner().invoke(app, wanted)
    assert text.exit_code == 0, text.output
    assert len(text.output.splitlines()) > 4
    read = json.loads(CliRunner().invoke(app, [*wanted, "--json"]).output)
    assert read[arguments[0]]
    if arguments[0] == "perspectives":  # says which long-term care it holds
        assert "people with dementia" in text.output
        assert "people with dementia" in read["note"]
