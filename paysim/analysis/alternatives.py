"""Structural alternatives: other ideas of how providers decide, under which every result can be had again.

None of them is fitted to anything. Each replaces the behaviour of every arm that responds; arms without response stay
as they are. What changes under an alternative rests on an idea about people and not on a number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.scenario import Behaviour, Scenario


@dataclass(frozen=True)
class Alternative:
    """One idea.

    Attributes
    ----------
    title
        In words.
    behaviour
        Name of the behaviour in place of the arm's own; None: the arm's own.
    settings
        Settings in place of the arm's own.
    """

    title: str
    behaviour: str | None = None
    settings: tuple[tuple[str, float], ...] = ()


ALTERNATIVES = {
    "passive": Alternative("nobody responds", "passive"),
    "hardly_altruistic": Alternative(
        "own income counts ten times as much",
        settings=(("altruism_mean", 0.08), ("altruism_sd", 0.0), ("altruism_min", 0.08)),
    ),
    "no_income_effect": Alternative("profit is what it is, whatever the income", settings=(("eta", 0.0),)),
    "target_income": Alternative("practices aim at the income they had", "target_income"),
    "errors": Alternative("practices choose with errors", "logit"),
    "slow": Alternative("a twentieth of the way each quarter", settings=(("speed", 0.05),)),
    "fast": Alternative("half of the way each quarter", settings=(("speed", 0.5),)),
}
"""By name. Narrow and wide segments are not among them: practices tell three conditions of patients apart."""

RESPONDING_ONLY = "passive"


def with_alternative(scenario: Scenario, name: str) -> Scenario:
    """Return the scenario with another idea of how providers decide.

    Raises
    ------
    ScenarioError
        There is no such alternative; names the nearest.
    """
    if name not in ALTERNATIVES:
        near = nearest_name(name, ALTERNATIVES)
        known = tuple(ALTERNATIVES)
        raise ScenarioError(Problem("no such structural alternative", found=name, allowed=known, nearest=near))
    found = ALTERNATIVES[name]
    arms = tuple(
        arm if arm.behaviour.name == RESPONDING_ONLY else replace(arm, behaviour=_other(arm.behaviour, found))
        for arm in scenario.arms
    )
    return replace(scenario, name=f"{scenario.name}_{name}", title=f"{scenario.title} ({found.title})", arms=arms)


def _other(own: Behaviour, alternative: Alternative) -> Behaviour:
    from paysim.behaviour import behaviours

    name = alternative.behaviour or own.name
    allowed = behaviours()[name].settings
    settings = dict(own.settings) | dict(alternative.settings)
    return Behaviour(name, tuple((key, value) for key, value in settings.items() if key in allowed))
