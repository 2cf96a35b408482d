"""What every run obeys, on one real practice: nothing from nothing, everything to the cent, everyone accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paysim.analysis.execution import simulate
from paysim.analysis.folder import parameter_rows
from paysim.contracts.contract import PRACTICES, Contract, Part
from paysim.contracts.copayment import Copayment, PatientPart
from paysim.contracts.fee_for_service import FeeForService
from paysim.contracts.schedule import ServicePrice
from paysim.engine.cell import Base, Cell, run_arm, run_base, solve_arms
from paysim.engine.model import Model, build_model
from paysim.engine.region import Region
from paysim.kernel import records as rec
from paysim.kernel.records import FIRST_TRANSITION, NEVER, PREVENTION, TICKS_PER_YEAR, VISIT_INTENSITY
from paysim.kernel.tables import CONTACT_SERVICES
from paysim.parameters import Override
from paysim.scenario import Arm, Behaviour
from tests.toy import few_people, in_order, scenario, values

SAMPLE = 1500
YEARS = 2
CENT = 0.0051
MONEY = ("spending_", "standardised_spending", "practice_revenue", "practice_margin", "patient_payments", "payments_")
Changes = tuple[tuple[str, float], ...]


def _model(parameters: Changes = (), seed: int = 1, unlimited: bool = False) -> Model:
    """Return the model of one real practice, made once."""
    return _made(parameters, seed, unlimited)


def _base(parameters: Changes = (), seed: int = 1, replicate: int = 0, unlimited: bool = False) -> Base:
    """Return the base run, simulated once."""
    return _simulated(parameters, seed, replicate, unlimited)


@lru_cache(maxsize=12)
def _made(parameters: Changes, seed: int, unlimited: bool) -> Model:
    short = replace(scenario(1, YEARS, seed), parameters=tuple(Override(name, value) for name, value in parameters))
    if not unlimited:
        return build_model(short, sample=SAMPLE)
    people = few_people(400)
    staff: dict[str, Any] = {f"{who}_fte": 1e6 for who in ("gp", "nurse", "mental_nurse")}
    staff |= {f"{who}s": 8 for who in ("gp", "nurse", "mental_nurse")}
    rich = tuple(replace(each, **staff) for each in people.practices)
    model = build_model(short, population=replace(people, practices=rich))
    tables = model.tables.copy()
    tables["weekdays"] = 7
    always = replace(model.care.book, opens_hour=0.0, closes_hour=24.0, weekdays=7)
    return replace(model, tables=tables, care=replace(model.care, book=always))


@lru_cache(maxsize=12)
def _simulated(parameters: Changes, seed: int, replicate: int, unlimited: bool) -> Base:
    return run_base(_model(parameters, seed, unlimited), replicate)


def _passive(model: Model, name: str = "dutch_today") -> Arm:
    return replace(model.scenario.arm(name), behaviour=Behaviour())


def _run(
    arm: Arm | None = None,
    parameters: Changes = (),
    seed: int = 1,
    replicate: int = 0,
    process: Callable[[Region], Generator[Any, Any, None]] | None = None,
    unlimited: bool = False,
) -> tuple[Cell, np.ndarray]:
    """Return the cell of an arm, by default of passive `dutch_today`, and its event log."""
    model = _model(parameters, seed, unlimited)
    log: list[np.ndarray] = []
    cell = run_arm(
        model,
        _base(parameters, seed, replicate, unlimited),
        arm or _passive(model),
        replicate,
        on_events=log.append,
        own_processes=(process,) if process else (),
    )
    return cell, in_order(log)


@pytest.fixture(scope="module")
def today() -> tuple[Cell, np.ndarray]:
    return _run()


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
    model = _model()
    arm = replace(model.scenario.arm("fee_for_service"), behaviour=Behaviour(behaviour))
    (one, log), (other, again) = _run(arm), _run(replace(arm, name="another_name", title="The same"))
    assert log.tobytes() == again.tobytes()
    _same_but(one, other)
    mine, theirs = one.ledger.frame(), other.ledger.frame()
    assert mine.drop(columns="arm").equals(theirs.drop(columns="arm"))
    assert [{**row, "arm": ""} for row in one.incentives] == [{**row, "arm": ""} for row in other.incentives]


def test_an_arm_does_not_disturb_the_base_run_it_forks_from(today: tuple[Cell, np.ndarray]) -> None:
    before = _base().state.copy()
    hospital = {name: array.copy() for name, array in _base().hospital.items()}
    _run(_model().scenario.arm("fee_for_service"))
    assert _base().state.people["counts"].tobytes() == before.people["counts"].tobytes()
    assert _base().state.people["due"].tobytes() == before.people["due"].tobytes()
    assert _base().state.practices["activity_levers"].tobytes() == before.practices["activity_levers"].tobytes()
    assert all(np.array_equal(array, _base().hospital[name]) for name, array in hospital.items())
    again, log = _run()
    _same_but(today[0], again)
    assert log.tobytes() == today[1].tobytes()


def test_a_parameter_replaced_by_its_own_value_changes_nothing(today: tuple[Cell, np.ndarray]) -> None:
    kept = tuple(
        (name, float(_model().parameters[name])) for name in ("care.contacts_consult", "stroke.recurrent_later")
    )
    cell, log = _run(parameters=kept)
    assert log.tobytes() == today[1].tobytes()
    _same_but(today[0], cell)


def test_a_component_with_no_share_posts_nothing(today: tuple[Cell, np.ndarray]) -> None:
    arm = _passive(_model())
    idle = Part("idle", FeeForService((ServicePrice("gp_consult", 1000.0),)), share=0.0)
    first, *others = arm.contracts
    cell, log = _run(replace(arm, contracts=(replace(first, components=(*first.components, idle)), *others)))
    assert log.tobytes() == today[1].tobytes()
    _same_but(today[0], cell)
    assert cell.ledger.to_arrow().equals(today[0].ledger.to_arrow())


def test_the_order_of_contracts_does_not_matter(today: tuple[Cell, np.ndarray]) -> None:
    arm = _passive(_model())
    cell, log = _run(replace(arm, contracts=arm.contracts[::-1]))
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
    cell, log = _run(_passive(_model(), name))
    assert log.tobytes() == today[1].tobytes()
    _same_but(today[0], cell, *MONEY)
    revenue = values(cell.results, "practice_revenue"), values(today[0].results, "practice_revenue")
    assert not np.array_equal(*revenue), "a contract that changes nothing proves nothing"
    np.testing.assert_allclose(values(cell.results, "practice_costs"), values(today[0].results, "practice_costs"))


def test_doubled_prices_double_payments_and_change_no_event(today: tuple[Cell, np.ndarray]) -> None:
    model = _model()
    arm = _passive(model, "fee_for_service")
    once, _ = _run(arm)
    twice, log = _run(replace(arm, contracts=tuple(each.scaled(2.0) for each in arm.contracts)))
    assert log.tobytes() == today[1].tobytes()
    _same_but(once, twice, *MONEY)
    for measure in _measures(once):
        if measure.startswith("spending_") or measure == "practice_revenue":
            mine, theirs = (each.results["value"][each.results["measure"] == measure] for each in (once, twice))
            np.testing.assert_allclose(theirs, 2.0 * mine, rtol=1e-12, err_msg=measure)
    assert (values(once.results, "patient_payments") < values(twice.results, "patient_payments")).all()


def test_capitation_written_in_two_halves_pays_the_same_within_a_cent() -> None:
    model = _model()
    arm = _passive(model, "capitation")
    (contract,) = [each for each in arm.contracts if each.providers == PRACTICES]
    (part,) = contract.components
    halves = tuple(replace(part, name=f"half_{k}", share=part.share / 2) for k in (1, 2))
    (whole, log), (split, again) = _run(arm), _run(_with_practice_contract(arm, replace(contract, components=halves)))
    assert log.tobytes() == again.tobytes()
    cents = _received(whole, part.name)
    first, second = _received(split, "half_1"), _received(split, "half_2")
    assert len(cents) == len(first) == YEARS * 4
    assert (np.abs(first + second - cents) <= 1).all()
    _same_but(whole, split, *MONEY)
    for measure in ("spending_general_practice", "practice_revenue", "practice_margin"):
        np.testing.assert_allclose(values(split.results, measure), values(whole.results, measure), rtol=1e-12)


def test_profit_altruism_does_not_care_how_a_contract_is_written() -> None:
    model = _model()
    arm = model.scenario.arm("capitation")
    assert arm.behaviour.name == "profit_altruism"
    (contract,) = [each for each in arm.contracts if each.providers == PRACTICES]
    (part,) = contract.components
    halves = tuple(replace(part, name=f"half_{k}", share=part.share / 2) for k in (1, 2))
    (whole, _), (split, _) = _run(arm), _run(_with_practice_contract(arm, replace(contract, components=halves)))
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
    model = _model()
    price = 10.0
    names = tuple(dict.fromkeys(CONTACT_SERVICES))
    flat = FeeForService(tuple(ServicePrice(name, price) for name in names))
    arm = _with_practice_contract(_passive(model), _contract("flat", Part("fee", flat)))
    cell, log = _run(arm)
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
    model = _model()
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
    weight = _model().population.practices[0].weight
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
    arm = _passive(_model())
    to_insurers = Copayment((PatientPart("gp_consult", 10.0), PatientPart("gp_long", 10.0)), 20.0)
    to_practices = Copayment((PatientPart("gp_consult", 3.0, 1.0),))
    mine = [each for each in arm.contracts if each.payer != "patients"] + [
        Contract("back", "back", "patients", "insurers", (Part("back", to_insurers),)),
        _contract("extra", Part("extra", to_practices), payer="patients"),
    ]
    cell, _ = _run(replace(arm, contracts=tuple(mine)))
    weight = _model().population.practices[0].weight
    back, extra = (
        np.add.reduceat(_received(cell, name, actor), [0, 4]) / 100.0
        for name, actor in (("back", "insurers"), ("extra", "practice:"))
    )
    assert min(*back, *extra) > 0.0
    np.testing.assert_allclose(values(cell.results, "patient_payments")[:YEARS] / weight, back + extra, atol=0.05)
    people = values(cell.results, "person_years")[:YEARS] / weight
    assert (back < 20.0 * 1.1 * people).all()
    free = replace(arm, contracts=tuple(each for each in mine if each.name != "back"))
    assert (values(_run(free)[0].results, "patient_payments")[:YEARS] / weight < extra + 0.05).all()


# --- 2: people ---------------------------------------------------------------------------------------------------


def _arrivals() -> np.ndarray:
    """Return the ticks, ends of weeks, at which people come to the region during an arm."""
    model = _model()
    weeks = np.arange((model.scenario.base_years + YEARS) * rec.WEEKS_PER_YEAR + 1)
    arrived = np.floor(model.migration.arrivals_per_year * weeks / rec.WEEKS_PER_YEAR + 1e-9)
    ticks = np.repeat(weeks[1:] * rec.TICKS_PER_WEEK, np.diff(arrived).astype(int))
    ticks = ticks - model.scenario.base_years * TICKS_PER_YEAR
    return ticks[ticks > 0]


def test_people_and_person_time_are_conserved(today: tuple[Cell, np.ndarray]) -> None:
    cell, log = today
    at_fork = _base().state.people[_base().state.listed]
    alive = int(at_fork["alive"].sum())
    births = log["tick"][log["outcome"] == rec.BORN]
    deaths = log["tick"][np.isin(log["outcome"], [rec.DIED, rec.DIED_BEFORE_CARE])]
    departures = log["tick"][log["outcome"] == rec.DEPARTED]
    arrivals = _arrivals()
    end = YEARS * TICKS_PER_YEAR
    lived = alive * YEARS
    for ticks, sign in ((births, 1), (arrivals, 1), (deaths, -1), (departures, -1)):
        assert len(ticks) > 5
        lived += sign * (end - ticks).sum() / TICKS_PER_YEAR
    weight = _model().population.practices[0].weight
    np.testing.assert_allclose(values(cell.results, "person_years")[YEARS] / weight, lived, rtol=1e-12)
    flows = (("births", births), ("deaths", deaths), ("departures", departures), ("arrivals", arrivals - 1))
    for measure, ticks in flows:
        by_year = np.bincount(ticks // TICKS_PER_YEAR, minlength=YEARS)
        np.testing.assert_allclose(values(cell.results, measure)[:YEARS] / weight, by_year, err_msg=measure)
    # One death a person, and nothing after it.
    died = log[np.isin(log["outcome"], [rec.DIED, rec.DIED_BEFORE_CARE])]
    assert len(set(died["person"])) == len(died)
    when = dict(zip(died["person"].tolist(), died["tick"].tolist(), strict=True))
    assert all(when.get(event["person"], NEVER) >= event["tick"] for event in log)
    dead_before = set(at_fork["id"][at_fork["alive"] == 0].tolist())
    assert not dead_before & set(log["person"].tolist())


def test_qalys_lie_below_life_years(today: tuple[Cell, np.ndarray]) -> None:
    lived, qalys = (values(today[0].results, name, "age") for name in ("person_years", "qalys"))
    assert (qalys < lived).all()
    assert (qalys > 0.4 * lived).all()


def test_life_years_are_lost_by_the_life_table_at_each_death(today: tuple[Cell, np.ndarray]) -> None:
    cell, log = today
    died = log[np.isin(log["outcome"], [rec.DIED, rec.DIED_BEFORE_CARE])]
    people = _base().state.people
    row = {int(person): k for k, person in enumerate(people["id"]) if people["alive"][k]}
    died = died[[int(person) in row for person in died["person"]]]
    who = people[[row[int(person)] for person in died["person"]]]
    hazard, step = _model().health.reference["life_table"], 0.01
    ahead = np.arange(0.0, 150.0, step) + step / 2
    lost = 0.0
    for sex, birth, tick in zip(who["sex"], who["birth"], died["tick"], strict=True):
        age = np.minimum(((tick - birth) / TICKS_PER_YEAR + ahead).astype(int), 110)
        lost += np.exp(-np.cumsum(hazard[sex, age]) * step).sum() * step
    weight = _model().population.practices[0].weight
    np.testing.assert_allclose(values(cell.results, "years_of_life_lost")[YEARS] / weight, lost, rtol=0.01)


def test_healthy_years_and_dalys_hang_together(today: tuple[Cell, np.ndarray]) -> None:
    by_age = {
        name: values(today[0].results, name, "age_sex")
        for name in ("person_years", "life_years", "healthy_life_years", "qalys", "years_with_disability")
    }
    lived, healthy = by_age["person_years"], by_age["healthy_life_years"]
    np.testing.assert_array_equal(lived, by_age["life_years"])
    assert ((healthy >= 0) & (healthy <= lived * (1 + 1e-12))).all()
    best = by_age["qalys"] + by_age["years_with_disability"]  # disease-free utility, integrated
    assert (best <= lived * (1 + 1e-12)).all()
    assert (by_age["years_with_disability"][healthy < 0.9 * lived] > 0).all()
    assert healthy.sum() > 0.5 * lived.sum()


def test_a_sample_is_weighted_to_the_region(today: tuple[Cell, np.ndarray]) -> None:
    model = _model()
    at_fork = int(_base().state.people["alive"][_base().state.listed].sum())
    share = at_fork / len(model.population)
    first = values(today[0].results, "person_years")[0]
    assert abs(first / (model.population.persons_in_region * share) - 1.0) < 0.02


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
    lives = [today[1]] + [_run(seed=seed, replicate=replicate)[1] for seed, replicate in ((1, 1), (2, 0), (2, 1))]
    assert len({log.tobytes() for log in lives}) == 4
    counts = [len(log) for log in lives]
    assert max(counts) < 1.3 * min(counts)


def test_a_replicate_redraws_chance_and_not_people() -> None:
    model = _model()
    mine, other = (_base(replicate=k).state.people for k in (0, 1))
    _, rows, others = np.intersect1d(mine["id"], other["id"], return_indices=True)
    known = (mine["id"][rows] >= 0) & (mine["id"][rows] < rec.NEWBORN) & (mine["birth"][rows] != 0)
    rows, others = rows[known], others[known]
    assert 0.9 * len(model.population) < len(rows) < len(model.population)
    for name in ("birth", "sex", "education"):
        assert np.array_equal(mine[name][rows], other[name][others]), name
    assert not (mine["key"][rows] == other["key"][others]).any()


# --- 6: an exaggerated effect reaches what it should -----------------------------------------------------------


EXAGGERATED = (
    ("births.level", 1.8, "births", 1.4, 2.3),
    ("migration.gross_turnover", 5.0, "departures", 3.0, 9.0),
    ("migration.gross_turnover", 5.0, "arrivals", 4.0, 4.8),
    ("care.gp_contact_level", 1.3, "needs", 1.25, 1.35),
    ("care.gp_contact_level", 1.3, "gp_contacts", 1.05, 1.35),
    ("ischaemic_heart_disease.recurrent_later", 30.0, "mi_admissions", 2.0, 1e9),
    ("stroke.national_scale", 8.0, "stroke_admissions", 2.0, 1e9),
    ("care.referral_per_contact", 2.0, "specialist_trajectories", 1.1, 3.0),
    ("care.chronic_controls_diabetes", 3.0, "chronic_controls", 1.1, 3.0),
    ("care.patience_urgent_days", 1e-3, "out_of_hours_contacts", 1.2, 10.0),
    ("vascular_prevention.least_start_rate", 100.0, "statin_years", 1.05, 10.0),
)

# They go the way of another above, of a disease's events and of what practices do for the chronically ill.
ALIKE = ("stroke.national_scale", "care.chronic_controls_diabetes")


@lru_cache(maxsize=1)
def _exaggerated(name: str, value: float) -> Cell:
    return _run(parameters=((name, value),))[0]


@pytest.mark.parametrize(
    ("name", "times", "measure", "least", "most"),
    [
        pytest.param(*row, marks=pytest.mark.slow if row[0] in ALIKE else (), id=f"{row[0]}-{row[2]}")
        for row in EXAGGERATED
    ],
)
def test_an_exaggerated_parameter_reaches_its_outcome(
    today: tuple[Cell, np.ndarray], name: str, times: float, measure: str, least: float, most: float
) -> None:
    parameters = _model().parameters
    cell = _exaggerated(name, float(parameters[name]) * times)
    ratio = values(cell.results, measure)[YEARS] / values(today[0].results, measure)[YEARS]
    assert least < ratio < most


def _set_levers(activity: dict[int, float], health: dict[int, float], condition: Any = slice(None)) -> Any:
    def process(region: Region) -> Generator[Any, Any, None]:
        practices = region.state.practices
        for field, levers in (("activity_levers", activity), ("health_levers", health)):
            for which, value in levers.items():
                practices[field][0, condition, which] = value
        region.practices.levers_changed(int(region.env.now))
        yield region.env.timeout(0)

    return process


def test_prevention_treats_people_and_treatment_saves_them() -> None:
    """From lever to treatment to events, with the drugs' effects exaggerated; against drugs that do nothing."""
    many: Changes = (("ischaemic_heart_disease.national_scale", 8.0),)
    strong: Changes = (
        ("ischaemic_heart_disease.rr_per_mmol_ldl", 0.02),
        ("ischaemic_heart_disease.rr_per_10_mmhg", 0.02),
    )
    # All that treatment, programme or better control can change: rate ratios of trials, and what control and support do.
    ratios = [str(row["name"]) for row in _model().parameters.frame() if str(row["unit"]).startswith("rate ratio")]
    control = [name for name in _model().parameters if name.endswith(("hr_poor_control", "quit_hr_enrolled"))]
    assert len(ratios) > 15
    assert len(control) >= 3
    useless: Changes = tuple((name, 1.0) for name in (*ratios, *control))
    found = {}
    for what, changes in (("strong", strong), ("useless", useless)):
        for effort, value in (
            ("base", 1.0),
            ("push", 1e4),
        ):  # everybody indicated: programmes hold nine in ten of them at base
            process = _set_levers({PREVENTION: value}, {PREVENTION: value})
            cell, _ = _run(parameters=(*many, *changes), process=process)
            found[what, effort] = {
                name: values(cell.results, name)[YEARS]
                for name in ("statin_years", "bp_drug_years", "programme_years", "mi_admissions")
            }
    for what in ("strong", "useless"):
        for name in ("statin_years", "bp_drug_years", "programme_years"):
            assert found[what, "push"][name] > 1.05 * found[what, "base"][name], (what, name)
    assert found["strong", "push"]["mi_admissions"] < found["strong", "base"]["mi_admissions"]
    # Drugs that do nothing move infarctions only through nothing at all: treated or not, the clocks are the same.
    assert found["useless", "push"]["mi_admissions"] == found["useless", "base"]["mi_admissions"]


