"""From a region's profile to its people: its published margins, and the joint structure it claims.

Counts by municipality, sex and age band are exact. Education is drawn by sex and age (levelled to the
region's totals); smoking by sex, age and education; diseases by logistic models whose intercepts are solved so that
the prevalence of the nation holds in every cell for people like those of the nation (`paysim.population.nation`);
treatment likewise, at the published shares; risk factors by a Gaussian copula within sex and age. Traits are drawn
for the whole region and a sample then takes whole practices, so people in a sample are the same people.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from paysim.diseases.diabetes import model as diabetes
from paysim.diseases.health import health_parameters
from paysim.errors import Problem, ScenarioError
from paysim.parameters import Parameters
from paysim.population import health, nation, traits
from paysim.population.ages import ages
from paysim.population.bands import AGES
from paysim.population.conditions import draw_conditions, prevalence
from paysim.population.keys import Domain, Trait, keys, uniform
from paysim.population.practices import join_practices, make_practices
from paysim.population.profile import RegionProfile, load_region
from paysim.population.sampling import choose_practices
from paysim.population.schema import RISK_FACTORS, Population

_LARGEST_SEED = 2**63 - 1


def synthesize(
    region: RegionProfile | str | os.PathLike[str],
    seed: int = 1,
    sample: int | None = None,
    health_values: Parameters | None = None,
) -> Population:
    """Make the people and practices of a region.

    Parameters
    ----------
    region
        A profile, or the name or path of one.
    seed
        The same seed gives the same people.
    sample
        Take whole practices, at least one, with a total near this number of persons; None takes everybody.
    health_values
        Parameters of the diseases, see `paysim.diseases.health.health_parameters`; by default those of the country.

    Raises
    ------
    ScenarioError
        The region is unknown, or the seed or the sample is not a whole number in range.
    DataError
        A table of the region is at fault.
    """
    profile = region if isinstance(region, RegionProfile) else load_region(region)
    check_whole("seed", seed, 0, _LARGEST_SEED)
    if sample is not None:
        check_whole("sample", sample, 1, _LARGEST_SEED)
    whole = _whole_region(profile, int(seed), health_values)
    if sample is None:
        return whole
    chosen, note = choose_practices(whole.practices, whole.municipalities, sample)
    return whole.take_practices(chosen, note)


def _whole_region(profile: RegionProfile, seed: int, health_values: Parameters | None) -> Population:
    counts = profile.simulated
    practices = make_practices(profile, seed)
    row = np.repeat(np.arange(len(counts.persons)), counts.persons)
    joined = join_practices(practices, counts.municipality[row], seed)
    order = np.argsort(joined, kind="stable")
    row, practice = row[order], joined[order]
    person = np.arange(len(row), dtype=np.int64)
    draw = keys(seed, Domain.PERSON, person)
    sex = counts.sex[row]
    age = ages(profile, row, uniform(draw, Trait.AGE))
    people = {
        "person": person,
        "practice": practice,
        "municipality": counts.municipality[row],
        "sex": sex,
        "age": age,
    }
    return Population(
        region=profile.name,
        country=profile.country,
        seed=seed,
        municipalities=profile.municipalities,
        insurers=profile.insurers,
        practices=practices,
        persons_in_region=profile.persons.total,
        sample_note=_represented(profile),
        **complete(profile, seed, people, health_values),
    )


def complete(
    profile: RegionProfile, seed: int, known: Mapping[str, np.ndarray], health_values: Parameters | None = None
) -> dict[str, Any]:
    """Return all columns of people of whom some are known and the others are drawn.

    Parameters
    ----------
    known
        Columns by name, at least person, practice, municipality, sex and age. Known traits are kept as they are, and
        those drawn depend on them. Risk factors are drawn together, whichever of them are known.
    health_values
        Parameters of the diseases; by default those of the country.
    """
    columns = dict(known)
    health_values = health_parameters(profile.country) if health_values is None else health_values
    share = prevalence(profile, health_values)
    sex, completed = columns["sex"], np.minimum(columns["age"].astype(np.int64), AGES - 1)
    draw = keys(seed, Domain.PERSON, columns["person"])

    def trait(name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
        if name not in columns:
            columns[name] = make()
        return columns[name]

    education = trait("education", lambda: traits.education(profile, sex, completed, draw))
    deprived = trait("deprived", lambda: traits.deprived(profile, education, columns["practice"], seed, draw))
    chances = nation.shares(profile).smoking
    smoker = trait("smoker", lambda: traits.smoker(chances, sex, completed, education, draw))
    own_traits = "education" not in known and "smoker" not in known
    weight = nation.weights(profile, sex, completed, education, smoker, drawn=own_traits)
    differ = nation.scores(profile)
    more = None if differ is None else nation.more_cases(differ, diabetes.onset(health_values), health_values)
    trait("ex_smoker", lambda: traits.ex_smoker(profile, sex, completed, education, smoker, draw))
    diabetic = trait(
        "diabetes",
        lambda: health.diabetes(profile, share["diabetes"], sex, completed, education, draw, weight, more),
    )
    prior_mi = trait(
        "prior_mi",
        lambda: health.prior_mi(
            profile, share["prior_mi"], sex, completed, education, smoker, diabetic, draw, health_values, weight
        ),
    )
    prior_stroke = trait(
        "prior_stroke",
        lambda: health.prior_stroke(
            profile,
            share["prior_stroke"],
            sex,
            completed,
            education,
            smoker,
            diabetic,
            prior_mi,
            draw,
            health_values,
            weight,
        ),
    )
    if any(f"z_{factor}" not in columns for factor in RISK_FACTORS):
        standard = weight if differ is None else None
        z = health.risk_factors(profile, sex, completed, education, smoker, diabetic, draw, standard)
        if differ is not None:
            z = differ.of_region(z, sex, completed)
        for i, factor in enumerate(RISK_FACTORS):
            columns.setdefault(f"z_{factor}", z[:, i])
    ascvd = (prior_mi | prior_stroke).astype(bool)
    bp_drugs = trait("bp_drugs", lambda: health.bp_drugs(profile, completed, ascvd, diabetic, columns["z_sbp"], draw))
    statin = trait("statin", lambda: health.statin(profile, completed, ascvd, diabetic, bp_drugs, draw))
    treated = (statin > 0) | (bp_drugs > 0)
    trait("enrolled", lambda: health.enrolled(profile, completed, ascvd, diabetic, treated, draw))
    trait("frailty", lambda: traits.frailty(profile, draw))
    trait("insurer", lambda: traits.insurer(profile, draw))
    trait("preferential", lambda: traits.preferential(profile, completed, education, deprived, draw))
    standard_z = None
    if differ is not None and all(f"z_{factor}" not in known for factor in RISK_FACTORS):
        z = np.stack([columns[f"z_{factor}"] for factor in RISK_FACTORS], axis=1)
        standard_z = differ.of_nation(z, sex, completed)
    draw_conditions(health_values, columns, sex, completed, draw, weight, standard_z)
    return columns


def _represented(profile: RegionProfile) -> str:
    """Return what to know of a region that fewer people stand for; empty where everybody is made."""
    if profile.weight == 1.0:
        return ""
    made, whole = profile.simulated.total, profile.persons.total
    return f"{made:,} simulated persons represent {whole:,}; each person stands for {profile.weight:.3f}"


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Raise ScenarioError unless a value is a whole number in range (bounds included)."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        allowed = (f"a whole number from {low} to {high}",)
        raise ScenarioError(Problem("out of range", key=name, found=repr(value), allowed=allowed))
