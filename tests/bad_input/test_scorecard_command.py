"""`paysim scorecard` and `paysim indicators`: what they print, and what they refuse."""

from __future__ import annotations

import json

import pytest

from paysim.analysis import compare
from paysim.analysis.compare import FEW
from paysim.analysis.scorecard import BETTER, CHANCE, WORSE
from paysim.cli.app import run
from paysim.outcomes.indicators import AIMS, indicators
from paysim.report import caveats
from tests.unit.conftest import write_synthetic_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a run with made-up numbers; tests must not change it."""
    return write_synthetic_run(tmp_path_factory.mktemp("card") / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scorecard"], "Missing argument"),
        (["scorecard", "no_such_run"], "no such run folder"),
        (["indicators", "no_such_run"], "no such run folder"),
        (["scorecard", "RUN", "--baseline", "captation"], "did you mean 'capitation'?"),
        (["scorecard", "RUN", "--weight", "equty=2"], "did you mean 'equity'?"),
        (["scorecard", "RUN", "--weight", "equity"], "an aim and a number"),
        (["scorecard", "RUN", "--weight", "equity=much"], "an aim and a number"),
        (["scorecard", "RUN", "--weight", "equity=-1"], "0 or more"),
        (["scorecard", "RUN", "--weight", "equity=inf"], "0 or more"),
        (["scorecard", "RUN", "--weight", "costs=1", "--weight", "costs=2"], "comes twice"),
        (["scorecard", "RUN", "--weight", "costs=0"], "no aim weighs anything"),
        (["scorecard", "RUN", "--weights", "costs=0"], "--weight"),
    ],
)
def test_bad_arguments_leave_with_2(arguments, message, folder, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run([str(folder) if each == "RUN" else each for each in arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out
    assert "Traceback" not in said.err
    assert not list(tmp_path.iterdir())


def test_the_list_names_every_indicator_and_every_reason(capsys):
    assert run(["indicators"]) == 0
    text = capsys.readouterr().out
    assert run(["indicators", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["indicators"]
    assert len(rows) == len(indicators())
    for each in indicators():
        assert (each.definition or each.reason) in text
    assert "not modelled" in text


def test_a_run_is_shown_aim_by_aim(folder, capsys):
    assert run(["indicators", str(folder)]) == 0
    levels = capsys.readouterr().out
    assert run(["scorecard", str(folder), "--baseline", "dutch_today"]) == 0
    card = capsys.readouterr().out
    for aim in ("Population health", "Quality and experience", "Costs", "Staff"):
        assert aim in levels
        assert f"Against Dutch funding today: {aim.lower()}" in card
    assert "weights" not in card
    assert "Aims are not added up" in card


def test_weights_are_used_only_when_given(folder, capsys):
    assert run(["scorecard", str(folder), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert "weighted" not in plain
    assert {row["aim"] for row in plain["scorecard"]} <= set(AIMS)
    assert run(["scorecard", str(folder), "--weight", "costs=1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scorecard"] == plain["scorecard"]
    row = next(each for each in told["weighted"] if each["arm"] == "fee_for_service")
    assert row["weighted"] == row["costs"] < 0.0


def test_few_practices_tell_no_interval_as_in_the_report(folder, capsys, monkeypatch):
    def told():
        assert run(["scorecard", str(folder), "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["scorecard"]
        assert run(["scorecard", str(folder)]) == 0
        return rows, capsys.readouterr().out

    many, text = told()
    assert {BETTER, WORSE} & {row["meaning"] for row in many}
    assert FEW not in text
    for module in (compare, caveats):
        monkeypatch.setattr(module, "FEWEST_PRACTICES", 100)
    few, text = told()
    differing = [row for row in few if row["difference"]]
    assert differing
    assert all(row["low"] is None and row["meaning"] not in (BETTER, WORSE, CHANCE) for row in differing)
    assert [row["difference"] for row in many] == [row["difference"] for row in few]
    assert FEW in text
    assert "there are too few practices" in text
    assert "Better and worse" not in text


def test_a_run_of_one_arm_has_nothing_to_compare(tmp_path, capsys):
    alone = write_synthetic_run(tmp_path / "alone", arms=("dutch_today",))
    assert run(["scorecard", str(alone)]) == 0
    assert "nothing to compare" in capsys.readouterr().out
