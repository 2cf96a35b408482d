"""A practice with an income in mind: that of the base year (Evans 1974; McGuire and Pauly 1991, J Health Econ 10:385).

It weighs as `paysim.behaviour.profit_altruism` does, with a marginal utility of income ``u'(Y) = (Y/Y0)^-target_eta``
that rises steeply below the target ``Y0`` and vanishes above it. Assistants are paid busy or not, so that their time
moves no income: it counts as effort beside the practice's own. So is that of nurses where hours do not follow what
practices decide. What else care costs is paid, so that the margin per unit is::

    m = u'(Y) (revenue - paid) - (cost - paid) - psi'(H) hours

A practice that reckons with its present income would overshoot, so its best response is the one at which income, and
the levers chosen because of it, agree::

    Y = income now + sum over levers of (revenue - paid) per unit of lever x (l(Y) - l now)

The right side falls as Y rises, so that there is one solution. Where nothing pays for more (capitation alone), a
lower income is made good by nurses' hours and material only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from paysim.behaviour.incentives import income_eur
from paysim.behaviour.profit_altruism import HOURS_CHANNEL, ProfitAltruism
from paysim.behaviour.situation import Floats, Margins, Situation

_HALVINGS = 50


@dataclass(frozen=True)
class TargetIncome(ProfitAltruism):
    """Practices that make good a loss of income where that pays; setting ``target_eta`` is how strongly."""

    name: ClassVar[str] = "target_income"
    settings: ClassVar[tuple[str, ...]] = (
        *(each for each in ProfitAltruism.settings if each != "eta"),
        "target_eta",
    )
    income_curvature: ClassVar[str] = "target_eta"

    def _best_response(self, situation: Situation, now: Margins) -> Floats:
        present, net = income_eur(situation), now.revenue_eur - self._paid(now)

        def brought(income: Floats) -> Floats:
            """Return the income that the levers chosen at an income bring."""
            moved = self._levers(situation, now, income) - situation.levers
            return np.asarray(present + (net * moved).sum(axis=(1, 2)))

        settled = brought(present) == present
        low = np.zeros_like(present)
        high = np.abs(present) + np.abs(net * self._limits()[1]).sum(axis=(1, 2))
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            more = brought(middle) > middle
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        return self._levers(situation, now, np.where(settled, present, low))

    def _value_per_unit(self, margins: Margins, utility: Floats, wage: Floats) -> Floats:
        paid = self._paid(margins)
        effort = margins.cost_eur - paid + wage[:, None, None] * margins.hours
        return margins.per_unit(utility[:, None, None] * (margins.revenue_eur - paid) - effort)

    def _paid(self, margins: Margins) -> Floats:
        """Return what a unit of lever adds to the practice's bills: nurses who are taken on, and material."""
        paid = margins.cost_eur - margins.assistant_eur
        return np.asarray(paid if self.values[HOURS_CHANNEL] == 1.0 else paid - margins.nurse_eur)
