"""PREVENT, base model: risk of a first cardiovascular event in 10 and in 30 years, by kind of event.

``risk = 1 / (1 + exp(-lp))``; the linear predictor is a log odds with splines of pressure, kidney function and
body mass, and interactions with age and with treatment. Source: Khan 2024, Circulation 149:430. Derived in the
United States, so its level is not used: it ranks, or splits events into kinds. All functions are vectorised over
persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from paysim.errors import DataError, Problem, nearest_name
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

OUTCOMES = ("total_cvd", "ascvd", "heart_failure", "chd", "stroke")
YEARS = (10, 30)
AGE_FROM, AGE_TO = 30, 79
"""Ages of the 10-year equations; those of 30 years end at 59."""

_CENTRE = {"sbp": 130.0, "hdl": 1.3, "non_hdl": 3.5, "egfr": 90.0}
_MMHG, _HDL = 20.0, 0.3


@dataclass(frozen=True)
class Prevent:
    """Coefficients of the equations: (years, outcome) -> term -> ``[2]`` by sex."""

    equations: Mapping[tuple[int, str], Mapping[str, np.ndarray]]

    def equation(self, outcome: str, years: int) -> Mapping[str, np.ndarray]:
        """Return the terms of one equation.

        Raises
        ------
        DataError
            If PREVENT has no such outcome or number of years.
        """
        if outcome not in OUTCOMES:
            near = nearest_name(outcome, OUTCOMES)
            raise DataError(Problem("PREVENT has no such outcome", found=outcome, allowed=OUTCOMES, nearest=near))
        if years not in YEARS:
            raise DataError(Problem("PREVENT looks 10 or 30 years ahead", found=str(years), allowed=("10", "30")))
        return self.equations[years, outcome]


def load_prevent(params: Parameters) -> Prevent:
    """Read the coefficients from the group ``risk``."""
    table = params.table("risk.prevent")
    equations: dict[tuple[int, str], dict[str, np.ndarray]] = {(y, name): {} for y in YEARS for name in OUTCOMES}
    for row, (years, term) in enumerate(zip(table["years"], table["term"], strict=True)):
        for name in OUTCOMES:
            both = [table[f"{name}_men"][row], table[f"{name}_women"][row]]
            equations[int(years), name][term] = np.array(both, float)
    return Prevent(equations)


def prevent_risk(
    model: Prevent,
    sex: np.ndarray,
    age: np.ndarray,
    smoker: np.ndarray | float,
    sbp: np.ndarray | float,
    tc: np.ndarray | float,
    hdl: np.ndarray | float,
    diabetes: np.ndarray | float = 0.0,
    egfr: np.ndarray | float = 90.0,
    bmi: np.ndarray | float = 25.0,
    bp_treated: np.ndarray | float = 0.0,
    statin: np.ndarray | float = 0.0,
    outcome: str = "total_cvd",
    years: int = 10,
) -> np.ndarray:
    """Return the risk of a first event within `years`.

    Parameters
    ----------
    sex, age, smoker, sbp, tc, hdl, diabetes
        As in `paysim.diseases.risk.score2`: 0 man and 1 woman, years, 0 or 1, mmHg, mmol/L, mmol/L, 0 or 1.
    egfr, bmi
        mL/min/1.73m2 and kg/m2; body mass enters heart failure only.
    bp_treated, statin
        Treatment now, 0 or 1.
    outcome
        One of `OUTCOMES`; total_cvd is ascvd or heart failure, ascvd is chd or stroke.
    years
        10 (ages 30-79) or 30 (ages 30-59).

    Raises
    ------
    DataError
        If PREVENT has no such outcome or number of years.
    """
    c = {term: value[sex] for term, value in model.equation(outcome, years).items()}
    sbp, egfr, bmi, hdl = (np.asarray(value, float) for value in (sbp, egfr, bmi, hdl))
    x_age = (np.asarray(age, float) - 55.0) / 10.0
    sbp_high = (np.maximum(sbp, 110.0) - _CENTRE["sbp"]) / _MMHG
    non_hdl = np.asarray(tc, float) - hdl - _CENTRE["non_hdl"]
    with_age = {
        "non_hdl": non_hdl,
        "hdl": (hdl - _CENTRE["hdl"]) / _HDL,
        "sbp_high": sbp_high,
        "diabetes": np.asarray(diabetes, float),
        "smoker": np.asarray(smoker, float),
        "bmi_high": (np.maximum(bmi, 30.0) - 30.0) / 5.0,
        "egfr_low": (np.minimum(egfr, 60.0) - 60.0) / -15.0,
    }
    others = {
        "age": x_age,
        "sbp_low": (np.minimum(sbp, 110.0) - 110.0) / _MMHG,
        "bmi_low": (np.minimum(bmi, 30.0) - 25.0) / 5.0,
        "egfr_high": (np.maximum(egfr, 60.0) - _CENTRE["egfr"]) / -15.0,
        "bp_treated": np.asarray(bp_treated, float),
        "statin": np.asarray(statin, float),
        "bp_treated_sbp_high": np.asarray(bp_treated, float) * sbp_high,
        "statin_non_hdl": np.asarray(statin, float) * non_hdl,
    }
    lp = c["constant"]
    for name, value in with_age.items():
        lp = lp + (c[name] + c[f"{name}_age"] * x_age) * value
    for name, value in others.items():
        lp = lp + c[name] * value
    if "age_sq" in c:
        lp = lp + c["age_sq"] * x_age**2
    return np.asarray(1.0 / (1.0 + np.exp(-lp)))


def slopes_by_age(model: Prevent, outcome: str = "ascvd") -> dict[str, np.ndarray]:
    """Return slopes of the log hazard per raw unit, ``[2, 111]``: smoker, sbp, tc, hdl, diabetes (0 or 1).

    From the 10-year equation, for people without treatment whose pressure is 110 mmHg or more; kidney function and
    body mass are at their reference. A slope of the log odds is one of the log cumulative hazard ``-ln(1 - p)``
    times ``p / -ln(1 - p)``, taken at the equation's reference person (130 mmHg, non-HDL 3.5 and HDL 1.3 mmol/L,
    no smoker, no diabetes) of the same age. Interactions with age are held at 30 and 79; the main effect of age
    belongs to the rate of the cell.
    """
    c = model.equation(outcome, 10)
    x_age = (np.clip(np.arange(AGES), AGE_FROM, AGE_TO) - 55.0) / 10.0
    odds = np.exp(c["constant"][:, None] + c["age"][:, None] * x_age)
    risk = odds / (1.0 + odds)
    to_hazard = risk / -np.log1p(-risk)

    def slope(term: str) -> np.ndarray:
        return np.asarray((c[term][:, None] + c[f"{term}_age"][:, None] * x_age) * to_hazard)

    return {
        "smoker": slope("smoker"),
        "sbp": slope("sbp_high") / _MMHG,
        "tc": slope("non_hdl"),
        "hdl": slope("hdl") / _HDL - slope("non_hdl"),
        "diabetes": slope("diabetes"),
    }
