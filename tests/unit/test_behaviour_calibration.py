"""Behaviour fitted to observed responses: known answers are found again, and nothing else moves."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import paysim as ps
from paysim.analysis import behaviour_calibration as subject
from paysim.analysis.behaviour_calibration import (
    FREE,
    BehaviourFit,
    calibrate_behaviour,
    response_targets,
    write_behaviour_calibration,
)
from paysim.analysis.natural_experiments import UNKNOWN, Reference, activity_at, make_reference, predict, predict_signs
from paysim.analysis.structural import load_structures
from paysim.behaviour import FITTED, behaviour_correlations, behaviour_parameters
from paysim.kernel.records import LEVERS
from paysim.parameters.calibrated import with_calibrated
from paysim.parameters.draws import draw

KNOWN = {name: each[0] for name, each in UNKNOWN.items()}
SCENARIO = "nl/achterhoek_four_models"


@pytest.fixture(scope="module")
def reference() -> Reference:
    return make_reference(ps.load_scenario(SCENARIO), 6000)


@pytest.fixture(scope="module")
def before(reference: Reference) -> dict[str, float]:
    return predict(reference, _values(), KNOWN)


def _values(**changes: float) -> dict[str, float]:
    rows = behaviour_parameters(calibrated=False)
    return {name: rows[name] for name in FREE} | {f"behaviour.{name}": value for name, value in changes.items()}


def test_only_what_is_marked_for_fitting_is_fitted() -> None:
    roles = {each.id: each.role for each in response_targets()}
    fitted = {name for name, role in roles.items() if role == "calibrate"}
    wanted = {"contacts_blended_capitation", "spending_shared_savings", "elective_price", "coding_risk_weights"}
    assert fitted == wanted
    assert set(roles.values()) == {"calibrate", "check"}
    for each in response_targets():
        low, high = each.accept
        assert low < high
        if each.role == "calibrate":
            assert low <= each.value <= high
            assert each.sd > 0.0


def test_no_parameter_that_is_fitted_belongs_to_a_contract() -> None:
    assert set(FREE) <= set(behaviour_parameters(calibrated=False))


def test_levers_at_base_leave_activity_as_it_is(reference: Reference) -> None:
    start = reference.situation
    again = activity_at(start, np.ones((len(start.activity.practice_names), 3, len(LEVERS))))
    assert np.array_equal(again.services, start.activity.services)


def test_less_curvature_more_response(reference: Reference, before: dict[str, float]) -> None:
    freer = predict(reference, _values(visit_curvature=3.0, referral_curvature=2.0, coding_curvature_eur=15e3), KNOWN)
    assert freer["contacts_blended_capitation"] < before["contacts_blended_capitation"] < 0.0
    assert freer["spending_shared_savings"] < before["spending_shared_savings"] < 0.0
    assert freer["coding_risk_weights"] > before["coding_risk_weights"] > 0.0
    assert freer["elective_price"] == before["elective_price"]


def test_signs_are_those_observed(reference: Reference) -> None:
    found = predict_signs(reference, _values())
    assert found["spending_population_budget"] < 0.0
    assert found["selection_chronic"] < 0.0 < found["selection_none"]


def test_margins_of_selection_cancel_over_people(reference: Reference) -> None:
    found = predict_signs(reference, _values())
    lived = reference.situation.activity.person_years.sum(axis=0)
    chronic = lived[np.arange(24) % 3 > 0].sum()
    total = found["selection_chronic"] * chronic + found["selection_none"] * (lived.sum() - chronic)
    assert total == pytest.approx(0.0, abs=1e-6 * lived.sum())


class _Linear:
    """A model whose logarithmic answers are known, in place of practices."""

    def __call__(self, reference: Reference, values: dict[str, float], unknown: dict[str, float]) -> dict[str, float]:
        return {
            "contacts_blended_capitation": -0.6
            / (values["behaviour.altruism_mean"] * values["behaviour.visit_curvature"]),
            "spending_shared_savings": -0.02,
            "spending_shared_savings_specialist": 0.9,
            "elective_price": 1.5,
            "coding_risk_weights": 3000.0 / values["behaviour.coding_curvature_eur"],
            "coding_age_grid": 0.0,
        }


@pytest.mark.slow
def test_structures_that_keep_the_response_to_fees_keep_it(reference: Reference) -> None:
    """Contacts fall as much under another altruism, by a curvature of its own; it goes stale when behaviour is fitted."""
    with (FITTED / "parameters.csv").open(encoding="utf-8") as file:
        fit = {row["parameter"]: float(row["value"]) for row in csv.DictReader(file)}
    structures = {each.name: {one.name: one.value for one in each.parameters} for each in load_structures()}
    unknown = {name: fit[name] for name in UNKNOWN}
    written, little, none = (
        predict(reference, structures[name], unknown)["contacts_blended_capitation"]
        for name in ("as_written", "little_altruism", "no_altruism")
    )
    assert written < -0.1
    assert (little, none) == pytest.approx((written, written), abs=0.03)  # three practices, of 110 that were fitted


@pytest.fixture
def fitted(reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BehaviourFit:
    monkeypatch.setattr(subject, "predict", _Linear())
    return calibrate_behaviour(ps.load_scenario(SCENARIO), sample=6000, out=tmp_path / "fit", reference=reference)


def test_a_product_that_is_known_is_found_and_its_factors_are_drawn_together(fitted: BehaviourFit) -> None:
    rows = {row["parameter"]: row for row in fitted.rows()}
    product = rows["behaviour.altruism_mean"]["value"] * rows["behaviour.visit_curvature"]["value"]
    assert 0.6 / product == pytest.approx(0.14, rel=0.02)
    assert rows["behaviour.coding_curvature_eur"]["value"] == pytest.approx(30e3, rel=0.05)
    assert rows["behaviour.visit_curvature"]["identified"] > 0.8
    together = fitted.correlations().set_index(["first", "second"])["correlation"]
    assert together["behaviour.altruism_mean", "behaviour.visit_curvature"] < -0.5
    for name in ("behaviour.prevention_curvature", "behaviour.eta"):
        assert not rows[name]["moved"]
        assert rows[name]["value"] == pytest.approx(rows[name]["prior"], rel=1e-6)
        assert rows[name]["sd"] == pytest.approx(rows[name]["prior_sd"], rel=1e-6)


def test_a_fit_that_was_stopped_goes_on_and_gives_the_same(
    fitted: BehaviourFit, reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "predict", None)  # every prediction is there
    scenario = ps.load_scenario(SCENARIO)
    assert calibrate_behaviour(scenario, sample=6000, out=tmp_path / "fit", reference=reference) == fitted
    other = replace(scenario, seed=scenario.seed + 1)
    with pytest.raises(ps.ScenarioError, match="was made from other"):
        calibrate_behaviour(other, sample=6000, out=tmp_path / "fit", reference=reference)
    (tmp_path / "fit" / "predictions.json").write_text("{")
    with pytest.raises(ps.ScenarioError, match="no record"):
        calibrate_behaviour(scenario, sample=6000, out=tmp_path / "fit", reference=reference)


def test_what_is_written_is_read_and_raises_no_status(fitted: BehaviourFit, tmp_path: Path) -> None:
    write_behaviour_calibration(fitted, tmp_path / "out")
    before = behaviour_parameters(calibrated=False)
    after = with_calibrated(before, tmp_path / "out" / "calibration.yaml")
    for name in before:
        assert after.row(name).status == before.row(name).status, name
        if name in fitted.moved:
            assert after[name] == pytest.approx(fitted.values[fitted.names.index(name)], rel=1e-3)
        else:
            assert after.row(name) == before.row(name)


def test_the_shipped_fit_agrees_with_what_was_observed_and_is_what_practices_have() -> None:
    text = (FITTED / "fit.csv").read_text()
    assert text.count("True") == len(response_targets())
    shipped = behaviour_parameters()
    assert "calibrate-behaviour" in shipped.row("behaviour.visit_curvature").source
    assert shipped.row("behaviour.visit_curvature").status == "assumed"


def test_the_shipped_fit_still_holds_with_levers_that_no_target_moves(reference: Reference) -> None:
    """Levers without a target of their own keep their prior; what was fitted must agree with them in place."""
    with (FITTED / "parameters.csv").open(newline="") as file:
        fitted = {row["parameter"]: float(row["value"]) for row in csv.DictReader(file)}
    of_reforms = {name: value for name, value in fitted.items() if name in UNKNOWN}
    found = predict(reference, {}, of_reforms) | predict_signs(reference, {})
    targets = {each.id: each for each in response_targets()}
    assert found.keys() == targets.keys()
    for name, value in found.items():
        low, high = targets[name].accept
        assert low <= value <= high, name
    free = {"availability_curvature", "acceptance_curvature", "retention_curvature", "list_size_curvature"}
    assert not {f"behaviour.{name}" for name in free | {"stay_curvature"}} & set(fitted)
    for name in free:
        assert behaviour_parameters().row(f"behaviour.{name}") == behaviour_parameters(calibrated=False).row(
            f"behaviour.{name}"
        )


def test_draws_have_the_correlations_of_the_fit() -> None:
    rows, pairs = behaviour_parameters(), behaviour_correlations()
    drawn = [rows.row(name) for name in rows]
    values = [{each.name: each.value for each in draw(drawn, 1, k, pairs)} for k in range(400)]
    pair = min(pairs, key=lambda each: pairs[each])
    assert pairs[pair] < -0.3
    logs = np.log([[float(each[name]) for name in pair] for each in values])
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(pairs[pair], abs=0.15)
    alone = [{each.name: each.value for each in draw(drawn, 1, k)} for k in range(3)]
    first = {name for both in pairs for name in both}
    for one, other in zip(values, alone, strict=False):  # whoever is not in the fit keeps the draw it had
        assert {n: v for n, v in one.items() if n not in first} == {n: v for n, v in other.items() if n not in first}
