"""A scenario: a region, a horizon and two or more arms, read from one YAML file, checked once, then frozen.

An arm is what cost-effectiveness analysis calls a strategy: the contracts under which practices are paid and
the behaviour with which they respond. `current` names the arm that describes the data year; the base run is
simulated under it and every arm forks from there.
"""

from paysim.scenario.format import BEHAVIOURS
from paysim.scenario.load import load_scenario, resolved
from paysim.scenario.model import Arm, Behaviour, BudgetNeutrality, Discounting, Scenario

__all__ = [
    "BEHAVIOURS",
    "Arm",
    "Behaviour",
    "BudgetNeutrality",
    "Discounting",
    "Scenario",
    "load_scenario",
    "resolved",
]
