"""Which equation ranks people for a first event, and what that equation would say by itself.

``risk.equation`` chooses. Levels of first events come from published rates (`paysim.diseases.vascular_events`), so
`first_event_hazard` is a check of the model against the equation, never an input of it.
"""

from __future__ import annotations

import numpy as np

from paysim.diseases.risk import prevent
from paysim.diseases.risk.hazard import hazard_now
from paysim.diseases.risk.prevent import load_prevent, prevent_risk
from paysim.diseases.risk.score2 import AGE_FROM, AGE_OP, AGE_TO, load_score2, score2_op_risk, score2_risk
from paysim.diseases.risk.score2 import slopes_by_age as score2_slopes
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.parameters import Parameters

EQUATIONS = ("score2", "prevent")


def chosen_equation(params: Parameters) -> str:
    """Return ``risk.equation``.

    Raises
    ------
    ScenarioError
        If there is no such equation.
    """
    name = params.get_text("risk.equation")
    if name not in EQUATIONS:
        near = nearest_name(name, EQUATIONS)
        problem = Problem("unknown risk equation", key="risk.equation", found=name, allowed=EQUATIONS, nearest=near)
        raise ScenarioError(problem)
    return name


def first_event_slopes(params: Parameters, outcome: str = "ascvd") -> dict[str, np.ndarray]:
    """Return slopes of the log hazard of a first event per raw unit, ``[2, 111]``, by the chosen equation.

    Parameters
    ----------
    outcome
        What PREVENT ranks for, one of `paysim.diseases.risk.prevent.OUTCOMES`; SCORE2 knows one outcome only.

    Returns
    -------
    dict
        smoker (0 or 1), sbp (mmHg), tc and hdl (mmol/L), diabetes (0 or 1).

    Raises
    ------
    ScenarioError
        If ``risk.equation`` names no equation.
    DataError
        If PREVENT has no such outcome.
    """
    # Both are read, so that every value of the group counts as used whichever is chosen.
    slopes = {
        "score2": score2_slopes(load_score2(params)),
        "prevent": prevent.slopes_by_age(load_prevent(params), outcome),
    }
    return slopes[chosen_equation(params)]


def first_event_hazard(
    params: Parameters,
    sex: np.ndarray,
    age: np.ndarray,
    smoker: np.ndarray,
    sbp: np.ndarray,
    tc: np.ndarray,
    hdl: np.ndarray,
    diabetes: np.ndarray,
) -> np.ndarray:
    """Return what the chosen equation gives as hazard of a first event until the next birthday, ``[n]``.

    SCORE2 below 70 and SCORE2-OP from 70, in ``risk.region``; or PREVENT for atherosclerotic disease, kidney
    function normal, untreated. Ages outside an equation are held at its ends (40 and 89; 30 and 79), where the
    hazard is no more than an extrapolation.
    """
    x = (smoker, sbp, tc, hdl, diabetes)
    if chosen_equation(params) == "prevent":
        model = load_prevent(params)
        held = np.clip(age, prevent.AGE_FROM, prevent.AGE_TO)
        now, later = (prevent_risk(model, sex, held + k, *x, outcome="ascvd") for k in (0, 1))
        return hazard_now(now, later)
    score2, region = load_score2(params), params.get_text("risk.region")
    young, old = np.clip(age, AGE_FROM, AGE_OP - 1), np.clip(age, AGE_OP, AGE_TO)
    now, later = (score2_risk(score2, sex, young + k, *x, region=region) for k in (0, 1))
    old_now, old_later = (score2_op_risk(score2, sex, old + k, *x, region=region) for k in (0, 1))
    return np.where(np.asarray(age) < AGE_OP, hazard_now(now, later), hazard_now(old_now, old_later))
