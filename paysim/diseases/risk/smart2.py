"""SMART2: ten-year risk of a recurrent event in people with established cardiovascular disease.

``risk = 1 - (1 - baseline) ** exp(lp - mean lp)``, outcome: infarction, stroke or cardiovascular death.
Source: Hageman 2022, Eur Heart J 43:1715; derived in Utrecht, so no adjustment for region is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

DISEASE_TERMS = ("aortic_aneurysm", "cad", "cerebrovascular", "pad")
YEARS = 10
AGES_DERIVED = (40.0, 80.0)


def load_smart2(params: Parameters) -> dict[str, float]:
    """Read the coefficients from the group ``risk``."""
    table = params.table("risk.smart2")
    return {term: float(value) for term, value in zip(table["term"], table["value"], strict=True)}


def smart2_risk(coefficients: Mapping[str, float], **x: Any) -> np.ndarray:
    """Return the ten-year risk, vectorised.

    Parameters
    ----------
    **x
        age, male, sbp (mmHg), diabetes, years_since_first, nonhdl (mmol/L), egfr, crp (mg/L), antithrombotic,
        smoker; and aortic_aneurysm, cad, cerebrovascular, pad (0 or 1, 0 when left out).
    """
    return np.asarray(1.0 - (1.0 - coefficients["baseline_risk_10_years"]) ** _relative(coefficients, **x))


def smart2_hazards(coefficients: Mapping[str, float], **x: Any) -> np.ndarray:
    """Return hazards ``[10, ...]`` per person-year of each year after the assessment; parameters as `smart2_risk`.

    The published baseline risks of 1 to 10 years give their course; their sum is ``-ln(1 - ten-year risk)``.
    """
    relative = _relative(coefficients, **x)
    cumulative = -np.log1p(-np.array([0.0, *(coefficients[f"baseline_risk_{k}_years"] for k in range(1, YEARS + 1))]))
    return np.asarray(np.multiply.outer(np.diff(cumulative), relative))


def _relative(coefficients: Mapping[str, float], **x: Any) -> np.ndarray:
    """Return the hazard relative to the baseline."""
    c = coefficients
    v = {name: np.asarray(value, float) for name, value in x.items()}
    lp = c["age"] * v["age"] + c["age_sq"] * v["age"] ** 2 + c["male"] * v["male"] + c["sbp"] * v["sbp"]
    lp = lp + c["years_since_first"] * v["years_since_first"]
    lp = lp + c["years_since_first_sq"] * v["years_since_first"] ** 2
    lp = lp + c["ln_nonhdl"] * np.log(v["nonhdl"]) + c["ln_crp"] * np.log(v["crp"])
    lp = lp + c["egfr"] * v["egfr"] + c["egfr_sq"] * v["egfr"] ** 2
    for name in ("diabetes", "antithrombotic", "smoker"):
        lp = lp + c[name] * v[name]
    for name in DISEASE_TERMS:
        lp = lp + c[name] * v.get(name, 0.0)
    return np.asarray(np.exp(lp - c["mean_linear_predictor"]))


def age_term(coefficients: Mapping[str, float]) -> np.ndarray:
    """Return what age adds to the linear predictor, ``[111]``; under 40 and over 80 as at 40 and 80.

    The equation was derived at these ages.
    """
    age = np.clip(np.arange(AGES) + 0.5, *AGES_DERIVED)
    return np.asarray(coefficients["age"] * age + coefficients["age_sq"] * age**2)


def slopes_by_age(coefficients: Mapping[str, float], mean_non_hdl: float) -> dict[str, np.ndarray]:
    """Return slopes of the log hazard per raw unit, ``[2, 111]``: smoker, sbp, tc, hdl.

    The logarithm of non-HDL cholesterol is made linear at its mean. Age is `age_term`; sex and inflammation are not
    used: published recurrences by sex say otherwise, and nobody's inflammation is known.
    """
    non_hdl = coefficients["ln_nonhdl"] / mean_non_hdl
    slopes = {"smoker": coefficients["smoker"], "sbp": coefficients["sbp"], "tc": non_hdl, "hdl": -non_hdl}
    return {name: np.full((2, AGES), slope) for name, slope in slopes.items()}
