"""Means and standard deviations of the risk factors by sex and age: how they drift as people age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.diseases.ages import sex_index
from paysim.errors import DataError, Problem
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

RISK_FACTORS = ("sbp", "tc", "hdl", "bmi")


@dataclass(frozen=True)
class RiskFactorTables:
    """A person's value is ``mean[sex, age] + sd[sex, age] * z``.

    Attributes
    ----------
    mean, sd
        ``[2, 111, 4]``: sbp (mmHg), tc and hdl (mmol/L), bmi (kg/m2), treated people included.
    """

    mean: np.ndarray
    sd: np.ndarray


def load_risk_factors(params: Parameters) -> RiskFactorTables:
    """Return the tables of ``risk.risk_factors``: linear between the middles of bands, constant outside."""
    table = params.table("risk.risk_factors")
    sex, variable = sex_index(table["sex"]), np.array(table["variable"])
    middle = (np.asarray(table["age_from"], float) + np.minimum(table["age_to"], 94) + 1) / 2
    mean, sd = np.zeros((2, AGES, 4)), np.zeros((2, AGES, 4))
    for k, name in enumerate(RISK_FACTORS):
        for s in range(2):
            rows = np.flatnonzero((sex == s) & (variable == name))
            if rows.size == 0:
                raise DataError(Problem("no rows for this risk factor", key="variable", found=name))
            rows = rows[np.argsort(middle[rows])]
            for column, result in ((table["mean"], mean), (table["sd"], sd)):
                result[s, :, k] = np.interp(np.arange(AGES) + 0.5, middle[rows], np.asarray(column)[rows])
    return RiskFactorTables(mean, sd)
