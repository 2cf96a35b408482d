"""Which altruism the published mean quantities of an experiment would be explained by.

Two explanations are fitted by least squares: altruism that differs between physicians who choose without fault
(mean and standard deviation of a normal distribution cut at zero), and one altruism with logit noise. Two means
cannot tell the two apart; that needs the choices of each physician. Nothing fitted here enters the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import minimize

from paysim.lab.choice import Physicians
from paysim.lab.experiment import Experiment, Finding
from paysim.lab.findings import Means, means

_Explanation = Callable[[float, float], Physicians]
_EXPLANATIONS: dict[str, _Explanation] = {
    "altruism differs, no noise": Physicians.spread,
    "one altruism, noise": Physicians.alike,
}
_LEAST = 1e-3  # of a spread or of noise
_STARTS = ((0.1, 0.1), (0.3, 0.5), (1.0, 0.5), (1.0, 2.0))


def fits(experiment: Experiment) -> list[dict[str, Any]]:
    """Return one row for each explanation; none where fewer than two mean quantities were published."""
    targets = tuple(each for each in experiment.findings if each.kind == "mean_quantity")
    if len(targets) < 2:
        return []
    rows = []
    for name, physicians in _EXPLANATIONS.items():

        def loss(x: Any, physicians: _Explanation = physicians) -> float:
            if min(x) < 0.0 or x[1] < _LEAST:
                return 1e6
            return _distance(means(experiment, physicians(float(x[0]), float(x[1]))), targets)

        best = min(
            (minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}) for start in _STARTS),
            key=lambda result: float(result.fun),
        )
        fitted = physicians(float(best.x[0]), float(best.x[1]))
        found = means(experiment, fitted)
        rows.append(
            {
                "experiment": experiment.name,
                "explanation": name,
                "altruism_mean": float(fitted.altruism.mean()),
                "altruism_sd": float(fitted.altruism.std()),
                "noise": fitted.noise,
                **{f"quantity_{each.payment}": found.of(found.quantity, each.payment, each.need) for each in targets},
                "root_mean_square_error": float(np.sqrt(best.fun / len(targets))),
                "share_optimal": float(found.optimal.mean()),
                "status": "recalled" if any(each.status == "recalled" for each in targets) else "derived",
            }
        )
    return rows


def _distance(found: Means, targets: tuple[Finding, ...]) -> float:
    return sum((found.of(found.quantity, each.payment, each.need) - float(each.value or 0.0)) ** 2 for each in targets)
