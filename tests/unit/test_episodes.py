"""Acute episodes: who is in which, and what was paid in it, against a slow reading of the rules person by person."""

from dataclasses import fields

import numpy as np
import pytest

from paysim.accounting.episodes import (
    CLAIM,
    DIED,
    LEFT,
    STAYED,
    EpisodeKind,
    EpisodeRules,
    Lives,
    Register,
    Stays,
)

SERVICES = ("admission_mi", "admission_stroke", "admission_other", "drugs")
MI, STROKE, OTHER, DRUGS = range(4)
PRICES = np.array([7000.0, 4500.0, 3700.0, 1.0])
KINDS = (EpisodeKind("infarction", ("admission_mi",), 90.0), EpisodeKind("stroke", ("admission_stroke",), 90.0))
QUARTER = 91.0


def claim(row, day, service=MI, stay=0.0, quantity=1.0):
    return np.array([(row, service, day, quantity, stay, 0)], CLAIM)


def people(claims, start, end, rows=None, gone=None, drugs=0.0):
    """Everybody with claims or in `rows`; `gone` maps a row to (day, fate)."""
    rows = np.unique(np.concatenate([claims["row"], np.array(rows or [], np.int64)]))
    last, fate = np.full(len(rows), float(end)), np.zeros(len(rows), np.int64)
    for row, (day, what) in (gone or {}).items():
        last[rows == row], fate[rows == row] = day, what
    undated = np.zeros((len(rows), len(SERVICES)))
    undated[:, DRUGS] = drugs
    zero = np.zeros(len(rows), np.int64)
    return Lives(rows, np.full(len(rows), float(start)), last, fate, zero, zero, undated)


def run(rules, quarters):
    """Close quarters; each is (claims, gone, drugs)."""
    register, found = Register(rules, SERVICES), []
    for k, (claims, gone, drugs) in enumerate(quarters):
        claims = np.concatenate([np.zeros(0, CLAIM), *claims])
        start, end = k * QUARTER, (k + 1) * QUARTER
        lives = people(claims, start, end, list(register.open["row"]), gone, drugs)
        found.append(register.close(end, claims, lives, PRICES[None]))
    return found, register


NOTHING = ((), {}, 0.0)


def test_a_window_runs_on_over_the_end_of_a_quarter_and_a_year():
    rules = EpisodeRules(KINDS)
    quarters = [NOTHING, NOTHING, NOTHING, ((claim(5, 333.0),), {}, 0.0), ((claim(5, 400.0, OTHER),), {}, 0.0)]
    (*_, fourth, fifth), register = run(rules, quarters)
    assert fourth.begun.tolist() == [1.0]
    assert not fourth.ended.any()
    assert fourth.payments.tolist() == [7000.0]
    assert fifth.begun.tolist() == [0.0]
    assert fifth.ended.tolist() == [True]
    assert fifth.payments.tolist() == [3700.0]
    assert fifth.total.tolist() == [10700.0]
    assert not len(register.open)


def test_the_window_is_open_at_its_end():
    quarters = [((claim(1, 0.0), claim(1, 89.99, OTHER), claim(1, 90.0, OTHER)), {}, 0.0)]
    (first,), _ = run(EpisodeRules(KINDS), quarters)
    assert first.total.tolist() == [10700.0]


def test_a_trigger_of_the_same_kind_inside_the_window_is_part_of_the_episode():
    quarters = [((claim(1, 10.0), claim(1, 60.0)), {}, 0.0), ((claim(1, 99.0),), {}, 0.0)]
    (first, second), _ = run(EpisodeRules(KINDS), quarters)
    assert first.begun.tolist() == [1.0]
    assert first.payments.tolist() == [14000.0]
    assert second.begun.tolist() == [0.0]
    assert second.total.tolist() == [21000.0]
    assert second.ended.all()


def test_a_trigger_after_the_window_begins_another_episode():
    (_first, second), register = run(EpisodeRules(KINDS), [((claim(1, 1.5),), {}, 0.0), ((claim(1, 93.0),), {}, 0.0)])
    assert second.begun.tolist() == [0.0, 1.0]
    assert second.total.tolist() == [7000.0, 7000.0]
    assert second.ended.tolist() == [True, False]
    assert register.open["until"].tolist() == [183.0]


def test_a_kind_with_precedence_ends_the_running_episode_and_others_do_not():
    stroke_first = [((claim(1, 10.0, STROKE), claim(1, 40.0, OTHER), claim(1, 50.0, MI)), {}, 0.0)]
    (found,), register = run(EpisodeRules(KINDS), stroke_first)
    assert found.kind.tolist() == [1, 0]
    assert found.total.tolist() == [8200.0, 7000.0]
    assert found.ended.tolist() == [True, False]
    assert register.open["until"].tolist() == [140.0]
    (found,), _ = run(EpisodeRules(KINDS, if_overtaken="drop"), stroke_first)
    assert found.kind.tolist() == [0]
    infarction_first = [((claim(1, 10.0, MI), claim(1, 50.0, STROKE)), {}, 0.0)]
    (found,), _ = run(EpisodeRules(KINDS), infarction_first)
    assert found.kind.tolist() == [0]
    assert found.total.tolist() == [11500.0]


