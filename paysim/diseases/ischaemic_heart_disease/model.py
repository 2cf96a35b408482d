"""Ischaemic heart disease: myocardial infarction (ICD-10 I21), chronic disease, planned revascularisation.

Stages are flags: ``prior_mi`` for good, ``recent_mi`` for one year, ``angina`` for chronic disease (GP codes K74 and
K76) with or without an infarction. Treatment acts through the fall of LDL cholesterol and blood pressure since base,
with the rate ratios of trials, and by rate ratios of its own.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.ages import national_weights
from paysim.diseases.disease import Built, Context, Onset, implied_incidence, once, onset_row, published, stationary
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.diseases.risk.equations import first_event_slopes
from paysim.diseases.vascular_events import (
    VascularEvents,
    Words,
    build_events,
    load_published,
    shares_with_past_event,
)
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

GROUP = "ischaemic_heart_disease"
FLAGS = ("prior_mi", "recent_mi", "angina")
CHRONIC = ("prior_mi", "angina")
WORDS = Words(
    group=GROUP,
    event="mi",
    prior="prior_mi",
    recent="recent_mi",
    other_prior="prior_stroke",
    service="admission_mi",
    smart2_of_other="cerebrovascular",
    outcome="mi",
    equation_outcome="chd",
)


def events(context: Context) -> VascularEvents:
    """Return mi_first, mi_recurrent and recent_mi_ends, levelled on the cohort."""
    return build_events(context, WORDS, load_published(context.params, GROUP))


def onset(params: Parameters) -> Onset:
    """Return who is diagnosed with chronic disease: ranked as first infarctions.

    New cases by age are those that the published prevalence of coronary disease and survival imply; their sum by sex is
    the published one.
    """
    p = params.group(GROUP)
    life, hr = life_table_hazard(params), faded(params, p["angina_mortality_hr"])
    shape = implied_incidence(life, published(params, f"{GROUP}.prevalence")[2], hr)
    weights = national_weights(params.table("mortality.national_population"))
    wanted = np.array([p["angina_men"], p["angina_women"]]) / 1000 * p["level"] * p["national_scale"]
    rates = shape * (wanted * weights.sum(axis=1) / (shape * weights).sum(axis=1))[:, None]
    slopes: dict[str, np.ndarray | float] = dict(first_event_slopes(params, "chd"))
    diabetes = np.asarray(slopes.pop("diabetes"))
    return Onset(rates, slopes, {"diabetes": float(diabetes[:, 65].mean())})


def _fit_for_it(p: Parameters) -> np.ndarray:
    """Return revascularisations at each age against the young, ``[2, 111]``."""
    ages = p.get_list("revascularisation_falls_between")
    return np.broadcast_to(np.interp(np.arange(AGES), ages, [1.0, p["revascularisation_oldest"]]), (2, AGES))


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence of chronic disease and of a past infarction that new cases and survival imply."""
    past = shares_with_past_event(params, WORDS, load_published(params, GROUP))
    hr = faded(params, params[f"{GROUP}.angina_mortality_hr"])
    chronic = stationary(life_table_hazard(params), {"angina": onset(params).rates}, hr={"angina": hr})
    return {"prior_mi": past["recent"] + past["later"], "recent_mi": past["recent"]} | chronic


def build(context: Context) -> Built:
    """Return angina_onset and revascularisation; infarctions are built by `events`."""
    p, start = context.params.group(GROUP), onset(context.params)
    row = onset_row(
        context,
        "angina_onset",
        "angina",
        start,
        trend=context.trend("mi"),
        source="GP registrations 2020, ranked by the risk equation",
    )
    procedure = Transition(
        name="revascularisation",
        kind="event",
        log_hazard=np.log(p["revascularisation_rate"] * _fit_for_it(p)),
        required=("angina",),
        slopes={"ldl_drop": float(np.log(p["rr_revascularisation_per_mmol_ldl"]))},
        dies_in_care=p["revascularisation_fatality"],
        service="elective_admission",
        admission_days=p["revascularisation_days"],
        source="assumed",
    )
    return Built((row, procedure), {"angina": p["angina_mortality_hr"]}, {"angina": start.rates})
