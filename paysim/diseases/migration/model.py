"""Migration over the border of the region, and changes of practice and insurer inside it.

Gross turnover g is people who come plus people who leave, net migration n is the one less the other, both per
inhabitant of the base population and year; so ``(g + n) / 2`` come and ``(g - n) / 2`` leave. How often people of an
age move is not published for a region; the shape by age is borrowed from net international migration, the only one
found, in which comers and leavers of an age cancel out. A share c of moves therefore comes at all ages alike, so that
nobody is immobile where the net rate ``m[s, a]`` is zero or less: a person of sex s and age a leaves at a rate
proportional to ``c + (1 - c) max(m[s, a], 0) / mean``, and a newcomer resembles an inhabitant drawn in proportion to
it. Of both, the region's own people give the total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.diseases.ages import banded
from paysim.diseases.cohort import Cohort
from paysim.errors import ModelError
from paysim.kernel.spec import Transition
from paysim.parameters import Parameters


@dataclass(frozen=True, eq=False)
class Migration:
    """Who comes, leaves and changes.

    Attributes
    ----------
    transitions
        ``departure`` (of an open population) and ``practice_change``.
    arrivals_per_year
        Newcomers to the people of the cohort, a year; zero in a closed population.
    growth_per_year
        Newcomers less those who leave, a year; zero where more leave.
    resemblance
        ``[n]`` cumulative weight of each person of the cohort as a model for newcomers; the last is 1.
    near_share
        Of changes of practice, to one in the same municipality.
    insurer_change_rate
        Share of people who change insurer at the turn of a year.
    """

    transitions: tuple[Transition, ...]
    arrivals_per_year: float
    growth_per_year: float
    resemblance: np.ndarray
    near_share: float
    insurer_change_rate: float


def build(params: Parameters, cohort: Cohort, *, is_open: bool) -> Migration:
    """Return the migration of a cohort.

    Parameters
    ----------
    is_open
        Whether people come and leave; changes of practice and insurer happen in a closed population too.

    Raises
    ------
    ModelError
        If net migration exceeds gross turnover.
    """
    p = params.group("migration")
    gross, net = p["gross_turnover"], p["net_rate"]
    if abs(net) > gross:
        raise ModelError(f"migration.net_rate {net:g} exceeds migration.gross_turnover {gross:g}")
    bands, per_1000 = banded(params.table("migration.rates"), "per_1000")
    rate, alike = bands.spread(np.maximum(per_1000, 0.0)), p["all_ages_share"]
    ages = alike + (1.0 - alike) * rate / cohort.at(rate).mean()  # one on average over the cohort
    each = cohort.at(ages)
    moving = p["practice_change_moving_share"]
    change = Transition(
        name="practice_change",
        kind="practice_change",
        log_hazard=_log(p["practice_change_rate"] * ((1.0 - moving) + moving * ages)),
        source="rate assumed; ages in part those of migration",
    )
    departure = Transition(
        name="departure",
        kind="departure",
        log_hazard=_log((gross - net) / 2.0 * ages),
        source="turnover assumed; ages in part of net international migration, UN World Population Prospects 2024",
    )
    return Migration(
        transitions=(departure, change) if is_open else (change,),
        arrivals_per_year=(gross + net) / 2.0 * len(cohort) if is_open else 0.0,
        growth_per_year=max(0.0, net) * len(cohort) if is_open else 0.0,
        resemblance=np.cumsum(each) / each.sum(),
        near_share=p["practice_change_near_share"],
        insurer_change_rate=p["insurer_change_rate"],
    )


def _log(rate: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(rate))
