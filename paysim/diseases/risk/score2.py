"""SCORE2, SCORE2-OP and SCORE2-Diabetes: ten-year risk of a first cardiovascular event.

With ``x`` the scaled covariates, ``lp = sum_k beta_k x_k + sum_k beta_k_age x_k x_age``; the risk before
recalibration, ``u = 1 - S0 ** exp(lp - mean lp)``, becomes
``1 - exp(-exp(scale1 + scale2 ln(-ln(1 - u))))`` in a risk region.
Source: Eur Heart J 2021;42:2439, 2021;42:2455 and 2023;44:2544. All functions are vectorised over persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

AGE_FROM, AGE_OP, AGE_TO = 40, 70, 89
"""Ages the equations were made for: SCORE2 from 40, SCORE2-OP from 70 to 89."""


@dataclass(frozen=True)
class Equation:
    """Coefficients by term, each ``[2]`` by sex, and centre and unit of the covariates."""

    terms: Mapping[str, np.ndarray]
    scaling: Mapping[str, tuple[float, float]]

    def scaled(self, covariate: str, value: np.ndarray) -> np.ndarray:
        """Return (value - centre) / unit."""
        centre, unit = self.scaling[covariate]
        return (np.asarray(value, float) - centre) / unit

    def linear_predictor(self, sex: np.ndarray, age: np.ndarray, x: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the linear predictor for scaled covariates `x` without age."""
        x_age = self.scaled("age", age)
        lp = self.terms["age"][sex] * x_age
        for name, value in x.items():
            lp = lp + self.terms[name][sex] * value
            if f"{name}_age" in self.terms:
                lp = lp + self.terms[f"{name}_age"][sex] * value * x_age
        return np.asarray(lp)


@dataclass(frozen=True)
class Score2:
    """The three equations."""

    score2: Equation
    score2_op: Equation
    score2_diabetes: Equation


def load_score2(params: Parameters) -> Score2:
    """Read the coefficients from the group ``risk``."""
    table, scaling = params.table("risk.score2"), params.table("risk.score2_scaling")
    equations: dict[str, Equation] = {}
    for name in ("score2", "score2_op", "score2_diabetes"):
        rows = [k for k, each in enumerate(table["equation"]) if each == name]
        terms = {table["term"][k]: np.array([table["men"][k], table["women"][k]]) for k in rows}
        scales = {
            scaling["covariate"][k]: (float(scaling["centre"][k]), float(scaling["unit"][k]))
            for k, each in enumerate(scaling["equation"])
            if each == name
        }
        equations[name] = Equation(terms, scales)
    return Score2(**equations)


def score2_risk(
    model: Score2,
    sex: np.ndarray,
    age: np.ndarray,
    smoker: np.ndarray,
    sbp: np.ndarray,
    tc: np.ndarray,
    hdl: np.ndarray,
    diabetes: np.ndarray | float = 0.0,
    region: str = "low",
) -> np.ndarray:
    """Return the ten-year risk of SCORE2 (ages 40-69; sbp mmHg, tc and hdl mmol/L)."""
    e = model.score2
    lp = e.linear_predictor(sex, age, _common(e, smoker, sbp, tc, hdl, diabetes))
    return _recalibrate(e, model.score2, sex, lp, region)


def score2_op_risk(
    model: Score2,
    sex: np.ndarray,
    age: np.ndarray,
    smoker: np.ndarray,
    sbp: np.ndarray,
    tc: np.ndarray,
    hdl: np.ndarray,
    diabetes: np.ndarray | float = 0.0,
    region: str = "low",
) -> np.ndarray:
    """Return the ten-year risk of SCORE2-OP (ages 70 and over)."""
    e = model.score2_op
    lp = e.linear_predictor(sex, age, _common(e, smoker, sbp, tc, hdl, diabetes))
    return _recalibrate(e, e, sex, lp, region)


