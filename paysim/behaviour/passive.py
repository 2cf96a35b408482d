"""No response: contracts change who is paid what, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from paysim.behaviour.lists import Lists, PatientMargins
from paysim.behaviour.situation import HOURS, Floats, PracticeTraits, Situation
from paysim.parameters import Parameters


@dataclass(frozen=True)
class Passive:
    """Practices go on as before."""

    name: ClassVar[str] = "passive"
    settings: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def build(cls, settings: Mapping[str, float], parameters: Parameters) -> Passive:
        """Return the behaviour; there is nothing to set."""
        return cls()

    def traits(self, seed: int, practice_names: Sequence[str]) -> PracticeTraits:
        """Return practices that are all alike and do not move."""
        return PracticeTraits(altruism=np.ones(len(practice_names)), speed=np.zeros(len(practice_names)))

    def best_response(self, situation: Situation) -> Floats:
        """Return the levers in force."""
        return situation.levers.copy()

    def decide(self, situation: Situation) -> Floats:
        """Return the levers in force."""
        return situation.levers.copy()

    def decide_hours(self, situation: Situation, levers: Floats) -> Floats:
        """Return the hours of the data year's staff."""
        return np.ones((len(levers), len(HOURS)))

    def decide_hospital(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the lever in force."""
        return now

    def decide_stay(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the lever in force."""
        return now

    def decide_follow_up(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the lever in force."""
        return now

    def decide_coding(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the lever in force."""
        return now

    def decide_lists(self, now: Lists, situation: Situation, at_base: PatientMargins) -> Lists:
        """Return what practices do now."""
        return now
