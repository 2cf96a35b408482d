"""Chronic obstructive pulmonary disease: diagnosis, admissions for an exacerbation, deaths.

Exacerbations treated by the general practitioner are among the needs of general practice.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.disease import (
    Built,
    Context,
    Onset,
    constant,
    once,
    onset_row,
    rates_of,
    stationary,
)
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

FLAGS = ("copd",)
CHRONIC = FLAGS
GROUP = "copd"


def onset(params: Parameters) -> Onset:
    """Return who is diagnosed: smokers and former smokers, low education."""
    p = params.group(GROUP)
    return Onset(
        rates=rates_of(params, GROUP),
        slopes={
            "smoker": float(np.log(p["hr_smoker"])),
            "edu_low": float(np.log(p["hr_low_education"])),
            "log_frailty": params["mortality.frailty_incidence_exponent"],
        },
        log_hr={"ex_smoker": float(np.log(p["hr_ex_smoker"]))},
    )


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence that incidence and survival imply."""
    hr = faded(params, params[f"{GROUP}.mortality_hr"])
    return stationary(life_table_hazard(params), {"copd": rates_of(params, GROUP)}, hr={"copd": hr})


def build(context: Context) -> Built:
    """Return copd_onset and copd_admission."""
    params = context.params
    p, start = params.group(GROUP), onset(params)
    row = onset_row(context, "copd_onset", "copd", start, source="vzinfo 2021")
    admitted = Transition(
        name="copd_admission",
        kind="event",
        log_hazard=constant(p["admission_rate"]),
        required=("copd",),
        dies_in_care=p["admission_fatality"],
        service="admission_other",
        admission_days=p["admission_days"],
        source="assumed",
    )
    rate = np.asarray(stages(context.params)["copd"] * p["admission_rate"])
    return Built((row, admitted), {"copd": p["mortality_hr"]}, {"copd": start.rates}, admissions=rate)
