"""Facts of people: registers counted anew from the rows, further events told from first ones."""

from __future__ import annotations

import numpy as np
import pytest

from paysim.engine.facts import FACTS, FLOWS, Facts, base_ldl_drop
from paysim.engine.model import Model
from paysim.engine.start import initial_state
from paysim.kernel.records import ADMISSION_REQUEST, REFERRAL_REQUEST, SEEN, TICKS_PER_YEAR, State, empty_requests
from paysim.kernel.spec import COVARIATES
from tests.toy import few_people_model

START = -TICKS_PER_YEAR


@pytest.fixture(scope="module")
def model() -> Model:
    return few_people_model()


@pytest.fixture
def state(model: Model) -> State:
    return initial_state(model, START, 2, 0)


def year(facts: Facts, state: State) -> dict[str, np.ndarray]:
    """Close a year with everybody in a group of their own."""
    rows = state.listed
    each = np.arange(len(rows))[:, None]
    (found,) = facts.close_year(rows, START + TICKS_PER_YEAR, [(each, len(rows))])
    return {name: found[:, k] for k, name in enumerate(FACTS)}


def quarter(facts: Facts, state: State, **changes: np.ndarray) -> None:
    """Add a quarter in which nothing happens but what is said, rows in order."""
    n = len(state.people)
    age = (START - state.people["birth"]) // TICKS_PER_YEAR
    told = {"flags": state.people["flags"], "lived": np.full(n, 0.25), "age": age, "died": np.zeros(n, bool)}
    told |= {"used": np.zeros((n, len(facts.model.care.services.names)))} | changes
    seen = np.zeros(n, SEEN)
    for name in ("flags", "lived", "age", "died"):
        seen[name] = told[name]
    facts.add_quarter(seen, told["used"])


def test_stocks_are_those_of_the_rows(model: Model, state: State) -> None:
    people = state.people[state.listed]
    bit = model.flag_bit
    found = year(Facts(model, state), state)
    ascvd = np.zeros(len(people), bool)
    for flag in ("prior_mi", "angina", "prior_stroke", "pad"):
        ascvd |= people["flags"] & bit[flag] != 0
    age = (START + TICKS_PER_YEAR - people["birth"]) // TICKS_PER_YEAR
    bmi = people["covariates"][:, COVARIATES.index("bmi")]
    assert ascvd.any()
    assert found["persons"].all()
    np.testing.assert_array_equal(found["ascvd_persons"], ascvd)
    np.testing.assert_array_equal(found["obese"], (age >= 19) & (bmi >= 30.0))
    np.testing.assert_array_equal(found["ascvd_on_statin"], ascvd & (people["flags"] & bit["statin"] != 0))
    diabetes = people["flags"] & bit["diabetes"] != 0
    controlled = diabetes & (people["flags"] & bit["poor_control"] == 0)
    np.testing.assert_array_equal(found["diabetes_in_control"], controlled)
    for name in FACTS[len(FLOWS) :]:
        assert set(np.unique(found[name])) <= {0.0, 1.0}
    assert (found["ascvd_ldl_at_strict_target"] <= found["ascvd_ldl_at_target"]).all()
    assert (found["ascvd_sbp_at_strict_target"] <= found["ascvd_sbp_at_target"]).all()


def test_a_disease_with_two_flags_is_one_condition(model: Model, state: State) -> None:
    bit, rows = model.flag_bit, state.listed[:3]
    state.people["flags"][rows] = bit["prior_mi"] | bit["angina"], bit["prior_mi"] | bit["copd"], bit["smoker"]
    assert year(Facts(model, state), state)["multimorbid"][:3].tolist() == [0.0, 1.0, 0.0]


def test_the_dead_are_in_no_register(model: Model, state: State) -> None:
    state.people["alive"][state.listed[::2]] = 0
    found = year(Facts(model, state), state)
    for name in FACTS[len(FLOWS) :]:
        assert not found[name][::2].any(), name