def test_the_health_lever_alone_treats_and_the_activity_lever_alone_visits() -> None:
    process_of = {name: k for k, name in enumerate(_model().processes)}

    def fired(process: Any) -> dict[str, int]:
        _, log = _run(process=process, unlimited=True)
        return {name: int((log["process"] == k).sum()) for name, k in process_of.items()}

    calm = fired(_set_levers({}, {}))
    health = fired(_set_levers({}, {PREVENTION: 10.0}))
    activity = fired(_set_levers({VISIT_INTENSITY: 2.0}, {}))
    assert health["enrol"] + health["start_statin"] > calm["enrol"] + calm["start_statin"]
    # Those who live on a little longer ask for a little more.
    assert abs(health["follow_up"] - calm["follow_up"]) < 0.01 * calm["follow_up"]
    assert abs(health["need"] - calm["need"]) < 0.01 * calm["need"]
    assert activity["follow_up"] > 1.2 * calm["follow_up"]
    untouched = set(process_of) - {"follow_up", *rec.FIXED_PROCESSES}
    assert {name: activity[name] for name in untouched} == {name: calm[name] for name in untouched}


# --- Common random numbers ---------------------------------------------------------------------------------------


def test_people_whom_an_arm_does_not_touch_have_identical_histories() -> None:
    """Unlimited capacity: more visits for diabetics of one practice change nobody else's life by a tick."""
    process = _set_levers({VISIT_INTENSITY: 2.5, PREVENTION: 2.0}, {PREVENTION: 3.0}, condition=2)
    diabetes = _model((), 1, True).flag_bit["diabetes"]
    seen: set[int] = set()

    def look(region: Region) -> Generator[Any, Any, None]:
        yield from process(region)
        people = region.state.people
        while True:
            ill = people["id"][((people["flags"] & diabetes) != 0) & (people["practice"] == 0)]
            seen.update(ill.tolist())
            yield region.env.timeout(rec.TICKS_PER_WEEK)

    _, calm = _run(unlimited=True)
    _, busy = _run(unlimited=True, process=look)
    assert (calm["value"][calm["outcome"] == rec.BOOKED] == 0).all(), "capacity is not unlimited"
    touched = np.array(sorted(seen))
    untouched = np.setdiff1d(busy["person"], touched)
    assert 10 < len(touched) < 0.2 * len(untouched)
    mine, theirs = (log[np.isin(log["person"], untouched)] for log in (calm, busy))
    assert mine.tobytes() == theirs.tobytes()
    changed = [log[np.isin(log["person"], touched)] for log in (calm, busy)]
    assert len(changed[1]) > 1.1 * len(changed[0])