def test_the_window_may_begin_with_the_discharge():
    kinds = (EpisodeKind("infarction", ("admission_mi",), 30.0, after_discharge=True),)
    quarters = [((claim(1, 10.0, stay=8.0), claim(1, 47.0, OTHER), claim(1, 48.5, OTHER)), {}, 0.0)]
    (found,), _ = run(EpisodeRules(kinds), quarters)
    assert found.total.tolist() == [10700.0]


@pytest.mark.parametrize(("fate", "rule"), [(DIED, "if_died"), (LEFT, "if_left")])
def test_death_and_leaving_end_an_episode_or_take_it_back(fate, rule):
    begun_here = [((claim(1, 10.0),), {1: (20.0, fate)}, 0.0), NOTHING]
    begun_before = [((claim(1, 80.0),), {}, 0.0), ((), {1: (100.0, fate)}, 0.0)]
    (first, second), register = run(EpisodeRules(KINDS), begun_here)
    assert first.ended.all()
    assert first.total.tolist() == [7000.0]
    assert not len(second.kind)
    assert not len(register.open)
    (_, second), register = run(EpisodeRules(KINDS), begun_before)
    assert second.ended.all()
    assert second.total.tolist() == [7000.0]
    assert not len(register.open)
    drop = EpisodeRules(KINDS, **{rule: "drop"})
    (first, _), _ = run(drop, begun_here)
    assert not len(first.kind)
    (first, second), register = run(drop, begun_before)
    assert (first.begun.sum(), first.payments.sum()) == (1.0, 7000.0)
    assert (second.begun.sum(), second.payments.sum(), second.total.sum()) == (-1.0, -7000.0, 0.0)
    assert not second.ended.any()
    assert not len(register.open)
    other = EpisodeRules(KINDS, **{"if_left" if rule == "if_died" else "if_died": "drop"})
    (_, second), _ = run(other, begun_before)
    assert second.ended.all()


def test_death_after_the_window_changes_nothing():
    quarters = [((claim(1, 0.5),), {1: (90.7, DIED)}, 0.0)]
    (found,), _ = run(EpisodeRules(KINDS, if_died="drop"), quarters)
    assert found.ended.tolist() == [True]


def test_death_with_the_trigger_leaves_the_price_of_the_admission():
    (found,), _ = run(EpisodeRules(KINDS), [((claim(1, 30.0),), {1: (30.0, DIED)}, 500.0)])
    assert found.total.tolist() == [7000.0]
    assert found.ended.all()


def test_use_without_a_date_is_spread_over_the_time_lived():
    rules = EpisodeRules(KINDS)
    (first, second), _ = run(rules, [((claim(1, 71.0),), {}, 910.0), ((), {}, 910.0)])
    assert first.payments.tolist() == [7200.0]  # 20 of 91 days
    assert second.payments.tolist() == [700.0]
    (first, _), _ = run(rules, [((claim(1, 20.0),), {1: (40.0, DIED)}, 910.0), NOTHING])
    assert first.payments.tolist() == [7455.0]  # 20 of 40 days lived


def test_only_services_in_scope_count_and_a_trigger_need_not_be():
    rules = EpisodeRules(KINDS, services=("admission_other", "drugs"))
    (found,), _ = run(rules, [((claim(1, 0.0), claim(1, 5.0, OTHER)), {}, 91.0)])
    assert found.total.tolist() == [3790.0]


def test_two_triggers_at_once_are_one_episode_of_the_first_kind():
    (found,), _ = run(EpisodeRules(KINDS), [((claim(1, 7.0, STROKE), claim(1, 7.0, MI)), {}, 0.0)])
    assert found.kind.tolist() == [0]
    assert found.total.tolist() == [11500.0]


