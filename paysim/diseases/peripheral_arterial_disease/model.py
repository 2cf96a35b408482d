"""Symptomatic peripheral arterial disease (GP code K92): onset, and admissions (ICD-10 I73.9).

It is outside SCORE2 and has an onset of its own. Its effect on infarction and stroke is the term of SMART2 in
people with a past event, and a hazard ratio for first events.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.disease import Built, Context, Onset, once, onset_row, rates_of, stationary
from paysim.diseases.hospital_events import admissions_among, case_fatality, published_admissions
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

FLAGS = ("pad",)
CHRONIC = FLAGS
GROUP = "peripheral_arterial_disease"


def onset(params: Parameters) -> Onset:
    """Return who gets symptoms: smokers, people with diabetes or high pressure."""
    p = params.group(GROUP)
    return Onset(
        rates=rates_of(params, GROUP),
        slopes={"smoker": float(np.log(p["hr_smoker"])), "sbp": float(np.log(p["hr_sbp_per_20"]) / 20)},
        log_hr={"diabetes": float(np.log(p["hr_diabetes"])), "ex_smoker": float(np.log(p["hr_ex_smoker"]))},
    )


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence that incidence and survival imply."""
    hr = faded(params, params[f"{GROUP}.mortality_hr"])
    return stationary(life_table_hazard(params), {"pad": rates_of(params, GROUP)}, hr={"pad": hr})


def build(context: Context) -> Built:
    """Return pad_onset and pad_admission."""
    params = context.params
    start = onset(params)
    row = onset_row(context, "pad_onset", "pad", start, source="GP-coded K92, recalled level")
    admitted = admissions_among(
        context,
        name="pad_admission",
        group=GROUP,
        required=("pad",),
        fatality=case_fatality(params, GROUP)[0],
        source="hartenvaatcijfers.nl 2020",
    )
    rows: tuple[Transition, ...] = (row, admitted)
    ratio = {"pad": params[f"{GROUP}.mortality_hr"]}
    return Built(rows, ratio, {"pad": start.rates}, admissions=published_admissions(params, GROUP))
