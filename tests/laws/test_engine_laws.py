"""What money obeys in every run, on one real practice: nothing from nothing, everything to the cent, chance kept."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paysim.analysis.execution import simulate
from paysim.analysis.folder import parameter_rows
from paysim.contracts.contract import PRACTICES, Contract, Part
from paysim.contracts.copayment import Copayment, PatientPart
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.schedule import ServicePrice
from paysim.engine.cell import Cell, run_arm, run_base, solve_arms
from paysim.engine.model import build_model
from paysim.kernel import records as rec
from paysim.kernel.records import FIRST_TRANSITION, TICKS_PER_YEAR
from paysim.kernel.tables import CONTACT_SERVICES
from paysim.scenario import Arm, Behaviour
from tests.one_practice import SAMPLE, YEARS, base_of, model_of, passive, run_of
from tests.toy import few_people, scenario, values

CENT = 0.0051
MONEY = ("spending_", "standardised_spending", "practice_revenue", "practice_margin", "patient_payments", "payments_")


def _contract(name: str, *parts: Part, payer: str = "insurers") -> Contract:
    return Contract(name, name, payer, PRACTICES, parts)


def _with_practice_contract(arm: Arm, contract: Contract) -> Arm:
    others = tuple(each for each in arm.contracts if each.providers != PRACTICES)
    return replace(arm, contracts=(contract, *others))


def _received(cell: Cell, component: str, actor: str = "practice:") -> np.ndarray:
    """Return the cents that actors received under a component, by period."""
    table = cell.ledger.frame()
    rows = table[(table["component"] == component) & table["actor"].str.startswith(actor)]
    return rows.groupby("period")["cents"].sum().to_numpy()


def _measures(cell: Cell) -> list[str]:
    return sorted(set(cell.results["measure"]))


def _same_but(one: Cell, other: Cell, *allowed: str) -> None:
    """Assert that two cells give the same results, to the bit, for all measures but those that begin so."""
    assert _measures(one) == _measures(other)
    for measure in _measures(one):
        if measure.startswith(allowed) and allowed:
            continue
        rows = one.results["measure"] == measure
        mine, theirs = one.results["value"][rows], other.results["value"][rows]
        assert mine.tobytes() == theirs.tobytes(), measure


# --- 3: nothing from nothing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("behaviour", ["passive", "profit_altruism"])
def test_two_identical_arms_differ_by_exactly_zero(behaviour: str) -> None:
    model = model_of()
    arm = replace(model.scenario.arm("fee_for_service"), behaviour=Behaviour(behaviour))
    (one, log), (other, again) = run_of(arm), run_of(replace(arm, name="another_name", title="The same"))
    assert log.tobytes() == again.tobytes()
    _same_but(one, other)
    mine, theirs = one.ledger.frame(), other.ledger.frame()
    assert mine.drop(columns="arm").equals(theirs.drop(columns="arm"))
    assert [{**row, "arm": ""} for row in one.incentives] == [{**row, "arm": ""} for row in other.incentives]


def test_an_arm_does_not_disturb_the_base_run_it_forks_from(today: tuple[Cell, np.ndarray]) -> None:
    before = base_of().state.copy()
    hospital = {name: array.copy() for name, array in base_of().hospital.items()}
    run_of(model_of().scenario.arm("fee_for_service"))
    assert base_of().state.people["counts"].tobytes() == before.people["counts"].tobytes()
    assert base_of().state.people["due"].tobytes() == before.people["due"].tobytes()
    assert base_of().state.practices["activity_levers"].tobytes() == before.practices["activity_levers"].tobytes()
    assert all(np.array_equal(array, base_of().hospital[name]) for name, array in hospital.items())
    again, log = run_of()
    _same_but(today[0], again)
    assert log.tobytes() == today[1].tobytes()


def test_a_parameter_replaced_by_its_own_value_changes_nothing(today: tuple[Cell, np.ndarray]) -> None:
    kept = tuple(
        (name, float(model_of().parameters[name])) for name in ("care.contacts_consult", "stroke.recurrent_later")
    )
    cell, log = run_of(parameters=kept)
    assert log.tobytes() == today[1].tobytes()
    _same_but(today[0], cell)


def test_a_component_with_no_share_posts_nothing(today: tuple[Cell, np.ndarray]) -> None:
    arm = passive(model_of())
    idle = Part("idle", FeeForService((ServicePrice("gp_consult", 1000.0),)), share=0.0)
    first, *others = arm.contracts
    cell, log = run_of(replace(arm, contracts=(replace(first, components=(*first.components, idle)), *others)))
    assert log.tobytes() == today[1].tobytes()
    _same_but(today[0], cell)
    assert cell.ledger.to_arrow().equals(today[0].ledger.to_arrow())


def test_the_order_of_contracts_does_not_matter(today: tuple[Cell, np.ndarray]) -> None:
    arm = passive(model_of())
    cell, log = run_of(replace(arm, contracts=arm.contracts[::-1]))
    assert log.tobytes() == today[1].tobytes()
    for measure in _measures(cell):
        np.testing.assert_allclose(
            values(cell.results, measure), values(today[0].results, measure), rtol=1e-12, atol=1e-9, err_msg=measure
        )
    key = ["period", "actor", "counterparty", "contract", "component"]
    mine, theirs = (each.ledger.frame().groupby(key, sort=True)["cents"].sum() for each in (cell, today[0]))
    assert mine.equals(theirs)


# --- 4: contracts change money and nothing else ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fee_for_service", "capitation", "bundled", "mixed"])
def test_contracts_change_money_and_nothing_else(today: tuple[Cell, np.ndarray], name: str) -> None:
    cell, log = run_of(passive(model_of(), name))
    assert log.tobytes() == today[1].tobytes()
    _same_but(today[0], cell, *MONEY)
    revenue = values(cell.results, "practice_revenue"), values(today[0].results, "practice_revenue")
    assert not np.array_equal(*revenue), "a contract that changes nothing proves nothing"
    np.testing.assert_allclose(values(cell.results, "practice_costs"), values(today[0].results, "practice_costs"))


def test_doubled_prices_double_payments_and_change_no_event(today: tuple[Cell, np.ndarray]) -> None:
    model = model_of()
    arm = passive(model, "fee_for_service")
    once, _ = run_of(arm)
    twice, log = run_of(replace(arm, contracts=tuple(each.scaled(2.0) for each in arm.contracts)))
    assert log.tobytes() == today[1].tobytes()
    _same_but(once, twice, *MONEY)
    for measure in _measures(once):
        if measure.startswith("spending_") or measure == "practice_revenue":
            mine, theirs = (each.results["value"][each.results["measure"] == measure] for each in (once, twice))
            np.testing.assert_allclose(theirs, 2.0 * mine, rtol=1e-12, err_msg=measure)
    assert (values(once.results, "patient_payments") < values(twice.results, "patient_payments")).all()


def test_capitation_written_in_two_halves_pays_the_same_within_a_cent() -> None:
    model = model_of()
    arm = passive(model, "capitation")
    (contract,) = [each for each in arm.contracts if each.providers == PRACTICES]
    (part,) = contract.components
    halves = tuple(replace(part, name=f"half_{k}", share=part.share / 2) for k in (1, 2))
    (whole, log), (split, again) = (
        run_of(arm),
        run_of(_with_practice_contract(arm, replace(contract, components=halves))),
    )
    assert log.tobytes() == again.tobytes()
    cents = _received(whole, part.name)
    first, second = _received(split, "half_1"), _received(split, "half_2")
    assert len(cents) == len(first) == YEARS * 4
    assert (np.abs(first + second - cents) <= 1).all()
    _same_but(whole, split, *MONEY)
    for measure in ("spending_general_practice", "practice_revenue", "practice_margin"):
        np.testing.assert_allclose(values(split.results, measure), values(whole.results, measure), rtol=1e-12)


def test_profit_altruism_does_not_care_how_a_contract_is_written() -> None:
    model = model_of()
    arm = model.scenario.arm("capitation")
    assert arm.behaviour.name == "profit_altruism"
    (contract,) = [each for each in arm.contracts if each.providers == PRACTICES]
    (part,) = contract.components
    halves = tuple(replace(part, name=f"half_{k}", share=part.share / 2) for k in (1, 2))
    (whole, _), (split, _) = run_of(arm), run_of(_with_practice_contract(arm, replace(contract, components=halves)))
    for measure in ("lever_visit_intensity", "lever_prevention", "lever_referral", "lever_delegation"):
        np.testing.assert_allclose(values(split.results, measure), values(whole.results, measure), rtol=1e-6)
    assert not np.allclose(values(whole.results, "lever_visit_intensity"), 1.0), "capitation moved nobody"


@pytest.mark.slow
def test_practices_return_to_baseline_when_a_contract_is_withdrawn() -> None:
    """A year of capitation, then today's contract again: levers go back towards those of practices that never left."""
    years = 4
    model = build_model(scenario(1, years), sample=SAMPLE)
    base = run_base(model, 0)
    capitation, before = (model.scenario.arm(name) for name in ("capitation", "dutch_today"))
    stayed = replace(before, behaviour=capitation.behaviour)

    def dated(arm: Arm, shares: tuple[float, ...]) -> list[Contract]:
        own = [each for each in arm.contracts if each.providers == PRACTICES]
        return [
            replace(each, components=tuple(replace(part, share_by_year=shares) for part in each.components))
            for each in own
        ]

    others = [each for each in capitation.contracts if each.providers != PRACTICES]
    both = (*dated(capitation, (1.0, 0.0)), *dated(before, (0.0, 1.0)), *others)
    tried, never = (run_arm(model, base, arm, 0) for arm in (replace(capitation, contracts=both), stayed))
    moved = [
        np.abs(values(tried.results, f"lever_{name}") - values(never.results, f"lever_{name}"))
        for name in ("visit_intensity", "prevention", "referral", "delegation")
    ]
    away = [max(float(each[year]) for each in moved) for year in range(years)]
    assert away[1] > 0.05, "capitation moved nobody"
    # Practices do not turn round at once: what is left shrinks by a share each year.
    assert all(away[year + 1] < 0.75 * away[year] for year in range(1, years - 1))


