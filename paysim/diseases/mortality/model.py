"""Background mortality: the life table less the deaths that diseases of the model cause.

In every cell of sex and five years of age::

    life table = background + deaths in events + excess deaths of diseases

Diseases raise mortality in three ways: events that kill; a hazard ratio of background mortality; and rows of excess
deaths with a level of their own (heart failure, cancer, dementia, the year after an infarction or stroke; with the
gradient of education too). After that year the excess is a multiple of the same person's background, which a fall of
LDL cholesterol since base lowers by the trials' effect on vascular death. Relative differences (education, disease)
fade with age, as the life-expectancy gap by education requires.

A stated hazard ratio is one of all deaths. What multiplies the background for it is solved, see `ratios`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from paysim.diseases.ages import FEWEST_PERSONS, FIVE_YEARS, sex_index
from paysim.diseases.cohort import Cohort, hazards, log_relative_hazard
from paysim.diseases.disease import Context, Onset, death_hazards
from paysim.diseases.hospital_events import mortality_after
from paysim.diseases.mortality.life import fading, life_table_hazard
from paysim.diseases.mortality.ratios import Excess, FirstYear, Group, Hazards, solve
from paysim.diseases.treatments.model import effects_on
from paysim.diseases.vascular_events import VascularEvents
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters


@dataclass(frozen=True)
class Mortality:
    """Deaths outside events, and what they were levelled on.

    Attributes
    ----------
    transitions
        death_background and, per vascular disease, one death_after_* and one death_in_year_after_*.
    life_table
        Hazard of the life table per person-year, ``[2, 111]``.
    shortfall
        Deaths a year by which the model exceeds the life table, ``[2, bands]``; zero without a floor.
    """

    transitions: tuple[Transition, ...]
    life_table: np.ndarray
    shortfall: np.ndarray


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
    implied: Sequence[tuple[np.ndarray, Onset]],
    ratios: Sequence[Mapping[str, float]],
) -> Mortality:
    """Level background mortality and excess deaths on a cohort.

    Parameters
    ----------
    events
        Infarction and stroke: their deaths and what follows them.
    others
        Further transitions; deaths of the cohort in them are taken out of the background.
    implied
        Further deaths per inhabitant a year that the rates of a disease imply, ``[2, 111]``, and who falls ill with it;
        taken out too.
    ratios
        Of each disease, flag -> hazard ratio of death of any cause against people with none of its flags. It fades with
        age.
    """
    params, cohort = context.params, context.cohort
    life, fade = life_table_hazard(params), fading(params)
    background = Transition(
        name="death_background",
        kind="death",
        log_hazard=np.log(life),
        slopes={
            **education_slopes(params),
            "log_frailty": np.full((2, AGES), params["mortality.frailty_exponent"]),
        },
        fade=fade,
        source="life table less simulated deaths; education: residual part of CBS 84842NED",
    )
    after = [_after(params, each, life, fade) for each in events]
    within = [with_education(_within_a_year(context, each), context) for each in events]
    fatal = [row for each in events for row in (each.first, each.recurrent)]
    fixed = sum((death_hazards(row, cohort) for row in (*fatal, *others)), np.zeros(len(cohort)))
    fixed += sum((_shared_out(deaths, start, cohort) for deaths, start in implied), np.zeros(len(cohort)))
    flags = [(flag, ratio, tuple(each)) for each in ratios for flag, ratio in each.items()]
    found = solve(
        cohort,
        Hazards(fixed, hazards(background, cohort), life, params["mortality.background_floor"]),
        fade,
        [Group(_rows(cohort.has(flag)), np.log(ratio), _rows(cohort.any_of(forms))) for flag, ratio, forms in flags],
        [_later(params, cohort, row, each) for row, each in zip(after, events, strict=True)],
        [FirstYear(_rows(dying > 0), dying[dying > 0]) for dying in (hazards(row, cohort) for row in within)],
    )
    log_hr = {flag: value for (flag, _, _), value in zip(flags, found.ratios, strict=True)}
    background = replace(background, log_hazard=np.log(life) + found.level, log_hr=log_hr, fading=tuple(log_hr))
    rows = [background]
    for row, early, more, factor in zip(after, within, found.excess, found.first_year, strict=True):
        rows.append(
            replace(
                row,
                log_hazard=row.log_hazard + background.log_hazard + more,
                slopes={**background.slopes, **row.slopes},
                log_hr={**log_hr, **row.log_hr},
                fading=background.fading,
                fade=fade,
            )
        )
        rows.append(replace(early, log_hazard=early.log_hazard + factor))
    dense = FIVE_YEARS.sums(context.persons) >= FEWEST_PERSONS
    return Mortality(tuple(rows), life, np.where(dense, found.shortfall, 0.0))


def _stated(params: Parameters, disease: VascularEvents) -> float:
    """Return the hazard ratio of death of people with a history of the event."""
    return params[f"{disease.words.group}.mortality_hr"]


def _rows(who: np.ndarray) -> np.ndarray:
    return np.flatnonzero(who)


def _later(params: Parameters, cohort: Cohort, row: Transition, disease: VascularEvents) -> Excess:
    """Return the people later than a year after an event, and the multiple of their background before it is solved."""
    multiple = hazards(row, cohort)
    who, apart = _rows(multiple > 0), _rows(cohort.has(disease.words.prior))
    return Excess(who, float(np.log(_stated(params, disease))), apart, multiple[who])


def _after(params: Parameters, disease: VascularEvents, life: np.ndarray, fade: np.ndarray) -> Transition:
    """Return deaths from a year after an event on, as a multiple of the same person's background."""
    words = disease.words
    name = f"death_after_{words.event}"
    multiple = np.exp(np.log(_stated(params, disease)) * fade) - 1
    return Transition(
        name=name,
        kind="death",
        log_hazard=np.broadcast_to(np.log(np.maximum(multiple, 1e-9)), life.shape),
        required=(words.prior,),
        forbidden=(words.recent,),
        slopes=_by_ldl(params),
        log_hr=effects_on(params, name),
        source="all-cause hazard ratio of a history of the event",
    )


def _within_a_year(context: Context, disease: VascularEvents) -> Transition:
    """Return deaths in the year after an event; to begin with as many as die of any cause from 30 days to a year."""
    words, published = disease.words, disease.published
    return Transition(
        name=f"death_in_year_after_{words.event}",
        kind="death",
        log_hazard=np.log(np.maximum(mortality_after(published.by_30_days, published.by_1_year), 1e-9)),
        required=(words.recent,),
        slopes=_by_ldl(context.params),
        log_hr=effects_on(context.params, f"death_after_{words.event}"),
        source="mortality from 30 days to 1 year after an admission, less deaths of other causes",
    )


def _by_ldl(params: Parameters) -> dict[str, np.ndarray | float]:
    return {"ldl_drop": float(np.log(params["vascular_prevention.rr_vascular_death_per_mmol_ldl"]))}


def _shared_out(deaths: np.ndarray, start: Onset, cohort: Cohort) -> np.ndarray:
    """Return everybody's part of the deaths of a disease ``[n]``: as each is likely to fall ill with it."""
    row = Transition("", "onset", np.zeros((2, AGES)), slopes=dict(start.slopes), log_hr=dict(start.log_hr))
    each = cohort.at(deaths) * np.exp(log_relative_hazard(row, cohort))
    wanted, have = FIVE_YEARS.sums(cohort.by_age() * deaths), FIVE_YEARS.sums(cohort.by_age(each))
    scale = FIVE_YEARS.spread(np.divide(wanted, have, out=np.ones_like(have), where=have > 0))
    return np.asarray(cohort.at(scale) * each)
