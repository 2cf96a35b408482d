"""Whom practices accept and keep and when they close their lists, against closed forms and laws."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paysim.accounting.segments import SEGMENT_CONDITION
from paysim.behaviour import load_behaviour
from paysim.behaviour.incentives import make_anchor
from paysim.behaviour.lists import Lists, moved_lists, patient_margins
from paysim.behaviour.profit_altruism import ProfitAltruism
from paysim.behaviour.situation import Situation
from paysim.contracts.capitation import Capitation
from paysim.contracts.contract import Contract
from paysim.engine.cell import run_arm, run_base, settling_arm
from paysim.engine.migration import Migration
from paysim.engine.model import Model, build_model
from paysim.engine.start import initial_state
from paysim.kernel.records import TICKS_PER_YEAR
from paysim.parameters import Override
from paysim.scenario import Behaviour
from tests.practice import NORM, PARAMETERS, PEOPLE, SERVICES, WAGES, contract, fees, situation
from tests.toy import few_people, scenario, values

DIABETES = SEGMENT_CONDITION == 2
PRACTICES = 4


def behaviour(**values: float) -> ProfitAltruism:
    """A behaviour without an effect of income, so that only margins count."""
    found = load_behaviour("profit_altruism", list(({"eta": 0.0} | values).items()), PARAMETERS)
    assert isinstance(found, ProfitAltruism)
    return found


def under(*contracts: Contract) -> Situation:
    now = replace(situation(contract(), practices=PRACTICES, anchored=False), contracts=contracts, year=0)
    return replace(now, anchor=make_anchor(replace(now, contracts=(capitated(200.0),))))


def capitated(rate: float) -> Contract:
    return contract(Capitation(rate_eur_per_person_year=rate))


def best(now: Situation, **values: float) -> Lists:
    return behaviour(**values).best_lists(now, patient_margins(replace(now, contracts=(capitated(200.0),))))


def test_a_person_brings_the_capitation_and_the_fees_of_what_such_people_use():
    found = patient_margins(under(contract(Capitation(rate_eur_per_person_year=150.0), fees(gp_consult=30.0))))
    per_unit = SERVICES.minutes[:, 0] / 60.0 * SERVICES.in_sector("general_practice")
    for condition in range(3):
        consults = NORM["gp_consult"][condition] / PEOPLE[condition]
        assert found.revenue_eur[:, condition] == pytest.approx(150.0 + 30.0 * consults)
        hours = sum(NORM[n][condition] * per_unit[SERVICES.index(n)] for n in NORM) / PEOPLE[condition]
        assert found.hours[:, condition] == pytest.approx(hours)
    assert (found.revenue_eur[:, 3:] == 0.0).all()  # nobody lives there
    assert found.care_eur(WAGES.gp_eur) == pytest.approx(found.care_eur(WAGES.gp_eur)[0])


def test_who_comes_uses_what_such_people_use_in_the_region_and_not_in_this_practice():
    now = under(capitated(200.0))
    services = now.activity.services.copy()
    services[0, 2] *= 3.0  # the diabetics of one practice happened to need a lot
    odd = replace(now, activity=replace(now.activity, services=services))
    assert np.ptp(patient_margins(odd).hours[:, 2]) == pytest.approx(0.0)
    up, down, years = moved_lists(odd, DIABETES)
    assert np.abs(up.person_years - down.person_years).sum(axis=1) == pytest.approx(np.abs(years))


@given(rate=st.floats(50.0, 400.0))
@settings(max_examples=10, deadline=None)
def test_what_all_bring_alike_moves_lists_and_not_whom_practices_want(rate: float) -> None:
    found = best(under(capitated(rate)))
    assert (found.accept > 1.0 - 1e-9).all()
    assert (found.keep > 1.0 - 1e-9).all()
    assert ((found.size - 1.0) * (rate - 200.0) >= 0.0).all()


@given(low=st.floats(0.0, 300.0), more=st.floats(0.0, 300.0))
@settings(max_examples=10, deadline=None)
def test_the_more_a_kind_of_patient_brings_the_more_of_them_are_accepted(low: float, more: float) -> None:
    def accepted(eur: float) -> np.ndarray:
        terms = Capitation(rate_eur_per_person_year=200.0), fees(chronic_nurse=eur)
        return best(under(contract(*terms))).accept

    with_diabetes, without = (np.flatnonzero(c == SEGMENT_CONDITION)[0] for c in (2, 0))
    first, second = accepted(low), accepted(low + more)
    assert (second[:, with_diabetes] >= first[:, with_diabetes] - 1e-12).all()
    assert (second[:, without] <= first[:, without] + 1e-12).all()


def test_limits_switches_and_kinds_that_are_told_apart():
    now = under(contract(Capitation(rate_eur_per_person_year=200.0), fees(chronic_nurse=5000.0)))
    strong = best(now)
    assert strong.accept.min() == PARAMETERS["behaviour.acceptance_min"]
    assert strong.keep.min() == PARAMETERS["behaviour.retention_min"]
    assert (strong.size == PARAMETERS["behaviour.list_size_max"]).all()
    alike = best(now, segment_weight=0.0)
    assert (alike.accept == 1.0).all()
    assert np.array_equal(alike.size, strong.size)
    at_base = patient_margins(replace(now, contracts=(capitated(200.0),)))
    off = behaviour(acceptance_response=0.0, list_size_response=0.0)
    moved = off.decide_lists(Lists.usual(PRACTICES), now, at_base)
    assert (moved.accept == 1.0).all()
    assert (moved.size == 1.0).all()
    assert moved.keep.min() < 1.0


# --- In a region ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model() -> Model:
    quick = (Override("migration.practice_change_rate", 0.5), Override("care.closed_share", 0.0))
    return build_model(replace(scenario(1, 1), parameters=quick), population=few_people())


def only(practices: int, **changes: float) -> Lists:
    usual = Lists.usual(practices)
    arrays = {name: np.full_like(getattr(usual, name), value) for name, value in changes.items()}
    return replace(usual, **arrays)


def test_who_is_sent_away_and_accepted_nowhere_is_without_a_practice(model: Model) -> None:
    state = initial_state(model, -TICKS_PER_YEAR, 2, 0)
    migration, practices = Migration(model, state, 0), len(model.population.practices)
    migration.lists = only(practices, accept=1e-12, keep=0.5**4)  # half of them each quarter
    listed = int((state.people["unlisted"][state.listed] == 0).sum())
    left, taken, without = migration.send_away(-TICKS_PER_YEAR)
    assert len(left) == len(taken) == 0
    assert 0.45 * listed < len(without) == migration.let_go < 0.55 * listed
    assert (state.people["unlisted"][without] == 1).all()
    assert not len(migration.find_lists(-TICKS_PER_YEAR)[0])
    migration.lists = None
    migration.find_lists(-TICKS_PER_YEAR)
    still = int(state.people["unlisted"][state.listed].sum())
    assert still < 0.5 * len(without), "as many as lists have room for are taken as soon as practices accept them"


def test_of_those_who_ask_as_many_are_accepted_as_practices_say(model: Model) -> None:
    state = initial_state(model, -TICKS_PER_YEAR, 2, 0)
    migration, practices = Migration(model, state, 0), len(model.population.practices)
    migration.lists = only(practices, accept=0.7)
    rows = state.listed
    welcome = migration._welcome(state.people["key"][rows], state.people["segment"][rows])
    assert welcome is not None
    assert welcome.mean() == pytest.approx(0.7, abs=4 * np.sqrt(0.21 / welcome.size))
    migration.lists = only(practices, accept=0.4)
    fewer = migration._welcome(state.people["key"][rows], state.people["segment"][rows])
    assert (welcome | ~fewer).all(), "who is accepted by the choosier is accepted by the other"
    migration.lists = Lists.usual(practices)
    assert migration._welcome(state.people["key"][rows], state.people["segment"][rows]) is None


@pytest.mark.slow
def test_shorter_lists_close_earlier() -> None:
    closing = (Override("care.closed_share", 0.5),)
    model = build_model(replace(scenario(1, 1), parameters=closing), population=few_people())
    base = run_base(model, 0)
    arm = settling_arm(model.scenario)
    poorer = replace(arm, contracts=tuple(each for each in arm.contracts if each.providers != "practices"))
    sizes = ("list_size_curvature", 0.01), ("list_size_min", 0.6)
    responding = replace(poorer, behaviour=Behaviour("profit_altruism", sizes))
    cells = [run_arm(model, base, each, 0) for each in (arm, responding)]
    closed = [values(cell.results, "lists_closed")[-1] for cell in cells]
    assert closed[1] > closed[0]
    assert values(cells[1].results, "lever_list_size")[-1] < 0.9
