"""Scope, share and date of a contract: parts of the region and of time add up to the whole, for every component."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import paysim as ps
from paysim import catalog
from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.analysis import explain as explaining
from paysim.contracts.contract import Contract, Part
from paysim.contracts.coverage import coverage, coverage_warnings, overlaps
from paysim.contracts.pay_for_performance import PayForPerformance, Target
from paysim.contracts.scope import Participants, Scope, both
from paysim.contracts.settlement import settle, settle_all
from paysim.contracts.shared_savings import SharedSavings
from paysim.contracts.terms import read_contract
from paysim.contracts.written import as_mapping
from paysim.errors import InputError, ModelError
from tests.conformance.test_contracts import PARTS, SERVICES, book

LINEAR = sorted(name for name, part in PARTS.items() if part.linear and part.kind != "deductible")
HALF, REST = Scope(Participants(0.5)), Scope(Participants(0.5, others=True))
PRACTICES = 12


def _insured(whole: Book) -> Book:
    def known(activity: Activity, seed: int) -> Activity:
        years = np.random.Generator(np.random.PCG64(seed)).random((len(activity.practice_names), 2)) + 0.1
        return replace(activity, insurer_names=("alpha", "beta"), insurer_years=years, persons=None)

    past = tuple(known(each, 7 + n) for n, each in enumerate(whole.past))
    return Book(known(whole.activity, 1), whole.year, past, whole.received)


def _pays(part: Part, scope: Scope, seen: Book) -> np.ndarray:
    providers = "practices" if part.terms.payee is None else "sectors"
    contract = Contract("mine", "mine", "government", providers, (part,), scope=scope)
    return contract.payment(part, seen).euros


@pytest.mark.parametrize("name", LINEAR)
def test_two_halves_of_a_region_are_paid_as_the_whole(name: str) -> None:
    part, seen = PARTS[name], book(practices=PRACTICES)
    whole = _pays(part, Scope(), seen)
    first, second = _pays(part, HALF, seen), _pays(part, REST, seen)
    np.testing.assert_array_equal(first + second, whole)
    inside = HALF.factor(seen.activity) > 0.0
    assert 0 < inside.sum() < PRACTICES
    assert not first[~inside].any()


@pytest.mark.parametrize("name", LINEAR)
def test_all_insurers_together_pay_as_one(name: str) -> None:
    part, seen = PARTS[name], _insured(book(practices=3))
    whole = _pays(part, Scope(), seen)
    apart = _pays(part, Scope(insurers=("alpha",)), seen) + _pays(part, Scope(insurers=("beta",)), seen)
    np.testing.assert_allclose(apart, whole, rtol=1e-12)


CONTROL = SharedSavings(0.5, 0.5, trend="control", base_year_weights=(0.3, 0.7), lag_quarters=2)


def _controlled(now: float, inside: float = 1.0, terms: SharedSavings = CONTROL) -> np.ndarray:
    """What a contract with a control group pays when those outside cost `now` times as much, those inside `inside`."""
    seen = book(practices=PRACTICES)
    member = HALF.factor(seen.activity) > 0.0
    factor = np.where(member, inside, now)[:, None, None]
    activity = replace(seen.activity, payments=seen.activity.payments * factor)
    return _pays(Part("savings", terms), HALF, replace(seen, activity=activity))


def test_a_control_group_is_the_practices_outside() -> None:
    """If both change alike nothing changes but the scale; what those outside cost more is a saving of those inside."""
    seen = book(practices=PRACTICES)
    member = HALF.factor(seen.activity) > 0.0
    alike = _controlled(1.0)
    assert alike[member].any()
    assert not alike[~member].any()
    np.testing.assert_allclose(_controlled(1.3, 1.3), 1.3 * alike, rtol=1e-9)
    more = _controlled(1.1) - alike
    # The benchmark grows by a tenth: shared at a half, from gains and losses alike, over all the people inside.
    grown, base = HALF.book(seen), HALF.controls(seen)
    benchmark = CONTROL.benchmark(replace(grown, controls=base))[0]
    np.testing.assert_allclose(more.sum(axis=1), 0.5 * 0.1 * benchmark, rtol=1e-9, atol=1e-6)


def test_a_control_group_of_nobody_is_an_error() -> None:
    with pytest.raises(ModelError, match="practices that are not in the contract"):
        _pays(Part("savings", CONTROL), Scope(), book(practices=PRACTICES))


@pytest.mark.parametrize("participants", [None, {"share": 1.0}, {"by": "expected_value"}])
def test_a_scenario_with_a_control_group_that_may_be_nobody_is_refused(
    participants: dict[str, Any] | None, tmp_path: Path
) -> None:
    terms = {"kind": "shared_savings", "trend": "control", "sharing_rate": 0.5}
    contract = {"name": "trial", "payer": "insurers", "providers": "practices", "components": [terms]}
    contract |= {} if participants is None else {"participants": participants}
    scenario = yaml.safe_load(catalog.find("scenarios", "nl/achterhoek_shared_savings").read_text())
    scenario["arms"] = [*scenario["arms"], {"name": "trial", "contracts": ["nl/gp_segments_1_2_3", contract]}]
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(scenario))
    with pytest.raises(InputError, match="needs practices outside the contract"):
        ps.load_scenario(path)


def test_scopes_that_overlap_are_said() -> None:
    by_head, today = (read_contract(f"nl/{name}") for name in ("gp_capitation_100", "gp_segments_1_2_3"))

    def found(one: Scope, other: Scope) -> list[str]:
        return overlaps([replace(today, scope=other), replace(by_head, scope=one)])

    assert not found(HALF, REST)
    assert "so that 20% are in both" in found(Scope(Participants(0.7)), REST)[0]
    assert not found(Scope(insurers=("menzis",)), Scope(insurers=("cz",)))
    assert not found(Scope(insurers=("menzis", "cz")), Scope(insurers=("menzis", "cz")))  # two parts of one payment
    assert "the people of cz are in both" in found(Scope(insurers=("menzis", "cz")), Scope(insurers=("cz",)))[0]


def test_the_people_of_every_insurer_are_looked_at() -> None:
    fees = read_contract("nl/gp_fee_for_service")
    one, other = (replace(fees, name=name, scope=Scope(insurers=(name,))) for name in ("alpha", "beta"))

    def warned(contracts: list[Contract], insurers: tuple[str, ...]) -> set[str]:
        rows = coverage(contracts, SERVICES, insurers=insurers)
        return {row.warning for row in rows if row.service == "gp_consult"}

    assert warned([one, other], ("alpha", "beta")) == {""}
    assert warned([one, other], ("alpha", "beta", "gamma")) == {"paid never for some people"}
    assert warned([one, other, replace(fees, name="all")], ("alpha", "beta")) == {"paid twice"}
    assert warned([one, replace(fees, name="all")], ("alpha", "beta")) == {"paid twice for some people"}


@pytest.mark.parametrize("name", sorted(PARTS))
def test_those_outside_change_nothing_for_those_inside(name: str) -> None:
    """A benchmark, a floating point or a rank is that of the participants alone."""
    part, seen = PARTS[name], book(practices=PRACTICES)
    inside = HALF.factor(seen.activity) > 0.0

    def busier(activity: Activity) -> Activity:
        return activity.weighted(np.where(inside, 1.0, 3.0))

    other = Book(busier(seen.activity), seen.year, tuple(busier(each) for each in seen.past), seen.received)
    np.testing.assert_allclose(_pays(part, HALF, other)[inside], _pays(part, HALF, seen)[inside], rtol=1e-12)


def test_who_takes_part_at_some_share_does_so_at_every_larger_one() -> None:
    names = tuple(f"practice {number}" for number in range(400))
    before = np.zeros(len(names))
    for share in (0.0, 0.2, 0.5, 0.9, 1.0):
        now = Participants(share).factor(names)
        assert (now >= before).all()
        assert abs(now.mean() - share) < 0.08
        np.testing.assert_array_equal(Participants(share, others=True).factor(names), 1.0 - now)
        before = now


def test_a_share_by_year_holds_before_within_and_after() -> None:
    part = replace(PARTS["nl/gp_capitation_100/capitation"], share=0.5, share_by_year=(0.0, 0.5, 1.0))
    assert [part.at(year).share for year in (-2, 0, 1, 2, 9, None)] == [0.0, 0.0, 0.25, 0.5, 0.5, 0.5]
    seen = book()
    contract = Contract("mine", "mine", "insurers", "practices", (part,))
    paid = [settle([contract], replace(seen, year=year)).practice_revenue() for year in (0, 1, 2)]
    assert not paid[0].any()
    np.testing.assert_allclose(2.0 * paid[1], paid[2], rtol=1e-12)


YEARS, LAG = 4, 3
WITHHELD = PayForPerformance((Target("ldl_at_target", full=0.0),), withhold_share=0.1, lag_quarters=LAG)  # all score 1


def _withheld(part: Part) -> np.ndarray:
    """Euros of each quarter of `YEARS` years and one after."""
    seen = book()
    quarters = [replace(seen.activity.scaled(0.25), indicators=seen.activity.indicators) for _ in range(4 * YEARS + 4)]
    contract = Contract("mine", "mine", "insurers", "practices", (part,))
    settled = settle_all([contract], quarters, [n // 4 for n in range(len(quarters))], seen.past)
    return np.array([each.practice_revenue().sum() for each in settled])


@pytest.mark.parametrize(
    "dates",
    [
        {"until_year": YEARS},
        {"from_year": 1, "until_year": 2},
        {"share_by_year": (1.0, 0.5, 0.25, 0.0)},
        {"share": 0.5},
    ],
)
def test_what_was_withheld_in_a_year_is_given_back_at_its_share(dates: dict[str, Any]) -> None:
    """A settlement that lags goes by the share and the dates of the year that it is for."""
    part = replace(Part("withhold", WITHHELD), **{"until_year": YEARS} | dates)
    euros = _withheld(part)
    assert euros.min() < 0.0
    assert euros.sum() == pytest.approx(0.0, abs=1e-6)
    last = part.until_year or YEARS
    assert euros[4 * last + LAG - 1] > 0.0 or dates.get("share_by_year")
    assert not euros[4 * last + LAG :].any()


def test_what_is_paid_in_advance_has_no_dates() -> None:
    bundle = next(part for part in PARTS.values() if getattr(part.terms, "payment", "") == "prospective")
    for dates in ({"from_year": 1}, {"until_year": 2}, {"share_by_year": (0.5, 1.0)}):
        with pytest.raises(ValueError, match="must be in force throughout"):
            replace(bundle, **dates)
    assert replace(bundle, from_year=0) != bundle


def test_two_halves_share_out_what_was_received_once() -> None:
    """Each half what was received for its own practices."""
    shared = next(part for part in PARTS.values() if part.kind == "distribution")
    seen = book(practices=PRACTICES)
    whole = _pays(shared, Scope(), seen)
    first, second = _pays(shared, HALF, seen), _pays(shared, REST, seen)
    assert whole.sum() > 0.0
    assert first.sum() + second.sum() == pytest.approx(whole.sum())
    inside = HALF.factor(seen.activity) > 0.0
    assert not first[~inside].any()


def test_a_contract_keeps_its_limits_when_it_is_written_down() -> None:
    contract = read_contract("nl/gp_segments_1_2_3")
    parts = tuple(replace(part, share=0.5, share_by_year=(0.25, 1.0), from_year=1) for part in contract.components)
    limited = replace(contract, components=parts, scope=Scope(Participants(0.25, others=True), ("x",)), amounts=())
    back = read_contract(json.loads(json.dumps(as_mapping(limited))))
    assert replace(back, amounts=()) == limited


def test_insurers_must_be_known_and_not_be_mixed_with_single_persons() -> None:
    part, seen = PARTS["nl/gp_capitation_100/capitation"], _insured(book())
    with pytest.raises(ModelError, match="did you mean 'alpha'"):
        _pays(part, Scope(insurers=("alpa",)), seen)
    with pytest.raises(ModelError, match="does not say who is insured"):
        _pays(part, Scope(insurers=("alpha",)), book())
    truncated = {"kind": "shared_savings", "sharing_rate": 0.5, "truncate_above_eur": 1e5}
    mine = {"name": "mine", "payer": "insurers", "providers": "practices", "components": [truncated]}
    assert read_contract(mine).scope.everything
    with pytest.raises(InputError, match="single persons"):
        read_contract({**mine, "insurers": ["alpha"]})
    with pytest.raises(ValueError, match="of its own"):
        both(HALF, REST)


def test_the_coverage_of_a_service_counts_who_takes_part() -> None:
    fees = read_contract("nl/gp_fee_for_service")
    halves = [replace(fees, scope=HALF), replace(fees, name="others", scope=REST)]
    assert {row.warning for row in coverage(halves, SERVICES) if "gp_consult" in row.service} == {""}

    def of_consults(*contracts: Contract) -> set[str]:
        return {row.warning for row in coverage(contracts, SERVICES) if "gp_consult" in row.service}

    others = replace(fees, name="others")
    assert of_consults(fees, others) == {"paid twice"}
    assert of_consults(fees, replace(others, scope=REST)) == {"paid twice in some practices"}
    assert of_consults(halves[0], replace(others, scope=HALF)) == {"paid twice in some practices"}
    assert of_consults(halves[0]) == {"paid never in some practices"}
    third = Scope(Participants(0.3))
    assert of_consults(replace(fees, scope=third), halves[1]) == {"paid never in some practices"}
    sentence = coverage_warnings(coverage(halves[:1], SERVICES))
    assert any("gp_consult is paid never in some practices: other practices have it" in each for each in sentence)


SCENARIO = Path(catalog.find("scenarios", "nl/achterhoek_transition"))


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ({"use": "nl/gp_capitaton_100"}, ["no such contract", "nl/gp_capitation_100"]),
        ({"use": "nl/gp_capitation_100", "participants": {"share": 1.5}}, ["participants.share", "less than or equal"]),
        ({"use": "nl/hospital_tariffs", "insurers": ["menzis"]}, ["pays hospital by the unit", "cannot be limited"]),
        ({"use": "nl/gp_capitation_100", "share_by_year": [0.5, 2]}, ["share_by_year[1]", "less than or equal"]),
        ({"use": "nl/gp_capitation_100", "from_year": 3, "until_year": 3}, ["must come after"]),
        ({"use": "nl/gp_capitation_100", "particpants": {"share": 0.5}}, ["unknown key", "participants"]),
    ],
)
def test_a_use_that_is_wrong_says_where(tmp_path: Path, use: dict[str, object], words: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO.read_text().replace("[nl/gp_capitation_100,", f"[{json.dumps(use)},", 1))
    with pytest.raises(InputError) as caught:
        ps.load_scenario(path)
    for word in ("mine.yaml", "arms[1].contracts[0]", *words):
        assert word in str(caught.value)


def test_an_insurer_that_the_region_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SCENARIO.read_text().replace("[menzis]", "[menzies]"))
    with pytest.raises(ps.ScenarioError, match=r"does not have.*menzies.*did you mean 'menzis'"):
        ps.simulate(ps.load_scenario(path), tmp_path / "run", sample=1500)


@pytest.fixture(scope="module")
def transition(tmp_path_factory: pytest.TempPathFactory) -> ps.Run:
    scenario = ps.load_scenario(SCENARIO)
    return ps.simulate(
        replace(scenario, base_years=1, horizon_years=2), tmp_path_factory.mktemp("run") / "r", sample=6000
    )


@pytest.mark.slow
def test_every_practice_is_paid_on_the_way(transition: ps.Run) -> None:
    ledger = transition.ledger.astype({"actor": str, "account": str, "contract": str})
    paid = ledger[(ledger["account"] == "general_practice") & ledger["actor"].str.startswith("practice:")]
    practices = sorted(paid["actor"].unique())
    assert len(practices) >= 2
    for arm in transition.arms:
        of_arm = paid[paid["arm"] == arm].groupby("actor")["cents"].sum()
        assert (of_arm[practices] > 0).all(), arm
    half = paid[paid["arm"] == "half_of_practices"].groupby("actor")["contract"].agg(set)
    assert all(len(contracts) == 1 for contracts in half)
    mixed = paid[paid["arm"] == "leading_insurer"].groupby("actor")["contract"].agg(set)
    assert all(len(contracts) == 2 for contracts in mixed)
    steps = paid[(paid["arm"] == "by_steps") & (paid["contract"] == "gp_capitation_100")]
    assert (steps["period"] >= 4).all(), "paid in the first year, at a share of 0"
    assert len(steps)


def test_what_was_paid_in_a_scope_is_explained(transition: ps.Run) -> None:
    for arm in ("half_of_practices", "leading_insurer", "by_steps"):
        for period in (0, 5):
            for actor in ("insurers", "hospital"):
                assert ps.explain(transition, actor, period, arm=arm).postings


def test_persons_of_a_list_add_up_to_the_bill_of_one_insurer(transition: ps.Run) -> None:
    people, settlement = explaining._simulate_again(transition, "leading_insurer", 0, 1, SCENARIO)
    paid: dict[str, float] = defaultdict(float)
    for number in np.unique(people.number):
        person = people.person(int(number))
        assert person is not None
        for each in explaining._of_person(settlement, person):
            paid[each.contract] += each.exact_eur or 0.0
    scoped = [bill for bill in settlement.bills if bill.contract.scope.insurers]
    assert scoped
    for name in {bill.contract.name for bill in scoped}:
        owed = sum(float(bill.payment.euros.sum()) for bill in scoped if bill.contract.name == name)
        assert paid[name] == pytest.approx(owed, rel=1e-6)
