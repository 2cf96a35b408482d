"""Background mortality: the life table less the deaths that diseases of the model cause.

In every cell of sex and five years of age::

    life table = background + deaths in events + excess deaths of diseases

Diseases raise mortality in three ways: events that kill; a hazard ratio of background mortality; and rows of excess
deaths with a level of their own (heart failure, cancer, dementia; with the gradient of education too). After
infarction and stroke the excess is (HR - 1) times the background of the same person, less the fatal recurrences that
are simulated as events; HR is the all-cause hazard ratio of a history of the event. A fall of LDL cholesterol since
base lowers this excess by the trials' effect on vascular death. Relative differences (education, disease) fade with
age, as the life-expectancy gap by education requires.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from paysim.diseases.ages import FEWEST_PERSONS, FIVE_YEARS, fit_level, sex_index
from paysim.diseases.cohort import hazards
from paysim.diseases.disease import Context, expected_deaths
from paysim.diseases.hospital_events import mortality_after
from paysim.diseases.mortality.life import fading, life_table_hazard
from paysim.diseases.treatments.model import effects_on
from paysim.diseases.vascular_events import VascularEvents, first_year_rate
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

PASSES = 2
"""Deaths in the first year after an event depend on the level of the background, and this, a little, on them."""


@dataclass(frozen=True)
class Mortality:
    """Deaths outside events, and what they were levelled on.

    Attributes
    ----------
    transitions
        death_background and one death_after_* per vascular disease.
    life_table
        Hazard of the life table per person-year, ``[2, 111]``.
    shortfall
        Deaths a year by which the model exceeds the life table, ``[2, bands]``; zero without a floor.
    """

    transitions: tuple[Transition, ...]
    life_table: np.ndarray
    shortfall: np.ndarray


def falls_behind(params: Parameters) -> np.ndarray:
    """Return the share by which deaths are levelled above the life table at base, ``[2, 111]``.

    Those most likely to die do so first, and better educated people grow old: later deaths fall behind those of the
    people at base. With this share, fitted to simulations, they agree with the life table in the mean of some years.
    """
    p = params.group("mortality")
    old = np.interp(np.arange(AGES), [p["fall_from_age"], p["fall_from_age"] + 10.0], [0.0, 1.0])
    return np.asarray(np.array(p.get_list("deaths_fall"))[:, None] * old)


def education_slopes(params: Parameters) -> dict[str, np.ndarray]:
    """Return slopes of edu_low and edu_high against middle education, ``[2, 111]``: the residual part."""
    table = params.table("mortality.education_hazard_ratios")
    sex, ratio = sex_index(table["sex"]), np.asarray(table["hazard_ratio"], float)
    level = np.array(table["education"])
    log_hr = {name: np.log([ratio[(sex == s) & (level == name)][0] for s in range(2)]) for name in level}
    residual = np.array(params.get_list("mortality.education_residual"))[:, None] * fading(params)[None, :]
    return {f"edu_{name}": (log_hr[name] - log_hr["mid"])[:, None] * residual for name in ("low", "high")}


def with_education(row: Transition, context: Context) -> Transition:
    """Return a row of excess deaths with the residual gradient of education; deaths in the cohort stay as many."""
    before = context.cohort.total(hazards(row, context.cohort))
    row = replace(row, slopes={**row.slopes, **education_slopes(context.params)})
    after = context.cohort.total(hazards(row, context.cohort))
    return replace(row, log_hazard=row.log_hazard + np.log(before / after)) if after > 0 else row


def build(
    context: Context,
    events: Sequence[VascularEvents],
    others: Sequence[Transition],
    implied: np.ndarray,
    ratios: Mapping[str, float],
    lasting: Mapping[str, float],
    slopes: Mapping[str, np.ndarray | float],
) -> Mortality:
    """Level background mortality and excess deaths on a cohort.

    Parameters
    ----------
    events
        Infarction and stroke: their deaths and what follows them.
    others
        Further transitions; deaths of the cohort in them are taken out of the background.
    implied
        Further deaths per inhabitant a year that the rates of diseases imply, ``[2, 111]``; taken out too.
    ratios
        Flag -> hazard ratio of background mortality; it fades with age.
    lasting
        Flag -> hazard ratio of background mortality that does not fade.
    slopes
        Further slopes of background mortality.
    """
    params, cohort = context.params, context.cohort
    life, fade = life_table_hazard(params), fading(params)
    expected = cohort.by_age(cohort.at(life * (1 + falls_behind(params))))
    frailty = np.full((2, AGES), params["mortality.frailty_exponent"])
    background = Transition(
        name="death_background",
        kind="death",
        log_hazard=np.log(life),
        slopes={**education_slopes(params), "log_frailty": frailty, **slopes},
        log_hr={flag: float(np.log(ratio)) for flag, ratio in (*ratios.items(), *lasting.items())},
        fading=tuple(ratios),
        fade=fade,
        source="life table less simulated deaths; education: residual part of CBS 84842NED",
    )
    fatal = [row for each in events for row in (each.first, each.recurrent)]
    in_rows = sum((expected_deaths(row, cohort) for row in (*fatal, *others)), np.zeros((2, AGES)))
    elsewhere = FIVE_YEARS.sums(in_rows + context.persons * implied)
    total = FIVE_YEARS.sums(expected)
    left, floor = total - elsewhere, params["mortality.background_floor"] * total
    level = np.zeros((2, AGES))
    for _ in range(PASSES):
        rows = [background, *(_excess(context, each, background, life, fade, level) for each in events)]
        amount = cohort.by_age(sum(hazards(row, cohort) for row in rows))
        level = fit_level(np.maximum(left, floor), amount, FIVE_YEARS, context.persons)
    rows = [replace(row, log_hazard=row.log_hazard + level) for row in rows]
    dense = FIVE_YEARS.sums(context.persons) >= FEWEST_PERSONS
    shortfall = np.where(dense & (left < floor), floor - left, 0.0)
    return Mortality(tuple(rows), life, shortfall)


def _excess(
    context: Context,
    disease: VascularEvents,
    background: Transition,
    life: np.ndarray,
    fade: np.ndarray,
    level: np.ndarray,
) -> Transition:
    """Return excess deaths after an event, relative to the same person's background.

    Those of the first year are as published at the `level` that the row will get together with the background.
    """
    params, words, published = context.params, disease.words, disease.published
    p = params.group(words.group)
    ratio = np.exp(np.log(p["mortality_hr"]) * fade) - 1
    # The hazard ratio counts fatal recurrences, which are events here; a tenth of the excess always remains.
    again = p["recurrent_later"] * p["national_scale"] * published.fatal
    excess = np.maximum(ratio * life - again, 0.1 * ratio * life)
    first_year = mortality_after(published.by_30_days, published.by_1_year)
    again_first_year = first_year_rate(params, words, published) * p["national_scale"] * published.fatal
    wanted = np.maximum(first_year - life - again_first_year, excess)
    survivors = context.cohort.by_age(context.cohort.at(published.admissions * (1 - published.by_30_days)))
    plain = (survivors * excess * np.exp(level)).sum()
    recent = float(np.log((survivors * wanted).sum() / plain)) if plain > 0 else 0.0
    name = f"death_after_{words.event}"
    return Transition(
        name=name,
        kind="death",
        log_hazard=np.log(excess),
        required=(words.prior,),
        slopes={
            **background.slopes,
            "ldl_drop": float(np.log(params["vascular_prevention.rr_vascular_death_per_mmol_ldl"])),
        },
        log_hr=dict(background.log_hr) | {words.recent: recent} | effects_on(params, name),
        fading=background.fading,
        fade=background.fade,
        source="all-cause hazard ratio of a history; first year: mortality from 30 days to 1 year",
    )
