"""Peers who compare themselves: styles grow alike, the middle stays, and nothing else moves."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from paysim.care.access import FeedbackTerms
from paysim.engine.cell import run_arm, run_base
from paysim.engine.feedback import PeerFeedback
from paysim.engine.model import Model, build_model, load_parameters
from paysim.engine.start import initial_state
from paysim.errors import ScenarioError
from paysim.kernel.records import LEVERS, PREVENTION
from paysim.parameters import Override
from paysim.scenario import load_scenario
from tests.toy import values


@lru_cache(maxsize=8)
def model(**changes: float) -> Model:
    scenario = load_scenario("nl/achterhoek_learning_cycle")
    overrides = tuple(Override(f"care.{name}", value) for name, value in changes.items())
    return build_model(replace(scenario, horizon_years=2, base_years=1, parameters=overrides), sample=12_000)


def rounds(terms: FeedbackTerms, quarters: int) -> list[np.ndarray]:
    """Return the logarithms of practices' styles ``[P, 2]`` (referral, prevention) after every quarter."""
    state = initial_state(model(), 0, 2, 0)
    feedback = PeerFeedback(model(), state)
    feedback.terms = terms
    listed = np.full(len(state.practices), 1000.0)
    seen = []
    for _ in range(quarters + 1):
        referral = state.practices["activity_style"][:, LEVERS.index("referral")]
        seen.append(np.log(np.column_stack([referral, state.practices["health_style"][:, PREVENTION]])))
        feedback.quarter_ends(listed)
    return seen


def test_without_noise_each_round_takes_the_weight_off_every_distance() -> None:
    found = rounds(FeedbackTerms(2, 0.25, 0.0), 6)
    middle = np.median(found[0], axis=0)
    for quarter, styles in enumerate(found):
        expected = middle + (found[0] - middle) * 0.75 ** (quarter // 2)
        np.testing.assert_allclose(styles, expected, atol=1e-12)
    assert np.ptp(found[0], axis=0).min() > 0.1


def test_chance_in_what_is_seen_keeps_practices_apart() -> None:
    quiet, noisy = (rounds(FeedbackTerms(1, 0.3, noise), 80)[-1].std(axis=0) for noise in (0.0, 0.3))
    assert (quiet < 1e-6).all()
    # x' = (1 - w) x - w e + common: variance w^2 s^2 / (1 - (1 - w)^2), estimated from few practices
    expected = 0.3 * 0.3 / np.sqrt(1.0 - 0.7**2)
    assert (noisy > 0.4 * expected).all()
    assert (noisy < 1.8 * expected).all()


def test_longer_lists_see_less_chance() -> None:
    terms = FeedbackTerms(1, 1.0, 0.2)  # a weight of 1: what is left is the error itself
    spread = {}
    for size in (250.0, 4000.0):
        state = initial_state(model(), 0, 2, 0)
        feedback = PeerFeedback(model(), state)
        feedback.terms = terms
        feedback.quarter_ends(np.full(len(state.practices), size))
        spread[size] = np.log(state.practices["health_style"][:, PREVENTION]).std()
    assert spread[250.0] == pytest.approx(4.0 * spread[4000.0], rel=1e-9)


@pytest.mark.parametrize("terms", [FeedbackTerms(2, 0.0, 0.3), FeedbackTerms(8, 0.3, 0.3)])
def test_without_weight_or_round_nothing_changes(terms: FeedbackTerms) -> None:
    found = rounds(terms, 7)
    np.testing.assert_array_equal(found[0], found[-1])


def simulate(of: Model, name: str) -> dict[str, np.ndarray]:
    return run_arm(of, run_base(of, 0), of.scenario.arm(name), 0).results


@pytest.mark.slow
def test_feedback_without_trust_is_a_monitor_and_with_it_is_not() -> None:
    of = model(feedback_weight=0.0)
    monitor, feedback = simulate(of, "monitor"), simulate(of, "feedback")
    for name in ("value", "measure", "group"):
        np.testing.assert_array_equal(monitor[name], feedback[name])
    trusted = model(feedback_weight=0.3)
    monitor, feedback = simulate(trusted, "monitor"), simulate(trusted, "feedback")
    assert not np.array_equal(values(monitor, "specialist_trajectories"), values(feedback, "specialist_trajectories"))
    assert values(monitor, "persons").shape == values(feedback, "persons").shape


@pytest.mark.slow
def test_practices_refer_more_alike_after_feedback() -> None:
    of = model(feedback_weight=0.3, feedback_noise=0.0, feedback_round_quarters=1.0, style_referral_sd=0.5)
    spread = []
    for name in ("monitor", "feedback"):
        found = simulate(of, name)
        last = (found["period"] == 1) & (found["dimension"] == "practice")

        def of_practices(measure: str, found: dict[str, Any] = found, last: np.ndarray = last) -> np.ndarray:
            return np.asarray(found["value"][last & (found["measure"] == measure)])

        rate = of_practices("specialist_trajectories") / of_practices("person_years")
        spread.append(np.log(rate).std())
    assert spread[1] < 0.8 * spread[0]


def test_rounds_are_whole_quarters() -> None:
    with pytest.raises(ScenarioError, match=r"feedback_round_quarters.*whole numbers from 1"):
        model(feedback_round_quarters=1.5)


def test_one_practice_has_no_peers() -> None:
    terms = FeedbackTerms(1, 0.3, 0.3)
    rows = np.ones(1, dtype=[("health_style", "f8", (len(LEVERS),)), ("activity_style", "f8", (len(LEVERS),))])
    feedback = PeerFeedback(model(), SimpleNamespace(practices=rows))  # type: ignore[arg-type]
    feedback.terms = terms
    assert not feedback.quarter_ends(np.array([2000.0]))
    assert load_parameters(model().scenario)[0]["care.feedback_weight"] == 0.1
