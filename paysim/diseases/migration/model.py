"""Migration over the border of the region, and changes of practice and insurer inside it.

Gross turnover g is people who come plus people who leave, net migration n is the one less the other, both per
inhabitant of the base population and year; so ``(g + n) / 2`` come and ``(g - n) / 2`` leave. How often people of an
age move is not published for a region; the shape by age is borrowed from net international migration, the only one
found, in which comers and leavers of an age cancel out. A share c of moves therefore comes at all ages alike, so that
nobody is immobile where the net rate ``m[s, a]`` is zero or less: people of sex s and age a move at a rate proportional
to ``c + (1 - c) max(m[s, a], 0) / mean``. Of these moves, the region's own people give the total.

Whether people of an age come or leave differs between regions: the young leave the countryside, and part of them come
back with children. No table says how many. It is implied when a region keeps its age profile relative to the nation:
let r(a) be its share of the nation's people of age a, then whom ageing brings from a to b must become r(b) / r(a) times
as many, net of what the whole nation does. So ``d ln r / da`` is added to the net rate of young adults (`BANDS`), less
a constant share of moves that keeps the total net rate, and within the moves that there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from paysim.diseases.ages import banded, national_weights
from paysim.diseases.cohort import Cohort
from paysim.errors import ModelError
from paysim.kernel.spec import AGES, Transition
from paysim.parameters import Parameters

BANDS = (15, 20, 25, 30, 35)
"""First ages of the five-year bands of young adults between which a region's profile tells about migration.

Before and beyond, differences between regions in births of the past, and in mortality, would be taken for it.
"""


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
    moves = gross * ages
    coming = net * ages + _excess(cohort, params, p["regional_ages"], moves - np.abs(net) * ages)
    each = cohort.at((moves + coming) / 2.0)  # newcomers per inhabitant of that age
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
        log_hazard=_log(np.maximum((moves - coming) / 2.0, 0.0)),  # rounding can leave less than nothing
        source="turnover assumed; ages in part of net international migration, UN World Population Prospects 2024, and "
        "of the region's own age profile",
    )
    return Migration(
        transitions=(departure, change) if is_open else (change,),
        arrivals_per_year=(gross + net) / 2.0 * len(cohort) if is_open else 0.0,
        growth_per_year=max(0.0, net) * len(cohort) if is_open else 0.0,
        resemblance=np.cumsum(each) / each.sum(),
        near_share=p["practice_change_near_share"],
        insurer_change_rate=p["insurer_change_rate"],
    )


def _excess(cohort: Cohort, params: Parameters, share: float, room: np.ndarray) -> np.ndarray:
    """Return the net rate ``[2, 111]`` by which a region keeps its age profile, of mean zero over the cohort.

    Parameters
    ----------
    share
        Of what would keep the profile wholly.
    room
        ``[2, 111]`` the most that it can be, either way, at each age.
    """
    nation = national_weights(params.table("mortality.national_population"))
    here = np.bincount(cohort.age, minlength=AGES).astype(float)
    relative = [here[start : start + 5].sum() / nation[:, start : start + 5].sum() for start in BANDS]
    if share == 0.0 or min(relative) == 0.0:
        return np.zeros_like(room)
    slope = np.zeros(AGES)
    for start, low, high in zip(BANDS[:-1], relative[:-1], relative[1:], strict=True):
        slope[start + 2 : start + 7] = np.log(high / low) / 5.0  # from the middle of one band to that of the next

    def within(shift: float) -> np.ndarray:
        return np.asarray(np.clip(share * slope - shift * room, -room, room))

    most = float(np.abs(slope).max() / room.min()) + 1.0
    return within(brentq(lambda shift: float(cohort.at(within(shift)).mean()), -most, most, xtol=1e-12))


def _log(rate: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(rate))
