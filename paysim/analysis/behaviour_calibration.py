"""Behaviour fitted to the few reforms whose effect was observed, with what is left uncertain.

Least squares on the targets of role ``calibrate`` in ``targets/behaviour.csv`` and on the prior of every parameter::

    sum over targets ((model - published) / sd)^2 + sum over parameters ((ln x - ln prior) / prior sd)^2

where sd is the published 95% interval over 3.92 and the prior is the stated range (95%), log-normal. The model's value
is `paysim.analysis.natural_experiments.predict`: nothing belongs to one contract, and no reform gets an adjustment of
its own. What is not known of a reform (a sharing rate that was not published) is fitted along and thrown away.

The posterior is the Gauss-Newton approximation at the optimum. A parameter whose variance hardly falls is not moved by
the targets: it keeps its prior and is drawn from it. The others are drawn together, by their correlations, because
targets fix products (altruism times curvature) better than factors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import least_squares

from paysim import __version__
from paysim.analysis.calibration import write_fit
from paysim.analysis.natural_experiments import UNKNOWN, Reference, make_reference, predict, predict_signs
from paysim.analysis.targets import FOLDER
from paysim.errors import ModelError, OutputError, Problem, ScenarioError
from paysim.reading import write_atomic
from paysim.reading.tables import read_table
from paysim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

SAMPLE = 60_000
FREE = tuple(
    f"behaviour.{name}"
    for name in (
        *("altruism_mean", "altruism_sd", "eta", "omega_ratio", "hours_elasticity", "speed"),
        *("visit_curvature", "prevention_curvature", "referral_curvature", "delegation_curvature"),
        *("coding_curvature_eur", "elective_curvature", "treatment_elasticity", "referral_minutes_saved", "cost_cv"),
    )
)
"""What the targets may move. No parameter belongs to a contract."""

IDENTIFIED = 0.05
"""Part of the prior's variance that the targets must remove for a parameter to be shipped with a posterior."""

WIDTH_95 = 3.92
_STEP = 0.02  # of logarithms: kinks of contracts are passed over

_FURTHEST = 3.0  # standard deviations of the prior

Say = Callable[[str], None]


@dataclass(frozen=True)
class ResponseTarget:
    """A row of ``targets/behaviour.csv``: what was observed, its 95% interval, and what counts as agreement."""

    id: str
    title: str
    unit: str
    value: float
    low: float | None
    high: float | None
    accept: tuple[float, float]
    role: str
    status: str
    source: str

    @property
    def sd(self) -> float:
        """Standard deviation of what was observed."""
        assert self.low is not None
        assert self.high is not None
        return (self.high - self.low) / WIDTH_95


def response_targets(path: Path = FOLDER / "behaviour.csv") -> tuple[ResponseTarget, ...]:
    """Read what is known of responses to payment."""
    texts = ("id", "title", "unit", "low", "high", "role", "status", "source")
    columns = dict.fromkeys(texts, str) | dict.fromkeys(("value", "accept_low", "accept_high"), float)
    table = read_table(path, columns)
    return tuple(
        ResponseTarget(
            id=table["id"][k],
            title=table["title"][k],
            unit=table["unit"][k],
            value=float(table["value"][k]),
            low=float(table["low"][k]) if table["low"][k] else None,
            high=float(table["high"][k]) if table["high"][k] else None,
            accept=(float(table["accept_low"][k]), float(table["accept_high"][k])),
            role=table["role"][k],
            status=table["status"][k],
            source=table["source"][k],
        )
        for k in range(len(table["id"]))
    )


