"""A scenario changed from Python is checked as one read from a file is."""

from dataclasses import replace

import pytest

import paysim as ps
from paysim.scenario import Discounting


@pytest.mark.parametrize(
    "changes",
    [
        {"horizon_years": 0},
        {"horizon_years": 1.5},
        {"base_years": 0},
        {"replicates": 0},
        {"seed": -1},
        {"discounting": Discounting(costs=3.0, effects=0.015)},
    ],
)
def test_what_no_run_can_be_made_of_is_refused(changes):
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    with pytest.raises(ps.ScenarioError, match=next(iter(changes))):
        replace(scenario, **changes)


def test_two_arms_of_one_name_are_refused():
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    with pytest.raises(ps.ScenarioError, match="share a name"):
        replace(scenario, arms=(*scenario.arms, scenario.arms[0]))
