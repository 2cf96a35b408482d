"""Heart failure: diagnosis, admissions (ICD-10 I50) and the deaths it causes.

Admissions are those of people who have the diagnosis; many die within a year of one. Excess mortality between
admissions is a multiple of background mortality, less the deaths within 30 days of an admission.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.ages import TEN_YEARS
from paysim.diseases.disease import (
    Built,
    Context,
    Onset,
    excess_death,
    expected_deaths,
    once,
    onset_row,
    rates_of,
    stationary,
    timer,
)
from paysim.diseases.hospital_events import (
    MOST_ADMISSIONS,
    admissions_among,
    at_once,
    case_fatality,
    mortality_after,
    published_admissions,
)
from paysim.diseases.mortality.life import life_table_hazard
from paysim.diseases.treatments.model import effects_on
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

FLAGS = ("heart_failure", "recent_hf_admission")
CHRONIC = ("heart_failure",)
GROUP = "heart_failure"
LEAST_EXCESS = 0.1
"""Share of the excess mortality that is left to people without an admission within the year, at the least."""


def onset(params: Parameters) -> Onset:
    """Return who is diagnosed: after infarction, with diabetes, kidney disease, COPD or high pressure."""
    p = params.group(GROUP)
    log_hr = {"prior_mi": p["hr_prior_mi"], "recent_mi": p["recent_mi_ratio"], "diabetes": p["hr_diabetes"]}
    log_hr |= dict.fromkeys(("ckd_3a", "ckd_3b", "ckd_4", "ckd_5"), p["hr_ckd"]) | {"copd": p["hr_copd"]}
    return Onset(
        rates=rates_of(params, GROUP),
        slopes={
            "sbp": float(np.log(p["hr_sbp_per_20"]) / 20),
            "sbp_drop": float(np.log(p["rr_per_10_mmhg"]) / 10),
            "log_frailty": params["mortality.frailty_incidence_exponent"],
        },
        log_hr={flag: float(np.log(ratio)) for flag, ratio in log_hr.items()} | effects_on(params, "heart_failure"),
    )


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence that incidence and survival imply."""
    hr = params[f"{GROUP}.mortality_hr"]
    found = stationary(life_table_hazard(params), {GROUP: rates_of(params, GROUP)}, hr={GROUP: hr})
    return found | {"recent_hf_admission": found[GROUP] * _share_recent(params, found[GROUP])}


def _share_recent(params: Parameters, share: np.ndarray) -> np.ndarray:
    """Return the share admitted within the year among the ill, ``[2, 111]``.

    With a admissions survived per person-year of the ill and mortality m in the year after one, whoever had the last
    one u years ago is alive with ``a exp(-a u) exp(-m u)``; a new admission starts the year again. The ill are as many
    as they were a year ago: new cases take the place of those who died.
    """
    survived = published_admissions(params, GROUP) * (1 - case_fatality(params, GROUP)[0])
    rate = np.clip(np.divide(survived, share, out=np.zeros((2, AGES)), where=share > 0), 1e-9, MOST_ADMISSIONS)
    leaves = rate + mortality_after(*case_fatality(params, GROUP))
    return np.asarray(rate / leaves * -np.expm1(-leaves))


def build(context: Context) -> Built:
    """Return onset, admissions, and deaths in the year after an admission and at other times."""
    params = context.params
    start = onset(params)
    row = onset_row(context, "heart_failure_onset", "heart_failure", start, source="GP registrations, recalled level")
    admitted = admissions_among(
        context,
        name="heart_failure_admission",
        group=GROUP,
        required=(GROUP,),
        sets=("recent_hf_admission",),
        fatality=at_once(*case_fatality(params, GROUP)),
        log_hr=effects_on(params, "heart_failure"),
        slopes={"sbp_drop": start.slopes["sbp_drop"]},
        source="hartenvaatcijfers.nl 2021",
    )
    life = life_table_hazard(params)
    ill = stages(params)[GROUP]
    ratio = params[f"{GROUP}.mortality_hr"]
    # Who has heart failure has other diseases too, so part of the hazard ratio is theirs.
    comorbidity = params[f"{GROUP}.comorbidity_mortality"]
    excess = max(ratio - comorbidity, 0.01) * life / (1 + ill * (ratio - 1))
    # Of the excess, part are deaths within 30 days of an admission, part in the rest of the year after it.
    first_year = np.maximum(mortality_after(*case_fatality(params, GROUP)) - comorbidity * life, excess)
    held = context.cohort.by_age(context.cohort.has(GROUP))
    recent = held * _share_recent(params, ill)
    left = TEN_YEARS.sums(held * excess - expected_deaths(admitted, context.cohort) - recent * first_year)
    others = TEN_YEARS.sums((held - recent) * excess)
    usual = np.clip(np.divide(left, others, out=np.ones(left.shape), where=others > 0), LEAST_EXCESS, 1.0)
    deaths = (
        excess_death(
            "death_heart_failure",
            GROUP,
            excess * TEN_YEARS.spread(usual),
            "hazard ratio of death, less deaths after admissions",
            forbidden=("recent_hf_admission",),
        ),
        excess_death(
            "death_after_hf_admission",
            "recent_hf_admission",
            first_year,
            "mortality from 30 days to 1 year after an admission (hartenvaatcijfers.nl)",
        ),
    )
    ends = timer("recent_hf_admission_ends", "recent_hf_admission", 1.0)
    return Built(
        (row, admitted, *deaths, ends),
        reference={"heart_failure": start.rates},
        admissions=published_admissions(params, GROUP),
    )