@dataclass(frozen=True)
class BehaviourFit:
    """Behaviour, fitted.

    Attributes
    ----------
    names
        `FREE`, then the names of `UNKNOWN`.
    prior, prior_sd, values, sd
        By name; standard deviations of logarithms.
    covariance
        Of logarithms, ``[k, k]``.
    targets
        Rows of target: published, before (prior), fitted, sd of the fitted value, whether it agrees.
    """

    scenario: str
    sample: int
    names: tuple[str, ...]
    prior: tuple[float, ...]
    prior_sd: tuple[float, ...]
    values: tuple[float, ...]
    sd: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    targets: tuple[dict[str, Any], ...]

    @property
    def moved(self) -> tuple[str, ...]:
        """Parameters of the model that the targets move."""
        return tuple(row["parameter"] for row in self.rows() if row["moved"])

    def rows(self) -> list[dict[str, Any]]:
        """Return parameter, prior, value, sd, prior_sd, low, high, identified, moved; low to high is a 95% interval."""
        return [
            {
                "parameter": name,
                "prior": self.prior[k],
                "value": self.values[k],
                "sd": self.sd[k],
                "prior_sd": self.prior_sd[k],
                "low": self.values[k] * float(np.exp(-WIDTH_95 / 2 * self.sd[k])),
                "high": self.values[k] * float(np.exp(WIDTH_95 / 2 * self.sd[k])),
                "identified": max(1.0 - (self.sd[k] / self.prior_sd[k]) ** 2, 0.0),
                "moved": name in FREE and 1.0 - (self.sd[k] / self.prior_sd[k]) ** 2 >= IDENTIFIED,
            }
            for k, name in enumerate(self.names)
        ]

    def frame(self) -> pd.DataFrame:
        """Return `rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def fit_frame(self) -> pd.DataFrame:
        """Return the targets as a table."""
        import pandas as pd

        return pd.DataFrame(list(self.targets))

    def correlations(self) -> pd.DataFrame:
        """Return first, second, correlation of the logarithms of the parameters that the targets move."""
        import pandas as pd

        at = [self.names.index(name) for name in self.moved]
        return pd.DataFrame(
            [
                {
                    "first": self.names[i],
                    "second": self.names[j],
                    "correlation": self.covariance[i][j] / self.sd[i] / self.sd[j],
                }
                for i in at
                for j in at
                if i < j
            ],
            columns=["first", "second", "correlation"],
        )


def calibrate_behaviour(
    scenario: Scenario,
    *,
    sample: int = SAMPLE,
    out: Path | None = None,
    say: Say | None = None,
    reference: Reference | None = None,
) -> BehaviourFit:
    """Fit behaviour to the targets of role ``calibrate``.

    Parameters
    ----------
    scenario
        Its region and current contracts are those of the practices that meet every experiment.
    sample
        Whole practices with about this many people.
    out
        Folder in which every prediction is kept, so that a fit that was stopped goes on.
    reference
        Practices that were made before.

    Raises
    ------
    ScenarioError
        The folder holds a fit of other inputs.
    ModelError
        The fit did not converge.
    """
    reference = reference or make_reference(scenario, sample)
    targets = response_targets()
    fitted = [each for each in targets if each.role == "calibrate"]
    priors = _priors(reference)
    names = tuple(priors)
    value, low, high = (np.array([priors[name][k] for name in names]) for k in range(3))
    prior, prior_sd = np.log(value), np.log(high / low) / WIDTH_95
    known = _Predictions(out, _fingerprint(scenario, sample, reference, targets, priors))

    def model(x: np.ndarray) -> dict[str, float]:
        drawn = dict(zip(names, np.exp(x).tolist(), strict=True))
        own = {name: drawn[name] for name in FREE}
        return known.of(drawn, lambda: predict(reference, own, {name: drawn[name] for name in UNKNOWN}))

    def residuals(x: np.ndarray) -> np.ndarray:
        found = model(x)
        gaps = [(found[each.id] - each.value) / each.sd for each in fitted]
        return np.concatenate([gaps, (x - prior) / prior_sd])

    def slopes(x: np.ndarray) -> np.ndarray:
        here = tell(x)
        return np.stack([(residuals(x + step) - here) / _STEP for step in _STEP * np.eye(len(x))], axis=1)

    def tell(x: np.ndarray) -> np.ndarray:
        found = residuals(x)
        if say:
            say(f"{known.count} predictions, sum of squares {float(found @ found):.4f}")
        return found

    solved = least_squares(
        residuals,
        prior,
        jac=slopes,
        bounds=(prior - _FURTHEST * prior_sd, prior + _FURTHEST * prior_sd),
        x_scale=prior_sd,
        xtol=1e-4,
        ftol=1e-5,
        gtol=1e-6,
    )
    if not solved.success:
        raise ModelError(f"calibration of behaviour: {solved.message}")
    jacobian = slopes(solved.x)
    covariance = np.linalg.inv(jacobian.T @ jacobian)
    before, after = (
        model(x) | predict_signs(reference, dict(zip(FREE, np.exp(x[: len(FREE)]).tolist(), strict=True)))
        for x in (prior, solved.x)
    )
    moved = {each.id: jacobian[k] * each.sd for k, each in enumerate(fitted)}
    return BehaviourFit(
        scenario=scenario.name,
        sample=sample,
        names=names,
        prior=tuple(value.tolist()),
        prior_sd=tuple(prior_sd.tolist()),
        values=tuple(np.exp(solved.x).tolist()),
        sd=tuple(np.sqrt(np.diag(covariance)).tolist()),
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        targets=tuple(_told(each, before, after, moved.get(each.id), covariance) for each in targets),
    )


def _told(
    target: ResponseTarget, before: dict[str, float], after: dict[str, float], slope: Any, covariance: np.ndarray
) -> dict[str, Any]:
    low, high = target.accept
    return {
        "id": target.id,
        "title": target.title,
        "unit": target.unit,
        "role": target.role,
        "published": target.value,
        "before": before[target.id],
        "fitted": after[target.id],
        "sd": None if slope is None else float(np.sqrt(slope @ covariance @ slope)),
        "accept_low": low,
        "accept_high": high,
        "agrees": low <= after[target.id] <= high,
        "source": target.source,
        "status": target.status,
    }


def _priors(reference: Reference) -> dict[str, tuple[float, float, float]]:
    """Return value and 95% interval by name, of the values before any fit."""
    from paysim.behaviour import behaviour_parameters

    before = behaviour_parameters(calibrated=False)
    found = {}
    for name in FREE:
        row = before.row(name)
        assert row.low is not None
        assert row.high is not None
        found[name] = (float(row.value), row.low, row.high)  # type: ignore[arg-type]
    return found | {name: each[:3] for name, each in UNKNOWN.items()}


class _Predictions:
    """Predictions that were made, kept in a folder so that a fit that was stopped goes on."""

    def __init__(self, out: Path | None, key: str) -> None:
        if out is not None and out.exists() and not out.is_dir():
            raise OutputError(Problem("is a file; a calibration needs a folder", str(out)))
        self.path, self.key = None if out is None else out / "predictions.json", key
        self.made: dict[str, dict[str, float]] = {}
        if self.path is not None and self.path.is_file():
            try:
                saved = json.loads(self.path.read_text(encoding="utf-8"))
                found, self.made = saved["key"], dict(saved["predictions"])
            except (ValueError, KeyError, TypeError) as exc:
                raise ScenarioError(Problem("is no record of a calibration of behaviour", str(self.path))) from exc
            if found != key:
                message = "was made from other parameters, targets or people; choose another folder"
                raise ScenarioError(Problem(message, str(self.path), key="key"))

    @property
    def count(self) -> int:
        """How many predictions were made."""
        return len(self.made)

    def of(self, values: dict[str, float], make: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Return the prediction at some values, made anew only if it is not there."""
        name = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
        if name not in self.made:
            self.made[name] = make()
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps({"key": self.key, "predictions": self.made}, indent=1)
                write_atomic(self.path, text.encode())
        return self.made[name]