def score2_diabetes_risk(
    model: Score2,
    sex: np.ndarray,
    age: np.ndarray,
    smoker: np.ndarray,
    sbp: np.ndarray,
    tc: np.ndarray,
    hdl: np.ndarray,
    age_at_diabetes: np.ndarray,
    hba1c: np.ndarray,
    egfr: np.ndarray,
    region: str = "low",
) -> np.ndarray:
    """Return the ten-year risk of SCORE2-Diabetes (HbA1c mmol/mol, eGFR mL/min/1.73m2)."""
    e = model.score2_diabetes
    ln_egfr = e.scaled("ln_egfr", np.log(np.asarray(egfr, float)))
    x = _common(e, smoker, sbp, tc, hdl, 1.0) | {
        "age_at_diabetes": e.scaled("age_at_diabetes", age_at_diabetes),
        "hba1c": e.scaled("hba1c", hba1c),
        "ln_egfr": ln_egfr,
        "ln_egfr_sq": ln_egfr**2,
    }
    return _recalibrate(e, model.score2, sex, e.linear_predictor(sex, age, x), region)


def slopes_by_age(model: Score2) -> dict[str, np.ndarray]:
    """Return slopes of the log hazard per raw unit, ``[2, 111]``: smoker, sbp, tc, hdl, diabetes (0 or 1).

    SCORE2 under 70, SCORE2-OP from 70; interactions with age are held at 40 and 89. The main effect of age is
    left out, it belongs to the rate of the cell.
    """
    ages = np.arange(AGES)
    names = {"smoke": "smoker", "sbp": "sbp", "tc": "tc", "hdl": "hdl", "diabetes": "diabetes"}
    result = {name: np.zeros((2, AGES)) for name in names.values()}
    for equation, chosen in ((model.score2, ages < AGE_OP), (model.score2_op, ages >= AGE_OP)):
        x_age = equation.scaled("age", np.clip(ages, AGE_FROM, AGE_TO))
        for term, name in names.items():
            unit = equation.scaling.get(term, (0.0, 1.0))[1]
            slope = equation.terms[term][:, None] + equation.terms[f"{term}_age"][:, None] * x_age
            result[name][:, chosen] = slope[:, chosen] / unit
    return result


def needs_treatment(
    model: Score2,
    params: Parameters,
    sex: np.ndarray,
    age: np.ndarray,
    smoker: np.ndarray,
    sbp: np.ndarray,
    tc: np.ndarray,
    hdl: np.ndarray,
) -> np.ndarray:
    """Return who is at 'very high' risk by the Dutch guideline: treatment is considered, ``[n]`` booleans.

    Limits are 7.5% under 50, 10% at 50-69 and 15% from 70. Who would have passed the limit of a younger class
    on reaching the next one stays registered, so that nobody is unregistered by a birthday. Under 40: nobody.
    """
    region = params.get_text("risk.region")
    x = (smoker, sbp, tc, hdl)

    def over(risk: np.ndarray, name: str) -> np.ndarray:
        return np.asarray(risk >= params[f"risk.{name}"])

    young = over(score2_risk(model, sex, np.minimum(age, 49), *x, region=region), "threshold_under_50")
    middle = over(score2_risk(model, sex, np.clip(age, 50, AGE_OP - 1), *x, region=region), "threshold_50_69")
    old = over(score2_op_risk(model, sex, np.clip(age, AGE_OP, AGE_TO), *x, region=region), "threshold_70")
    registered = young | ((age >= 50) & middle) | ((age >= AGE_OP) & old)
    return np.asarray(registered & (age >= AGE_FROM))


def _common(
    e: Equation,
    smoker: np.ndarray,
    sbp: np.ndarray,
    tc: np.ndarray,
    hdl: np.ndarray,
    diabetes: np.ndarray | float,
) -> dict[str, np.ndarray]:
    return {
        "smoke": np.asarray(smoker, float),
        "sbp": e.scaled("sbp", sbp),
        "tc": e.scaled("tc", tc),
        "hdl": e.scaled("hdl", hdl),
        "diabetes": np.asarray(diabetes, float),
    }


def _recalibrate(e: Equation, scales: Equation, sex: np.ndarray, lp: np.ndarray, region: str) -> np.ndarray:
    mean = e.terms["mean_lp"][sex] if "mean_lp" in e.terms else 0.0
    cumulative = -np.log(e.terms["S0_10y"][sex]) * np.exp(lp - mean)
    scale1, scale2 = scales.terms[f"scale1_{region}"][sex], scales.terms[f"scale2_{region}"][sex]
    return np.asarray(1.0 - np.exp(-np.exp(scale1 + scale2 * np.log(cumulative))))
