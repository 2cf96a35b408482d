"""Chronic kidney disease by stage of the glomerular filtration rate: G3a, G3b, G4, G5.

Earlier stages are not modelled. Nobody returns to an earlier stage.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.disease import Built, Context, Onset, constant, once, onset_row, rates_of, stationary
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.diseases.treatments.model import effects_on
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

FLAGS = ("ckd_3a", "ckd_3b", "ckd_4", "ckd_5")
CHRONIC = FLAGS
GROUP = "chronic_kidney_disease"
_STEPS = (("ckd_3a", "ckd_3b"), ("ckd_3b", "ckd_4"), ("ckd_4", "ckd_5"))


def onset(params: Parameters) -> Onset:
    """Return who reaches stage G3a: people with diabetes or high pressure."""
    p = params.group(GROUP)
    return Onset(
        rates=rates_of(params, GROUP),
        slopes={
            "sbp": float(np.log(p["hr_sbp_per_20"]) / 20),
            "sbp_drop": float(np.log(p["rr_per_10_mmhg"]) / 10),
        },
        log_hr={"diabetes": float(np.log(p["hr_diabetes"]))},
    )


def _moves(params: Parameters) -> list[tuple[str, str | None, np.ndarray | float]]:
    p = params.group(GROUP)
    return [(a, b, p[f"worse_{a.removeprefix('ckd_')}"]) for a, b in _STEPS]


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence by stage that incidence, progression and survival imply."""
    p = params.group(GROUP)
    hr = {flag: faded(params, p[f"mortality_hr_{flag.removeprefix('ckd_')}"]) for flag in FLAGS}
    return stationary(life_table_hazard(params), {"ckd_3a": rates_of(params, GROUP)}, _moves(params), hr=hr)


def build(context: Context) -> Built:
    """Return ckd_onset and one row a step to a worse stage."""
    params = context.params
    p, start = params.group(GROUP), onset(params)
    row = onset_row(context, "ckd_onset", "ckd_3a", start, forbidden=FLAGS, source="derived from the prevalence by age")
    diabetes = float(np.log(p["worse_diabetes"]))
    ill = context.cohort.any_of(FLAGS)
    share = context.cohort.total(ill & context.cohort.has("diabetes")) / max(context.cohort.total(ill), 1e-9)
    # With the diabetics among the ill, the mean rate is the stated one.
    mean = 1 + share * (np.exp(diabetes) - 1)
    worse = tuple(
        Transition(
            name=f"{b}_onset",
            kind="onset",
            log_hazard=constant(float(rate) / mean),
            required=(a,),
            log_hr={"diabetes": diabetes} | effects_on(params, "kidney"),
            sets=(str(b),),
            clears=(a,),
            source="assumed; gives the usual mix of stages",
        )
        for a, b, rate in _moves(params)
    )
    hr = {flag: p[f"mortality_hr_{flag.removeprefix('ckd_')}"] for flag in FLAGS}
    return Built((row, *worse), hr, {"ckd": start.rates})
