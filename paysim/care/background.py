"""Care that no modelled disease explains, and the extra care of the last year of life.

Background use per person-year is a smooth function of sex and age::

    ln euro = natural cubic spline through at most ten knots per sex

fitted (tools/fit_background.py) so that modelled payments, background and end of life together give the
national payments by sex and age. The last year of life costs more than others: that extra is posted at death,
and because the fit leaves out ``death rate x extra``, survivors pay for it and totals hold. People who have
had an event or have diabetes cost more in later years; the fit leaves that out too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paysim.care.rates import Floats, Profiles, standard_population
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

BACKGROUND_SERVICES = (
    "background_hospital",
    "background_pharmacy",
    "background_mental",
    "background_nursing",
    "background_other",
)


@dataclass(frozen=True)
class BackgroundCosts:
    """Payments for background care, in euro of 2023.

    Attributes
    ----------
    services
        Names of the services, in the order of the arrays.
    eur_per_year
        ``[5, 2, 111]`` per person-year by service, sex and age, for a person of mean frailty without the
        flags below.
    end_of_life_eur
        ``[2, 111]`` at death, by sex and age.
    frailty_exponent
        Background care is multiplied by frailty to this power, over its mean in the cell.
    flag_extra_eur
        Flag -> ``[5]`` further euro per person-year.
    """

    services: tuple[str, ...]
    eur_per_year: Floats
    end_of_life_eur: Floats
    frailty_exponent: float
    flag_extra_eur: Mapping[str, Floats]

    def total(self) -> Floats:
        """Return background euro per person-year ``[2, 111]``, all services."""
        return np.asarray(self.eur_per_year.sum(axis=0))


def natural_spline(knots: NDArray[np.floating], values: NDArray[np.floating], at: NDArray[np.floating]) -> Floats:
    """Return a natural cubic spline through the knots; level beyond the first and the last.

    Parameters
    ----------
    knots, values
        ``[k]`` increasing knots and the values there, k at least 3.
    at
        Points.
    """
    x, y = np.asarray(knots, dtype=np.float64), np.asarray(values, dtype=np.float64)
    step = np.diff(x)
    size = x.size
    system = np.eye(size)
    right = np.zeros(size)
    for k in range(1, size - 1):
        system[k, k - 1 : k + 2] = step[k - 1], 2.0 * (step[k - 1] + step[k]), step[k]
        right[k] = 6.0 * ((y[k + 1] - y[k]) / step[k] - (y[k] - y[k - 1]) / step[k - 1])
    bend = np.linalg.solve(system, right)
    points = np.clip(np.asarray(at, dtype=np.float64), x[0], x[-1])
    left_knot = np.clip(np.searchsorted(x, points, side="right") - 1, 0, size - 2)
    right_knot = left_knot + 1
    h, done, left = step[left_knot], points - x[left_knot], x[right_knot] - points
    cubic = (bend[left_knot] * left**3 + bend[right_knot] * done**3) / (6.0 * h)
    line = (y[left_knot] / h - bend[left_knot] * h / 6.0) * left
    line += (y[right_knot] / h - bend[right_knot] * h / 6.0) * done
    return np.asarray(cubic + line)


def category_shares(shares: Mapping[str, NDArray[np.floating] | list[str]]) -> Floats:
    """Return the split of background euro over the services ``[5, 2, 111]``, from an index by band."""
    service = np.array(shares["service"])
    index = np.zeros((len(BACKGROUND_SERVICES), 2, AGES))
    middle = np.arange(AGES) + 0.5
    for k, name in enumerate(BACKGROUND_SERVICES):
        rows = service == name
        centre = (np.asarray(shares["age_lo"])[rows] + np.asarray(shares["age_hi"])[rows] + 1) / 2.0
        for sex, column in enumerate(("men", "women")):
            index[k, sex] = np.interp(middle, centre, np.asarray(shares[column])[rows])
    return np.asarray(index / index.sum(axis=0))


def end_of_life(params: Parameters) -> Floats:
    """Return the extra curative euro of the last year of life ``[2, 111]``, posted at death."""
    table = params.table("care.end_of_life")
    curative = Profiles(params, standard_population(params)).curve("curative_share")
    extra = np.zeros((2, AGES))
    for sex, name in enumerate("MF"):
        rows = np.array(table["sex"]) == name
        extra[sex] = np.interp(np.arange(AGES), table["age"][rows], table["extra_eur"][rows])
    return np.asarray(extra * curative * params["care.background_level"])


def flag_extras(params: Parameters) -> dict[str, Floats]:
    """Return later-year euro by flag, split over the background services."""
    hospital, pharmacy = params["care.flag_extra_hospital_share"], params["care.flag_extra_pharmacy_share"]
    split = np.array([hospital, pharmacy, 0.0, 0.0, 1.0 - hospital - pharmacy])
    level = params["care.background_level"]
    named = {
        "prior_mi": params["care.prior_mi_later_year_eur"],
        "prior_stroke": params["care.prior_stroke_later_year_eur"],
        "diabetes": params["care.diabetes_extra_eur"],
    }
    return {flag: split * euro * level for flag, euro in named.items()}


def background_costs(params: Parameters) -> BackgroundCosts:
    """Return the background costs of a country from the fitted knots."""
    table = params.table("care.background_knots")
    total = np.zeros((2, AGES))
    for sex, name in enumerate("MF"):
        rows = np.array(table["sex"]) == name
        total[sex] = np.exp(natural_spline(table["age"][rows], table["log_eur"][rows], np.arange(AGES) + 0.5))
    shares = category_shares(params.table("care.background_shares"))
    return BackgroundCosts(
        services=BACKGROUND_SERVICES,
        eur_per_year=shares * total * params["care.background_level"],
        end_of_life_eur=end_of_life(params),
        frailty_exponent=params["care.background_frailty_exponent"],
        flag_extra_eur=flag_extras(params),
    )
