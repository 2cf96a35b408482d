"""Who comes, who goes and who changes list or insurer: rows are given out once, and everything counted goes along."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from paysim.accounting.ledger import Ledger
from paysim.diseases.ages import national_weights
from paysim.diseases.migration import model as migration_model
from paysim.engine.accounts import Accounts
from paysim.engine.cell import run_arm, run_base
from paysim.engine.groups import EXTRA
from paysim.engine.joining import Joining
from paysim.engine.migration import Migration
from paysim.engine.model import Model, build_model
from paysim.engine.region import Region
from paysim.engine.start import initial_state
from paysim.errors import ModelError
from paysim.kernel import records as rec
from paysim.kernel import streams
from paysim.kernel.records import ARRIVAL, LIST_REQUEST, NEVER, REQUEST, TICKS_PER_WEEK, TICKS_PER_YEAR, VACANT, State
from paysim.kernel.spec import AGES
from paysim.parameters import Override
from tests.toy import few_people, scenario, values

START = -TICKS_PER_YEAR
Changes = tuple[tuple[str, float], ...]


def _model(*changes: tuple[str, float], kind: str = "open") -> Model:
    """Return a model in which lists never close and practices have no style of their own."""
    alike = {f"care.style_{name}_sd": 0.0 for name in ("referral", "follow_up", "prevention")}
    parameters = (*(Override(*each) for each in alike.items()), Override("care.closed_share", 0.0))
    changes = (("regional_ages", 0.0), *changes)  # so few people tell nothing about ages
    parameters += tuple(Override(f"migration.{name}", value) for name, value in dict(changes).items())
    short = replace(scenario(1, 1), parameters=parameters, population=kind)  # type: ignore[arg-type]
    return build_model(short, population=few_people())


@pytest.fixture(scope="module")
def model() -> Model:
    return _model()


def _begun(model: Model) -> tuple[State, Migration]:
    state = initial_state(model, START, 2, 0)
    return state, Migration(model, state, 0)


def _asked(state: State, rows: np.ndarray) -> np.ndarray:
    requests = np.zeros(len(rows), REQUEST)
    requests["row"], requests["person"] = rows, state.people["id"][rows]
    requests["kind"] = LIST_REQUEST
    return requests


# --- Rates -------------------------------------------------------------------------------------------------------


def test_turnover_and_net_migration_are_those_of_the_parameters(model: Model) -> None:
    gross, net = (model.parameters[f"migration.{name}"] for name in ("gross_turnover", "net_rate"))
    departure, change = (
        next(t for t in model.transitions if t.kind == kind) for kind in ("departure", "practice_change")
    )
    n = len(model.cohort)
    leaving = np.exp(model.cohort.at(departure.log_hazard)).sum() / n
    coming = model.migration.arrivals_per_year / n
    assert coming + leaving == pytest.approx(gross)
    assert coming - leaving == pytest.approx(net)
    changing = np.exp(model.cohort.at(change.log_hazard)).sum() / n
    assert changing == pytest.approx(model.parameters["migration.practice_change_rate"])
    # Young adults move most: by the table, but for the share of moves that comes at all ages alike.
    rate = np.exp(departure.log_hazard)
    alike = model.parameters["migration.all_ages_share"] * leaving
    assert (rate >= alike * (1 - 1e-12)).all()
    rate -= alike
    assert model.cohort.at(rate).mean() == pytest.approx(leaving - alike)
    assert (rate[:, 20:30].min(axis=1) > 3 * rate[:, 50:85].max(axis=1)).all()
    table = model.parameters.table("migration.rates")
    per_1000 = np.asarray(table["per_1000"], float)
    at = [(int(sex == "F"), int(age)) for sex, age in zip(table["sex"], table["age_from"], strict=True)]
    np.testing.assert_allclose([rate[each] for each in at] / per_1000, rate[0, 0] / per_1000[0])


def test_a_region_keeps_its_ages_relative_to_the_nation() -> None:
    """The young whom ageing brings from one band to the next are as many as there, but for a constant share of moves."""
    of_nation = _model()
    nation = national_weights(of_nation.parameters.table("mortality.national_population")).sum(axis=0)
    young = np.where((np.arange(AGES) >= 20) & (np.arange(AGES) < 25), 0.7, 1.0)  # of them, part have left
    age = np.repeat(np.arange(AGES), 2 * np.round(nation * young / nation.sum() * 1_000_000).astype(int))
    people = replace(of_nation.cohort, sex=np.arange(len(age)) % 2, age=age, covariates=np.zeros((len(age), 1)))
    kept, national = (
        migration_model.build(_model(("regional_ages", share)).parameters, people, is_open=True) for share in (1.0, 0.0)
    )

    def net(built: migration_model.Migration) -> np.ndarray:
        departure = next(np.exp(each.log_hazard) for each in built.transitions if each.kind == "departure")
        coming = np.bincount(age, np.diff(built.resemblance, prepend=0.0), minlength=AGES) * built.arrivals_per_year
        count = np.bincount(age, minlength=AGES)
        return np.asarray(coming / np.maximum(count, 1) - departure.mean(axis=0))

    more = net(kept) - net(national)
    slope = np.zeros(AGES)
    slope[17:22], slope[22:27] = np.log(0.7) / 5.0, -np.log(0.7) / 5.0
    moves = net(national) * 0.04 / 0.0049
    shift = ((more - slope) / moves)[slope == 0.0]
    np.testing.assert_allclose(shift, shift[0], rtol=0.02, atol=1e-3)
    assert (more[18:22] < 0.0).all()
    assert (more[23:27] > 0.0).all()
    assert kept.arrivals_per_year == national.arrivals_per_year
    assert (more * np.bincount(age, minlength=AGES)).sum() == pytest.approx(0.0, abs=1e-6 * len(age))


def test_net_migration_beyond_turnover_is_refused() -> None:
    with pytest.raises(ModelError, match=r"net_rate 0.05 exceeds migration.gross_turnover 0.04"):
        _model(("net_rate", 0.05))


def test_a_closed_population_has_neither_births_nor_migration() -> None:
    kinds = {each.kind for each in _model(kind="closed").transitions}
    assert not kinds & {"birth", "departure"}
    assert "practice_change" in kinds


# --- Arrivals ----------------------------------------------------------------------------------------------------


def test_newcomers_resemble_inhabitants_in_everything_but_number_and_draws(model: Model) -> None:
    state, migration = _begun(model)
    people, everybody = model.population, state.people[state.listed].copy()
    rows = np.concatenate([migration.arrive(START + (week + 1) * TICKS_PER_WEEK) for week in range(52)])
    came = state.people[rows]
    assert len(rows) == int(model.migration.arrivals_per_year) > 5
    assert came["id"].tolist() == (ARRIVAL + np.arange(len(rows))).tolist()
    assert not np.isin(came["key"], everybody["key"]).any()
    assert (came["alive"] == 1).all()
    for person in came:
        twin = np.flatnonzero((everybody["scores"] == person["scores"]).all(axis=1))
        assert len(twin) == 1
        like = everybody[twin[0]]
        for name in ("sex", "age", "education", "deprived", "insurer", "flags", "segment", "utility"):
            assert person[name] == like[name], name
        assert np.array_equal(person["covariates"], like["covariates"])
        assert person["entered"] - person["birth"] == START - like["birth"]
        place = [people.practices[k].municipality for k in (person["practice"], like["practice"])]
        assert place[0] == place[1]
    used = np.concatenate([np.arange(p["first"], p["first"] + p["used"]) for p in state.practices])
    assert np.isin(rows, used).all()


def test_ages_of_newcomers_follow_the_published_rates() -> None:
    """Of many draws, as many are of each sex and age as inhabitants times their rates say."""
    model = _model(("gross_turnover", 1.0), ("net_rate", 0.99))
    n = 20_000
    who = np.searchsorted(model.migration.resemblance, (np.arange(n) + 0.5) / n, side="right")
    drawn = np.bincount(model.cohort.sex[who] * AGES + model.cohort.age[who], minlength=2 * AGES)
    rate = np.exp(next(t for t in model.transitions if t.kind == "departure").log_hazard)
    expected = (rate * model.cohort.by_age()).ravel()
    np.testing.assert_allclose(drawn / n, expected / expected.sum(), atol=2e-4)


def test_the_schedule_of_arrivals_is_the_same_whatever_an_arm_does() -> None:
    """Another contract, levers, lists that are full, no practice changes: same week, number, key, traits, health.

    Where lists are full a newcomer may have to live in another municipality.
    """
    model = _model(("gross_turnover", 0.3))
    base = run_base(model, 0)
    seen: list[dict[int, Any]] = []

    def watch(region: Region) -> Generator[Any, Any, None]:
        found: dict[int, Any] = {}
        seen.append(found)
        people = region.state.people
        while True:
            yield region.env.timeout(TICKS_PER_WEEK)
            rows = np.flatnonzero((people["entered"] == int(region.env.now)) & (people["id"] >= ARRIVAL))
            for person in people[rows]:
                kept = ("key", "birth", "sex", "education", "flags", "insurer", "entered")
                found[int(person["id"])] = (*(int(person[name]) for name in kept), person["scores"].tobytes())

    def crowd(region: Region) -> Generator[Any, Any, None]:
        region.state.practices["activity_levers"] *= 1.7
        region.practices.levers_changed(int(region.env.now))
        region.state.practices["room"][0] = region.state.practices["used"][0]
        yield from watch(region)

    run_arm(model, base, model.scenario.arm("dutch_today"), 0, own_processes=(watch,))
    run_arm(model, base, model.scenario.arm("fee_for_service"), 0, own_processes=(watch,))
    run_arm(model, base, model.scenario.arm("dutch_today"), 0, own_processes=(crowd,))
    assert len(seen[0]) > 30
    assert seen[0] == seen[1] == seen[2]


def test_newcomers_whom_no_list_can_take_stop_the_run(model: Model) -> None:
    state, migration = _begun(model)
    state.practices["room"] = state.practices["used"]
    first = next(w for w in range(1, 53) if migration._arrived(START + w * TICKS_PER_WEEK))
    with pytest.raises(ModelError, match="no list has room for 1 newcomer"):
        migration.arrive(START + first * TICKS_PER_WEEK)


# --- Changes of practice -----------------------------------------------------------------------------------------


def test_a_whole_row_moves_and_nothing_is_left_behind(model: Model) -> None:
    state, migration = _begun(model)
    people = state.people
    people["counts"][state.listed, 0] = 1 + np.arange(len(state.listed)) % 5
    old = state.listed[[3, 7, 200, 201]]
    before = people[old].copy()
    people["due"][old, rec.GP_PLANNED] = START + 10
    people["starts"][old] = 9
    left, taken = migration.change_lists(_asked(state, old), START)
    assert left.tolist() == old.tolist()
    now = people[taken]
    assert now["practice"].tolist() == [1, 1, 0, 0]
    assert (now["due"][:, rec.GP_PLANNED : rec.FIRST_TRANSITION] == NEVER).all()
    assert (now["starts"] == -1).all()
    for name in people.dtype.names or ():
        if name not in ("practice", "municipality"):
            assert np.array_equal(now[name], before[name]), name
    assert (people["id"][old] == VACANT).all()
    assert not people["alive"][old].any()
    assert not people["counts"][old].any()
    assert not np.isin(old, state.listed).any()
    assert (state.calendar[old] == NEVER).all()
    assert state.practices["vacancies"].tolist() == [2, 2]
    assert (state.calendar[taken] == people["due"][taken, : len(model.processes)].min(axis=1)).all()
    # Vacant rows are the first to be given out again, to whoever comes next.
    _, reused = migration.change_lists(_asked(state, state.listed[[5, 250]]), START)
    assert set(reused.tolist()) < set(old.tolist())
    assert state.practices["vacancies"].tolist() == [2, 2]
    assert state.practices["used"].tolist() == [162, 162]


def test_only_the_living_move_and_once_a_week(model: Model) -> None:
    state, migration = _begun(model)
    rows = state.listed[[0, 1, 2]]
    state.people["alive"][rows[0]] = 0
    state.people["alive"][rows[1]], state.people["departed"][rows[1]] = 0, 1
    left, _ = migration.change_lists(_asked(state, np.repeat(rows, 2)), START)
    assert left.tolist() == [rows[2]]


def test_clocks_follow_the_levers_of_the_new_practice_and_no_others(model: Model) -> None:
    state, migration = _begun(model)
    state.practices["activity_levers"][1] = 3.0
    old = state.listed[:30]
    before = {name: state.people[name][old].copy() for name in ("due", "clock")}
    _, taken = migration.change_lists(_asked(state, old), START)
    table = model.tables[0]
    n = len(model.processes)
    follows = (table["activity_lever"][:n] >= 0) & (table["health_lever"][:n] < 0)
    now = {name: state.people[name][taken] for name in ("due", "clock")}
    runs = (before["due"] < NEVER)[:, :n] & follows
    assert runs.any()
    np.testing.assert_allclose(now["clock"][:, :n][runs], 3.0 * before["clock"][:, :n][runs])
    rest = np.flatnonzero((table["activity_lever"][:n] < 0) & (table["health_lever"][:n] < 0))
    for name in ("due", "clock"):
        assert np.array_equal(now[name][:, rest], before[name][:, rest]), name


def _choice(near: float, home: np.ndarray, places: list[int], lists: list[int], room: list[int], change: bool) -> Any:
    keys = streams.person_keys(streams.run_key(1, 0), np.arange(len(home)))
    return Joining(np.array(lists), np.array(places)).choose(keys, home, near, np.array(room), change=change)


def _near_shares(chosen: np.ndarray, wanted: Any) -> None:
    """Compare shares with those wanted, within four standard errors."""
    p = np.array(wanted)
    found = np.bincount(chosen, minlength=len(p)) / len(chosen)
    assert (np.abs(found - p) <= 4.0 * np.sqrt(p * (1.0 - p) / len(chosen))).all(), (found, p)


def test_practices_are_chosen_by_nearness_and_size() -> None:
    n = 10_000
    home = np.zeros(n, int)
    chosen = _choice(0.8, home, [0, 0, 0, 1, 1], [100, 100, 300, 100, 300], [n] * 5, True)
    _near_shares(chosen, [0.0, 0.2, 0.6, 0.05, 0.15])
    # No other practice in the municipality: all go elsewhere. Newcomers may join any of their own municipality.
    chosen = _choice(0.8, home, [0, 1, 1], [100, 100, 300], [n] * 3, True)
    _near_shares(chosen, [0.0, 0.25, 0.75])
    chosen = _choice(1.0, home, [0, 0, 1], [100, 300, 300], [n] * 3, False)
    _near_shares(chosen, [0.25, 0.75, 0.0])


def test_only_those_move_whose_list_closed() -> None:
    n, lists = 20_000, [100, 200, 300, 400, 500]
    home, places = np.zeros(n, int), [0, 0, 0, 1, 1]
    for change in (True, False):
        before = _choice(0.8, home, places, lists, [n] * 5, change)
        after = _choice(0.8, home, places, lists, [n, n, 0, n, n], change)
        assert (before == 2).any()
        assert np.array_equal(before != after, before == 2)


def test_practices_need_not_stand_in_order_of_municipality() -> None:
    n, places, lists = 30_000, [2, 0, 1, 0, 2, 0], [100, 200, 300, 100, 50, 300]
    for home in (1, 3, 4):
        near = np.array(places) == places[home]
        for change in (True, False):
            weight = np.array(lists, float)
            weight[2] = 0.0  # full
            weight[home] *= not change
            wanted = 0.7 * weight * near / weight[near].sum() + 0.3 * weight * ~near / weight[~near].sum()
            chosen = _choice(0.7, np.full(n, home), places, lists, [n, n, 0, n, n, n], change)
            _near_shares(chosen, wanted)


def test_a_list_takes_no_more_than_it_has_room_for() -> None:
    home = np.zeros(100, int)
    chosen = _choice(1.0, home, [0, 0, 1], [100, 100, 100], [0, 30, 1000], False)
    assert np.bincount(chosen, minlength=3).tolist() == [0, 30, 70]
    chosen = _choice(0.8, home, [0, 0, 1], [100, 100, 100], [100, 5, 7], True)
    assert np.bincount(chosen + 1, minlength=4).tolist() == [88, 0, 5, 7]


def test_what_was_counted_this_year_follows_the_person(model: Model) -> None:
    state, migration = _begun(model)
    accounts = Accounts(model, state, model.scenario.arm("dutch_today").contracts, Ledger("base", 0, 0), -4)
    accounts._year[:] = np.arange(len(state.people))[:, None]
    charged = np.arange(float(len(state.people)))
    accounts._charged["deductible", "deductible"] = charged
    left, taken = migration.change_lists(_asked(state, state.listed[[3, 200]]), START)
    accounts.follow(left, taken)
    assert np.array_equal(accounts._year[taken, 0], left)
    assert np.array_equal(charged[taken], left)
    assert not accounts._year[left].any()
    assert not charged[left].any()


def test_who_leaves_has_not_died(model: Model) -> None:
    """No cost of dying, no death in the books; a departure in the quarter in which it happens."""
    state, _ = _begun(model)
    accounts = Accounts(model, state, model.scenario.arm("dutch_today").contracts, Ledger("base", 0, 0), -4)
    people = state.people
    oldest = state.listed[np.argsort(people["birth"][state.listed])[:2]]
    for row in oldest:
        people["alive"][row], people["since"][row] = 0, START + 1000
    people["departed"][oldest[0]] = 1
    people["death"][oldest[1]] = START + 1000
    accounts.close(START + 13 * TICKS_PER_WEEK)
    last = {name: len(accounts.names) + EXTRA.index(name) for name in ("deaths", "departures")}
    found = {name: accounts._year[oldest, column].tolist() for name, column in last.items()}
    assert found == {"deaths": [0.0, 1.0], "departures": [1.0, 0.0]}
    assert accounts._year[oldest, len(accounts.names) - 1][0] == 0.0
    assert accounts._year[oldest, len(accounts.names) - 1][1] > 0.0
    accounts.open()
    accounts.close(START + 26 * TICKS_PER_WEEK)
    assert {name: accounts._year[oldest, column].tolist() for name, column in last.items()} == found


# --- Insurers and years ------------------------------------------------------------------------------------------


def test_insurers_are_changed_at_the_turn_of_the_year_and_keep_their_shares() -> None:
    rate = 0.3
    model = _model(("insurer_change_rate", rate))
    state, migration = _begun(model)
    rows = state.listed
    before = state.people["insurer"][rows].copy()
    changed = []
    for year in range(1, 60):
        was = state.people["insurer"][rows].copy()
        migration.turn_of_the_year(START + year * TICKS_PER_YEAR)
        changed.append((state.people["insurer"][rows] != was).mean())
    n = 59 * len(rows)
    assert abs(np.mean(changed) - rate) < 4 * np.sqrt(rate * (1 - rate) / n)
    shares = [np.bincount(each, minlength=len(model.population.insurers)) / len(rows) for each in (before, was)]
    assert shares[0].min() > 0
    # In the long run an insurer is held in proportion to share x (1 - share): those who leave one choose another.
    held = shares[0] * (1 - shares[0])
    np.testing.assert_allclose(shares[1], held / held.sum(), atol=0.1)


def test_one_insurer_leaves_no_choice() -> None:
    model = _model(("insurer_change_rate", 1.0))
    people = replace(model.population, insurer=np.zeros(len(model.population)), insurers=("only",))
    model = replace(model, population=people)
    state, migration = _begun(model)
    migration.turn_of_the_year(0)
    assert not state.people["insurer"][state.listed].any()


def test_rows_of_the_dead_and_departed_are_free_again_next_year(model: Model) -> None:
    state, migration = _begun(model)
    rows = state.listed[[0, 5, 300]]
    state.people["alive"][rows] = 0
    state.people["departed"][rows[1]] = 1
    alive = int(state.people["alive"].sum())
    migration.turn_of_the_year(0)
    assert (state.people["id"][rows] == VACANT).all()
    assert len(state.listed) == alive == len(model.population) - 3
    assert state.practices["vacancies"].tolist() == [2, 1]
    assert state.practices["used"].sum() == len(model.population)


# --- Whole runs --------------------------------------------------------------------------------------------------


def test_a_closed_cohort_only_dies() -> None:
    model = _model(kind="closed")
    base = run_base(model, 0)
    cell = run_arm(model, base, model.scenario.arm("dutch_today"), 0)
    for name in ("births", "arrivals", "departures"):
        assert not values(cell.results, name).any(), name
    state = base.state
    people = state.people[state.listed]
    assert np.isin(people["id"], model.population.person).all()
    assert len(np.unique(people["id"])) == len(people)
    assert 0 < values(cell.results, "deaths")[0] < 0.1 * len(people)
    # Fewer than at the start by the deaths of the base year, and on two lists all the same.
    assert 0.95 * len(model.population) < len(people) <= len(model.population)
    assert (
        people["practice"] != model.population.practice[np.searchsorted(model.population.person, people["id"])]
    ).any()


def test_nobody_is_on_two_lists() -> None:
    model = _model(("gross_turnover", 0.3), ("practice_change_rate", 0.5))
    state = run_base(model, 0).state
    people = state.people[state.listed]
    assert (people["alive"] == 1).all()
    assert len(np.unique(people["id"])) == len(people)
    assert len(np.unique(people["key"])) == len(people)
    home = np.searchsorted(state.practices["first"], state.listed, side="right") - 1
    assert np.array_equal(people["practice"], home)
    n = state.practices["used"].sum() - state.practices["vacancies"].sum()
    assert len(people) == n
    # The chain of vacant rows of each list holds each of them once.
    for practice in state.practices:
        row, chain = int(practice["vacant"]), []
        while row:
            chain.append(row - 1)
            row = int(state.people["since"][row - 1])
        assert len(chain) == len(set(chain)) == practice["vacancies"]
        assert (state.people["id"][chain] == VACANT).all()


def test_a_region_that_grows_for_long_has_room_for_all_who_come_and_their_children() -> None:
    net, years = 0.06, 15
    parameters = tuple(Override(f"migration.{k}", v) for k, v in (("gross_turnover", 0.08), ("net_rate", net)))
    growing = replace(scenario(1, years - 1), parameters=parameters, population="open")
    model = build_model(growing, population=few_people())
    base = run_base(model, 0)
    cell = run_arm(model, base, model.scenario.arm("dutch_today"), 0)
    coming = model.migration.arrivals_per_year
    *each_year, total = values(cell.results, "arrivals")
    assert sum(each_year) == total == pytest.approx(coming * (years - 1), abs=1)  # nobody was turned away
    assert (values(cell.results, "births") > 0).all()
    still = replace(model, migration=replace(model.migration, growth_per_year=0.0))
    with pytest.raises(ModelError, match="no list has room"):
        run_arm(still, run_base(still, 0), model.scenario.arm("dutch_today"), 0)


def test_the_module_says_who_resembles_whom(model: Model) -> None:
    cohort = model.cohort
    built = migration_model.build(model.parameters, cohort, is_open=True)
    assert built.resemblance[-1] == pytest.approx(1.0)
    assert (np.diff(built.resemblance) >= 0).all()
    assert len(built.resemblance) == len(cohort)
