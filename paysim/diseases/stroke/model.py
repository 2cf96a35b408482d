"""Stroke (ICD-10 I60-I69): first, recurrent, and the first year after it.

Stages are flags: ``prior_stroke`` for good (the registries it starts from count TIA too), ``recent_stroke``
for one year. Treatment acts through the fall of LDL cholesterol and blood pressure since base.
"""

from __future__ import annotations

from paysim.diseases.cohort import Cohort
from paysim.diseases.risk.factors import RiskFactorTables
from paysim.diseases.vascular_events import VascularEvents, Words, build_events
from paysim.parameters import Parameters

WORDS = Words(
    group="stroke",
    event="stroke",
    prior="prior_stroke",
    recent="recent_stroke",
    other_prior="prior_mi",
    service="admission_stroke",
    smart2_of_other="cad",
)


def build(params: Parameters, cohort: Cohort, tables: RiskFactorTables) -> VascularEvents:
    """Return stroke_first, stroke_recurrent and recent_stroke_ends, levelled on the cohort."""
    return build_events(params, cohort, tables, WORDS)
