"""Four classic models of payment, solved numerically, with the prediction that each is known for.

Each model is an objective that is maximised, or a first-order condition whose root is sought; the closed form
beside it comes from the paper. What is checked is that optimisation as used here finds what theory says, so that
it may be trusted where no closed form exists. Functions take numbers without a country; examples are in `checks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.optimize import brentq, minimize_scalar
from scipy.special import ndtr

Curve = Callable[[float], float]
_LARGEST_LOG = 600.0  # beyond it an exponential overflows


def highest(value: Curve, low: float, high: float) -> float:
    """Return where a function of one peak is highest between `low` and `high`."""
    found = minimize_scalar(lambda x: -value(x), bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return max((low, float(found.x), high), key=value)


def supply_side_quantity(marginal_benefit: Curve, altruism: float, cost: float, share: float, most: float) -> float:
    """Return the quantity that a physician chooses who is refunded a share of cost.

    Ellis and McGuire 1986, J Health Econ 5:129: altruism x B'(q) = (1 - share) x cost. `marginal_benefit` falls in q
    and is below cost at `most`.
    """

    def gain(q: float) -> float:
        return altruism * marginal_benefit(q) - (1.0 - share) * cost

    if gain(0.0) <= 0.0:
        return 0.0
    return most if gain(most) >= 0.0 else float(brentq(gain, 0.0, most, xtol=1e-13))


def first_best_share(benefit: Curve, marginal_benefit: Curve, altruism: float, cost: float, most: float) -> float:
    """Return the share of cost to refund at which benefit less cost is highest; theory: 1 - altruism."""

    def welfare(share: float) -> float:
        quantity = supply_side_quantity(marginal_benefit, altruism, cost, share, most)
        return benefit(quantity) - cost * quantity

    return highest(welfare, 0.0, 1.0)


@dataclass(frozen=True)
class Inducement:
    """A physician who can induce demand for several services and dislikes doing so.

    McGuire and Pauly 1991, J Health Econ 10:385: income ``Y = fixed + sum m_k (x_k + I_k)``, marginal utility
    ``u'(Y) = (Y / reference)^-eta``, distaste ``g I^2 / 2`` for each service, so that ``u'(Y) m_k = g I_k``.

    Attributes
    ----------
    volumes
        x, without inducement.
    distaste
        g.
    fixed
        Other income; negative for fixed costs.
    reference
        Income at which the marginal utility of income is one.
    """

    volumes: tuple[float, ...]
    distaste: float
    fixed: float
    reference: float

    def income(self, margins: Sequence[float], eta: float) -> float:
        """Return the income at which the first-order conditions hold."""

        def excess(log_income: float) -> float:
            income = math.exp(log_income)
            induced = self._induced(margins, self.marginal_utility(income, eta))
            volume = [x + more for x, more in zip(self.volumes, induced, strict=True)]
            return self.fixed + sum(m * v for m, v in zip(margins, volume, strict=True)) - income

        base = math.log(self.reference)
        return math.exp(brentq(excess, base - 5.0, base + 5.0, xtol=1e-14))

    def induced(self, margins: Sequence[float], eta: float) -> tuple[float, ...]:
        """Return the volumes induced."""
        return self._induced(margins, self.marginal_utility(self.income(margins, eta), eta))

    def effects(self, before: Sequence[float], after: Sequence[float], eta: float) -> tuple[list[float], list[float]]:
        """Return the substitution and the income effect of a change of margins, by service.

        Substitution: marginal utility of income as before. Income: the rest.
        """
        first, last = self.induced(before, eta), self.induced(after, eta)
        held = self._induced(after, self.marginal_utility(self.income(before, eta), eta))
        return [h - f for h, f in zip(held, first, strict=True)], [x - h for x, h in zip(last, held, strict=True)]

    def marginal_utility(self, income: float, eta: float) -> float:
        """Return u'(Y)."""
        return math.exp(min(-eta * math.log(income / self.reference), _LARGEST_LOG))

    def _induced(self, margins: Sequence[float], utility: float) -> tuple[float, ...]:
        return tuple(utility * margin / self.distaste for margin in margins)