# --- 1: the ledger -----------------------------------------------------------------------------------------------


def test_the_ledger_sums_to_zero_everywhere(today: tuple[Cell, np.ndarray]) -> None:
    table = today[0].ledger.frame()
    assert table["cents"].dtype == np.int64
    assert table["cents"].sum() == 0
    for column in ("posting", "period", "contract", "component", "account"):
        assert (table.groupby(column)["cents"].sum() == 0).all(), column
    assert set(table["period"]) == set(range(YEARS * 4))


def test_fees_paid_are_contacts_held_times_the_price() -> None:
    """Reckoned from the event log alone: every appointment held is one contact, all at ten euros."""
    model = model_of()
    price = 10.0
    names = tuple(dict.fromkeys(CONTACT_SERVICES))
    flat = FeeForService(tuple(ServicePrice(name, price) for name in names))
    arm = _with_practice_contract(passive(model), _contract("flat", Part("fee", flat)))
    cell, log = run_of(arm)
    held = log[
        (log["process"] >= rec.GP_PLANNED) & (log["process"] <= rec.MENTAL_NURSE) & (log["outcome"] != rec.MISSED)
    ]
    quarter = held["tick"] // (TICKS_PER_YEAR // 4)
    assert _received(cell, "fee").tolist() == (np.bincount(quarter, minlength=YEARS * 4) * 1000).tolist()
    weight = model.population.practices[0].weight
    by_year = np.bincount(held["tick"] // TICKS_PER_YEAR, minlength=YEARS)
    for measure in ("spending_general_practice", "practice_revenue"):
        found = values(cell.results, measure)
        np.testing.assert_allclose(found[:YEARS], by_year * price * weight, rtol=1e-12)
        np.testing.assert_allclose(found[YEARS], len(held) * price * weight, rtol=1e-12)


def test_payments_to_other_sectors_are_claims_times_the_tariff(today: tuple[Cell, np.ndarray]) -> None:
    cell, log = today
    model = model_of()
    prices: dict[str, float] = {}
    for contract in model.scenario.arm("dutch_today").contracts:
        if contract.name == "hospital_tariffs":
            for part in contract.components:
                prices.update({row.service: row.price_eur for row in part.terms.schedule})  # type: ignore[attr-defined]
    process = {name: k for k, name in enumerate(model.processes)}
    out_of_hours = int((log["outcome"] == rec.OUT_OF_HOURS).sum())
    assert out_of_hours > 20
    assert _received(cell, "out_of_hours", "out_of_hours").sum() == round(out_of_hours * prices["ooh_contact"] * 100)
    # Admissions for myocardial infarction: every attack that does not kill before care.
    attacks = log[np.isin(log["process"], [process["mi_first"], process["mi_recurrent"]])]
    admitted = int((attacks["outcome"] != rec.DIED_BEFORE_CARE).sum())
    weight = model.population.practices[0].weight
    np.testing.assert_allclose(values(cell.results, "mi_admissions")[YEARS], admitted * weight)
    emergency = int((log["outcome"] == rec.EMERGENCY).sum() + (log["process"] == process["ed_self"]).sum())
    np.testing.assert_allclose(values(cell.results, "ed_visits")[YEARS], emergency * weight)
    # Admissions of diseases without a ward of their own are counted with all others.
    elsewhere = [process[row.name] for row in model.transitions if row.service == "admission_other"]
    assert len(elsewhere) > 3
    reached = np.isin(log["process"], elsewhere) & (log["outcome"] != rec.DIED_BEFORE_CARE)
    other = int(reached.sum())
    np.testing.assert_allclose(values(cell.results, "other_emergency_admissions")[YEARS], other * weight)


def test_results_and_ledger_tell_the_same_payments(today: tuple[Cell, np.ndarray]) -> None:
    """Results are weighted to the region, the ledger is the sample's own."""
    cell = today[0]
    weight = model_of().population.practices[0].weight
    table = cell.ledger.frame()
    table = table[table["cents"] > 0]
    sectors = {name for name in _measures(cell) if name.startswith("spending_")} - {
        "spending_total",
        "spending_total_discounted",
    }
    for name in sectors:
        sector = name.removeprefix("spending_")
        actor = "practice:" if sector == "general_practice" else sector
        to_sector = table[table["actor"].str.startswith(actor) & (table["contract"] != "practice_costs")]
        by_year = to_sector.groupby(to_sector["period"] // 4)["cents"].sum().to_numpy() / 100.0
        postings = 4 * len(set(to_sector["component"]))
        found = values(cell.results, name)[:YEARS] / weight
        if sector == "organisations":
            assert not found.any(), "this arm has none"
            continue
        assert (np.abs(found - by_year) <= CENT * postings).all(), name
    paid_back = table[(table["component"] == "deductible") & (table["actor"] == "insurers")]
    by_year = paid_back.groupby(paid_back["period"] // 4)["cents"].sum().to_numpy() / 100.0
    np.testing.assert_allclose(values(cell.results, "patient_payments")[:YEARS] / weight, by_year, atol=0.01)
    total = sum(values(cell.results, name) for name in sorted(sectors - {"spending_long_term_care"}))
    np.testing.assert_allclose(values(cell.results, "spending_total"), total, rtol=1e-12)


def test_groups_of_every_dimension_add_up_to_the_whole(today: tuple[Cell, np.ndarray]) -> None:
    results = today[0].results
    for measure in (
        "person_years",
        "qalys",
        "healthy_life_years",
        "dalys",
        "deaths",
        "gp_contacts",
        "spending_total",
        "resource_cost_total",
        "births",
    ):
        for period in (0, 1, -1):
            here = (results["measure"] == measure) & (results["period"] == period)
            whole = results["value"][here & (results["dimension"] == "all")]
            assert len(whole) == 1
            for dimension in sorted(set(results["dimension"][here]) - {"all"}):
                parts = results["value"][here & (results["dimension"] == dimension)]
                np.testing.assert_allclose(parts.sum(), whole[0], rtol=1e-9, err_msg=f"{measure} {dimension}")


def test_patients_never_bear_more_than_the_deductible(today: tuple[Cell, np.ndarray]) -> None:
    cell = today[0]
    adults = sum(
        cell.results["value"][
            (cell.results["measure"] == "person_years")
            & (cell.results["dimension"] == "age")
            & (cell.results["group"] == group)
            & (cell.results["period"] == 0)
        ][0]
        for group in ("18-44", "45-64", "65-74", "75-84", "85+")
    )
    borne = values(cell.results, "patient_payments")[0]
    # People who die or come of age during the year make a little room.
    assert 0.2 * 385 * adults < borne < 385 * adults * 1.05


def test_patients_payments_are_all_that_patients_pay_to_whomever() -> None:
    """Co-payments to insurers up to a ceiling, and to practices on top of what the payer pays."""
    arm = passive(model_of())
    to_insurers = Copayment((PatientPart("gp_consult", 10.0), PatientPart("gp_long", 10.0)), 20.0)
    to_practices = Copayment((PatientPart("gp_consult", 3.0, 1.0),))
    mine = [each for each in arm.contracts if each.payer != "patients"] + [
        Contract("back", "back", "patients", "insurers", (Part("back", to_insurers),)),
        _contract("extra", Part("extra", to_practices), payer="patients"),
    ]
    cell, _ = run_of(replace(arm, contracts=tuple(mine)))
    weight = model_of().population.practices[0].weight
    back, extra = (
        np.add.reduceat(_received(cell, name, actor), [0, 4]) / 100.0
        for name, actor in (("back", "insurers"), ("extra", "practice:"))
    )
    assert min(*back, *extra) > 0.0
    np.testing.assert_allclose(values(cell.results, "patient_payments")[:YEARS] / weight, back + extra, atol=0.05)
    people = values(cell.results, "person_years")[:YEARS] / weight
    assert (back < 20.0 * 1.1 * people).all()
    free = replace(arm, contracts=tuple(each for each in mine if each.name != "back"))
    assert (values(run_of(free)[0].results, "patient_payments")[:YEARS] / weight < extra + 0.05).all()


# --- 5: same results for any number of workers, chance by seed and replicate -----------------------------------


def _files(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "manifest.json").read_text())["files"]
    return found


def test_any_number_of_workers_gives_the_same_files(tmp_path: Path) -> None:
    short = replace(scenario(1, 1, arms=("dutch_today", "fee_for_service")), replicates=2)
    runs = {}
    for workers in (1, 3):
        simulate(short, tmp_path / str(workers), sample=SAMPLE, workers=workers)
        runs[workers] = _files(tmp_path / str(workers))
    assert runs[1] == runs[3]
    assert {"results.parquet", "ledger.parquet"} <= set(runs[1])
    cells = [sorted(path.name for path in (tmp_path / str(w) / "cells").iterdir()) for w in (1, 3)]
    assert cells[0] == cells[1]
    assert (tmp_path / "1" / "manifest.json").read_bytes() == (tmp_path / "3" / "manifest.json").read_bytes()


def test_the_reference_engine_writes_the_same_results(tmp_path: Path) -> None:
    short = scenario(1, 1, arms=("dutch_today", "fee_for_service"))
    learning = tuple(replace(arm, peer_feedback=arm.name == "fee_for_service") for arm in short.arms)
    short = replace(short, arms=learning)
    for engine in ("compiled", "reference"):
        simulate(short, tmp_path / engine, population=few_people(60), engine=engine, workers=1)  # type: ignore[arg-type]
    assert _files(tmp_path / "compiled") == _files(tmp_path / "reference")


def test_seed_and_replicate_change_lives(today: tuple[Cell, np.ndarray]) -> None:
    lives = [today[1]] + [run_of(seed=seed, replicate=replicate)[1] for seed, replicate in ((1, 1), (2, 0), (2, 1))]
    assert len({log.tobytes() for log in lives}) == 4
    counts = [len(log) for log in lives]
    assert max(counts) < 1.3 * min(counts)


def test_a_replicate_redraws_chance_and_not_people() -> None:
    model = model_of()
    mine, other = (base_of(replicate=k).state.people for k in (0, 1))
    _, rows, others = np.intersect1d(mine["id"], other["id"], return_indices=True)
    known = (mine["id"][rows] >= 0) & (mine["id"][rows] < rec.NEWBORN) & (mine["birth"][rows] != 0)
    rows, others = rows[known], others[known]
    assert 0.9 * len(model.population) < len(rows) < len(model.population)
    for name in ("birth", "sex", "education"):
        assert np.array_equal(mine[name][rows], other[name][others]), name
    assert not (mine["key"][rows] == other["key"][others]).any()


# --- 7: parameters -----------------------------------------------------------------------------------------------


def test_every_parameter_is_used_and_reported() -> None:
    model = model_of()
    run_of()
    fees = model.scenario.arm("fee_for_service")
    for behaviour in ("profit_altruism", "logit", "target_income"):
        run_of(replace(fees, behaviour=Behaviour(behaviour)))
    assert not model.parameters.unused()
    rows = parameter_rows(model)
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert set(model.parameters) <= set(names)
    assert all(row["source"] and row["unit"] and row["status"] for row in rows)


def test_a_replaced_parameter_says_so() -> None:
    model = model_of((("care.contacts_consult", 3.0),))
    (row,) = [row for row in parameter_rows(model) if row["name"] == "care.contacts_consult"]
    assert row["status"] == "override"
    assert row["value"] == 3.0


@pytest.mark.slow
def test_rates_of_neutral_arms_spend_what_the_reference_spends(tmp_path: Path) -> None:
    """With passive providers a budget-neutral arm costs what `current` costs, over the whole horizon."""
    short = scenario(1, 1)
    arms = tuple(replace(arm, behaviour=Behaviour()) for arm in short.arms)
    run = simulate(replace(short, arms=arms), tmp_path / "run", sample=SAMPLE, workers=1)
    results = run.results
    rows = results[(results["measure"] == "spending_general_practice") & (results["dimension"] == "all")]
    spent = rows[rows["period"] == -1].set_index("arm")["value"]
    np.testing.assert_allclose(spent / spent["dutch_today"], 1.0, rtol=1e-9)
    scales = {arm["name"]: arm["scale"] for arm in run.scenario["arms"]}
    assert scales["dutch_today"] == 1.0
    assert all(scale != 1.0 for name, scale in scales.items() if name != "dutch_today")


def test_neutrality_scales_what_practices_are_paid_and_nothing_else() -> None:
    model = model_of()
    solved, scale = solve_arms(model.scenario, [base_of().years[-1]] * YEARS)["fee_for_service"]
    assert scale != 1.0
    for before, after in zip(model.scenario.arm("fee_for_service").contracts, solved.contracts, strict=True):
        assert (before == after) == (before.providers != PRACTICES), before.name
    current, scale = solve_arms(model.scenario, [base_of().years[-1]] * YEARS)["dutch_today"]
    assert (current, scale) == (model.scenario.arm("dutch_today"), 1.0)


def test_processes_of_the_log_have_names() -> None:
    model = model_of()
    _, log = run_of()
    assert model.processes[FIRST_TRANSITION:] == tuple(each.name for each in model.transitions)
    assert log["process"].max() < len(model.processes)
