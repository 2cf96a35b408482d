"""Shares of the dearest, what groups explain, who stays dear: closed forms, and rows that change their person."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from paysim.accounting.concentration import NAMES, Payments, beyond, explained_share, persistence, top_share


def test_the_dearest_of_a_log_normal_take_the_known_share():
    sigma, n = 1.6, 200_000
    paid = np.exp(sigma * norm.ppf((np.arange(n) + 0.5) / n))
    for share in (0.01, 0.05, 0.10):
        assert top_share(paid, share) == pytest.approx(norm.cdf(sigma - norm.ppf(1 - share)), abs=0.004)


def test_a_person_on_the_border_counts_in_part():
    assert top_share(np.array([6.0, 3.0, 1.0]), 0.5) == pytest.approx((6.0 + 0.5 * 3.0) / 10.0)
    assert top_share(np.array([6.0, 3.0, 1.0]), 1.0) == 1.0
    assert np.isnan(top_share(np.zeros(3), 0.5))


def test_what_is_above_a_threshold_is_of_single_persons():
    paid = np.array([0.0, 25_000.0, 60_000.0, 130_000.0])
    above = [[0, 0, 0], [0, 0, 0], [35_000, 10_000, 0], [105_000, 80_000, 30_000]]
    np.testing.assert_array_equal(beyond(paid), above)


def test_groups_explain_all_nothing_or_a_part():
    group = np.repeat(np.arange(4), 500)
    assert explained_share(group * 10.0, group) == pytest.approx(1.0)
    noise = np.random.default_rng(1).normal(size=2000)
    assert abs(explained_share(noise, group)) < 0.01
    between = np.array([-1.0, -0.5, 0.5, 1.0])[group]
    assert explained_share(between + noise, group) == pytest.approx(0.625 / 1.625, abs=0.03)
    assert np.isnan(explained_share(np.ones(2000), group))


def test_persistence_counts_who_is_still_there():
    before = np.arange(100.0)
    assert persistence(before, before, 0.05) == 1.0
    assert persistence(before, -before, 0.05) == 0.0
    now = before.copy()
    now[99] = -1.0
    assert persistence(before, now, 0.05) == 0.8
    assert np.isnan(persistence(before[:0], before[:0], 0.05))


def test_the_past_follows_people_and_not_rows():
    group, rows = np.zeros(4, int), np.arange(4)
    book = Payments(6)
    person = np.array([10, 11, 12, 13, -1, -1])

    def close(curative, long_term=(0.0, 0.0, 0.0, 0.0)):
        return dict(zip(NAMES, book.close(person, rows, np.array(curative), np.array(long_term), group), strict=True))

    first = close([100.0, 1.0, 1.0, 1.0])
    assert np.isnan(first["payments_top_5_persistence"])
    assert np.isnan(first["payments_top_1_share_3_years"])
    book.follow(np.array([0]), np.array([4]))  # person 10 joins another list, and somebody new takes the row
    person[[4, 0]] = 10, 20
    rows = np.array([0, 1, 2, 4])
    close([1.0, 1.0, 1.0, 100.0])
    third = close([1.0, 1.0, 1.0, 100.0], [0.0, 294.0, 0.0, 0.0])
    # Three years are known of persons 11, 12 and 10: 3, 3 and 300 euro; 1% of three people are three hundredths of one.
    assert third["payments_top_1_share_3_years"] == pytest.approx(0.03 * 300 / 306)
    assert third["payments_top_1_share_3_years_with_long_term_care"] == pytest.approx(0.03 * 300 / 600)


def test_without_people_nothing_is_known():
    nobody = np.zeros(0)
    assert np.isnan(Payments(2).close(np.array([-1, -1]), nobody.astype(int), nobody, nobody, nobody.astype(int))).all()
