"""Acute myocardial infarction (ICD-10 I21): first, recurrent, and the first year after it.

Stages are flags: ``prior_mi`` for good, ``recent_mi`` for one year. Treatment acts through the fall of LDL
cholesterol and blood pressure since base, with the rate ratios of trials.
"""

from __future__ import annotations

from paysim.diseases.cohort import Cohort
from paysim.diseases.risk.factors import RiskFactorTables
from paysim.diseases.vascular_events import VascularEvents, Words, build_events
from paysim.parameters import Parameters

WORDS = Words(
    group="ischaemic_heart_disease",
    event="mi",
    prior="prior_mi",
    recent="recent_mi",
    other_prior="prior_stroke",
    service="admission_mi",
    smart2_of_other="cerebrovascular",
)


def build(params: Parameters, cohort: Cohort, tables: RiskFactorTables) -> VascularEvents:
    """Return mi_first, mi_recurrent and recent_mi_ends, levelled on the cohort."""
    return build_events(params, cohort, tables, WORDS)
