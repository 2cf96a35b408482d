"""Structural alternatives change how providers decide and nothing else."""

from dataclasses import replace

import pytest

import paysim as ps
from paysim.analysis.alternatives import ALTERNATIVES, with_alternative
from paysim.behaviour import behaviour_parameters, load_behaviour
from paysim.care.model import care_parameters

PARAMETERS = care_parameters("NL") | behaviour_parameters()
SCENARIO = ps.load_scenario("nl/achterhoek_four_models")


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_arms_that_respond_get_a_behaviour_that_can_be_built_and_the_rest_stays(name: str) -> None:
    found = with_alternative(SCENARIO, name)
    for arm, before in zip(found.arms, SCENARIO.arms, strict=True):
        load_behaviour(arm.behaviour.name, arm.behaviour.settings, PARAMETERS)
        assert replace(arm, behaviour=before.behaviour) == before
        assert (arm == before) == (before.behaviour.name == "passive")
    assert found.name == f"achterhoek_four_models_{name}"


def test_settings_of_an_arm_stay_where_the_alternative_has_none_of_its_own() -> None:
    arm = SCENARIO.arms[1]
    own = replace(arm, behaviour=replace(arm.behaviour, settings=(("eta", 0.3), ("speed", 0.2))))
    scenario = replace(SCENARIO, arms=(SCENARIO.arms[0], own))
    assert dict(with_alternative(scenario, "slow").arms[1].behaviour.settings) == {"eta": 0.3, "speed": 0.05}
    assert dict(with_alternative(scenario, "target_income").arms[1].behaviour.settings) == {"speed": 0.2}


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(ps.ScenarioError, match="did you mean 'slow'"):
        with_alternative(SCENARIO, "slwo")
