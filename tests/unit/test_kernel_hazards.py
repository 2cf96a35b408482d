"""Hazard clocks against closed forms, and what a clock may never do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from paysim.diseases.cohort import Cohort
from paysim.diseases.cohort import hazards as cohort_hazards
from paysim.kernel import hazards
from paysim.kernel import records as rec
from paysim.kernel.advance import follow_levers
from paysim.kernel.records import FIRST_TRANSITION, NEVER, TICKS_PER_YEAR, State
from paysim.kernel.spec import AGES, COVARIATES, Transition
from paysim.kernel.transitions import change_flags, restart_timers
from tests.toy import SCORE_CORRELATIONS, enter, flat, run_compiled, running_rates, toy_state, toy_tables

FIRST = FIRST_TRANSITION
N = 20_000


def _ks(times: np.ndarray, cumulative: np.ndarray) -> float:
    """Return the largest gap between the deaths seen and the closed form, times the root of n.

    `cumulative` is the integrated hazard at each of the sorted `times`; survivors are censored at the horizon.
    """
    expected = 1.0 - np.exp(-cumulative)
    seen = np.arange(1, len(times) + 1) / N
    return float(max(abs(seen - expected).max(), abs(seen - 1 / N - expected).max()) * np.sqrt(N))


# Exceeded by chance once in ten thousand seeds (Kolmogorov).
KS_LIMIT = 2.23


def _lives(tables: np.ndarray, years: int, ages: float = 40.0, flags: int = 0) -> State:
    state = enter(toy_state(N, ages=ages, flags=flags), tables)
    run_compiled(state, tables, [years * TICKS_PER_YEAR], 1 << 20)
    return state


def _deaths(state: State) -> np.ndarray:
    died = state.people["death"] < NEVER
    return np.sort(state.people["death"][died]) / TICKS_PER_YEAR


def test_survival_under_a_constant_hazard() -> None:
    times = _deaths(_lives(toy_tables([Transition("death", "death", flat(0.1))]), 10))
    assert _ks(times, 0.1 * times) < KS_LIMIT


def test_survival_under_gompertz_mortality() -> None:
    """The hazard steps at birthdays: its integral is known exactly."""
    by_age = 0.0003 * np.exp(0.09 * np.arange(AGES))
    times = _deaths(_lives(toy_tables([Transition("death", "death", flat(by_age))]), 40))
    whole = times.astype(int)
    steps = np.concatenate([[0.0], np.cumsum(by_age[40:])])
    assert _ks(times, steps[whole] + (times - whole) * by_age[40 + whole]) < KS_LIMIT


def test_survival_when_the_hazard_starts_out_tiny() -> None:
    """A hazard that is next to nothing for years uses up next to nothing of the clock."""
    by_age = np.full(AGES, 0.2)
    by_age[:42] = 1e-9
    times = _deaths(_lives(toy_tables([Transition("death", "death", flat(by_age))]), 12))
    assert _ks(times, 0.2 * np.maximum(times - 2.0, 0.0)) < KS_LIMIT


def test_a_covariate_and_a_flag_multiply_the_hazard() -> None:
    death = Transition("death", "death", flat(0.05), slopes={"sbp": 0.02}, log_hr={"ill": np.log(2.0)})
    tables = toy_tables([death], ("ill",))
    state = toy_state(N, flags=np.arange(N) % 2)
    tables["risk_mean"][0, :, :, 0] = 140.0
    tables["risk_sd"][0] = 0.0
    enter(state, tables)
    rates = running_rates(state.people)[:, FIRST]
    np.testing.assert_allclose(rates[::2], 0.05 * np.exp(2.8), rtol=1e-12)
    np.testing.assert_allclose(rates[1::2], 0.1 * np.exp(2.8), rtol=1e-12)


def test_hazard_ratios_that_fade_do_so_with_age_and_the_others_do_not() -> None:
    left = np.linspace(1.0, 0.0, AGES)
    ratios = {"lasting": np.log(3.0), "ill": np.log(2.0)}
    death = Transition("death", "death", flat(0.05), log_hr=ratios, fading=("ill",), fade=left)
    tables = toy_tables([death], ("ill", "lasting"))
    ages = np.arange(40.0, 80.0)
    for flags, lasting, fading in ((0, 1.0, 0.0), (1, 1.0, 1.0), (2, 3.0, 0.0), (3, 3.0, 1.0)):
        state = enter(toy_state(len(ages), ages=ages, flags=flags), tables)
        rates = running_rates(state.people)[:, FIRST]
        expected = 0.05 * lasting * 2.0 ** (fading * left[state.people["age"]])
        np.testing.assert_allclose(rates, expected, rtol=1e-12)
        cohort = Cohort(
            state.people["sex"].astype(np.int64),
            state.people["age"].astype(np.int64),
            state.people["covariates"],
            {"ill": state.people["flags"] & 1 != 0, "lasting": state.people["flags"] & 2 != 0},
            state.people["deprived"],
            state.people["education"],
        )
        np.testing.assert_allclose(cohort_hazards(death, cohort), expected, rtol=1e-12)


def test_flags_decide_whether_a_process_runs() -> None:
    rows = [
        Transition("all", "onset", flat(1.0), required=("a", "b")),
        Transition("any", "onset", flat(1.0), required_any=("a", "b")),
        Transition("not", "onset", flat(1.0), forbidden=("a",)),
        Transition("never", "onset", flat(0.0)),
    ]
    tables = toy_tables(rows, ("a", "b"))
    state = enter(toy_state(4, flags=np.arange(4)), tables)
    running = running_rates(state.people)[:, FIRST : FIRST + 4] > 0
    assert running.tolist() == [
        [False, False, True, False],
        [False, True, False, False],
        [False, True, True, False],
        [True, True, False, False],
    ]
    assert (state.people["due"][:, FIRST + 3] == NEVER).all()


def test_competing_risks_share_out_in_proportion_to_their_hazards() -> None:
    rates = np.array([0.02, 0.05, 0.13])
    tables = toy_tables([Transition(f"cause_{k}", "death", flat(rate)) for k, rate in enumerate(rates)])
    state = _lives(tables, 10)
    times = _deaths(state)
    assert _ks(times, 0.2 * times) < KS_LIMIT
    cause = state.people["cause"][state.people["death"] < NEVER] - FIRST
    for k, share in enumerate(rates / rates.sum()):
        assert abs(np.mean(cause == k) - share) < 4 * np.sqrt(share * (1 - share) / len(cause))
    # Whatever kills, it kills at the same ages: with constant hazards cause and time are independent.
    early = cause[np.argsort(state.people["death"][state.people["death"] < NEVER])[: len(cause) // 2]]
    assert abs(np.mean(early == 2) - 0.65) < 4 * np.sqrt(0.65 * 0.35 / len(early))


def test_incidence_of_a_repeated_event_is_poisson() -> None:
    tables = toy_tables([Transition("fall", "acute", flat(2.0), service="admission_other")])
    state = enter(toy_state(N), tables)
    run_compiled(state, tables, [TICKS_PER_YEAR], 1 << 20)
    fired = state.people["fired"][:, FIRST]
    assert abs(fired.mean() - 2.0) < 4 * np.sqrt(2.0 / N)
    assert abs(fired.var() - 2.0) < 4 * np.sqrt((2.0 + 2 * 4.0) / N)


def _pair(log_hr: float) -> tuple[State, np.ndarray]:
    rows = [
        Transition("changed", "onset", flat(0.3), log_hr={"ill": log_hr}),
        Transition("untouched", "onset", flat(0.3), slopes={"sbp": 0.001}),
        Transition("pause", "timer", flat(1.0), required=("ill",), clears=("ill",), delay_years=0.5),
        Transition("clock", "timer", flat(1.0), delay_years=2.0),
    ]
    tables = toy_tables(rows, ("ill",))
    return enter(toy_state(300), tables), tables


@pytest.mark.parametrize("log_hr", [-2.0, -1e-12, 1e-12, 2.0])
def test_a_process_whose_rate_stays_keeps_its_tick_to_the_bit(log_hr: float) -> None:
    state, tables = _pair(log_hr)
    before = state.people.copy()
    for row in range(len(state.people)):
        change_flags(state.people[row], tables[0], state.practices[0], 1000 + row, 1, 0)
    after = state.people
    for r in (FIRST + 1, FIRST + 3):
        assert np.array_equal(before["due"][:, r], after["due"][:, r])
        assert np.array_equal(before["clock"][:, r], after["clock"][:, r])
    moved = after["due"][:, FIRST] - before["due"][:, FIRST]
    assert (moved >= 0).all() if log_hr < 0 else (moved <= 0).all()
    if abs(log_hr) > 1:
        assert (moved != 0).all()


def test_switching_off_and_on_only_stops_the_clock() -> None:
    tables = toy_tables([Transition("fall", "onset", flat(0.3), forbidden=("ill",))], ("ill",))
    state = enter(toy_state(300), tables)
    due = state.people["due"][:, FIRST].copy()
    stop, go = TICKS_PER_YEAR // 10, TICKS_PER_YEAR
    for row in np.flatnonzero(due > stop):
        person = state.people[row]
        change_flags(person, tables[0], state.practices[0], stop, 1, 0)
        assert person["due"][FIRST] == NEVER
        change_flags(person, tables[0], state.practices[0], go, 0, 1)
        # Up to the tick to which a clock is rounded up.
        assert 0 <= person["due"][FIRST] - (due[row] + go - stop) <= 1


@given(
    rates=st.lists(st.floats(1e-4, 50.0), min_size=2, max_size=12),
    gaps=st.lists(st.integers(0, 40 * 24 * 3600 * 1000), min_size=12, max_size=12),
)
def test_the_integrated_hazard_at_the_event_is_the_exponential(rates: list[float], gaps: list[int]) -> None:
    tables = toy_tables([Transition("fall", "onset", flat(1.0))])
    state = enter(toy_state(1), tables)
    person, table = state.people[0], tables[0]
    amount = hazards.exponential(person["key"], table["stream"][FIRST], 0)
    tick, used, steps = 0, 0.0, 1
    for rate, gap in zip(rates, gaps, strict=False):
        old_due, old_rate = int(person["due"][FIRST]), float(person["clock"][FIRST])
        if tick + gap >= old_due:
            break
        used += old_rate * gap / TICKS_PER_YEAR
        tick += gap
        hazards.set_rate(person, table, FIRST, tick, rate)
        steps += 1
        due = int(person["due"][FIRST])
        assert due >= tick
        if rate <= old_rate:
            assert due >= old_due, "a lower hazard brought the event forward"
        else:
            assert due <= old_due, "a higher hazard put the event off"
    used += float(person["clock"][FIRST]) * (int(person["due"][FIRST]) - tick) / TICKS_PER_YEAR
    # Each change rounds up by less than a tick at the rate of the moment.
    assert abs(used - amount) <= steps * 50.0 / TICKS_PER_YEAR + 1e-9


def test_a_timer_fires_after_its_delay_and_nothing_moves_it() -> None:
    rows = [
        Transition("pause", "timer", flat(1.0), required=("ill",), clears=("ill",), delay_years=0.5),
        Transition("other", "onset", flat(20.0)),
        Transition("fall", "onset", flat(50.0), forbidden=("been",), sets=("ill", "been")),
    ]
    tables = toy_tables(rows, ("ill", "been"))
    state = enter(toy_state(50), tables)
    log, _ = run_compiled(state, tables, [TICKS_PER_YEAR])
    ends, falls = (log[log["process"] == number] for number in (FIRST, FIRST + 2))
    assert len(ends) == len(falls) == 50
    fell = dict(zip(falls["person"].tolist(), falls["tick"].tolist(), strict=True))
    assert all(tick == fell[person] + TICKS_PER_YEAR // 2 for person, tick in ends[["person", "tick"]].tolist())
    assert (log["process"] == FIRST + 1).sum() > 500
    assert (state.people["flags"] == 2).all()


def test_a_timer_of_the_start_has_run_for_any_part_of_its_delay() -> None:
    """Four years long; with the flag of the first year less than one of them has passed, without it one or more."""
    row = Transition("ends", "timer", flat(1.0), required=("ill",), clears=("ill",), delay_years=4.0, fresh=("new",))
    n = 4_000
    tables = toy_tables([row], ("ill", "new"))
    state = enter(toy_state(n, flags=np.arange(n) % 4), tables)
    left = state.people["due"][:, FIRST] / TICKS_PER_YEAR
    flags = state.people["flags"]
    assert (state.people["due"][flags & 1 == 0, FIRST] == NEVER).all()
    for held, low, high in ((3, 3.0, 4.0), (1, 0.0, 3.0)):
        part = (left[flags == held] - low) / (high - low)
        assert ((part > 0) & (part <= 1)).all()
        assert abs(part.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(part))
        assert abs((part < 0.25).mean() - 0.25) < 4 * np.sqrt(0.1875 / len(part))


@pytest.mark.parametrize("loss", [1e-9, 0.05, 0.4, 3.0])
def test_a_timer_that_people_leave_early_has_mostly_run_for_a_short_time(loss: float) -> None:
    """Of those in the state, as many have been so for a time u as ``exp(-loss u)`` says; the first year apart."""
    n, years = 8_000, 4.0
    row = Transition(
        "ends", "timer", flat(1.0), required=("ill",), clears=("ill",), delay_years=years, fresh=("new",), loss=loss
    )
    plain = replace(row, name="plain", fresh=())
    tables = toy_tables([row, plain], ("ill", "new"))
    state = enter(toy_state(n, flags=np.where(np.arange(n) % 2, 3, 1)), tables)
    flags, left = state.people["flags"], state.people["due"] / TICKS_PER_YEAR
    for passed, span in ((years - 1.0 - left[flags == 1, FIRST], years - 1.0), (years - left[:, FIRST + 1], years)):
        share = np.expm1(-loss * passed) / np.expm1(-loss * span)
        assert kstest(share, "uniform").pvalue > 1e-4
    within = years - left[flags == 3, FIRST]
    assert kstest(within, "uniform").pvalue > 1e-4


def test_an_event_that_strikes_again_restarts_the_timer() -> None:
    rows = [
        Transition("attack", "event", flat(0.5), sets=("recent",), service="admission_mi"),
        Transition("ends", "timer", flat(1.0), required=("recent",), clears=("recent",), delay_years=1.0),
    ]
    tables = toy_tables(rows, ("recent",))
    state = enter(toy_state(1), tables)
    person, practice = state.people[0], state.practices[0]
    change_flags(person, tables[0], practice, 0, 1, 0)
    assert person["due"][FIRST + 1] == TICKS_PER_YEAR
    tick = TICKS_PER_YEAR // 4
    restart_timers(person, tables[0], practice, tick, 1)
    change_flags(person, tables[0], practice, tick, 1, 0)
    assert person["due"][FIRST + 1] == TICKS_PER_YEAR + tick


def test_attacks_of_a_whole_run_restart_the_timer() -> None:
    rows = [
        Transition("attack", "event", flat(1.0), sets=("recent",), service="admission_mi"),
        Transition("ends", "timer", flat(1.0), required=("recent",), clears=("recent",), delay_years=0.5),
    ]
    tables = toy_tables(rows, ("recent",))
    state = enter(toy_state(400), tables)
    log, _ = run_compiled(state, tables, [4 * TICKS_PER_YEAR])
    again = 0
    for person in range(400):
        mine = log[log["person"] == person]
        attacks = mine["tick"][mine["process"] == FIRST]
        ends = mine["tick"][mine["process"] == FIRST + 1]
        gaps = np.diff(np.append(attacks, 4 * TICKS_PER_YEAR))
        expected = attacks[gaps > TICKS_PER_YEAR // 2] + TICKS_PER_YEAR // 2
        assert np.array_equal(ends, expected)
        again += len(attacks) - len(expected)
    assert again > 100


def test_levers_speed_up_their_own_process_only() -> None:
    rows = [
        Transition("again", "onset", flat(0.5), activity_lever="visit_intensity"),
        Transition("treat", "onset", flat(0.5), health_lever="prevention"),
        Transition("need", "onset", flat(0.5)),
    ]
    tables = toy_tables(rows)
    state = enter(toy_state(100), tables)
    before = state.people.copy()
    state.practices["activity_levers"][:, :, rec.VISIT_INTENSITY] = 2.0
    state.practices["health_levers"][:, :, rec.PREVENTION] = 0.5
    follow_levers(state.people, state.calendar, state.practices, tables, 0)
    rate = running_rates(state.people)[:, FIRST : FIRST + 3]
    np.testing.assert_allclose(rate / running_rates(before)[:, FIRST : FIRST + 3], [[2.0, 0.5, 1.0]] * 100, rtol=1e-12)
    assert np.array_equal(before["due"][:, FIRST + 2], state.people["due"][:, FIRST + 2])
    earliest = state.people["due"][:, : FIRST + 3]
    assert np.array_equal(state.calendar, earliest.min(axis=1))


def test_frailty_keeps_its_spread_and_half_forgets() -> None:
    """The changing part is an autoregression of order one; its exponential has mean one at any time."""
    tables = toy_tables([Transition("other", "onset", flat(0.1))])
    sigma, rho, years = 0.8, 0.7, 3
    tables["frailty_sigma"], tables["frailty_correlation"] = sigma, rho
    state = toy_state(N // 2)
    state.people["frailty"] = 0.3
    before = np.random.default_rng(2).standard_normal(N // 2)
    state.people["frailty_now"] = before
    enter(state, tables)
    run_compiled(state, tables, [years * TICKS_PER_YEAR + 1])
    now = state.people["frailty_now"]
    assert np.corrcoef(before, now)[0, 1] == pytest.approx(rho**years, abs=0.04)
    assert now.std() == pytest.approx(1.0, abs=0.03)
    log_frailty = state.people["covariates"][:, COVARIATES.index("log_frailty")]
    np.testing.assert_allclose(log_frailty, 0.3 + sigma * now - sigma**2 / 2, rtol=1e-12)
    assert np.exp(log_frailty - 0.3).mean() == pytest.approx(1.0, abs=0.04)


def test_the_newborn_are_as_frail_and_as_different_as_everybody() -> None:
    """Permanent and changing frailty have mean one and their spread, independent; scores have their correlations."""
    tables = toy_tables([Transition("birth", "birth", flat(1.0))])
    permanent, changing = 0.6, 0.8
    tables["frailty_permanent_sigma"], tables["frailty_sigma"] = permanent, changing
    tables["score_root"] = np.linalg.cholesky(SCORE_CORRELATIONS)
    state = enter(toy_state(N // 2, room=N // 2), tables)
    run_compiled(state, tables, [TICKS_PER_YEAR // 2])
    people = state.people[state.listed]
    children = people[people["id"] >= rec.NEWBORN]
    n = len(children)
    assert n > N // 6
    fixed, now = children["frailty"], children["frailty_now"]
    log_frailty = children["covariates"][:, COVARIATES.index("log_frailty")]
    np.testing.assert_allclose(log_frailty, fixed + changing * now - changing**2 / 2, rtol=1e-12)
    assert fixed.std() == pytest.approx(permanent, rel=5 / np.sqrt(n))
    assert now.std() == pytest.approx(1.0, rel=5 / np.sqrt(n))
    for log, sigma in ((fixed, permanent), (log_frailty, np.hypot(permanent, changing))):
        assert np.exp(log).mean() == pytest.approx(1.0, abs=5 * np.sqrt(np.expm1(sigma**2) / n))
    drawn = np.corrcoef(np.column_stack([children["scores"], fixed, now]).T)
    expected = np.eye(6)
    expected[:4, :4] = SCORE_CORRELATIONS
    np.testing.assert_allclose(drawn, expected, atol=5 / np.sqrt(n))
    np.testing.assert_allclose(children["scores"].std(axis=0), 1.0, atol=5 / np.sqrt(n))


def test_without_spread_frailty_stands_still() -> None:
    tables = toy_tables([Transition("other", "onset", flat(0.1))])
    state = toy_state(20)
    state.people["covariates"][:, COVARIATES.index("log_frailty")] = 0.4
    enter(state, tables)
    run_compiled(state, tables, [2 * TICKS_PER_YEAR])
    assert (state.people["covariates"][:, COVARIATES.index("log_frailty")] == 0.4).all()