def test_with_queues_the_other_practice_is_still_untouched() -> None:
    population = few_people(200)
    nobody_moves = (Override("migration.practice_change_rate", 0.0),)
    model = build_model(replace(scenario(1, YEARS), parameters=nobody_moves), population=population)
    base = run_base(model, 0)
    logs = []
    for process in (_set_levers({}, {}), _set_levers({VISIT_INTENSITY: 2.5}, {PREVENTION: 3.0})):
        log: list[np.ndarray] = []
        run_arm(model, base, _passive(model), 0, on_events=log.append, own_processes=(process,))
        logs.append(in_order(log))
    mine, theirs = (log[log["practice"] == 1] for log in logs)
    assert len(mine) > 1000
    assert mine.tobytes() == theirs.tobytes()
    mine, theirs = (log[log["practice"] == 0] for log in logs)
    assert mine.tobytes() != theirs.tobytes()
    # Queues carry the change to others of the practice, but most events stay where they are.
    same = np.isin(mine[["tick", "person", "process"]], theirs[["tick", "person", "process"]]).mean()
    assert 0.3 < same < 1.0


# --- 7: parameters -----------------------------------------------------------------------------------------------


def test_every_parameter_is_used_and_reported() -> None:
    model = _model()
    _run()
    fees = model.scenario.arm("fee_for_service")
    for behaviour in ("profit_altruism", "logit", "target_income"):
        _run(replace(fees, behaviour=Behaviour(behaviour)))
    assert not model.parameters.unused()
    rows = parameter_rows(model)
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    assert set(model.parameters) <= set(names)
    assert all(row["source"] and row["unit"] and row["status"] for row in rows)


def test_a_replaced_parameter_says_so() -> None:
    model = _model((("care.contacts_consult", 3.0),))
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
    model = _model()
    solved, scale = solve_arms(model.scenario, [_base().years[-1]] * YEARS)["fee_for_service"]
    assert scale != 1.0
    for before, after in zip(model.scenario.arm("fee_for_service").contracts, solved.contracts, strict=True):
        assert (before == after) == (before.providers != PRACTICES), before.name
    current, scale = solve_arms(model.scenario, [_base().years[-1]] * YEARS)["dutch_today"]
    assert (current, scale) == (model.scenario.arm("dutch_today"), 1.0)


def test_processes_of_the_log_have_names() -> None:
    model = _model()
    _, log = _run()
    assert model.processes[FIRST_TRANSITION:] == tuple(each.name for each in model.transitions)
    assert log["process"].max() < len(model.processes)
