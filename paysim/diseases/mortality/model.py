"""Background mortality: the life table less the deaths that diseases of the model cause.

In every cell of sex and five years of age::

    life table = background + deaths in infarction and stroke + excess after infarction and stroke

where the excess after an event is (HR - 1) times the background of the same person, less the fatal
recurrences that are simulated as events; HR is the all-cause hazard ratio of a history of the event. Relative
differences (education, disease) fade with age, as the life-expectancy gap by education requires.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from paysim.diseases.ages import FEWEST_PERSONS, FIVE_YEARS, fit_level, sex_index
from paysim.diseases.cohort import Cohort, hazards
from paysim.diseases.vascular_events import DAYS_30, VascularEvents
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters


@dataclass(frozen=True)
class Mortality:
    """Deaths outside events, and what they were levelled on.

    Attributes
    ----------
    transitions
        death_background and one death_after_* per disease.
    life_table
        Hazard of the life table per person-year, ``[2, 111]``.
    shortfall
        Deaths a year by which the model exceeds the life table, ``[2, bands]``; zero without a floor.
    """

    transitions: tuple[Transition, ...]
    life_table: np.ndarray
    shortfall: np.ndarray


def life_table_hazard(params: Parameters) -> np.ndarray:
    """Return the hazard ``-ln(1 - q)`` of the national life table per person-year, ``[2, 111]``."""
    table = params.table("mortality.life_table")
    sex, age = sex_index(table["sex"]), np.asarray(table["age"], int)
    hazard = np.full((2, AGES), np.nan)
    hazard[sex, age] = -np.log1p(-np.minimum(np.asarray(table["qx"], float), 0.999))
    last = int(age.max())
    beyond = np.arange(last + 1, AGES) - last
    hazard[:, last + 1 :] = hazard[:, [last]] * np.exp(params["mortality.oldest_age_growth"] * beyond)
    return hazard


def fading(params: Parameters) -> np.ndarray:
    """Return the share of a relative mortality difference that is left at each age, ``[111]``."""
    p = params.group("mortality")
    ages = [p["fade_from_age"], p["fade_to_age"]]
    return np.asarray(np.interp(np.arange(AGES), ages, [1.0, p["fade_to_share"]]))


def education_slopes(params: Parameters) -> dict[str, np.ndarray]:
    """Return slopes of edu_low and edu_high against middle education, ``[2, 111]``: the residual part."""
    table = params.table("mortality.education_hazard_ratios")
    sex, ratio = sex_index(table["sex"]), np.asarray(table["hazard_ratio"], float)
    level = np.array(table["education"])
    log_hr = {name: np.log([ratio[(sex == s) & (level == name)][0] for s in range(2)]) for name in level}
    fade = params["mortality.education_residual"] * fading(params)
    return {f"edu_{name}": (log_hr[name] - log_hr["mid"])[:, None] * fade[None, :] for name in ("low", "high")}


def build(params: Parameters, cohort: Cohort, diseases: Sequence[VascularEvents], *, diabetes: bool) -> Mortality:
    """Level background mortality and excess deaths on a cohort.

    Parameters
    ----------
    diseases
        Whose deaths in events are taken out of the background.
    diabetes
        Whether diabetes is simulated; it then multiplies background mortality.
    """
    life = life_table_hazard(params)
    fade = fading(params)
    expected = cohort.by_age(cohort.at(life))
    slopes = education_slopes(params)
    slopes["log_frailty"] = np.full((2, AGES), params["mortality.frailty_exponent"])
    log_hr: dict[str, float] = {}
    if diabetes:
        # One hazard ratio for all ages: the faded one at the ages where people with diabetes die.
        weight = cohort.by_age(cohort.has("diabetes") * cohort.at(life))
        ratio = np.exp(np.log(params["diabetes.mortality_hr"]) * fade)
        total = weight.sum()
        log_hr["diabetes"] = float(np.log((weight * ratio).sum() / total)) if total > 0 else 0.0
    background = Transition(
        name="death_background",
        kind="death",
        log_hazard=np.log(life),
        slopes=slopes,
        log_hr=log_hr,
        source="life table less simulated deaths; education: residual part of CBS 84842NED",
    )
    rows = [background] + [_excess(params, cohort, each, background, life, fade) for each in diseases]
    in_events = FIVE_YEARS.sums(sum((each.deaths(cohort) for each in diseases), np.zeros((2, AGES))))
    amount = cohort.by_age(sum(hazards(row, cohort) for row in rows))
    total = FIVE_YEARS.sums(expected)
    left, floor = total - in_events, params["mortality.background_floor"] * total
    level = fit_level(np.maximum(left, floor), amount, FIVE_YEARS, cohort.by_age())
    rows = [replace(row, log_hazard=row.log_hazard + level) for row in rows]
    dense = FIVE_YEARS.sums(cohort.by_age()) >= FEWEST_PERSONS
    shortfall = np.where(dense & (left < floor), floor - left, 0.0)
    return Mortality(tuple(rows), life, shortfall)


def _excess(
    params: Parameters,
    cohort: Cohort,
    disease: VascularEvents,
    background: Transition,
    life: np.ndarray,
    fade: np.ndarray,
) -> Transition:
    """Return excess deaths after an event, relative to the same person's background."""
    p, words, published = params.group(disease.words.group), disease.words, disease.published
    ratio = np.exp(np.log(p["mortality_hr"]) * fade) - 1
    # The hazard ratio counts fatal recurrences, which are events here; a tenth of the excess always remains.
    again = p["recurrent_later"] * p["national_scale"] * published.fatal
    excess = np.maximum(ratio * life - again, 0.1 * ratio * life)
    first_year = np.log((1 - published.by_30_days) / (1 - published.by_1_year)) / (1 - DAYS_30)
    again_first_year = np.exp(disease.recurrent.log_hr[words.recent]) * again
    wanted = np.maximum(first_year - life - again_first_year, excess)
    survivors = cohort.by_age(cohort.at(published.admissions * (1 - published.by_30_days)))
    plain = (survivors * excess).sum()
    recent = float(np.log((survivors * wanted).sum() / plain)) if plain > 0 else 0.0
    return Transition(
        name=f"death_after_{words.event}",
        kind="death",
        log_hazard=np.log(excess),
        required=(words.prior,),
        slopes=background.slopes,
        log_hr=dict(background.log_hr) | {words.recent: recent},
        source="all-cause hazard ratio of a history; first year: mortality from 30 days to 1 year",
    )