def slowly(rules, claims, spans, end):
    """Read the rules person by person, over the whole time at once: (row, kind, start, fate, claims inside)."""
    kind_of = rules.kind_of(SERVICES)
    found = []
    for row in sorted(spans):
        last, fate = spans[row]
        mine = sorted((c for c in claims if c["row"] == row), key=lambda c: (c["day"], kind_of[c["service"]] % 99))
        episodes = []  # [kind, start, until, overtaken, euros]
        for c in mine:
            kind, day = int(kind_of[c["service"]]), float(c["day"])
            running = episodes[-1] if episodes and day < episodes[-1][2] else None
            if kind >= 0 and (running is None or kind < running[0]):
                if running is not None:
                    running[2], running[3] = day, True
                stay = float(c["stay"]) if rules.kinds[kind].after_discharge else 0.0
                running = [kind, day, day + stay + rules.kinds[kind].window_days, False, 0.0]
                episodes.append(running)
            if running is not None and SERVICES[c["service"]] in (rules.services or SERVICES):
                running[4] += float(c["quantity"]) * PRICES[c["service"]]
        for kind, start, until, overtaken, euros in episodes:
            cut = fate if until > last else STAYED
            dropped = (
                (overtaken and rules.if_overtaken == "drop")
                or (cut == DIED and rules.if_died == "drop")
                or (cut == LEFT and rules.if_left == "drop")
            )
            over = until <= end or cut != STAYED
            found.append((row, kind, start, min(until, last), dropped, over, euros))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_any_claims_are_grouped_as_a_slow_reading_does(seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    fates = ("truncate", "drop")
    kinds = (
        EpisodeKind("infarction", ("admission_mi",), float(rng.integers(20, 200)), bool(seed % 2)),
        EpisodeKind("stroke", ("admission_stroke",), float(rng.integers(20, 200))),
    )
    rules = EpisodeRules(
        kinds,
        () if seed % 3 else ("admission_mi", "admission_other", "drugs"),
        *(fates[k] for k in rng.integers(0, 2, 3)),
    )
    quarters, persons = 9, 60
    end = quarters * QUARTER
    spans = {
        row: (float(rng.uniform(30.0, end)), int(rng.integers(1, 3))) if rng.random() < 0.5 else (end, STAYED)
        for row in range(persons)
    }
    claims = np.zeros(700, CLAIM)
    claims["row"] = rng.integers(0, persons, len(claims))
    last = np.array([spans[row][0] for row in claims["row"]])
    claims["day"] = np.floor(rng.uniform(0.0, last) * 4.0) / 4.0  # so that some coincide
    claims["service"] = rng.choice([MI, STROKE, OTHER], len(claims), p=[0.2, 0.2, 0.6])
    claims["quantity"], claims["stay"] = 1.0, rng.exponential(5.0, len(claims))
    drugs_per_day = rng.uniform(0.0, 3.0, persons)

    register, per_quarter = Register(rules, SERVICES), []
    for k in range(quarters):
        begin, until = k * QUARTER, (k + 1) * QUARTER
        now = claims[(claims["day"] >= begin) & (claims["day"] < until)]
        rows = register.rows(now)
        left = np.array([min(spans[row][0], until) for row in rows])
        undated = np.zeros((len(rows), len(SERVICES)))
        undated[:, DRUGS] = drugs_per_day[rows] * (left - begin)
        fate = np.array([spans[row][1] if spans[row][0] < until else STAYED for row in rows], np.int64)
        lives = Lives(rows, np.full(len(rows), begin), left, fate, rows % 3, rows % 5, undated)
        per_quarter.append(register.close(until, now, lives, np.tile(PRICES, (3, 1))))

    expected = slowly(rules, claims, spans, end)
    counted = [each for each in expected if not each[4]]
    together = per_quarter[0]
    for later in per_quarter[1:]:
        together = together.plus(later)
    assert together.begun.sum() == len(counted)
    drugs = np.array([drugs_per_day[row] * (until - start) for row, _, start, until, *_ in counted])
    euros = np.array([each[-1] for each in counted]) + drugs
    assert np.isclose(together.payments.sum(), euros.sum(), rtol=1e-9)
    ended = np.flatnonzero(together.ended)
    of_ended = [(each[1], each[2]) for each in counted if each[5]]
    assert sorted(zip(together.kind[ended].tolist(), together.start[ended].tolist(), strict=True)) == sorted(of_ended)
    total = np.array([paid for each, paid in zip(counted, euros, strict=True) if each[5]])
    assert np.allclose(np.sort(together.total[ended]), np.sort(total), rtol=1e-9, atol=1e-6)
    assert len(register.open) == sum(not each[5] for each in counted)
    assert len(np.unique(register.open["row"])) == len(register.open)


def test_rows_add_up_scale_and_are_pooled():
    stays = Stays(
        np.array([0, 1]),
        np.array([3, 4]),
        np.array([1.0, 1.0]),
        np.array([MI, MI]),
        np.array([2.0, 5.0]),
        np.zeros(2, int),
        np.zeros(2),
    )
    both = stays.scaled(0.5).plus(stays)
    assert both.summed(both.days, (2, 24))[[0, 1], [3, 4]].tolist() == [3.0, 7.5]
    half = both.weighted(np.array([0.0, 0.5]))  # of each practice; nothing is left of the first
    assert half.practice.tolist() == [1, 1]
    assert half.summed(half.days, (2, 24)).sum() == 3.75
    assert both.pooled().summed(both.days, (1, 24)).sum() == 10.5
    assert all(len(getattr(both, each.name)) == 4 for each in fields(both))


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ((), "at least one kind"),
        ((EpisodeKind("a", (), 90.0),), "a trigger"),
        ((EpisodeKind("a", ("x",), 90.0), EpisodeKind("a", ("y",), 90.0)), "same name"),
        ((EpisodeKind("a", ("x",), 90.0), EpisodeKind("b", ("x",), 90.0)), "one kind"),
        ((EpisodeKind("a", ("x",), 0.0),), "above 0"),
    ],
)
def test_rules_that_cannot_be_are_refused(kinds, words):
    with pytest.raises(ValueError, match=words):
        EpisodeRules(kinds)
