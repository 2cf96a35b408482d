"""`paysim verify`: a sound scenario passes, and each kind of fault is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis import verification
from paysim.analysis.verification import DOMAINS, Verification
from paysim.cli.app import app
from paysim.engine.cell import Cell
from paysim.scenario import Scenario
from tests.toy import few_people, scenario

PEOPLE = 800  # of fewer, deaths are so few that chance hides how many more there are


def _verified(of: Scenario) -> Verification:
    return ps.verify(of, population=few_people(PEOPLE))


class Kept:
    """Models, base runs and cells of a verification in the order in which it asked for them, to be given once more.

    The same calls give the same to the bit, so a fault put into what is kept is a fault put into another simulation.
    """

    names = ("build_model", "run_base", "run_arm")

    def __init__(self, of: Scenario) -> None:
        self.of, self.made = of, []
        with pytest.MonkeyPatch.context() as patch:
            for name in self.names:
                patch.setattr(verification, name, self._making(name, getattr(verification, name)))
            self.sound = _verified(of)

    def _making(self, name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, on_events: Callable[[np.ndarray], None] | None = None, **how: Any) -> Any:
            events: list[np.ndarray] = []
            place = len(self.made)
            self.made.append(None)
            if on_events:
                how["on_events"] = lambda log: (events.append(log.copy()), on_events(log))
            found = make(*given, **how)
            self.made[place] = name, self._asked(given), found, events
            return found

        return call

    @staticmethod
    def _asked(given: tuple[Any, ...]) -> Any:
        return given[2] if len(given) > 2 else None  # the arm

    def verified(self, fault: Callable[[Any, Cell], None]) -> Verification:
        """Return the verification once more, with a fault in its cells."""
        left = iter(self.made)

        def again(name: str) -> Callable[..., Any]:
            def call(*given: Any, on_events: Callable[[np.ndarray], None] | None = None, **how: Any) -> Any:
                made, asked, found, events = next(left)
                assert (made, asked) == (name, self._asked(given)), "the verification asked for something else"
                for log in events if on_events else ():
                    on_events(log)
                if name == "run_arm":
                    results = {column: values.copy() for column, values in found.results.items()}
                    found = replace(found, results=results, ledger=copy(found.ledger))
                    fault(asked, found)
                return found

            return call

        with pytest.MonkeyPatch.context() as patch:
            for name in self.names:
                patch.setattr(verification, name, again(name))
            found = _verified(self.of)
        assert next(left, None) is None
        return found


@pytest.fixture(scope="module")
def kept(short: Scenario) -> Kept:
    return Kept(short)


@pytest.fixture(scope="module")
def short() -> Scenario:
    return scenario(1, 1, arms=("dutch_today", "fee_for_service"))


def _failed(found: Verification) -> set[str]:
    return {each.id for each in found.checks if not each.passed}


def test_a_sound_scenario_passes_all_checks(kept: Kept) -> None:
    found = kept.sound
    assert _failed(found) == set()
    assert found.passed
    assert len(found.checks) >= 30
    assert {each.domain for each in found.checks} == set(DOMAINS)
    assert len({each.id for each in found.checks}) == len(found.checks) == len(found.frame())
    assert found.checks == kept.verified(lambda arm, cell: None).checks


@pytest.mark.slow
def test_a_scenario_simulated_again_passes_with_the_same_numbers(short: Scenario, kept: Kept) -> None:
    assert kept.sound.checks == _verified(short).checks


def _more(cell: Cell, measure: str) -> None:
    cell.results["value"][cell.results["measure"] == measure] *= 1.01


def _stray_cent(cell: Cell) -> None:
    legs = cell.ledger.frame()
    legs.loc[0, "cents"] += 1
    cell.ledger.frame = lambda: legs  # type: ignore[method-assign]


def _not_a_number(cell: Cell) -> None:
    cell.results["value"][0] = np.nan


FAULTS: tuple[tuple[str, Callable[[Any], bool], Callable[[Cell], None], set[str]], ...] = (
    ("twin", lambda arm: arm.name == "twin", lambda cell: _more(cell, "needs"), {"identical"}),
    ("cent", lambda arm: True, _stray_cent, {"postings", "balance"}),
    ("qalys", lambda arm: True, lambda cell: _more(cell, "qalys"), {"utility_one"}),
    ("spending", lambda arm: True, lambda cell: _more(cell, "spending_hospital"), {"lines"}),
    ("number", lambda arm: arm.name == "fee_for_service", _not_a_number, {"finite"}),
)


@pytest.mark.parametrize(("when", "fault", "ids"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
def test_a_fault_is_found(
    kept: Kept, when: Callable[[Any], bool], fault: Callable[[Cell], None], ids: set[str]
) -> None:
    found = kept.verified(lambda arm, cell: fault(cell) if when(arm) else None)
    assert ids <= _failed(found)


def test_a_service_paid_twice_is_found(short: Scenario) -> None:
    today = short.arm("dutch_today")
    again = tuple(replace(each, name=f"{each.name}_again") for each in today.contracts if each.providers == "sectors")
    twice = replace(short, arms=(replace(today, contracts=(*today.contracts, *again)), *short.arms[1:]))
    bench = verification._Bench(twice, 0, few_people(PEOPLE))
    found = {name: (passed, what) for name, _, passed, what in verification._inputs(bench)}
    assert not found["paid_once"][0]
    assert "paid twice" in found["paid_once"][1]
    assert found["range"][0]


def test_the_command_prints_a_table_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = (
        verification.Check("people", DOMAINS[1], "people are conserved", True, "3 people"),
        verification.Check("postings", DOMAINS[2], "every posting sums to zero", False, "1 cent"),
    )
    monkeypatch.setattr(verification, "verify", lambda *_, **__: Verification("mine", 3, checks))
    text = CliRunner().invoke(app, ["verify", "nl/achterhoek_plot"])
    assert text.exit_code == 1
    assert "2 checks on 3 people, 1 failed" in text.output
    read = json.loads(CliRunner().invoke(app, ["verify", "nl/achterhoek_plot", "--json"]).output)
    assert [each["passed"] for each in read["checks"]] == [True, False]
    assert not read["passed"]
    assert set(read["checks"][0]) == {"id", "domain", "what", "passed", "found"}


def test_an_unknown_scenario_names_the_nearest() -> None:
    text = CliRunner().invoke(app, ["verify", "nl/achterhoek_plott"])
    assert text.exit_code != 0
