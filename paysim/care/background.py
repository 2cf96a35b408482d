"""Care that no modelled disease explains, and the extra care of the last year of life.

Background use per person-year is a smooth function of sex and age::

    ln euro = natural cubic spline through at most ten knots per sex

fitted (tools/fit_background.py) so that modelled payments, background and end of life together give the
national payments by sex and age. The last year of life costs more than others: that extra is posted at death,
and because the fit leaves out ``death rate x extra``, survivors pay for it and totals hold. People with a disease of
the model cost more (disease_costs.yaml); the fit leaves that out too.

These are expected euros. Of a person they arise as episodes of a size and spread by service, keyed by person and
quarter (`paysim.kernel.use`); the mean by sex and age does not move.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from paysim.care.demand import BANDS, Cohort, cells
from paysim.care.rates import Floats, Profiles, standard_population
from paysim.errors import DataError, Problem, ScenarioError
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters

BACKGROUND_SERVICES = (
    "background_hospital",
    "background_pharmacy",
    "background_mental",
    "background_nursing",
    "background_other",
)


DISEASE_COSTS = "disease_costs"


@dataclass(frozen=True)
class Episodes:
    """How background care of each service arises.

    Attributes
    ----------
    eur
        ``[5]`` mean euro of an episode; 0: the service is spread evenly.
    sigma
        ``[5]`` standard deviation of the logarithm of an episode's cost.
    quarters
        ``[5]`` whole quarters over which an episode is spread.
    """

    eur: Floats
    sigma: Floats
    quarters: Floats

    @property
    def mean(self) -> Floats:
        """``[5]`` mean of ``exp(sigma z)`` for z the sum of twelve uniforms less six, as the engine draws it."""
        half = self.sigma / 2.0
        return np.asarray(np.divide(np.sinh(half), half, out=np.ones_like(half), where=half > 0.0) ** 12)


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
    episodes
        How these euros arise.
    """

    services: tuple[str, ...]
    eur_per_year: Floats
    end_of_life_eur: Floats
    frailty_exponent: float
    flag_extra_eur: Mapping[str, Floats]
    episodes: Episodes

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


def with_unmodelled(costs: BackgroundCosts, before: Cohort, after: Cohort) -> BackgroundCosts:
    """Return costs that hold, by sex and age, those of flags which a model leaves out.

    Parameters
    ----------
    before
        The people with all their conditions.
    after
        The same people with those of the model; what the others cost is spread over everybody of the same sex and
        five-year band.
    """
    lost = {
        flag: before.flags[flag].astype(float) - after.flags[flag]
        for flag in costs.flag_extra_eur
        if flag in before.flags and (before.flags[flag] != after.flags[flag]).any()
    }
    if not lost:
        return costs
    return replace(costs, eur_per_year=costs.eur_per_year + _spread(costs.flag_extra_eur, lost, before))


def with_residual(costs: BackgroundCosts, fitted: Mapping[str, Floats], cohort: Cohort) -> BackgroundCosts:
    """Return costs that are the residual again, where flags do not cost what they did when the residual was fitted.

    Diseases that cost more than was thought leave less for background care of the same sex and five-year band, so that
    payments by sex and age stay the national ones: what is not known is who costs it. A service has no less than zero.

    Parameters
    ----------
    fitted
        Flag -> ``[5]`` euro per person-year with which the knots were fitted.
    """
    less = {flag: fitted[flag] - extra for flag, extra in costs.flag_extra_eur.items() if flag in cohort.flags}
    held = {flag: cohort.flags[flag].astype(float) for flag in less if less[flag].any()}
    if not held:
        return costs
    return replace(costs, eur_per_year=np.maximum(costs.eur_per_year + _spread(less, held, cohort), 0.0))


def _spread(euro: Mapping[str, Floats], held: Mapping[str, NDArray[np.floating]], cohort: Cohort) -> Floats:
    """Return what flags cost per person of a sex and band ``[5, 2, 111]``, of people who hold them ``[n]``."""
    cell = cells(cohort)
    count = np.maximum(np.bincount(cell, minlength=2 * BANDS), 1)
    more = np.zeros((len(BACKGROUND_SERVICES), 2, BANDS))
    for flag, each in held.items():
        mean = (np.bincount(cell, each, 2 * BANDS) / count).reshape(2, BANDS)
        more += euro[flag][:, None, None] * mean
    return np.asarray(more[:, :, np.minimum(np.arange(AGES) // 5, BANDS - 1)])


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
    return np.asarray(extra * curative * params["care.end_of_life_share"] * params["care.background_level"])


def flag_extras(params: Parameters) -> dict[str, Floats]:
    """Return euro per person-year by flag ``[5]``, from parameters named ``<flag>_<service>``.

    Raises
    ------
    DataError
        A name does not end in a background service.
    """
    endings = tuple(service.removeprefix("background_") for service in BACKGROUND_SERVICES)
    found: dict[str, Floats] = {}
    costs = params.group(DISEASE_COSTS)
    for name in costs:
        flag, _, ending = name.rpartition("_")
        if ending not in endings or not flag:
            raise DataError(Problem("costs of a disease are named <flag>_<service>", key=name, allowed=endings))
        euro = costs[name] * params["care.background_level"]
        found.setdefault(flag, np.zeros(len(endings)))[endings.index(ending)] = euro
    return found


def episodes(params: Parameters) -> Episodes:
    """Return the episodes of the background services.

    Raises
    ------
    ScenarioError
        An episode lasts no whole number of quarters, or less than one.
    """
    short = [service.removeprefix("background_") for service in BACKGROUND_SERVICES]
    eur, sigma, quarters = (
        np.array([params[f"care.{name}_episode_{what}"] for name in short]) for what in ("eur", "sigma", "quarters")
    )
    for name, each in zip(short, quarters, strict=True):
        if each != int(each) or each < 1:
            allowed = ("whole numbers from 1",)
            raise ScenarioError(
                Problem("quarters are whole", key=f"care.{name}_episode_quarters", found=each, allowed=allowed)
            )
    return Episodes(eur * params["care.background_level"], sigma, quarters)


def background_per_head(params: Parameters) -> float:
    """Return euro per head and year of background care in the country: most of what is spent, an order of magnitude."""
    persons = standard_population(params)
    return float((background_costs(params).total() * persons).sum() / persons.sum())


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
        episodes=episodes(params),
    )
