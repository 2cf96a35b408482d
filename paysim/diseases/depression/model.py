"""Depression: episodes that begin and end.

The published prevalence counts who had an episode within 12 months: those ill at a moment plus new episodes of a year.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.disease import Built, Context, Onset, constant, once, onset_row, rates_of, stationary
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters

FLAGS = ("depression",)
CHRONIC = FLAGS
GROUP = "depression"


def onset(params: Parameters) -> Onset:
    """Return who falls ill: after a stroke or infarction, with diabetes, low education."""
    p = params.group(GROUP)
    ratios = {name: float(np.log(p[f"hr_{name}"])) for name in ("prior_stroke", "prior_mi", "diabetes")}
    return Onset(
        rates=rates_of(params, GROUP),
        slopes={
            "edu_low": float(np.log(p["hr_low_education"])),
            "log_frailty": params["mortality.frailty_incidence_exponent"],
        },
        log_hr=ratios,
    )


@once
def stages(params: Parameters) -> dict[str, np.ndarray]:
    """Return the share ill at a moment that incidence and the length of episodes imply."""
    p = params.group(GROUP)
    hr = faded(params, p["mortality_hr"])
    return stationary(
        life_table_hazard(params),
        {GROUP: rates_of(params, GROUP)},
        [(GROUP, None, 1 / p["episode_years"])],
        hr={GROUP: hr},
    )


def build(context: Context) -> Built:
    """Return depression_onset and depression_ends."""
    p, start = context.params.group(GROUP), onset(context.params)
    row = onset_row(context, "depression_onset", GROUP, start, source="order of magnitude")
    ends = Transition(
        name="depression_ends",
        kind="onset",
        log_hazard=constant(1 / p["episode_years"]),
        required=FLAGS,
        clears=FLAGS,
        source="mean episode",
    )
    return Built((row, ends), {GROUP: p["mortality_hr"]}, {GROUP: start.rates})
