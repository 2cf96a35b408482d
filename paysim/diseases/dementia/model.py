"""Dementia: mild, moderate or severe, and life in a nursing home.

``dementia`` is held from diagnosis to death, ``dementia_severe`` on top of it, ``nursing_home`` on top of that.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.disease import Built, Context, Onset, constant, excess_death, once, onset_row, rates_of, stationary
from paysim.diseases.mortality.life import life_table_hazard
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

FLAGS = ("dementia", "dementia_severe", "nursing_home")
CHRONIC = ("dementia",)
GROUP = "dementia"


def onset(params: Parameters) -> Onset:
    """Return who falls ill: after a stroke, with diabetes, low education."""
    p = params.group(GROUP)
    return Onset(
        rates=rates_of(params, GROUP),
        slopes={
            "edu_low": float(np.log(p["hr_low_education"])),
            "log_frailty": params["mortality.frailty_incidence_exponent"],
        },
        log_hr={name: float(np.log(p[f"hr_{name}"])) for name in ("prior_stroke", "diabetes")},
    )


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the prevalence of mild and of moderate or severe dementia at home, and in a nursing home."""
    p = params.group(GROUP)
    severe = p["mortality_hr_severe"]
    return stationary(
        life_table_hazard(params),
        {"mild": rates_of(params, GROUP)},
        [("mild", "severe", p["worse"]), ("severe", "nursing_home", p["nursing_home_rate"])],
        hr={"mild": p["mortality_hr"], "severe": severe, "nursing_home": severe},
    )


def build(context: Context) -> Built:
    """Return dementia_onset, dementia_worse, nursing_home_entry and death_dementia."""
    params = context.params
    p, start = params.group(GROUP), onset(params)
    life, share = life_table_hazard(params), stages(params)
    ratios = {"mild": p["mortality_hr"], "severe": p["mortality_hr_severe"], "nursing_home": p["mortality_hr_severe"]}
    without = life / (1 + sum(share[k] * (ratio - 1) for k, ratio in ratios.items()))
    # Who has dementia has other diseases too, so part of the hazard ratio is theirs.
    own = {k: max(ratio - p["comorbidity_mortality"], 0.01) for k, ratio in ratios.items()}
    steps = (
        Transition(
            name="dementia_worse",
            kind="onset",
            log_hazard=constant(p["worse"]),
            required=("dementia",),
            forbidden=("dementia_severe",),
            sets=("dementia_severe",),
            source="assumed",
        ),
        Transition(
            name="nursing_home_entry",
            kind="onset",
            log_hazard=constant(p["nursing_home_rate"]),
            required=("dementia_severe",),
            forbidden=("nursing_home",),
            sets=("nursing_home",),
            claims_place=True,
            source="assumed",
        ),
        excess_death(
            "death_dementia",
            "dementia",
            own["mild"] * without,
            "hazard ratio of death against people without dementia",
            log_hr={"dementia_severe": float(np.log(own["severe"] / own["mild"]))},
        ),
    )
    row = onset_row(context, "dementia_onset", GROUP, start, source="Alzheimer Nederland anchors")
    return Built((row, *steps), {}, {GROUP: start.rates})