def cost_effort(price: float, refunded: float, volume: float, cost: float, curvature: float) -> float:
    """Return the effort by which a provider lowers its unit cost.

    Ma 1994, J Econ Manag Strategy 3:93, demand given: profit ``volume (price - (1 - refunded) (cost - effort)) -
    curvature effort^2 / 2``. Theory: ``(1 - refunded) volume / curvature``; none under full refund.
    """

    def profit(effort: float) -> float:
        return volume * (price - (1.0 - refunded) * (cost - effort)) - curvature * effort**2 / 2.0

    return highest(profit, 0.0, cost)


def bonus_chance(score: float, threshold: float, noise: float) -> float:
    """Return the chance that a score measured with normal noise reaches the threshold of a bonus."""
    return float(ndtr((score - threshold) / noise))


def bonus_effort(score: float, threshold: float, noise: float, bonus: float, curvature: float) -> float:
    """Return by how much a provider raises its score for a bonus, at a cost of ``curvature rise^2 / 2``.

    Marginal incentive: ``bonus phi((threshold - score) / noise) / noise``, which vanishes far from the threshold
    (Holmstrom and Milgrom 1987, 1991). The objective can have two peaks; the higher is taken.
    """
    most = math.sqrt(2.0 * bonus / curvature)

    def value(rise: float) -> float:
        return bonus * bonus_chance(score + rise, threshold, noise) - curvature * rise**2 / 2.0

    steps = [most * k / 40 for k in range(41)]
    peak = max(steps, key=value)
    return highest(value, max(peak - most / 40, 0.0), min(peak + most / 40, most))


def checks() -> list[dict[str, Any]]:
    """Return one row for each prediction: the value found, the one that theory gives, whether they agree.

    Numbers in the examples are chosen to show the mechanism; they describe no country and enter no run.
    """
    rows = []

    def row(model: str, prediction: str, found: float, theory: float | str, agrees: bool) -> None:
        entry = {"model": model, "prediction": prediction, "found": found, "theory": theory, "agrees": agrees}
        rows.append(entry)

    def equal(model: str, prediction: str, found: float, theory: float, tolerance: float = 1e-4) -> None:
        row(model, prediction, found, theory, abs(found - theory) <= tolerance)

    for altruism in (0.3, 0.6, 1.0):
        share = first_best_share(lambda q: 10 * q - q**2 / 2, lambda q: 10 - q, altruism, 4.0, 10.0)
        equal("Ellis-McGuire 1986", f"share refunded in the first best, altruism {altruism:g}", share, 1.0 - altruism)
    office = Inducement(volumes=(100.0, 100.0), distaste=0.5, fixed=0.0, reference=2000.0)
    for eta in (0.0, 4.0):
        substitution, income = office.effects((10.0, 10.0), (8.0, 10.0), eta)
        name = "McGuire-Pauly 1991"
        row(name, f"fee cut by 20%, substitution, eta {eta:g}", substitution[0], "below 0", substitution[0] < 0.0)
        if eta == 0.0:
            equal(name, "same, income effect, eta 0", income[0], 0.0)
        else:
            row(name, f"same, income effect, eta {eta:g}", income[0], "above 0", income[0] > 0.0)
            row(name, f"same, the other service, eta {eta:g}", income[1], "above 0", income[1] > 0.0)
    restored = office.income((8.0, 10.0), 1000.0) / office.income((10.0, 10.0), 1000.0)
    equal("McGuire-Pauly 1991", "same, income kept, eta 1000 (target income)", restored, 1.0, 0.01)
    for refunded in (0.0, 0.5, 1.0):
        effort = cost_effort(price=10.0, refunded=refunded, volume=5.0, cost=8.0, curvature=2.0)
        equal("Ma 1994", f"effort to lower cost, {refunded:.0%} of cost refunded", effort, (1.0 - refunded) * 2.5)
    near = bonus_effort(score=70.0, threshold=75.0, noise=5.0, bonus=100.0, curvature=1.0)
    far = bonus_effort(score=40.0, threshold=75.0, noise=5.0, bonus=100.0, curvature=1.0)
    row("Holmstrom-Milgrom", "points raised for a bonus, 5 below the threshold", near, "above 0", near > 1.0)
    equal("Holmstrom-Milgrom", "points raised for a bonus, 35 below the threshold", far, 0.0)
    return rows