def test_treatment_lowers_a_persons_cholesterol_and_leaves_the_mean(model: Model, state: State) -> None:
    """A person on treatment lies below the mean of the age, one without above, by what treatment does on average."""
    drop = base_ldl_drop(model)
    assert (drop >= 0.0).all()
    assert drop[:, 70].min() > drop[:, 20].max()
    cohort = model.cohort
    mean = float((cohort.by_age() * drop).sum() / len(cohort))
    left = np.ones(len(cohort))
    for flag, (share, _) in model.health.treatment_effects.items():
        left[cohort.has(flag)] *= 1.0 - share
    assert mean == pytest.approx(model.health.untreated_ldl * float((1.0 - left).mean()))
    row = state.listed[0]
    people = state.people
    people["flags"][row] = model.flag_bit["prior_mi"]
    people["birth"][row] = START - 70 * TICKS_PER_YEAR
    people["covariates"][row, COVARIATES.index("hdl")] = 1.2
    people["covariates"][row, COVARIATES.index("tc")] = 1.2 + 0.8 + 1.7  # LDL of 1.7 if treatment were average
    assert year(Facts(model, state), state)["ascvd_ldl_at_target"][0] == 0.0
    people["flags"][row] |= model.flag_bit["statin"] | model.flag_bit["pcsk9"]
    assert year(Facts(model, state), state)["ascvd_ldl_at_target"][0] == 1.0


def test_a_first_event_is_not_a_further_one(model: Model, state: State) -> None:
    people, names, bit = state.people, model.care.services.names, model.flag_bit
    people["flags"][:] = 0
    rows = state.listed[:7]
    people["flags"][rows[3:]] = bit["prior_stroke"]
    facts = Facts(model, state)
    used = np.zeros((len(people), len(names)))
    used[rows[[0, 1, 1, 3]], names.index("admission_mi")] = 1.0
    used[rows[1], names.index("admission_stroke")] = 1.0
    used[rows[4], names.index("admission_stroke")] = 2.0
    died = np.zeros(len(people), bool)
    died[rows[[2, 5, 6, 3]]] = True
    vascular, other = model.processes.index("mi_recurrent"), model.processes.index("death_background")
    people["cause"][rows[[2, 5, 6, 3]]] = vascular, vascular, other, vascular
    quarter(facts, state, used=used, died=died, flags=people["flags"] | np.where(used.any(axis=1), bit["prior_mi"], 0))
    # 0 first infarction; 1 infarction, then stroke; 2 dies of a first event; 3 admitted and died of it; 4 two strokes;
    # 5 dies before care of a further event; 6 dies of something else.
    assert year(facts, state)["ascvd_events"][:7].tolist() == [0, 1, 0, 1, 2, 1, 0]


def test_what_was_first_in_one_quarter_is_further_in_the_next(model: Model, state: State) -> None:
    people, names, bit = state.people, model.care.services.names, model.flag_bit
    people["flags"][:] = 0
    facts, row = Facts(model, state), state.listed[0]
    used = np.zeros((len(people), len(names)))
    used[row, names.index("admission_mi")] = 1.0
    people["flags"][row] = bit["prior_mi"]
    quarter(facts, state, used=used)
    quarter(facts, state, used=used)
    found = year(facts, state)
    assert found["ascvd_events"][0] == 1.0
    assert found["ascvd_years"][0] == 0.5
    assert not any(year(facts, state)[name].any() for name in FLOWS)  # a new year begins with nothing


def test_only_admissions_for_the_named_diseases_are_avoidable(model: Model, state: State) -> None:
    facts, rows = Facts(model, state), state.listed
    requests = empty_requests(4)
    requests["row"] = rows[0]
    names = ("heart_failure_admission", "copd_admission", "mi_first", "copd_admission")
    requests["process"] = [model.processes.index(name) for name in names]
    requests["kind"] = ADMISSION_REQUEST, ADMISSION_REQUEST, ADMISSION_REQUEST, REFERRAL_REQUEST
    facts.admitted(requests)
    left, taken = rows[:1], np.setdiff1d(np.arange(len(state.people)), rows)[:1]
    facts.follow(left, taken)
    assert facts._flows[taken, FLOWS.index("avoidable_admissions")].tolist() == [2.0]
    assert not facts._flows[left].any()


def test_who_dies_in_care_of_an_infarction_had_a_fatal_admission_and_who_dies_before_care_had_none(
    model: Model, state: State
) -> None:
    rows, names = state.listed[:4], model.care.services.names
    died, used = np.zeros(len(state.people), bool), np.zeros((len(state.people), len(names)))
    died[rows[:3]] = True
    used[rows[[0, 2, 3]], names.index("admission_mi")] = 1.0
    state.people["cause"][rows] = model.processes.index("mi_first")
    state.people["cause"][rows[2]] = model.processes.index("death_background")
    facts = Facts(model, state)
    quarter(facts, state, died=died, used=used)
    found = year(facts, state)
    assert found["fatal_admission_mi"][:4].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert not found["fatal_admission_stroke"].any()
