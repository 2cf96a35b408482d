"""What every behaviour is: given what a provider knows, the levers it sets for the coming quarter.

To add one, write ``paysim/behaviour/<name>.py`` with a frozen dataclass whose class attribute ``name`` is
the file's name. It is found by that name in a scenario; nothing else has to be edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from paysim.behaviour.situation import Floats, PracticeTraits, Situation
from paysim.parameters import Parameters

if TYPE_CHECKING:
    from paysim.behaviour.lists import Lists, PatientMargins


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

    def decide_hours(self, situation: Situation, levers: Floats) -> Floats:
        """Return the hours that staff works in the coming quarter, in which the levers will be `levers`.

        Returns
        -------
        numpy.ndarray
            ``[practice, 3]`` of GPs, nurses and nurses for mental health, a ratio to those of the data year's staff.
        """
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

    def decide_stay(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of length of stay for the coming quarter, by what a bed-day brings and costs."""
        ...

    def decide_follow_up(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of follow-up visits for the coming quarter, by what one brings and costs."""
        ...

    def decide_coding(self, now: float, gain_eur: float, cost_eur: float) -> float:
        """Return the hospital's lever of coding for the coming quarter, by what an admission coded higher brings.

        The lever is one and the share of admissions that are coded a group of severity higher than they are.
        """
        ...

    def decide_lists(self, now: Lists, situation: Situation, at_base: PatientMargins) -> Lists:
        """Return whom practices accept and keep in the coming year, and when they close their lists.

        Parameters
        ----------
        now
            What they do now.
        at_base
            What a person-year on the list brought and took under `current` in the base year.
        """
        ...
