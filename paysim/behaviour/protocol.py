"""What every behaviour is: given what a provider knows, the levers it sets for the coming quarter.

To add one, write ``paysim/behaviour/<name>.py`` with a frozen dataclass whose class attribute ``name`` is
the file's name. It is found by that name in a scenario; nothing else has to be edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, Self

from paysim.behaviour.situation import Floats, PracticeTraits, Situation
from paysim.parameters import Parameters


class Behaviour(Protocol):
    """How practices respond to their contracts."""

    name: ClassVar[str]
    """Name of the behaviour's file."""

    settings: ClassVar[tuple[str, ...]]
    """Numbers that an arm may set."""

    @classmethod
    def build(cls, settings: Mapping[str, float], parameters: Parameters) -> Self:
        """Return the behaviour with an arm's settings in place of parameters of the same name."""
        ...

    def traits(self, seed: int, practice_names: Sequence[str]) -> PracticeTraits:
        """Return what practices are like, drawn by (seed, practice name)."""
        ...

    def best_response(self, situation: Situation) -> Floats:
        """Return the ``[practice, condition, lever]`` levers that practices would choose in the long run."""
        ...

    def decide(self, situation: Situation) -> Floats:
        """Return the ``[practice, condition, lever]`` levers for the coming quarter."""
        ...

    def decide_hospital(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of planned admissions for the coming quarter.

        Parameters
        ----------
        now
            The lever in force, 1 in the base years.
        gain_eur
            What a planned admission brings the hospital, less what it brought under `current` in the base year.
        cost_eur
            Resource cost of a planned admission.
        """
        ...
