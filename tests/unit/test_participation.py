"""Joining and leaving contracts: what practices reckon, who is paid, organisations that leave, and a run of both."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import paysim as ps
from paysim import catalog
from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.organisations import Exit, load_organisations
from paysim.accounting.segments import SEGMENTS
from paysim.analysis.levers import with_values
from paysim.analysis.parties import parties_by_year
from paysim.behaviour.participation import Weighing, prospect, takes_part
from paysim.contracts.contract import Contract
from paysim.contracts.coverage import coverage_warnings, warnings_over
from paysim.contracts.parties import Decision, as_decided, joined, left
from paysim.contracts.scope import Participants, Scope
from paysim.contracts.settlement import LINES, settle, settle_all
from paysim.contracts.terms import read_contract
from paysim.contracts.written import as_mapping
from paysim.errors import InputError
from paysim.kernel.records import PERIODS_PER_YEAR

VISIT, RATE, VISITS = 10.0, 50.0, "gp_consult"
NAMES = ("few", "usual", "many")
WANTED = Scope(Participants(by="expected_value"))
REST = Scope(Participants(by="expected_value", others=True))
FEES = read_contract(
    {
        "name": "fees",
        "payer": "insurers",
        "providers": "practices",
        "components": [{"kind": "fee_for_service", "schedule": [{"service": VISITS, "price_eur": VISIT}]}],
    }
)
CAPITATION = read_contract(
    {
        "name": "capitation",
        "payer": "insurers",
        "providers": "practices",
        "components": [{"kind": "capitation", "rate_eur_per_person_year": RATE}],
    }
)
CHOICE = (replace(CAPITATION, scope=WANTED), replace(FEES, scope=REST))


def year(visits: tuple[float, ...], people: float = 100.0, years: float = 1.0) -> Activity:
    """A year in which the people of each practice have so many visits each."""
    empty = Activity.empty((VISITS,), NAMES[: len(visits)], years)
    lived, services = empty.person_years.copy(), empty.services.copy()
    lived[:, 0] = people * years
    services[:, 0, 0] = np.array(visits) * people * years
    return replace(
        empty, person_years=lived, services=services, lines=LINES, payments=np.zeros((*lived.shape, len(LINES)))
    )


def test_a_practice_reckons_the_mean_and_the_swings_of_the_years_it_knows() -> None:
    known = [year((3.0, 5.0, 7.0)), year((3.0, 4.0, 9.0)), year((3.0, 6.0, 8.0))]
    found = prospect(CHOICE, 0, known, known)
    np.testing.assert_allclose(found.expected, RATE - VISIT * np.array([3.0, 5.0, 8.0]))
    np.testing.assert_allclose(found.risk, [0.0, VISIT, VISIT], atol=1e-9)
    assert found.asked.all()
    worth = Weighing(risk_aversion=0.5, running_cost_eur=2.0).worth(found.expected, found.risk)
    np.testing.assert_allclose(worth, [18.0, -7.0, -37.0])
    assert takes_part(worth).tolist() == [True, False, False]


def test_of_one_year_no_swings_are_known() -> None:
    found = prospect(CHOICE, 0, [year((3.0, 5.0, 7.0))], [year((3.0, 5.0, 7.0))])
    assert not found.risk.any()


def test_who_is_indifferent_stays_as_they_are() -> None:
    worth = np.array([1.0, 0.0, 0.0, -1.0])
    assert takes_part(worth, np.array([False, True, False, True])).tolist() == [True, True, False, False]


def test_who_was_dear_by_chance_wants_a_benchmark_of_that_year() -> None:
    mean = year((5.0, 5.0))
    dear = year((5.0, 7.0))
    savings = read_contract(
        {
            "name": "savings",
            "payer": "insurers",
            "providers": "practices",
            "components": [{"kind": "shared_savings", "sharing_rate": 0.5, "loss_rate": 0.5, "trend": "none"}],
        }
    )
    contracts = (FEES, replace(savings, scope=WANTED))

    def paid(each: Activity) -> Activity:
        return settle([FEES], Book(replace(each, lines=(), payments=None), -1)).book.activity

    past = [paid(each) for each in (mean, mean, dear)]
    found = prospect(contracts, 0, past, past)
    np.testing.assert_allclose(found.expected, [0.0, 0.5 * (20.0 + 20.0 + 0.0) / 3.0], atol=1e-9)


def test_those_who_are_not_asked_stay_out_whatever_they_would_gain() -> None:
    names = [f"practice {number}" for number in range(40)]
    many = replace(Activity.empty((VISITS,), names, 1.0), person_years=np.ones((40, SEGMENTS)))
    some = tuple(replace(each, scope=Scope(replace(each.scope.participants, share=0.4))) for each in CHOICE)
    found = prospect(some, 0, [many], [many])
    assert 0 < found.asked.sum() < 40
    np.testing.assert_allclose(found.expected, np.where(found.asked, RATE, 0.0))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0.0, 20.0)] * 3), min_size=1, max_size=4))
def test_nobody_who_decides_by_the_mean_loses_on_the_years_it_knows(visits: list[tuple[float, float, float]]) -> None:
    known = [year(each) for each in visits]
    found = prospect(CHOICE, 0, known, known)
    inside = takes_part(Weighing().worth(found.expected))
    chosen = joined(CHOICE, [[name for name, now in zip(NAMES, inside, strict=True) if now]])
    paid = sum(settle(chosen, Book(each, 0)).practice_revenue().sum(axis=1) for each in known)
    fees = sum(settle([FEES], Book(each, 0)).practice_revenue().sum(axis=1) for each in known)
    every = sum(settle([CAPITATION], Book(each, 0)).practice_revenue().sum(axis=1) for each in known)
    np.testing.assert_allclose(paid, np.maximum(fees, every), rtol=1e-9, atol=1e-6)


LAG = 2
BONUS = read_contract(
    {
        "name": "bonus",
        "payer": "insurers",
        "providers": "practices",
        "components": [
            {
                "kind": "pay_for_performance",
                "eur_per_person_year": 3,
                "lag_quarters": LAG,
                "targets": [{"indicator": "smoking", "full": 0.0}],
            }
        ],
    }
)


def test_a_year_is_paid_to_those_who_took_part_in_it() -> None:
    """Settled half a year later, when one has left and another has joined."""
    met = {"smoking": np.ones((3, 2))}
    quarters = [replace(year((1.0, 1.0, 1.0), years=0.25), indicators=met) for _ in range(12)]
    members = [("few", "usual"), ("usual", "many")]
    contracts = joined([replace(BONUS, scope=WANTED)], members)
    paid = np.array(
        [
            each.practice_revenue().sum(axis=1)
            for each in settle_all(contracts, quarters, [n // PERIODS_PER_YEAR for n in range(12)])
        ]
    )
    due = [n for n in range(12) if paid[n].any()]
    assert due == [5, 9]
    np.testing.assert_allclose(paid[5], [300.0, 300.0, 0.0])
    np.testing.assert_allclose(paid[9], [0.0, 300.0, 300.0])


def test_decisions_are_kept_with_the_contracts() -> None:
    decisions = [
        Decision(0, "practice:few", True, 20.0, 0.0, 18.0),
        Decision(0, "practice:many", False, -30.0, 10.0, -37.0),
        Decision(1, "practice:few", False, -1.0, 0.0, -3.0),
        Decision(1, "practice:many", False, -30.0, 10.0, -37.0),
    ]
    decided = as_decided(CHOICE, decisions)
    again = tuple(read_contract(json.loads(json.dumps(as_mapping(each)))) for each in decided)
    for each in (decided, again):
        shares = [settle(each, Book(year((3.0, 5.0, 7.0)), k)).practice_revenue().sum(axis=1) for k in (0, 1, 5)]
        np.testing.assert_allclose(shares[0], [5000.0, 5000.0, 7000.0])
        np.testing.assert_allclose(shares[1], [3000.0, 5000.0, 7000.0])
        np.testing.assert_allclose(shares[2], shares[1])


RULE = Exit(40.0, 10.0, 8.0, 0.0, 3.0)


@pytest.mark.parametrize(
    ("received", "position", "leaves"),
    [
        ([8.0], 30.0, False),
        ([-23.0], -1.0, True),
        ([-22.0], 0.0, False),
        ([0.0, 0.0], 14.0, False),
        ([0.0, 0.0, 0.0], 6.0, True),
        ([0.0, 0.0, 9.0], 15.0, False),
        ([0.0, 0.0, 8.0], 14.0, False),
    ],
)
def test_an_organisation_leaves_when_its_reserve_is_gone_or_after_losses(
    received: list[float], position: float, leaves: bool
) -> None:
    assert RULE.position(received) == pytest.approx(position)
    assert RULE.leaves(received) is leaves


PAYS_PRACTICES = tuple(
    read_contract(each)
    for each in (
        {
            "name": "budget",
            "payer": "insurers",
            "providers": "integrator",
            "components": [{"kind": "capitation", "rate_eur_per_person_year": 60}],
        },
        {
            "name": "inner",
            "payer": "integrator",
            "providers": "practices",
            "components": [
                {"kind": "capitation", "rate_eur_per_person_year": RATE},
                {
                    "kind": "pay_for_performance",
                    "eur_per_person_year": 3,
                    "lag_quarters": LAG,
                    "targets": [{"indicator": "smoking", "full": 0.0}],
                },
            ],
        },
        {**as_mapping(FEES), "after_exit_of": "integrator"},
    )
)


def test_when_an_organisation_leaves_its_members_fall_back_and_what_is_due_is_paid() -> None:
    met = {"smoking": np.ones((3, 2))}
    quarters = [replace(year((1.0, 1.0, 1.0), years=0.25), indicators=met) for _ in range(12)]
    contracts = left(PAYS_PRACTICES, "integrator", 1)
    settled = list(settle_all(contracts, quarters, [n // PERIODS_PER_YEAR for n in range(12)]))
    by_contract = [{bill.contract.name: bill.payment.euros.sum() for bill in each.bills} for each in settled]
    capitation = 3 * 100.0 * 0.25
    for n in range(4):
        assert by_contract[n]["budget"] == pytest.approx(60.0 * capitation)
        assert "fees" not in by_contract[n]
    for n in range(4, 12):
        assert "budget" not in by_contract[n]
        assert by_contract[n]["fees"] == pytest.approx(VISIT * capitation)
        assert sum(by_contract[n].values()) == pytest.approx(VISIT * capitation + (900.0 if n == 5 else 0.0))


def test_nobody_is_paid_for_nothing_before_the_exit() -> None:
    met = {"smoking": np.ones((3, 2))}
    settled = settle(PAYS_PRACTICES, Book(replace(year((3.0, 5.0, 7.0)), indicators=met), 0))
    assert {bill.contract.name for bill in settled.bills} == {"budget", "inner"}


def test_a_service_that_nobody_pays_after_an_exit_is_warned_of() -> None:
    about = ((VISITS,), ("general_practice",), 5)
    assert warnings_over(PAYS_PRACTICES, *about, ["integrator"]) == []
    found = warnings_over(PAYS_PRACTICES[:2], *about, ["integrator"])
    assert len(found) == 1
    assert "paid never" in found[0]
    assert found[0].endswith("once the integrator has left")


def test_who_does_not_take_part_must_be_paid_too() -> None:
    from paysim.contracts.coverage import coverage

    rows = coverage(CHOICE[:1], (VISITS,), ("general_practice",))
    assert "paid never in some practices" in coverage_warnings(rows)[0]
    assert not coverage_warnings(coverage(CHOICE, (VISITS,), ("general_practice",)))


SHIPPED = Path(catalog.find("scenarios", "nl/achterhoek_voluntary"))


@pytest.mark.parametrize(
    ("written", "instead", "words"),
    [
        ("{by: expected_value, share: 0.3}", "{by: expectation}", ["participants.by", "expected_value"]),
        ("{by: expected_value, share: 0.3}", "{others: true}", ["a share of practices is needed"]),
        ("{by: expected_value, share: 0.3}", "{share: 0.3, years: [[a]]}", ["years belong to by: expected_value"]),
        ("{by: expected_value, others: true}", "{by: expected_value, others: true, share: 0.5}", ["the same share"]),
        ("{use: nl/shared_savings_own_history,", "{use: us/shared_savings_prepaid,", ["several years"]),
        ("organisations: nl", "organisations: nll", ["no such", "'nl'"]),
        ("nl/plot_grant, nl/integrator_full_risk, nl/integrator_distribution]", "]", ["rule of exit", "integrator"]),
        (
            "contracts: [nl/gp_segments_1_2_3, nl/hospital_tariffs, nl/long_term_care, nl/deductible, nl/plot_grant",
            "contracts: [{use: nl/gp_segments_1_2_3, after_exit_of: care_group}, nl/hospital_tariffs, nl/plot_grant",
            ["care_group", "no rule of exit"],
        ),
        (
            "title: Capitation for practices that want it",
            "budget_neutral_to: {arm: today, on: general_practice}",
            ["cannot be neutral"],
        ),
        ("current: today", "current: savings_if_wanted", ["data year is known"]),
    ],
)
def test_choices_that_cannot_be_say_where(tmp_path: Path, written: str, instead: str, words: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    text = SHIPPED.read_text()
    assert written in text
    path.write_text(text.replace(written, instead, 1))
    with pytest.raises(InputError) as caught:
        ps.load_scenario(path)
    for word in ("mine.yaml", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("written", "instead", "words"),
    [
        ("{value: 3, range: [2, 5],", "{value: 2.5, range: [2, 5],", ["whole number of years"]),
        ("{value: 8, range: [2, 25],", "{value: 80, range: [2, 25],", ["outside its range"]),
        ("losses_in_a_row", "losses_in_row", ["unknown key", "losses_in_a_row"]),
    ],
)
def test_rules_of_exit_that_cannot_be_say_where(tmp_path: Path, written: str, instead: str, words: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    text = Path(catalog.find("organisations", "nl")).read_text()
    assert written in text
    path.write_text(text.replace(written, instead, 1))
    with pytest.raises(InputError) as caught:
        load_organisations(str(path))
    for word in ("mine.yaml", *words):
        assert word in str(caught.value)


def test_barriers_can_be_turned() -> None:
    scenario = ps.load_scenario(SHIPPED)
    names = {
        "few_are_asked.participants.share": 0.6,
        "organisations.nl.integrator.reserve_eur_per_person": 5.0,
        "behaviour.participation_risk_aversion": 1.0,
    }
    changed = with_values(scenario, names)
    asked = [each.scope.participants for each in changed.arm("few_are_asked").contracts if each.scope.participants]
    assert [who.share for who in asked] == [0.6]
    assert {each.name: each.value for each in changed.parameters} == {k: v for k, v in names.items() if k[0] != "f"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ps.Run:
    """Three practices over two years, and an integrator without reserve."""
    scenario = ps.load_scenario(SHIPPED)
    arms = tuple(each for each in scenario.arms if each.name != "few_are_asked")
    short = replace(scenario, horizon_years=2, base_years=2, arms=tuple(map(_within_two_years, arms)), replicates=2)
    poor = with_values(short, {"organisations.nl.integrator.reserve_eur_per_person": 0.0})
    return ps.simulate(poor, tmp_path_factory.mktemp("run") / "r", sample=4000)


def _within_two_years(arm: ps.Arm) -> ps.Arm:
    def shorter(contract: Contract) -> Contract:
        parts = (
            replace(part, terms=replace(part.terms, base_year_weights=(1.0,)))
            if part.kind == "shared_savings"
            else part
            for part in contract.components
        )
        return replace(contract, components=tuple(parts))

    return replace(arm, contracts=tuple(map(shorter, arm.contracts)))


@pytest.mark.slow
def test_a_run_says_who_took_part_and_settles_again_to_the_cent(run: ps.Run) -> None:
    inside = run.parties[run.parties["takes_part"]]
    for arm in ("capitation_if_wanted", "savings_if_wanted"):
        for replicate in (0, 1):
            mine = inside[(inside["arm"] == arm) & (inside["replicate"] == replicate)]
            named = [
                sorted(f"practice:{name}" for name in names)
                for each in run.contracts(arm, replicate)
                if each.scope.decided
                for names in each.scope.participants.years
            ]
            by_year = [sorted(mine[mine["year"] == k]["party"]) for k in (0, 1)]
            assert named[:2] == by_year
            for period in (0, 3, 4, 7):
                assert ps.explain(run, "insurers", period, arm=arm, replicate=replicate).postings
    worth = run.parties.dropna(subset=["worth_eur"])
    assert ((worth["worth_eur"] > 0.0) == worth["takes_part"]).all()


@pytest.mark.slow
def test_an_integrator_without_reserve_leaves_and_is_paid_nothing_more(run: ps.Run) -> None:
    table = parties_by_year(run)
    integrator = table[table["party"] == "integrator"]
    assert integrator["left"].sum() > 0.0, "it has nothing to lose in neither replicate"
    gone = run.parties[(run.parties["party"] == "integrator") & ~run.parties["takes_part"]]
    ledger = run.ledger[run.ledger["arm"] == "integrator_may_leave"]
    for each in gone.itertuples():
        mine = ledger[(ledger["replicate"] == each.replicate) & (ledger["actor"] == "integrator")]
        assert (mine["period"] < PERIODS_PER_YEAR * each.year).all()
