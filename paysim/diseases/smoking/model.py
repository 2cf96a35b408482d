"""Smoking: people stop, relapse and start, so that the share of smokers by age stays what it is.

With P the share of smokers of an age, quit and start rates solve::

    dP/da = start (1 - P) - quit P - P (1 - P) g,     g: excess mortality of smokers

with the published rate of stopping wherever the shares allow it; g is the excess that the model's deaths have
(`paysim.diseases.mortality.ratios`). Of those who start, former smokers relapse at a rate of their own as far as there
is room; the others have never smoked. The trend, where it is on, adds to quitting what the yearly fall of the share of
smokers takes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, between_middles
from paysim.diseases.disease import Built, Context, levelled, switched_on
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.kernel.spec import Transition

FLAGS = ("smoker", "ex_smoker")
CHRONIC: tuple[str, ...] = ()
ADULT = 18
MOST_RELAPSES = 0.95
"""Share of former smokers among those who start at the most."""


def build(context: Context) -> Built:
    """Return quit_smoking and start_smoking."""
    p, cohort = context.params.group("smoking"), context.own
    persons = FIVE_YEARS.sums(cohort.by_age())
    smokers = FIVE_YEARS.sums(cohort.by_age(cohort.has("smoker")))
    share = np.divide(smokers, persons, out=np.zeros_like(persons), where=persons > 0)
    by_age = np.clip(between_middles(FIVE_YEARS, share), 0.0, 0.9)
    growth = np.gradient(by_age, axis=1)
    excess = faded(context.params, p["all_cause_hr"]) - 1
    lost = by_age * (1 - by_age) * excess * life_table_hazard(context.params) / (1 + by_age * excess)
    usual = p["quit_rate"]
    start = np.maximum(growth + usual * by_age + lost, 0.0)  # per inhabitant a year
    start = np.where(by_age > 0, start, 0.0)
    quit_rate = np.maximum(start - growth - lost, 0.0)
    quit_rate = np.where(by_age > 0.002, quit_rate / np.maximum(by_age, 0.002), usual)
    points = context.params["trends.smoking_points"]
    if not switched_on(context.params, "trends.smoking"):
        points = 0.0
    fall = points / max(float(cohort.has("smoker")[cohort.age >= ADULT].mean()), 0.01)
    enrolled = float(np.log(p["quit_hr_enrolled"]))
    own = replace(context, cohort=cohort)
    # The published rate is unaided; enrolled smokers stop faster, so the rest of the cell a little less often.
    stop = Transition(
        name="quit_smoking",
        kind="onset",
        log_hazard=np.log(np.maximum(quit_rate, 1e-6)),
        required=("smoker",),
        log_hr={"enrolled": enrolled},
        sets=("ex_smoker",),
        clears=("smoker",),
        source="unaided quitting, balanced with starting by age",
    )
    stop = levelled(stop, by_age * (quit_rate + fall), own, FIVE_YEARS)
    former = np.divide(
        FIVE_YEARS.sums(cohort.by_age(cohort.has("ex_smoker"))), persons, out=np.zeros_like(persons), where=persons > 0
    )
    former = np.minimum(between_middles(FIVE_YEARS, former), 0.9 - by_age)
    relapse = np.minimum(p["relapse_rate"] * former, MOST_RELAPSES * start)
    first = (start - relapse) / np.maximum(1 - by_age - former, 0.05)
    ratio = np.divide(relapse, former * first, out=np.ones_like(first), where=former * first > 0)
    with np.errstate(divide="ignore"):
        shape = np.log(first)
    begin = Transition(
        name="start_smoking",
        kind="onset",
        log_hazard=shape,
        forbidden=("smoker",),
        log_hr={"ex_smoker": 1.0},
        fading=("ex_smoker",),
        fade=np.log(ratio).mean(axis=0),
        slopes={
            "edu_low": float(np.log(p["start_hr_low_education"])),
            "edu_high": float(np.log(p["start_hr_high_education"])),
        },
        sets=("smoker",),
        clears=("ex_smoker",),
        source="starting and relapse, balanced with quitting by age",
    )
    begin = levelled(begin, start, own, FIVE_YEARS)
    return Built((stop, begin), mortality_hr={"smoker": p["all_cause_hr"], "ex_smoker": p["all_cause_hr_ex"]})
