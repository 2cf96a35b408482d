"""Stroke (ICD-10 I60-I69): ischaemic, first and recurrent; intracerebral haemorrhage; TIA.

Stages are flags: ``prior_stroke`` for good after any stroke or TIA (as registries count), ``recent_stroke`` for one
year after a stroke, ``recent_tia`` for the 90 days after a first TIA in which a stroke is likely, ``prior_haemorrhage``
for good after a haemorrhage (no antiplatelet drug is begun then). Haemorrhages (I61) have rates, risk factors and
mortality of their own; all other strokes are counted as ischaemic. A first TIA is an onset without admission. Treatment
acts through the fall of LDL cholesterol and blood pressure since base, and by rate ratios of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.diseases.cohort import hazards
from paysim.diseases.disease import Built, Context, levelled, once, stationary, timer
from paysim.diseases.hospital_events import at_once
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.diseases.treatments.model import effects_on
from paysim.diseases.vascular_events import (
    Published,
    VascularEvents,
    Words,
    build_events,
    load_published,
    recurrence_by_age,
    shares_with_past_event,
)
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

GROUP = "stroke"
FLAGS = ("prior_stroke", "recent_stroke", "recent_tia", "prior_haemorrhage")
CHRONIC = ("prior_stroke",)
YEARS_AFTER_TIA = 90 / 364
WORDS = Words(
    group=GROUP,
    event="stroke",
    prior="prior_stroke",
    recent="recent_stroke",
    other_prior="prior_mi",
    service="admission_stroke",
    smart2_of_other="cad",
    outcome="stroke",
    equation_outcome="stroke",
)


def haemorrhage(params: Parameters) -> Published:
    """Return the published rates of intracerebral haemorrhage."""
    return load_published(params, GROUP, "haemorrhage_")


def ischaemic(params: Parameters) -> Published:
    """Return the published rates of all other strokes."""
    return load_published(params, GROUP).without(haemorrhage(params))


def events(context: Context) -> VascularEvents:
    """Return stroke_first, stroke_recurrent (both ischaemic) and recent_stroke_ends, levelled on the cohort."""
    p = context.params.group(GROUP)
    soon = -np.log1p(-p["tia_stroke_90_days"]) / YEARS_AFTER_TIA / p["recurrent_later"]
    return build_events(context, WORDS, ischaemic(context.params), {"recent_tia": float(np.log(soon))})


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence of a past stroke or TIA that new cases and survival imply.

    A TIA is followed by no first year of high mortality; whoever has a stroke soon after one is among the admitted.
    """
    p, whole = params.group(GROUP), load_published(params, GROUP)
    past = shares_with_past_event(params, WORDS, whole)
    first = p["tia_per_admission"] * whole.admissions
    later = (
        p["recurrent_later"] * p["national_scale"] * recurrence_by_age(params, WORDS, whole) * (1 - whole.by_30_days)
    )
    hr = faded(params, p["mortality_hr"])
    lasting = first * (1 - p["tia_stroke_90_days"])
    tia = stationary(life_table_hazard(params), {"tia": lasting}, [("tia", None, later)], hr={"tia": hr})["tia"]
    whole_past = past["recent"] + past["later"] + tia
    return {"prior_stroke": whole_past, "recent_stroke": past["recent"], "recent_tia": first * YEARS_AFTER_TIA}


def haemorrhage_share(params: Parameters) -> np.ndarray:
    """Return the share of haemorrhages among survivors of an admission for stroke, ``[2, 111]``."""
    bled, whole = haemorrhage(params), load_published(params, GROUP)
    alive = whole.admissions * (1 - whole.by_30_days)
    return np.asarray(np.clip(bled.admissions * (1 - bled.by_30_days) / alive, 0.0, 1.0))


def build(context: Context) -> Built:
    """Return haemorrhagic_stroke and recent_tia_ends; ischaemic strokes are built by `events`."""
    return Built((_haemorrhagic(context), timer("recent_tia_ends", "recent_tia", YEARS_AFTER_TIA)))


def _haemorrhagic(context: Context) -> Transition:
    p, rates = context.params.group(GROUP), haemorrhage(context.params)
    row = Transition(
        name="haemorrhagic_stroke",
        kind="event",
        log_hazard=np.log(rates.events),
        slopes={
            "sbp": float(np.log(p["haemorrhage_hr_sbp_per_20"]) / 20),
            "sbp_drop": float(np.log(p["rr_per_10_mmhg"]) / 10),
        },
        log_hr={"diabetes": float(np.log(p["haemorrhage_hr_diabetes"]))} | effects_on(context.params, "haemorrhage"),
        dies_before_care=rates.before_care,
        dies_in_care=at_once(rates.by_30_days, rates.by_1_year),
        sets=("prior_stroke", "recent_stroke", "prior_haemorrhage"),
        clears=("high_risk", "antiplatelet"),
        service="admission_stroke",
        admission_days=p["admission_days"],
        trend=context.trend("stroke"),
        source="hartenvaatcijfers.nl 2022 (ICD-10 I61)",
    )
    return levelled(row, rates.events, context, rates.bands)


def first_tia(context: Context, first: VascularEvents) -> Transition:
    """Return tia_first: as many first TIA per admission for stroke as published, ranked as first strokes.

    Source: NZa Open DIS 2023 over admissions of 2022.
    """
    params, cohort = context.params, context.cohort
    row = replace(
        first.first,
        name="tia_first",
        kind="onset",
        sets=("prior_stroke", "recent_tia"),
        dies_before_care=0.0,
        dies_in_care=0.0,
        service=None,
        admission_days=0.0,
        source="patients with TIA in hospital care 2023 per admission for stroke, ranked by the risk equation",
    )
    whole = load_published(params, GROUP).admissions
    wanted = params["stroke.tia_per_admission"] * cohort.total(cohort.at(whole))
    have = cohort.total(hazards(row, cohort))
    return replace(row, log_hazard=row.log_hazard + np.log(wanted / have)) if wanted > 0 and have > 0 else row
