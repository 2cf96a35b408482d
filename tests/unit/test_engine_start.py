"""From people to rows, and from rows to groups: nothing is lost or changed on the way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from paysim.engine.cell import run_base
from paysim.engine.groups import make_groups
from paysim.engine.model import Model
from paysim.engine.start import initial_state
from paysim.kernel import records as rec
from paysim.kernel import streams
from paysim.kernel.records import NEVER, TICKS_PER_DAY, TICKS_PER_YEAR, State
from paysim.kernel.spec import COVARIATES
from tests.toy import few_people_model, running_rates

START = -TICKS_PER_YEAR


@pytest.fixture(scope="module")
def model() -> Model:
    return few_people_model()


@pytest.fixture(scope="module")
def state(model: Model) -> State:
    return initial_state(model, START, 2, 0)


def test_people_keep_who_they_are(model: Model, state: State) -> None:
    people, rows = model.population, state.people[state.listed]
    assert len(rows) == len(people)
    for name in ("practice", "municipality", "sex", "education", "deprived", "insurer"):
        assert np.array_equal(rows[name], getattr(people, name)), name
    assert np.array_equal(rows["id"], people.person)
    assert np.array_equal(rows["age"], people.completed_age)
    age = (START - rows["birth"]) / TICKS_PER_YEAR
    np.testing.assert_allclose(age, people.age, atol=1e-9)
    for flag, bit in model.flag_bit.items():
        assert np.array_equal((rows["flags"] & bit) != 0, model.cohort.has(flag)), flag
    assert np.array_equal((rows["flags"] & model.flag_bit["diabetes"]) != 0, people.diabetes == 1)
    keys = streams.person_keys(streams.run_key(model.scenario.seed, 0), people.person)
    assert np.array_equal(rows["key"], keys)
    np.testing.assert_allclose(rows["frailty"], np.log(people.frailty))
    now = rows["covariates"][:, COVARIATES.index("log_frailty")]
    np.testing.assert_array_equal(now, model.cohort.covariates[:, COVARIATES.index("log_frailty")])
    sigma = float(model.tables[0]["frailty_sigma"])
    np.testing.assert_allclose(rows["frailty"] + sigma * rows["frailty_now"] - sigma * sigma / 2, now)


def test_risk_factors_are_mean_plus_sd_times_score(model: Model, state: State) -> None:
    people, rows = model.population, state.people[state.listed]
    tables = model.health.risk_factors
    for k, name in enumerate(rec.RISK_FACTORS):
        age = people.completed_age
        expected = tables.mean[people.sex, age, k] + tables.sd[people.sex, age, k] * getattr(people, f"z_{name}")
        np.testing.assert_allclose(rows["covariates"][:, COVARIATES.index(name)], expected, rtol=1e-12, err_msg=name)


def test_treatment_at_base_is_no_change_of_treatment(model: Model, state: State) -> None:
    rows = state.people[state.listed]
    treated = (rows["flags"] & model.flag_bit["statin"]) != 0
    assert treated.sum() > 10
    usual = model.health.usual_lowering
    after = (rows["flags"] & (model.flag_bit["prior_mi"] | model.flag_bit["prior_stroke"])) != 0
    fall = model.health.treatment_effects["statin"][0] * model.health.untreated_ldl
    expected = fall - usual[0, 3, rows["age"]]  # by a statin alone, after an event
    alone = after & treated
    for flag, (share, _) in model.health.treatment_effects.items():
        alone &= (flag == "statin") | (share == 0.0) | ((rows["flags"] & model.flag_bit[flag]) == 0)
    assert alone.any()
    np.testing.assert_allclose(rows["ldl_base"][alone], expected[alone], rtol=1e-12)
    for name in ("ldl_drop", "sbp_drop"):
        assert not rows["covariates"][:, COVARIATES.index(name)].any(), name


def test_clocks_run_from_the_start_and_no_appointment_is_pending(model: Model, state: State) -> None:
    rows, n = state.people[state.listed], len(model.processes)
    assert (rows["due"][:, :n].min(axis=1) >= START).all()
    assert np.array_equal(state.calendar[state.listed], rows["due"][:, :n].min(axis=1))
    lanes = [rec.GP_PLANNED, rec.GP_URGENT, rec.NURSE, rec.MENTAL_NURSE, rec.RETRY]
    assert (rows["due"][:, lanes] == NEVER).all()
    next_birthday = rows["due"][:, rec.BIRTHDAY]
    assert ((next_birthday > START) & (next_birthday <= START + TICKS_PER_YEAR)).all()
    assert not ((next_birthday - rows["birth"]) % TICKS_PER_YEAR).any()
    # Everybody has needs; nobody has a recurrence of what they never had.
    names = list(model.processes)
    assert (running_rates(rows)[:, names.index("need")] > 0).all()
    never = (rows["flags"] & model.flag_bit["prior_mi"]) == 0
    assert not running_rates(rows)[never, names.index("mi_recurrent")].any()
    assert (running_rates(rows)[~never, names.index("mi_recurrent")] > 0).all()
    assert not running_rates(rows)[~never, names.index("mi_first")].any()


def test_men_bear_no_children(model: Model, state: State) -> None:
    rows = state.people[state.listed]
    births = running_rates(rows)[:, list(model.processes).index("birth")]
    assert not births[rows["sex"] == 0].any()
    assert births[(rows["sex"] == 1) & (rows["age"] > 24) & (rows["age"] < 36)].all()


def test_books_hold_the_contact_time_of_their_staff(model: Model, state: State) -> None:
    """Servers x opening hours / stretch = contact hours a weekday, by lane."""
    book = model.care.book
    for row, practice in zip(state.practices, model.population.practices, strict=True):
        assert row["servers"].tolist() == [practice.gps, practice.gps, practice.nurses, practice.mental_nurses]
        hours = (row["closes"] - row["opens"]) / TICKS_PER_DAY * 24 * row["servers"] / row["stretch"]
        np.testing.assert_allclose(
            hours, book.hours_per_weekday(practice.gp_fte, practice.nurse_fte, practice.mental_nurse_fte), rtol=1e-9
        )
        assert (row["free"][:, : row["servers"].max()] == START).all()
        assert (row["activity_levers"] == 1.0).all()
        assert (row["health_levers"] == 1.0).all()
        assert row["room"] > row["used"] == practice.list_size


def test_lists_do_not_overlap(state: State) -> None:
    ends = state.practices["first"] + state.practices["room"]
    assert np.array_equal(ends[:-1], state.practices["first"][1:])
    assert ends[-1] == len(state.people)


def test_replicates_wind_clocks_up_anew(model: Model, state: State) -> None:
    other = initial_state(model, START, 2, 1)
    mine, theirs = (each.people[each.listed] for each in (state, other))
    standing = np.all([each["due"] == NEVER for each in (mine, theirs)], axis=0)
    standing[:, : rec.FIRST_TRANSITION] = standing[:, len(model.processes) :] = False
    left, other_left = mine["clock"][standing], theirs["clock"][standing]
    assert len(left) > 1000
    assert not np.isclose(left, other_left).any()
    assert abs(np.corrcoef(left, other_left)[0, 1]) < 4 / np.sqrt(len(left))


def test_everybody_is_in_one_group_of_each_dimension(model: Model, state: State) -> None:
    groups = make_groups(model)
    codes = groups.codes(state, state.listed, START)
    people = model.population
    names = np.array([name for dimension in groups.dimensions.values() for name in dimension], object)
    assert codes.shape == (len(people), len(groups.dimensions))
    assert codes.min() >= 0
    assert codes.max() < groups.size == len(names)
    by = {dimension: names[codes[:, k]] for k, dimension in enumerate(groups.dimensions)}
    for k, (dimension, members) in enumerate(groups.dimensions.items()):
        first = groups.offsets[dimension]
        assert ((codes[:, k] >= first) & (codes[:, k] < first + len(members))).all(), dimension
    assert set(by["all"]) == {"all"}
    assert ((by["sex"] == "women") == (people.sex == 1)).all()
    assert ((by["education"] == "high") == (people.education == 2)).all()
    assert ((by["condition"] == "diabetes") == (people.diabetes == 1)).all()
    age = people.completed_age
    for name, low, high in (("0-17", 0, 17), ("18-44", 18, 44), ("65-74", 65, 74), ("85+", 85, 200)):
        assert ((by["age"] == name) == ((age >= low) & (age <= high))).all(), name
    assert ((by["age_sex"] == "F 40-44") == ((people.sex == 1) & (age >= 40) & (age <= 44))).all()
    assert ((by["age_sex"] == "M 95+") == ((people.sex == 0) & (age >= 95))).all()
    practices = np.array([practice.name for practice in people.practices], object)
    assert (by["practice"] == practices[people.practice]).all()
    municipalities = np.array(people.municipalities, object)
    assert (by["municipality"] == municipalities[people.municipality]).all()


def test_a_fork_is_independent_of_what_it_was_forked_from(state: State) -> None:
    fork = state.copy()
    fork.people["flags"] = -1
    fork.practices["used"] = 0
    fork.calendar[:] = 0
    assert (state.people["flags"][state.listed] >= 0).all()
    assert (state.practices["used"] > 0).all()
    assert state.calendar[state.listed].any()


def test_progress_counts_every_week_of_the_base_years(model: Model) -> None:
    seen: list[tuple[str, int, int]] = []
    run_base(model, 0, progress=lambda what, done, total: seen.append((what, done, total)))
    assert [done for _, done, _ in seen] == list(range(1, 53))
    assert {total for _, _, total in seen} == {52}


def test_lists_have_room_for_the_births_of_their_own_women():
    """A list of students has few births now and many in ten years: room follows the women, not the region's mean."""
    model = few_people_model()
    young = replace(model.cohort, age=np.full_like(model.cohort.age, 20), sex=np.ones_like(model.cohort.sex))
    room = initial_state(replace(model, cohort=young), 0, 13, 0).practices["room"]
    rate = np.exp(next(t for t in model.transitions if t.kind == "birth").log_hazard)[
        1, 20:33
    ].sum()  # births a woman of 20 has in 13 years
    lists = np.bincount(model.population.practice)
    assert (room > lists * (1.0 + rate)).all()
