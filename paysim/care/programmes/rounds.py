"""The rounds of a programme: of everybody it is for, who was asked and came, and who is still there at the next round.

A round holds all that happens from one search for people to the next one. Everybody is counted once at each step,

    eligible      = other_practice + not_in_records + taking_part + not_selected + asked_before + selected
    selected      = no_staff + no_places + invited
    invited       = declined + started
    participants  = those of the round before + started - dropped_out - completed - died - departed

for each level of education by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from paysim.care.programmes.model import EDUCATION

FOUND = ("eligible", "other_practice", "not_in_records", "taking_part", "not_selected", "asked_before", "selected")
"""For whom the programme is: of these, who is with no practice that takes part; whom its records do not show; who takes
part already; whose risk is under every tier or the top share; who was asked before and is not due; whom it would ask.
"""
ASKED = ("no_staff", "no_places", "invited", "declined", "started")
"""Of the selected: not asked because GPs and nurses have no hours left, or because all places are taken; invited, and
what they said."""
LEFT = ("dropped_out", "completed", "died", "departed")
"""Participants who left until the next round; departed: left the region."""
PEOPLE = (*FOUND, *ASKED, *LEFT, "participants")
"""Counts of people; participants are those at the end, when the next round begins."""
AMOUNTS = (*PEOPLE, "participant_years", "cost_eur", "paid_eur")
COLUMNS = ("programme", "round", "year", "week", "education", *AMOUNTS)
"""Of the rows that are kept: round from 1, contract year from 0, week of the run in which it begins from 1."""

NOTE = {
    "round": "A round runs to the next one.",
    "year": "Of a year: who is found, and who is not asked for want of staff or places, is that of its last round; the "
    "rest is added up.",
}
"""What a row of a table by round or by year holds, in a sentence."""


class Rounds:
    """What one programme of one arm counted of the people simulated, round by round."""

    def __init__(self, programme: str) -> None:
        self._programme, self._begins = programme, (0, 0, 0)
        self.rows: list[dict[str, Any]] = []
        self._clear()

    def begin(self, week: int, weeks_per_year: int) -> None:
        """Begin a round in a week of the run, from 1."""
        number = len(self.rows) // len(EDUCATION) + 1
        self._begins = number, (week - 1) // weeks_per_year, week

    def add(self, what: str, education: np.ndarray, amount: np.ndarray | None = None) -> None:
        """Add people, or an amount of each, by their education ``[n]``."""
        self._now[what] += np.bincount(education.astype(np.int64), amount, minlength=len(EDUCATION))

    def close(self, education: np.ndarray) -> None:
        """End a round, in which people of this education take part ``[n]``."""
        self.add("participants", education)
        number, year, week = self._begins
        for k, level in enumerate(EDUCATION):
            about = {"programme": self._programme, "round": number, "year": year, "week": week, "education": level}
            self.rows.append(about | {what: float(self._now[what][k]) for what in AMOUNTS})
        self._clear()

    def _clear(self) -> None:
        self._now = {what: np.zeros(len(EDUCATION)) for what in AMOUNTS}
