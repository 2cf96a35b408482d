"""Smoking: people stop, relapse and start, so that the share of smokers by age stays what it is.

With P the share of smokers of an age, quit and start rates solve::

    dP/da = start (1 - P) - quit P - P (1 - P) g,     g: excess mortality of smokers

with the published rate of stopping wherever the shares allow it. The trend, where it is on, adds to quitting what the
yearly fall of the share of smokers takes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.diseases.ages import FIVE_YEARS, between_middles
from paysim.diseases.disease import Built, Context, levelled, switched_on
from paysim.diseases.mortality.life import life_table_hazard
from paysim.kernel.spec import AGES, Transition

FLAGS = ("smoker", "ex_smoker")
CHRONIC: tuple[str, ...] = ()
ADULT = 18


def build(context: Context) -> Built:
    """Return quit_smoking and start_smoking."""
    p, cohort = context.params.group("smoking"), context.own
    all_cause = p["all_cause_hr"]
    persons = FIVE_YEARS.sums(cohort.by_age())
    smokers = FIVE_YEARS.sums(cohort.by_age(cohort.has("smoker")))
    share = np.divide(smokers, persons, out=np.zeros_like(persons), where=persons > 0)
    by_age = np.clip(between_middles(FIVE_YEARS, share), 0.0, 0.9)
    growth = np.gradient(by_age, axis=1)
    gap = (all_cause - 1) * life_table_hazard(context.params) / (1 + by_age * (all_cause - 1))
    lost = by_age * (1 - by_age) * np.minimum(gap, 0.2)
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
    with np.errstate(divide="ignore"):
        shape = np.log(start)
    begin = Transition(
        name="start_smoking",
        kind="onset",
        log_hazard=shape,
        forbidden=("smoker",),
        log_hr={"ex_smoker": float(np.log(p["relapse_ratio"]))},
        slopes={
            "edu_low": float(np.log(p["start_hr_low_education"])),
            "edu_high": float(np.log(p["start_hr_high_education"])),
        },
        sets=("smoker",),
        clears=("ex_smoker",),
        source="starting and relapse, balanced with quitting by age",
    )
    begin = levelled(begin, start, own, FIVE_YEARS)
    return Built((stop, begin), lasting_hr={"ex_smoker": p["mortality_hr_ex"]})


def mortality_slope(context: Context) -> np.ndarray:
    """Return the slope of log background mortality for smokers, ``[2, 111]``; smoking does not fade to nothing."""
    return np.full((2, AGES), np.log(context.params["smoking.mortality_hr"]))
