"""Admissions by groups of severity: what groups pay, what a hospital is rewarded for coding them higher, what it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.accounting.book import Book
from paysim.accounting.episodes import Stays
from paysim.behaviour import load_behaviour
from paysim.behaviour.actors import actor_sentence, actor_table
from paysim.behaviour.gaming import SHARE
from paysim.behaviour.hospital import CODING, ELECTIVE, HOSPITAL, coded_higher, coding_margin
from paysim.behaviour.situation import Situation
from paysim.contracts.admission_tariff import AdmissionPrice, AdmissionTariff, SeverityGroup
from paysim.contracts.contract import Contract, Part
from tests.practice import PARAMETERS, SERVICES, contract, norm_activity, situation
from tests.unit.test_gaming import found

AT = SERVICES.index(ELECTIVE)
PRICE = 3000.0
SEVERITY = np.array([0, 0, 0, 1, 2, 4])
PLAIN = (0.7, 1.0, 1.6)


def groups(*weights: float, price: float = PRICE) -> AdmissionTariff:
    rows = tuple(SeverityGroup(first, weight) for first, weight in zip((0, 1, 3), weights, strict=False))
    return AdmissionTariff((AdmissionPrice(ELECTIVE, price),), severity_groups=rows)


def knowing(tariff: AdmissionTariff, severity: np.ndarray = SEVERITY, coded: float = 0.0) -> Situation:
    """A hospital under a tariff, with one planned admission for each severity given."""
    n = len(severity)
    stays = Stays(
        np.zeros(n, int), np.arange(n) % 3, np.ones(n), np.full(n, AT), np.full(n, 3.0), severity, np.full(n, coded)
    )
    services = norm_activity().services.copy()
    services[:, :, AT] = 0.0
    np.add.at(services[:, :, AT], (stays.practice, stays.segment), 1.0)
    contracts = (contract(), Contract("t", "T", "insurers", "sectors", (Part("t", tariff),)))
    return replace(
        situation(contract()),
        year=None,
        contracts=contracts,
        activity=replace(norm_activity(), services=services, stays=stays),
    )


def paid(tariff: AdmissionTariff, now: Situation) -> float:
    return float(tariff.settle(Book(now.activity, None)).sum())


def step_eur(*weights: float) -> float:
    """What an admission more in the next group brings, mean over all: nothing above the highest."""
    w = np.array(weights)
    at = np.array([0, 0, 0, 1, 1, 2])
    return float(PRICE * (w[np.minimum(at + 1, 2)] - w[at]).mean() / w[at].mean())


@given(st.lists(st.floats(0.1, 5.0), min_size=3, max_size=3).map(sorted))
@settings(max_examples=30, deadline=None)
def test_coded_as_they_are_groups_pay_as_much_as_one_price(weights: list[float]) -> None:
    now = knowing(groups(*weights))
    assert paid(groups(*weights), now) == pytest.approx(paid(groups(), now), rel=1e-12)
    assert paid(groups(), now) == PRICE * len(SEVERITY)


def test_the_price_of_a_severe_admission_is_that_of_its_group() -> None:
    tariff, mean = groups(*PLAIN), (3 * 0.7 + 2 * 1.0 + 1.6) / 6
    true, coded = tariff.relative_weights(Book(knowing(tariff, coded=0.25).activity, None))
    assert true == pytest.approx(np.array([0.7, 0.7, 0.7, 1.0, 1.0, 1.6]) / mean)
    assert coded == pytest.approx(np.array([0.775, 0.775, 0.775, 1.15, 1.15, 1.6]) / mean)


def test_base_years_hold_the_level_when_people_become_sicker() -> None:
    """Weights are against the mean of the base years: more severe admissions are paid more, not shared out anew."""
    tariff, before, after = groups(*PLAIN), knowing(groups()), knowing(groups(), np.full(6, 3))
    book = Book(after.activity, 0, (before.activity, before.activity))
    mean = (3 * 0.7 + 2 * 1.0 + 1.6) / 6
    assert tariff.settle(book).sum() == pytest.approx(6 * PRICE * 1.6 / mean)
    assert len(book.at_base) == 2
    assert len(Book(after.activity, 1, (*book.past, after.activity)).at_base) == 2
    assert len(Book(after.activity, -1, (before.activity,)).at_base) == 2


def test_without_groups_coding_brings_nothing() -> None:
    assert coding_margin(knowing(groups())).revenue_eur == 0.0
    assert coding_margin(replace(knowing(groups()), activity=norm_activity())).units == 0.0
    assert {row["provider"] for row in actor_table(knowing(groups()), PASSIVE, "a") if row["lever"] == CODING} == set()


PASSIVE = load_behaviour("passive", [], PARAMETERS)


@pytest.mark.parametrize("coded", [0.0, 0.1])
def test_the_marginal_revenue_of_coding_is_the_step_to_the_next_group(coded: float) -> None:
    margin = coding_margin(knowing(groups(*PLAIN), coded=coded))
    assert margin.revenue_eur == pytest.approx(step_eur(*PLAIN))
    assert margin.cost_eur == 0.0
    assert margin.units == len(SEVERITY)
    behaviour = load_behaviour("profit_altruism", [("speed", 1.0)], PARAMETERS)
    curvature = behaviour.values["hospital_coding_curvature"]
    assert behaviour.decide_coding(1.0, margin.revenue_eur, 0.0) == pytest.approx(1.0 + margin.revenue_eur / curvature)
    assert behaviour.decide_coding(1.0, 1e9, 0.0) == behaviour.values["hospital_coding_max"]
    assert behaviour.decide_coding(1.0, -1e9, 0.0) == behaviour.values["hospital_coding_min"] == 1.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=30, deadline=None)
def test_weights_further_apart_never_bring_less_coding(one: float, other: float) -> None:
    """The same weights, pulled away from one by a factor."""
    behaviour = load_behaviour("profit_altruism", [], PARAMETERS)

    def coding(spread: float) -> float:
        weights = [1.0 + spread * (weight - 1.0) for weight in PLAIN]
        return float(behaviour.best_coding(coding_margin(knowing(groups(*weights))).revenue_eur, 0.0))

    low, high = sorted((one, other))
    assert coding(low) <= coding(high) + 1e-12


def test_the_map_and_the_audit_name_who_pays() -> None:
    now = knowing(groups(*PLAIN))
    behaviour = load_behaviour("profit_altruism", [], PARAMETERS)
    rows = [row for row in actor_table(now, behaviour, "a", knowing(groups())) if row["lever"] == CODING]
    assert {row["provider"] for row in rows} == {HOSPITAL, "insurers"}
    for segment in {row["segment"] for row in rows}:
        own = {row["provider"]: row["marginal_revenue_eur"] for row in rows if row["segment"] == segment}
        assert own[HOSPITAL] == pytest.approx(-own["insurers"])
    mine = [row for row in rows if row["provider"] == HOSPITAL]
    by_people = [row["marginal_revenue_eur"] for row in mine]  # each kind has two of the six admissions
    assert np.mean(by_people) == pytest.approx(step_eur(*PLAIN))
    expected = behaviour.best_coding(step_eur(*PLAIN), 0.0) - 1.0
    assert mine[0]["predicted_response"] == pytest.approx(expected, rel=1e-5)
    assert "admission coded a group of severity higher" in actor_sentence(mine[0])
    audit = found(now, "group of severity higher")
    assert audit["gain_eur"] == pytest.approx(SHARE * len(SEVERITY) * step_eur(*PLAIN))
    assert audit["harm_payers_eur"] == pytest.approx(audit["gain_eur"])
    assert audit["harm_patients_eur"] == 0.0
    assert not found(knowing(groups()), "group of severity higher")["profitable"]


def test_workings_tell_true_from_coded_severity_and_add_up() -> None:
    tariff, now = groups(*PLAIN), knowing(groups(), coded=0.3)
    steps = {each.what: each.value for each in tariff.workings(Book(now.activity, None))}
    assert float(np.sum(steps["added for severity"])) == pytest.approx(0.0, abs=1e-9)
    assert float(np.sum(steps["added for coding above it"])) == pytest.approx(0.3 * 6 * step_eur(*PLAIN))
    flat, true, coded = tariff.case_mix_eur(Book(now.activity, None))
    assert (flat, true) == (pytest.approx(6 * PRICE), pytest.approx(6 * PRICE))
    assert coded == pytest.approx(paid(tariff, now))
    assert paid(tariff, replace(now, activity=coded_higher(now.activity, -0.3))) == pytest.approx(6 * PRICE)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (((1, 1.0),), "first group from 0"),
        (((0, 1.0), (0, 1.2)), "first group from 0"),
        (((0, 1.0), (3, 1.2), (2, 1.4)), "first group from 0"),
        (((0, 0.0), (1, 1.0)), "above 0"),
        (((0, 1.2), (1, 1.0)), "do not fall"),
    ],
)
def test_groups_that_cannot_be(rows: tuple[tuple[int, float], ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdmissionTariff((AdmissionPrice(ELECTIVE, 1.0),), severity_groups=tuple(SeverityGroup(*row) for row in rows))
