"""Type 2 diabetes: onset by sex and age at the published rate, ranked by body mass index.

Its effect on infarction and stroke is the diabetes term of SCORE2, SCORE2-OP and SMART2 (no comorbidity
hazard ratio on top), its effect on other deaths a hazard ratio of background mortality.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.diseases.ages import TEN_YEARS, banded, fit_level, national_weights, smooth_rates
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.risk.factors import RISK_FACTORS, RiskFactorTables
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters


def build(params: Parameters, cohort: Cohort, tables: RiskFactorTables) -> Transition:
    """Return diabetes_onset; expected cases equal the published rate per inhabitant in bands of ten years.

    Source: Nivel 2017 (level), cohort studies (hazard ratio of body mass index).
    """
    p = params.group("diabetes")
    weights = national_weights(params.table("mortality.national_population"))
    bands, per_1000 = banded(p.table("incidence"), "per_1000")
    rates = smooth_rates(bands, per_1000 / 1000, weights)
    slope = float(np.log(p["bmi_hr_per_5"]) / 5)
    bmi = tables.mean[:, :, RISK_FACTORS.index("bmi")]
    with np.errstate(divide="ignore"):
        shape = np.log(rates) - slope * bmi
    row = Transition(
        name="diabetes_onset",
        kind="onset",
        log_hazard=shape,
        forbidden=("diabetes",),
        slopes={"bmi": np.full((2, AGES), slope)},
        sets=("diabetes",),
        clears=("high_risk",),
        source="incidence of diabetes 2017, ranked by body mass index",
    )
    wanted = TEN_YEARS.sums(cohort.by_age(cohort.at(rates)))
    level = fit_level(wanted, cohort.by_age(hazards(row, cohort)), TEN_YEARS, cohort.by_age())
    return replace(row, log_hazard=shape + level)