def _fingerprint(
    scenario: Scenario,
    sample: int,
    reference: Reference,
    targets: tuple[ResponseTarget, ...],
    priors: dict[str, tuple[float, float, float]],
) -> str:
    activity = reference.situation.activity
    what = [__version__, scenario.name, scenario.seed, sample, repr(targets), priors, reference.parameters.frame()]
    what += [hashlib.sha256(activity.services.tobytes() + activity.person_years.tobytes()).hexdigest()]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def write_behaviour_calibration(fit: BehaviourFit, out: Path) -> list[Path]:
    """Write ``calibration.yaml``, ``correlations.csv``, ``parameters.csv`` and ``fit.csv``; return their paths."""
    source = f"paysim calibrate-behaviour {fit.scenario} --sample {fit.sample}, see fit.csv beside this file"
    lines = ["schema: 1", "country: any", f'source: "{source}"', "keeps_status: true", "parameters:"]
    for row in fit.rows():
        if row["moved"]:
            low, high = f"{row['low']:.4g}", f"{row['high']:.4g}"
            lines.append(
                f"  - {{parameter: {row['parameter']}, value: {row['value']:.4g}, range: [{low}, {high}], "
                f"identified: {row['identified']:.3f}}}"
            )
    tables = {"parameters": fit.frame(), "correlations": fit.correlations(), "fit": fit.fit_frame()}
    return write_fit(out, tables, lines)


__all__ = [
    "FREE",
    "SAMPLE",
    "BehaviourFit",
    "ResponseTarget",
    "calibrate_behaviour",
    "response_targets",
    "write_behaviour_calibration",
]
