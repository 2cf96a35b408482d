"""Diabetes: onset, control of blood glucose, eye and foot complications.

Onset is at the published rate, ranked by body mass index; statins add a little. Control is a state, poor when HbA1c is
above 53 mmol/mol; treatment that is stepped up ends it. Kidney disease is `chronic_kidney_disease`. The effect on
infarction and stroke is the diabetes term of the risk equations (no comorbidity hazard ratio on top); the effect on
other deaths a hazard ratio of background mortality.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.cohort import hazards
from paysim.diseases.disease import Built, Context, Onset, constant, once, onset_row, published, stationary
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.diseases.treatments.model import LEVER, effects_on
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

FLAGS = ("diabetes", "poor_control", "microvascular")
CHRONIC = ("diabetes",)
GROUP = "diabetes"


def onset(params: Parameters) -> Onset:
    """Return who is diagnosed. Source: Nivel 2017 (level), cohort studies (hazard ratio of body mass index)."""
    p = params.group(GROUP)
    rates = published(params, "diabetes.incidence")[2] * p["level"]
    slope = float(np.log(p["bmi_hr_per_5"]) / 5)
    return Onset(rates, {"bmi": slope}, effects_on(params, "diabetes"))


def losing_control(params: Parameters, new: float) -> float:
    """Return the rate per person-year that keeps the share in poor control; `new` are new cases per case a year."""
    p = params.group(GROUP)
    return (p["better_control"] + new) * p["poor_control_share"] / (1 - p["poor_control_share"])


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence of diabetes, and of complications, that new cases and survival imply."""
    p, life = params.group(GROUP), life_table_hazard(params)
    hr = faded(params, p["mortality_hr"])
    rate = p["microvascular_rate"] * (1 + p["poor_control_share"] * (p["microvascular_hr_poor_control"] - 1))
    found = stationary(
        life, {"plain": onset(params).rates}, [("plain", "complicated", rate)], hr={"plain": hr, "complicated": hr}
    )
    whole = found["plain"] + found["complicated"]
    return {"diabetes": whole, "poor_control": whole * p["poor_control_share"], "microvascular": found["complicated"]}


def build(context: Context) -> Built:
    """Return diabetes_onset, the loss and return of control, and microvascular_onset."""
    p, start = context.params.group(GROUP), onset(context.params)
    row = onset_row(
        context,
        "diabetes_onset",
        "diabetes",
        start,
        clears=("high_risk",),
        source="incidence of diabetes 2017, ranked by body mass index",
    )
    cohort = context.cohort
    new = cohort.total(hazards(row, cohort)) / max(cohort.total(cohort.has("diabetes")), 1.0)
    worse = Transition(
        name="control_lost",
        kind="onset",
        log_hazard=constant(losing_control(context.params, new)),
        required=("diabetes",),
        forbidden=("poor_control",),
        sets=("poor_control",),
        source="balances the share in poor control",
    )
    better = Transition(
        name="control_regained",
        kind="onset",
        log_hazard=constant(p["better_control"]),
        required=("poor_control",),
        clears=("poor_control",),
        health_lever=LEVER,
        source="assumed; treatment stepped up at planned controls",
    )
    complication = Transition(
        name="microvascular_onset",
        kind="onset",
        log_hazard=constant(p["microvascular_rate"]),
        required=("diabetes",),
        forbidden=("microvascular",),
        log_hr={"poor_control": float(np.log(p["microvascular_hr_poor_control"]))},
        sets=("microvascular",),
        source="order of magnitude of UKPDS",
    )
    return Built((row, worse, better, complication), {"diabetes": p["mortality_hr"]}, {"diabetes": start.rates})
