"""How physicians in an experiment choose: the best for them, or nearly so.

A physician values ``profit + altruism x benefit``, both in money of the experiment. The deterministic chooser takes
the quantity of highest value (of equal ones that which is best for the patient); the logit chooser takes quantity
q with a chance proportional to ``exp(value(q) / noise)`` (Godager and Wiesen 2013, J Health Econ 32:1105: weights
``1/noise`` on profit and ``altruism/noise`` on benefit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.behaviour.altruism import altruism_quantiles
from paysim.errors import Problem, ScenarioError
from paysim.lab.experiment import Experiment, Floats, Linear

COUNT = 1000
"""Physicians by which a distribution of altruism is represented: its quantiles at midpoints."""

_TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Physicians:
    """Who takes part.

    Attributes
    ----------
    altruism
        ``[physician]`` money of own profit given up per money of patient benefit.
    noise
        Scale of the logit rule, in money; 0 for the deterministic chooser.
    """

    altruism: Floats
    noise: float = 0.0

    def __post_init__(self) -> None:
        _check(altruism=self.altruism, noise=self.noise)

    @classmethod
    def alike(cls, altruism: float, noise: float = 0.0) -> Physicians:
        """Return physicians of one altruism."""
        return cls(np.array([altruism]), noise)

    @classmethod
    def spread(cls, mean: float, sd: float, least: float = 0.0, noise: float = 0.0, count: int = COUNT) -> Physicians:
        """Return physicians whose altruism is normal, cut below `least`, as practices of the model have it."""
        _check(altruism_mean=mean, altruism_sd=sd)
        return cls(altruism_quantiles((np.arange(count) + 0.5) / count, mean, sd, least), noise)


def _check(**numbers: Floats | float) -> None:
    for name, values in numbers.items():
        each = np.atleast_1d(values)
        if not each.size or not (np.isfinite(each) & (each >= 0.0)).all():
            found = f"{values:g}" if isinstance(values, float) else None
            problem = Problem("has a value it cannot have", key=name, found=found, allowed=("a number from 0 up",))
            raise ScenarioError(problem)


def choices(experiment: Experiment, physicians: Physicians) -> Floats:
    """Return ``[payment, patient, quantity]`` the share of physicians who choose each quantity."""
    total = np.zeros_like(experiment.profit)
    altruism = np.sort(physicians.altruism)  # so that sums do not depend on the order of physicians
    for start in range(0, altruism.size, COUNT):
        total += _shares(experiment, altruism[start : start + COUNT], physicians.noise).sum(axis=0)
    return total / altruism.size


def _shares(experiment: Experiment, altruism: Floats, noise: float) -> Floats:
    """Return ``[physician, payment, patient, quantity]`` chances."""
    value = experiment.profit + altruism[:, None, None, None] * experiment.benefit
    value = value - value.max(axis=-1, keepdims=True)
    if noise > 0.0:
        weight = np.exp(value / noise)
        return np.asarray(weight / weight.sum(axis=-1, keepdims=True))
    benefit = np.where(value >= -_TIE, experiment.benefit, -np.inf)
    return np.asarray(np.arange(value.shape[-1]) == benefit.argmax(axis=-1)[..., None], dtype=np.float64)


def linear_quantities(linear: Linear, altruism: float, most: float) -> Floats:
    """Return ``[payment, patient]`` quantities if any share of a unit may be chosen, up to `most`.

    With fee p, cost c q^2 and loss t for each unit from q*, value is concave and its slope changes at q* by
    2 x altruism x t, so that::

        q = q* held between (p - altruism t) / 2c and (p + altruism t) / 2c, and within 0 and `most`
    """
    fees, losses = np.array(linear.fees)[:, None], np.array(linear.losses)
    low, high = ((fees + sign * altruism * losses) / (2.0 * linear.cost) for sign in (-1.0, 1.0))
    return np.asarray(np.clip(np.clip(np.array(linear.optimal), low, high), 0.0, most))


def linear_thresholds(linear: Linear) -> Floats:
    """Return ``[payment, patient]`` least altruism at which q* is chosen: |p - 2 c q*| / t."""
    margin = np.array(linear.fees)[:, None] - 2.0 * linear.cost * np.array(linear.optimal)
    return np.asarray(np.abs(margin) / np.array(linear.losses))
