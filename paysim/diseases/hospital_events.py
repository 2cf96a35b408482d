"""Admissions of people who have a disease already, at the published rates per inhabitant."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from paysim.diseases.ages import DAYS_30, banded, smooth_rates
from paysim.diseases.cohort import hazards
from paysim.diseases.disease import Context, levelled_to, published
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

MOST_ADMISSIONS = 3.0
"""Admissions per person-year among the ill of an age at the most, where few of them are known."""


def case_fatality(params: Parameters, group: str, table: str = "case_fatality") -> tuple[np.ndarray, np.ndarray]:
    """Return all-cause mortality within 30 days and a year of an admission, ``[2, 111]``.

    Smoothed over single ages, weighted by the deaths of the life table, which follow the ages of patients.
    """
    found = params.table(f"{group}.{table}")
    weight = np.broadcast_to(np.exp(0.09 * np.arange(AGES)), (2, AGES))
    smooth = []
    for column in ("by_30_days", "by_1_year"):
        bands, rate = banded(found, column)
        last = bands.starts[-1]
        smooth.append(np.minimum(smooth_rates(bands, rate, np.where(np.arange(AGES) > last + 9, 0.0, weight)), 0.95))
    return smooth[0], np.maximum(smooth[1], smooth[0])


def mortality_after(by_30_days: np.ndarray, by_1_year: np.ndarray) -> np.ndarray:
    """Return mortality per person-year from 30 days to a year after an admission, from the chances of death by then."""
    return np.asarray(np.log((1 - by_30_days) / (1 - by_1_year)) / (1 - DAYS_30))


def at_once(by_30_days: np.ndarray, by_1_year: np.ndarray) -> np.ndarray:
    """Return the chance of dying in care that, with the mortality of the year after, gives that of 30 days.

    The model's event kills at once; whoever survives it has the mortality of the following year from the first day on,
    so that part of the deaths of 30 days are those.
    """
    within = np.exp(-mortality_after(by_30_days, by_1_year) * DAYS_30)
    return np.asarray(np.maximum(1 - (1 - by_30_days) / within, 0.0))


def published_admissions(params: Parameters, group: str) -> np.ndarray:
    """Return published admissions per inhabitant a year ``[2, 111]``, at the country's scale."""
    return np.asarray(published(params, f"{group}.admissions")[2] * params[f"{group}.national_scale"])


def admissions_among(
    context: Context,
    name: str,
    group: str,
    required: tuple[str, ...],
    fatality: np.ndarray,
    *,
    source: str,
    log_hr: Mapping[str, float] | None = None,
    slopes: Mapping[str, np.ndarray | float] | None = None,
    sets: tuple[str, ...] = (),
    service: str = "admission_other",
) -> Transition:
    """Return admissions of people with the flags `required`, levelled to the group's table ``admissions``.

    Deaths within 30 days are those of `fatality`. Where the ill of a band are few, the rate stays under
    `MOST_ADMISSIONS`.
    """
    bands = published(context.params, f"{group}.admissions")[0]
    rates = published_admissions(context.params, group)
    row = Transition(
        name=name,
        kind="event",
        log_hazard=np.zeros((2, AGES)),
        required=required,
        slopes=dict(slopes or {}),
        log_hr=dict(log_hr or {}),
        dies_in_care=fatality,
        sets=sets,
        service=service,
        admission_days=context.params[f"{group}.admission_days"],
        source=source,
    )
    ill = bands.sums(context.cohort.by_age(hazards(row, context.cohort)))
    wanted = np.minimum(bands.sums(context.persons * rates), MOST_ADMISSIONS * ill)
    return levelled_to(row, wanted, context, bands)
