"""What is explained of a payment is what was posted, for everybody in a run, to the cent."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim import catalog
from paysim.analysis import explain as explaining
from paysim.analysis.runs import Run
from paysim.cli.app import app
from paysim.contracts.terms import read_contract
from paysim.contracts.written import as_mapping

SCENARIO = "us/achterhoek_shared_savings"
ARM = "two_sided"
OTHER_ARMS = ("one_sided", "reach_global", "two_sided_care_management")
LAST = 3


def _contract_names() -> list[str]:
    kinds = {name: catalog.find("contracts", name).read_text() for name in catalog.names("contracts")}
    return [name for name, text in kinds.items() if "\ncomponents:" in text]


@pytest.mark.parametrize("name", _contract_names())
def test_a_contract_written_down_is_read_back_the_same(name: str) -> None:
    contract = read_contract(name)
    back = read_contract(json.loads(json.dumps(as_mapping(contract))))
    assert replace(back, amounts=()) == replace(contract, amounts=())


def _simulated(arms: tuple[str, ...], folder: Path) -> Run:
    scenario = ps.load_scenario(SCENARIO)
    short = replace(scenario, horizon_years=1, arms=tuple(scenario.arm(name) for name in arms))
    return ps.simulate(short, folder, sample=1500)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return _simulated(("today", ARM), tmp_path_factory.mktemp("run") / "r")


def _require_explained(run: Run, arm: str, periods: tuple[int, ...]) -> None:
    """`explain` itself refuses lines that do not add up, or amounts that were not posted."""
    ledger = run.ledger.astype({"actor": str})
    mine = ledger[(ledger["arm"] == arm) & (ledger["replicate"] == 0)]
    for period in periods:
        quarter = mine[mine["period"] == period].groupby("actor")["cents"].sum()
        assert len(quarter) > 8
        for actor, cents in quarter.items():
            found = ps.explain(run, str(actor).removeprefix("practice:"), period, arm=arm)
            assert found.cents == cents, (arm, period, actor)


@pytest.mark.parametrize("arm", ["today", ARM])
def test_everybody_is_explained_what_the_ledger_says(run: Run, arm: str) -> None:
    _require_explained(run, arm, (0, LAST))


@pytest.mark.slow
def test_everybody_of_the_other_arms_is_explained_what_the_ledger_says(tmp_path: Path) -> None:
    run = _simulated(("today", *OTHER_ARMS), tmp_path / "r")
    assert {ARM, *run.arms} == {each.name for each in ps.load_scenario(SCENARIO).arms}
    for arm in OTHER_ARMS:
        _require_explained(run, arm, (0, LAST))


def test_what_is_shared_is_explained_from_the_benchmark_on(run: Run) -> None:
    settled = {each.component: each for each in ps.explain(run, "integrator", LAST, arm=ARM).postings}
    what = [line.what for line in settled["shared_savings"].lines]
    assert any("benchmark" in each for each in what)
    assert any("savings rate" in each for each in what)


def test_lines_are_quantities_times_rates(run: Run) -> None:
    practice = next(name for name in run.ledger["actor"].astype(str).unique() if name.startswith("practice:"))
    found = ps.explain(run, practice.removeprefix("practice:"), 1)
    assert ps.explain(run, practice, 1).cents == found.cents
    priced = [line for each in found.postings for line in each.lines if line.rate_eur is not None]
    assert len(priced) > 5
    for line in priced:
        assert line.eur == pytest.approx(line.quantity * line.rate_eur, rel=1e-9)
    frame = found.frame()
    assert round(100.0 * frame.loc[frame["what"] == "posted", "eur"].sum()) == found.cents


def test_what_single_persons_cost_adds_up_to_what_was_paid(run: Run) -> None:
    people, settlement = explaining._simulate_again(run, ARM, 0, 1, None)
    paid: dict[tuple[str, str], float] = defaultdict(float)
    for number in np.unique(people.number):
        person = people.person(int(number))
        assert person is not None
        for each in explaining._of_person(settlement, person):
            paid[each.contract, each.component] += each.exact_eur or 0.0
    for bill in settlement.bills:
        owed = float(bill.payment.euros.sum())
        found = paid[bill.contract.name, bill.payment.component]
        if bill.payment.payee == "practices" or bill.part.services_paid():
            assert found == pytest.approx(owed, rel=1e-6, abs=1e-6), bill.payment.component
    back = run.ledger.astype({"actor": str, "component": str})
    here = (back["arm"] == ARM) & (back["period"] == 1) & (back["component"] == "deductible")
    assert 100.0 * paid["deductible", "deductible"] == pytest.approx(
        back[here & (back["actor"] == "patients")]["cents"].sum()
    )


def test_one_person_is_explained_and_is_on_one_list(run: Run) -> None:
    people, settlement = explaining._simulate_again(run, run.current, 0, 1, None)
    names = settlement.book.activity.practice_names
    number = int(people.number[0])
    own = names[people.person(number).practice]  # type: ignore[union-attr]
    found = ps.explain(run, own, 1, person=number)
    assert found.person is not None
    assert found.person.number == number
    assert found.postings
    for other in [name for name in names if name != own][:1]:
        with pytest.raises(ps.DataError, match="list of another practice"):
            ps.explain(run, other, 1, person=number)


def test_one_quarter_of_one_run_is_kept_and_no_region_with_it(run: Run) -> None:
    first, _ = explaining._simulate_again(run, run.current, 0, 1, None)
    again = ps.load_run(run.path)
    second, _ = explaining._simulate_again(again, run.current, 0, 1, None)
    assert second is not first
    assert list(explaining._LAST_QUARTER) == [again]
    held = sum(each.nbytes for each in (second.number, second.seen, second.used))
    assert held < 1000 * len(second.number)  # bytes: a person as simulated takes kilobytes
    np.testing.assert_array_equal(second.used, first.used)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"provider": "hospitl", "period": 0}, ["no such provider", "did you mean 'hospital'"]),
        ({"provider": "hospital", "period": 4}, ["no such quarter", "0 to 3"]),
        ({"provider": "hospital", "period": -1}, ["no such quarter"]),
        ({"provider": "hospital", "period": 0, "arm": "two_side"}, ["no such arm", "did you mean 'two_sided'"]),
        ({"provider": "hospital", "period": 0, "replicate": 1}, ["no such replicate"]),
        ({"provider": "hospital", "period": 0, "person": -7}, ["nobody has this id", "person"]),
        ({"provider": "hospital", "period": 0, "person": 1, "scenario": "nl/achterhoek_plot"}, ["simulated again"]),
    ],
)
def test_what_cannot_be_explained_is_said(run: Run, given: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ps.DataError) as caught:
        ps.explain(run, **given)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


def test_an_arm_that_behaves_in_another_way_is_not_explained(run: Run, tmp_path: Path) -> None:
    text = Path(catalog.find("scenarios", SCENARIO)).read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace("behaviour: {name: profit_altruism}", "behaviour: {name: passive}"))
    with pytest.raises(ps.DataError, match="does not come out as it did"):
        ps.explain(run, "hospital", LAST, arm=ARM, person=1, scenario=mine)


def test_a_run_that_lost_its_cells_says_so(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(run.path, folder)
    shutil.rmtree(folder / "cells")
    with pytest.raises(ps.DataError, match="missing or damaged"):
        ps.explain(ps.load_run(folder), "hospital", 0)


def test_the_command_prints_lines_and_json(run: Run) -> None:
    wanted = ["explain", str(run.path), "--provider", "hospital", "--period", "2"]
    text = CliRunner().invoke(app, wanted)
    assert text.exit_code == 0, text.output
    assert "hospital_tariffs / hospital, insurers" in text.output
    assert "elective_admission" in text.output
    read = json.loads(CliRunner().invoke(app, [*wanted, "--json"]).output)
    assert read["cents"] == ps.explain(run, "hospital", 2).cents
