"""What every disease folder must satisfy, found by scanning."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import paysim.diseases
from paysim.diseases.health import build_health, cohort_from_population, health_parameters
from paysim.kernel.spec import AGES, COVARIATES, Transition

FOLDER = Path(paysim.diseases.__file__).parent
DISEASES = sorted(path.name for path in FOLDER.iterdir() if (path / "parameters.yaml").is_file())
PEOPLE = Path(__file__).parent.parent / "unit" / "test_diseases_people.py"


@pytest.fixture(scope="module", params=["NL", "BE"])
def country(request):
    return request.param


@pytest.fixture(scope="module")
def model(country):
    spec = importlib.util.spec_from_file_location("people", PEOPLE)
    people = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(people)
    params = health_parameters(country)
    return build_health(params, cohort_from_population(people.make_people(15_000), params), country)


def test_there_are_diseases_to_check():
    assert {"mortality", "ischaemic_heart_disease", "stroke", "diabetes", "vascular_prevention"} <= set(DISEASES)


def test_what_a_scenario_can_name_has_a_folder():
    assert set(paysim.diseases.REQUIRED) <= set(paysim.diseases.DISEASES) <= set(DISEASES)


@pytest.mark.parametrize("name", DISEASES)
def test_every_value_has_unit_source_and_status(name, country):
    rows = [row for row in health_parameters(country).frame() if str(row["name"]).startswith(f"{name}.")]
    assert rows
    for row in rows:
        assert row["unit"], row["name"]
        assert len(str(row["source"])) > 10, row["name"]
        assert row["status"] in {"found", "derived", "recalled", "assumed"}, row["name"]


@pytest.mark.parametrize("name", DISEASES)
def test_every_table_tells_its_source(name):
    for path in (FOLDER / name).glob("*.csv"):
        header = [line for line in path.read_text().splitlines() if line.startswith("#")]
        text = " ".join(header).lower()
        for word in ("source", "status"):
            assert word in text, f"{path.name}: no {word} in its header"
        assert "unit" in text or " per " in text, f"{path.name}: no unit in its header"


def test_transitions_are_complete(model):
    names = [row.name for row in model.transitions]
    assert len(set(names)) == len(names)
    for row in model.transitions:
        assert isinstance(row, Transition)
        assert row.source, row.name
        assert row.log_hazard.shape == (2, AGES), row.name
        assert not np.isnan(row.log_hazard).any(), row.name
        assert set(row.slopes) <= set(COVARIATES), row.name
        for value in row.log_hr.values():
            assert np.isfinite(value), row.name


def test_probabilities_are_probabilities(model):
    for row in model.transitions:
        for value in (row.dies_before_care, row.dies_in_care):
            array = np.asarray(value)
            assert ((array >= 0) & (array <= 1)).all(), row.name


def test_what_fires_changes_what_allows_it(model):
    """An onset, start or stop must not be able to fire again at once, for ever."""
    for row in model.transitions:
        if row.kind in ("onset", "treatment_start", "treatment_stop", "timer"):
            changed = (set(row.sets) & set(row.forbidden)) | (set(row.clears) & set(row.required))
            assert changed, row.name


def test_events_claim_a_service_and_days(model):
    events = [row for row in model.transitions if row.kind == "event"]
    assert events
    for row in events:
        assert row.service in {"admission_mi", "admission_stroke"}, row.name
        assert row.admission_days > 0, row.name


def test_every_flag_can_be_reached_or_is_given(model):
    reachable = {flag for row in model.transitions for flag in row.sets}
    assert set(model.flags) <= reachable
    assert set(model.decrement) <= set(model.flags)
    assert set(model.treatment_effects) <= set(model.flags)
    assert all(-0.5 < change <= 0 for change in model.decrement.values())


def test_utility_and_risk_factors_are_in_range(model):
    assert ((model.base_utility > 0.3) & (model.base_utility <= 1.0)).all()
    low, high = np.array([90, 3.0, 0.9, 18]), np.array([170, 7.5, 2.2, 32])
    assert ((model.risk_factors.mean > low) & (model.risk_factors.mean < high)).all()
    assert (model.risk_factors.sd > 0).all()


def test_mortality_rises_from_thirty(model):
    total = model.reference["life_table"]
    assert (np.diff(total[:, 30:], axis=1) > 0).all()
