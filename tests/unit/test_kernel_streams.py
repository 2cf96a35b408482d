"""Keyed random numbers: the published vector, and the statistics of what is made of it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from paysim.kernel import hazards, streams
from paysim.kernel.tables import stream_key

# Reference output of splitmix64.c (Vigna, prng.di.unimi.it) for seed 1234567, as used by many test suites.
PUBLISHED = (
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
)
N = 1_000_000


def test_published_vector() -> None:
    with np.errstate(over="ignore"):
        words = streams.splitmix64(np.uint64(1234567), np.arange(len(PUBLISHED), dtype=np.uint64))
    assert tuple(int(word) for word in words) == PUBLISHED


def test_extreme_words_stay_inside_the_open_interval() -> None:
    assert 0.0 < streams.to_uniform(np.uint64(0)) < 1.0
    assert 0.0 < streams.to_uniform(np.uint64(2**64 - 1)) < 1.0


def _draws(kind: str) -> np.ndarray:
    key = streams.run_key(1, 0)
    if kind == "over occurrences":
        return streams.uniforms(np.full(N, key, np.uint64), 7, np.arange(N))
    if kind == "over persons":
        return streams.uniforms(streams.person_keys(key, np.arange(N)), 7, 0)
    if kind == "over processes":
        with np.errstate(over="ignore"):
            return np.asarray(streams.to_uniform(streams.word(key, np.arange(N, dtype=np.uint64), np.uint64(0))))
    keys = np.array([streams.run_key(1, replicate) for replicate in range(N // 50)])
    return streams.uniforms(keys, 7, 0)


@pytest.mark.parametrize("kind", ["over occurrences", "over persons", "over processes", "over replicates"])
def test_draws_are_uniform_and_uncorrelated(kind: str) -> None:
    u = _draws(kind)
    n = len(u)
    assert u.min() > 0.0
    assert u.max() < 1.0
    # Moments of a uniform: mean 1/2, variance 1/12, fourth central moment 1/80; four standard errors.
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / n)
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt((1 / 80 - 1 / 144) / n)
    for lag in (1, 2, 7):
        correlation = np.mean((u[lag:] - 0.5) * (u[:-lag] - 0.5)) * 12
        assert abs(correlation) < 4 / np.sqrt(n - lag)
    # 100 equal cells: chi-square with 99 degrees of freedom.
    cells = np.bincount((u * 100).astype(int), minlength=100)
    chi2 = ((cells - n / 100) ** 2 / (n / 100)).sum()
    assert abs(chi2 - 99) < 4 * np.sqrt(2 * 99)


def test_neighbours_do_not_resemble_each_other() -> None:
    key = streams.run_key(1, 0)
    persons = streams.person_keys(key, np.arange(N))
    mine = streams.uniforms(persons, 7, 0)
    others = {
        "next person": streams.uniforms(streams.person_keys(key, np.arange(N) + 1), 7, 0),
        "next process": streams.uniforms(persons, 8, 0),
        "next occurrence": streams.uniforms(persons, 7, 1),
        "next seed": streams.uniforms(streams.person_keys(streams.run_key(2, 0), np.arange(N)), 7, 0),
        "next replicate": streams.uniforms(streams.person_keys(streams.run_key(1, 1), np.arange(N)), 7, 0),
    }
    for name, other in others.items():
        correlation = np.mean((mine - 0.5) * (other - 0.5)) * 12
        assert abs(correlation) < 4 / np.sqrt(N), name
        assert not np.array_equal(mine, other), name


def test_keys_of_persons_differ() -> None:
    keys = streams.person_keys(streams.run_key(1, 0), np.arange(N))
    assert len(np.unique(keys)) == N


def test_stream_keys_depend_on_the_name_alone() -> None:
    assert stream_key("mi_first") == stream_key("mi_first")
    assert stream_key("mi_first") != stream_key("mi_firsT")
    # The first eight bytes of the name's SHA-256, little-endian.
    assert int(stream_key("need")).to_bytes(8, "little").hex() == hashlib.sha256(b"need").hexdigest()[:16]


def test_compiled_uniform_equals_the_numpy_form_bit_for_bit() -> None:
    keys = streams.person_keys(streams.run_key(3, 2), np.arange(200))
    stream = stream_key("need")
    with np.errstate(over="ignore"):
        for occurrence in (0, 1, 77):
            for choice in (0, 5):
                nested = streams.splitmix64(streams.splitmix64(keys, stream), np.uint64(occurrence))
                numpy_form = streams.to_uniform(streams.splitmix64(nested, np.uint64(choice)))
                compiled = np.array([hazards.uniform(key, stream, occurrence, choice) for key in keys])
                assert compiled.tobytes() == np.asarray(numpy_form).tobytes()


def test_exponential_is_minus_log_of_choice_zero() -> None:
    key, stream = streams.person_keys(streams.run_key(1, 0), np.arange(1))[0], stream_key("need")
    drawn = [hazards.exponential(key, stream, k) for k in range(20_000)]
    assert drawn[5] == -np.log(hazards.uniform(key, stream, 5, 0))
    assert abs(np.mean(drawn) - 1.0) < 4 / np.sqrt(len(drawn))
    assert abs(np.mean(np.array(drawn) > 1.0) - np.exp(-1)) < 4 * np.sqrt(0.2325 / len(drawn))
