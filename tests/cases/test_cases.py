"""Worked cases: the arithmetic of real payment rules. Every file beside this one is run."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from paysim.accounting.ledger import Ledger
from paysim.cli.app import app
from paysim.contracts.cases import run_case
from paysim.contracts.settlement import post
from paysim.contracts.terms import component_kinds
from paysim.errors import InputError

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
BUNDLE = {
    "name": "bundle",
    "payer": "insurers",
    "providers": "sectors",
    "components": [
        {
            "kind": "acute_bundle",
            "episodes": [{"name": "infarction", "triggers": ["admission_mi"], "window_days": 90, "target_eur": 1}],
        }
    ],
}
NEW_DEAL = Path(__file__).parent / "be_new_deal_ordinary.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = run_case(path)
    assert case.name == path.stem
    assert case.outcomes
    for each in case.outcomes:
        assert each.met, each
    ledger = Ledger()
    post(ledger, 0, case.settlement)
    ledger.check()
    posted = sum(cents for cents in ledger.trial_balance().values() if cents > 0)
    received = 0.0  # of every actor, net, as in a trial balance
    by_actor: dict[str, float] = {}
    for bill in case.settlement.bills:
        of_practice = bill.payment.euros.sum(axis=1)
        for practice, euros in zip(case.settlement.book.activity.practice_names, of_practice, strict=True):
            payee = f"practice:{practice}" if bill.to_practices else bill.payment.payee
            by_actor[payee] = by_actor.get(payee, 0.0) + float(euros)
            by_actor[bill.contract.payer] = by_actor.get(bill.contract.payer, 0.0) - float(euros)
    received = sum(euros for euros in by_actor.values() if euros > 0.0)
    roundings = len(case.settlement.bills) * (1 + len(case.settlement.book.activity.practice_names))
    assert abs(posted - 100 * received) <= roundings


def test_every_kind_that_pays_by_activity_has_a_case() -> None:
    kinds = {
        component["kind"]
        for path in FILES
        for contract in yaml.safe_load(path.read_text())["contracts"]
        if isinstance(contract, dict)
        for component in contract["components"]
    }
    named = {"chronic_bundle", "pass_through_grant", "tariff"}  # in shipped contracts that cases name
    assert set(component_kinds()) - kinds - named == {"deductible"}


def _changed(tmp_path: Path, **changes: object) -> Path:
    case = yaml.safe_load(NEW_DEAL.read_text()) | changes
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(case))
    return path


def test_a_case_that_is_wrong_is_found_out(tmp_path: Path) -> None:
    path = _changed(tmp_path, expected=[{"eur": 1979.99}])
    assert not run_case(path).met
    result = CliRunner().invoke(app, ["cases", "run", str(path), str(NEW_DEAL)])
    assert result.exit_code == 1
    assert "1 of 2 cases as expected" in result.output


def test_a_payment_nobody_expected_is_named_or_a_fault(tmp_path: Path) -> None:
    rows = [
        {"practice": name, "person_years": 1, "services": [{"service": "gp_consult", "quantity": 1}]} for name in "ab"
    ]
    changes = {
        "contracts": ["be/gp_fee_for_service"],
        "pays_as_much_as": [],
        "activity": rows,
        "expected": [{"practice": "a", "eur": 66.61}],
    }
    case = run_case(_changed(tmp_path, **changes))
    assert case.met
    assert {what for what, _ in case.not_looked_at} == {"fee_for_service, b", "global_medical_file, b"}
    result = CliRunner().invoke(app, ["cases", "run", str(_changed(tmp_path, **changes))])
    assert result.exit_code == 0
    assert "fee_for_service, b: paid 30" in result.output
    whole = run_case(_changed(tmp_path, **changes, complete=True))
    assert not whole.met
    assert not whole.not_looked_at
    every = run_case(_changed(tmp_path, **changes | {"expected": [{"eur": 133.22}]}, complete=True))
    assert every.met


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"expected": [{"component": "capitatoin", "eur": 1}]}, ["expected[0].component", "did you mean 'capitation'"]),
        ({"expected": [{"practice": "b", "eur": 1}]}, ["expected[0].practice", "unknown practice", "found b"]),
        ({"expected": []}, ["expected", "at least 1"]),
        ({"contracts": ["be/copayments"]}, ["a ceiling for each person"]),
        ({"activity": [{"person_year": 1}]}, ["activity[0]", "unknown key", "person_years"]),
        ({"activity": [{"services": [{"service": "gp_consul", "quantity": 1}]}]}, ["did you mean 'gp_consult'"]),
        ({"activity": [{"person_years": -1}]}, ["greater than or equal to 0"]),
        (
            {"indicators": [{"indicator": "x", "practice": "z", "above": 1, "below": 1}]},
            ["unknown practice", "found z"],
        ),
        ({"episodes": [{"kind": "infarction", "eur": 1}]}, ["episodes", "no contract of the case has episodes"]),
        ({"stays": [{"service": "admission_m", "days": 1}]}, ["stays[0].service", "did you mean 'admission_mi'"]),
        (
            {"contracts": [BUNDLE], "expected": [{"eur": 0}], "episodes": [{"kind": "infarctoin", "eur": 1}]},
            ["episodes[0].kind", "unknown kind of episode", "did you mean 'infarction'"],
        ),
    ],
)
def test_what_is_wrong_with_a_case_is_said_with_its_place(
    tmp_path: Path, changes: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        run_case(_changed(tmp_path, **changes))
    for word in ("mine.yaml", *words):
        assert word in str(caught.value)
