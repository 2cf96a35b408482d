"""Stroke (ICD-10 I60-I69): first, recurrent, and the first year after it.

Stages are flags: ``prior_stroke`` for good (the registries it starts from count TIA too), ``recent_stroke``
for one year. A first TIA is an onset without admission: it joins those with a past event, which keeps the
share of people with a history of stroke or TIA near its source. Treatment acts through the fall of LDL
cholesterol and blood pressure since base.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.risk.factors import RiskFactorTables
from paysim.diseases.vascular_events import VascularEvents, Words, build_events
from paysim.kernel.spec import Transition
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


def first_tia(params: Parameters, cohort: Cohort, events: VascularEvents) -> Transition:
    """Return tia_first: as many first TIA per admission for stroke as published, ranked as first strokes.

    Source: NZa Open DIS 2023 over admissions of 2022.
    """
    first = events.first
    row = replace(
        first,
        name="tia_first",
        kind="onset",
        sets=(WORDS.prior,),
        dies_before_care=0.0,
        dies_in_care=0.0,
        service=None,
        admission_days=0.0,
        source="patients with TIA in hospital care 2023 per admission for stroke, ranked by SCORE2",
    )
    wanted = params["stroke.tia_per_admission"] * cohort.at(events.published.admissions).sum()
    have = hazards(row, cohort).sum()
    return replace(row, log_hazard=row.log_hazard + np.log(wanted / have)) if wanted > 0 and have > 0 else row
