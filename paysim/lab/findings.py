"""What the experiments found beside what paysim's physicians do in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from paysim.lab.choice import Physicians, choices
from paysim.lab.experiment import NEEDS, Experiment, Finding, Floats

_CLOSE = 0.5
"""Of a mean quantity, in units: what counts as met; half the step between quantities."""
_SIGN = 1e-9


class Means:
    """Means over physicians, ``[payment, patient]`` each.

    Parameters
    ----------
    shares
        ``[payment, patient, quantity]``, from `paysim.lab.choice.choices`.
    """

    def __init__(self, experiment: Experiment, shares: Floats) -> None:
        best = experiment.quantities[experiment.optimal]
        away = experiment.quantities - best[:, None]
        self.experiment = experiment
        self.quantity: Floats = shares @ experiment.quantities
        self.benefit: Floats = (shares * experiment.benefit).sum(axis=2)
        self.profit: Floats = (shares * experiment.profit).sum(axis=2)
        self.excess: Floats = (shares * away).sum(axis=2)
        self.deviation: Floats = (shares * np.abs(away)).sum(axis=2)
        self.optimal: Floats = shares[:, np.arange(best.size), experiment.optimal]

    def of(self, values: Floats, payment: str, need: str | None = None) -> float:
        """Return the mean over the patients of a need, or over all, under a payment."""
        return float(values[self.experiment.payments.index(payment), self.experiment.of_need(need)].mean())


def means(experiment: Experiment, physicians: Physicians) -> Means:
    """Return what physicians do in an experiment, on average."""
    return Means(experiment, choices(experiment, physicians))


def evaluate(finding: Finding, found: Means, selfish: Means) -> tuple[float, bool]:
    """Return the number that a finding is about, and whether it agrees.

    Parameters
    ----------
    found, selfish
        Of the physicians looked at, and of physicians without altruism who choose what pays best.
    """
    pay, need = finding.payment, finding.need
    if finding.kind == "mean_quantity":
        assert finding.value is not None
        value = found.of(found.quantity, pay, need)
        return value, abs(value - finding.value) <= _CLOSE
    if finding.kind in ("overprovision", "underprovision"):
        value = found.of(found.excess, pay, need)
        return value, (value if finding.kind == "overprovision" else -value) > _SIGN
    if finding.kind == "less_than_selfish":
        value = found.of(found.deviation, pay, need) - selfish.of(selfish.deviation, pay, need)
        return value, value < -_SIGN
    assert finding.than is not None
    if finding.kind == "grows_with_need":
        fall = [found.of(found.excess, pay, n) - found.of(found.excess, finding.than, n) for n in NEEDS]
        return fall[2] - fall[0], fall[0] < fall[1] < fall[2]
    values = {
        "deviation_lower": -found.deviation,
        "benefit_higher": found.benefit,
        "quantity_higher": found.quantity,
    }[finding.kind]
    value = found.of(values, pay, need) - found.of(values, finding.than, need)
    return value, value > _SIGN


def sentence(finding: Finding, money: str) -> str:
    """Return a finding in words; the number beside it is the difference that the words name."""
    pay, than = (name.replace("_", " ") for name in (finding.payment, finding.than or ""))
    whose = f", {finding.need} need" if finding.need else ""
    return {
        "mean_quantity": f"mean quantity under {pay}{whose}",
        "quantity_higher": f"more services under {pay} than under {than}{whose}",
        "overprovision": f"more than is best for patients under {pay}{whose}",
        "underprovision": f"less than is best for patients under {pay}{whose}",
        "less_than_selfish": f"nearer to the optimum than profit alone would have it, {pay}{whose}",
        "deviation_lower": f"nearer to the optimum under {pay} than under {than}{whose}",
        "benefit_higher": f"higher benefit ({money}) under {pay} than under {than}{whose}",
        "grows_with_need": f"services gained under {pay} against {than} grow with need",
    }[finding.kind]


def finding_rows(experiment: Experiment, choosers: dict[str, Physicians]) -> list[dict[str, Any]]:
    """Return one row for each finding and chooser."""
    selfish = means(experiment, Physicians.alike(0.0))
    by_chooser = {name: means(experiment, physicians) for name, physicians in choosers.items()}
    rows = []
    for finding in experiment.findings:
        for name, found in by_chooser.items():
            value, agrees = evaluate(finding, found, selfish)
            rows.append(
                {
                    "experiment": experiment.name,
                    "finding": sentence(finding, experiment.money),
                    "chooser": name,
                    "published": finding.value,
                    "simulated": value,
                    "agrees": agrees,
                    "status": finding.status,
                    "source": finding.source,
                }
            )
    return rows
