"""From a region's profile to its people: its published margins, and the joint structure it claims.

Counts by municipality, sex and age band are exact. Education is drawn by sex and age (levelled to the
region's totals); binary traits (smoking, diabetes, earlier infarction and stroke, treatment) by logistic
models whose intercepts are solved so that the published prevalence holds in every cell; risk factors by a
Gaussian copula within sex and age. Traits are drawn for the whole region and a sample then takes whole
practices, so people in a sample are the same people.
"""

from __future__ import annotations

import os

import numpy as np

from paysim.errors import Problem, ScenarioError
from paysim.population import health, traits
from paysim.population.bands import fraction_within_band, slopes_within_bands, years_in_open_band
from paysim.population.keys import Domain, Trait, keys, uniform
from paysim.population.practices import join_practices, make_practices
from paysim.population.profile import PersonCounts, RegionProfile, load_region
from paysim.population.sampling import choose_practices
from paysim.population.schema import Population

OLDEST = 111.0
_LARGEST_SEED = 2**63 - 1


def synthesize(region: RegionProfile | str | os.PathLike[str], seed: int = 1, sample: int | None = None) -> Population:
    """Make the people and practices of a region.

    Parameters
    ----------
    region
        A profile, or the name or path of one.
    seed
        The same seed gives the same people.
    sample
        Take whole practices, at least one, with a total near this number of persons; None takes everybody.

    Raises
    ------
    ScenarioError
        The region is unknown, or the seed or the sample is not a whole number in range.
    DataError
        A table of the region is at fault.
    """
    profile = region if isinstance(region, RegionProfile) else load_region(region)
    _check_whole("seed", seed, 0, _LARGEST_SEED)
    if sample is not None:
        _check_whole("sample", sample, 1, _LARGEST_SEED)
    whole = _whole_region(profile, int(seed))
    if sample is None:
        return whole
    chosen, note = choose_practices(whole.practices, whole.municipalities, sample)
    return whole.take_practices(chosen, note)


def _whole_region(profile: RegionProfile, seed: int) -> Population:
    counts = profile.persons
    practices = make_practices(profile, seed)
    row = np.repeat(np.arange(len(counts.persons)), counts.persons)
    joined = join_practices(practices, counts.municipality[row], seed)
    order = np.argsort(joined, kind="stable")
    row, practice = row[order], joined[order]
    person = np.arange(len(row), dtype=np.int64)
    draw = keys(seed, Domain.PERSON, person)
    sex = counts.sex[row]
    age = ages(counts, row, uniform(draw, Trait.AGE), profile["oldest_band_mean_years"])
    completed = age.astype(np.int64)

    education = traits.education(profile, sex, completed, draw)
    deprived = traits.deprived(profile, education, practice, seed, draw)
    smoker = traits.smoker(profile, sex, completed, education, draw)
    diabetes = health.diabetes(profile, sex, completed, education, draw)
    prior_mi = health.prior_mi(profile, sex, completed, education, smoker, diabetes, draw)
    prior_stroke = health.prior_stroke(profile, sex, completed, education, smoker, diabetes, prior_mi, draw)
    z = health.risk_factors(profile, sex, completed, education, smoker, diabetes, draw)
    ascvd = (prior_mi | prior_stroke).astype(bool)
    bp_drugs = health.bp_drugs(profile, completed, ascvd, diabetes, z[:, 0], draw)
    statin = health.statin(profile, completed, ascvd, diabetes, bp_drugs, draw)
    return Population(
        region=profile.name,
        country=profile.country,
        seed=seed,
        municipalities=profile.municipalities,
        insurers=profile.insurers,
        practices=practices,
        persons_in_region=len(person),
        person=person,
        practice=practice,
        municipality=counts.municipality[row],
        sex=sex,
        age=age,
        education=education,
        deprived=deprived,
        smoker=smoker,
        z_sbp=z[:, 0],
        z_tc=z[:, 1],
        z_hdl=z[:, 2],
        z_bmi=z[:, 3],
        diabetes=diabetes,
        prior_mi=prior_mi,
        prior_stroke=prior_stroke,
        statin=statin,
        bp_drugs=bp_drugs,
        enrolled=health.enrolled(profile, completed, ascvd, diabetes, (statin > 0) | (bp_drugs > 0), draw),
        frailty=traits.frailty(profile, draw),
        insurer=traits.insurer(profile, draw),
    )


def ages(counts: PersonCounts, row: np.ndarray, draws: np.ndarray, open_band_mean_years: float) -> np.ndarray:
    """Return the age in years of each person, inside the band of the person's row of `counts`.

    The slope of the density within a band comes from the whole region's neighbouring bands of the same sex.
    """
    low, high = counts.age_from[row].astype(float), counts.age_to[row].astype(float)
    starts = np.unique(counts.age_from)
    slope = np.zeros(len(counts.persons))
    for sex in (0, 1):
        mine = counts.sex == sex
        band = np.searchsorted(starts, counts.age_from[mine])
        totals = np.bincount(band, counts.persons[mine], minlength=len(starts))
        widths = np.append(np.diff(starts), OLDEST - starts[-1]).astype(float)
        slope[mine] = slopes_within_bands(totals, widths)[band]
    is_open = high >= OLDEST - 1
    upper = np.where(is_open, OLDEST, high + 1)
    age = low + (upper - low) * fraction_within_band(draws, slope[row])
    age[is_open] = low[is_open] + years_in_open_band(draws[is_open], open_band_mean_years, OLDEST - float(starts[-1]))
    return np.asarray(np.minimum(age, np.nextafter(upper, 0.0)))


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        allowed = (f"a whole number from {low} to {high}",)
        raise ScenarioError(Problem("out of range", key=name, found=repr(value), allowed=allowed))
