"""What a run says of decisions at the edge of the model: made on purpose, and named with practice and quarter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.behaviour import load_behaviour
from paysim.behaviour.incentives import make_anchor
from paysim.behaviour.situation import Situation
from paysim.contracts.capitation import Capitation
from paysim.engine.remarks import Remarks
from tests.practice import PARAMETERS, SERVICES, contract, fees, situation

NAMES = ("a", "b")


def under(fee: float) -> Situation:
    now = replace(situation(contract(), practices=2, anchored=False), gp_hours_capacity=np.array([1e9, 1e9]))
    before = replace(now, contracts=(contract(Capitation(rate_eur_per_person_year=200.0)),))
    return replace(now, contracts=(contract(fees(gp_consult=fee)),), anchor=make_anchor(before))


def said(now: Situation, **settings: float) -> dict[str, str]:
    remarks = Remarks(NAMES)
    remarks.look(5, load_behaviour("profit_altruism", list(settings.items()), PARAMETERS), now)
    return remarks.found


def test_a_response_that_only_a_limit_holds_is_named_with_practice_and_quarter() -> None:
    found = said(under(5000.0))
    text = found["limit:visit_intensity"]
    assert text.startswith("in 2 of 2 practices only its limit holds visit_intensity")
    assert "first a in quarter 5" in text
    assert not any(key.startswith("limit:visit") for key in said(under(1.0), eta=0.0))


def test_a_channel_that_is_off_is_at_no_limit() -> None:
    assert "limit:visit_intensity" not in said(under(5000.0), visit_intensity_response=0.0)


def test_a_lever_that_nobody_can_pull_is_named() -> None:
    now = under(30.0)
    services = now.activity.services.copy()
    services[:, :, [SERVICES.index(name) for name in ("nurse_consult", "nurse_mental", "chronic_nurse")]] = 0.0
    without_nurses = replace(now, activity=replace(now.activity, services=services))
    found = said(without_nurses)
    assert "nobody can pull this lever, first a in quarter 5" in found["idle:delegation"]
    assert not any(key.startswith("idle:") for key in said(now))


def test_visits_for_which_there_are_no_hours_are_named() -> None:
    busy = replace(under(60.0), gp_hours_capacity=np.array([1e9, 1.0]))
    text = said(busy, working_hours_response=0.0)["hours:visit_intensity"]
    assert text.startswith("in 1 of 2 practices more visits are wanted than GPs have hours for, first b in quarter 5")
    assert "hours:visit_intensity" not in said(busy)  # they work longer
    longest = 1.0 + 1e-4  # which the year looked at nearly was
    assert "in 2 of 2" in said(busy, gp_hours_max=longest)["hours:visit_intensity"]


def test_delegation_for_which_nurses_have_no_hours_is_named() -> None:
    plenty = replace(under(60.0), contracts=(contract(fees(nurse_consult=100.0)),))
    assert "hours:delegation" not in said(plenty)
    text = said(plenty, nurse_hours_max=1.0)["hours:delegation"]
    assert text.startswith("in 2 of 2 practices more is to be handed to nurses than they have hours for")


def test_nurses_whom_delegation_asks_nothing_of_are_not_short_of_hours() -> None:
    plenty = replace(under(60.0), contracts=(contract(fees(nurse_consult=100.0)),))
    services = plenty.activity.services.copy()
    services[:, :, SERVICES.index("nurse_mental")] = 0.0  # no nurse for mental health, and no hours of hers
    assert "hours:delegation" not in said(replace(plenty, activity=replace(plenty.activity, services=services)))


def test_what_was_said_once_is_not_said_again() -> None:
    remarks, behaviour = Remarks(NAMES), load_behaviour("profit_altruism", [], PARAMETERS)
    for quarter in (1, 5):
        remarks.look(quarter, behaviour, under(5000.0))
    assert "quarter 1" in remarks.found["limit:visit_intensity"]


def test_a_setting_beyond_what_is_plausible_is_named() -> None:
    remarks = Remarks(NAMES)
    remarks.read_settings((("altruism_mean", 5.0), ("speed", 0.2), ("coding_response", 0.0)), PARAMETERS)
    assert list(remarks.found) == ["range:altruism_mean"]
    assert "altruism_mean is 5, outside its range of 0.5" in remarks.found["range:altruism_mean"]


def test_a_behaviour_of_ones_own_needs_no_limits() -> None:
    remarks = Remarks(NAMES)
    remarks.look(1, load_behaviour("passive", [], PARAMETERS), under(5000.0))
    assert remarks.found == {}
