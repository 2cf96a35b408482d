"""A scenario made ready to run: its parameters, its people, and the engine's tables levelled on them.

Everything here is the same for all arms, and frozen: arms differ in contracts and behaviour only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from paysim.accounting.organisations import organisation_parameters
from paysim.behaviour import behaviour_parameters
from paysim.care.background import DISEASE_COSTS, flag_extras, with_residual, with_unmodelled
from paysim.care.delegation import COUNTRY_RULES, load_delegation
from paysim.care.model import CareModel, build_care, care_parameters
from paysim.care.model import under_rules as care_under_rules
from paysim.care.programmes import Programme, programme_parameters, settled, with_programmes
from paysim.care.rates import Floats
from paysim.diseases import health as diseases
from paysim.diseases.births import model as births
from paysim.diseases.cohort import Cohort
from paysim.diseases.frailty import model as frailty
from paysim.diseases.health import HealthModel, build_health, cohort_from_population, health_parameters
from paysim.diseases.migration import model as migration
from paysim.diseases.migration.model import Migration
from paysim.diseases.risk.factors import load_risk_factors
from paysim.engine.organisations import organisations_of
from paysim.errors import DataError, Problem, ScenarioError, nearest_name
from paysim.kernel.records import FIXED_PROCESSES, TICKS_PER_YEAR
from paysim.kernel.spec import Transition
from paysim.kernel.tables import Access, compile_tables, write_access
from paysim.outcomes import outcome_parameters
from paysim.parameters import Parameters, PriceLevel
from paysim.population import Population, RegionProfile, load_region, synthesize
from paysim.population.health import correlation_matrix
from paysim.population.nation import standard_people
from paysim.population.sampling import choose_practices
from paysim.population.schema import COLUMN_NAMES, contradictions, range_problems
from paysim.scenario import Arm, Scenario

GROUP_POPULATION = "population."


@dataclass(frozen=True, eq=False)
class Model:
    """All that an arm needs besides its contracts and behaviour.

    Attributes
    ----------
    tables
        The compiled engine's tables.
    processes
        Names of the calendar entries, in the order of the event log's numbers.
    counted
        How many of the catalogue's services are counted as events; the rest are years or euros.
    flag_bit
        Flag -> bit mask.
    programmes
        Of all arms together, with the scenario's own values in place.
    """

    scenario: Scenario
    region: RegionProfile
    population: Population
    parameters: Parameters
    cohort: Cohort
    health: HealthModel
    care: CareModel
    migration: Migration
    transitions: tuple[Transition, ...]
    tables: np.ndarray
    processes: tuple[str, ...]
    counted: int
    flag_bit: dict[str, int]
    programmes: tuple[Programme, ...] = ()

    @cached_property
    def flags_at_base(self) -> np.ndarray:
        """Flags with which the people of the cohort start, as bits ``[n]``."""
        held = np.zeros(len(self.cohort), np.int64)
        for flag, bit in self.flag_bit.items():
            held[self.cohort.has(flag)] |= bit
        return held


def load_parameters(scenario: Scenario, region: RegionProfile | None = None) -> tuple[Parameters, RegionProfile]:
    """Return every parameter of the model of a scenario, with the scenario's own values in place, and its region.

    Raises
    ------
    ScenarioError
        If the scenario replaces a parameter that does not exist; names the nearest.
    """
    region = region or load_region(scenario.region)
    country = region.country
    parameters = health_parameters(country) | care_parameters(country) | behaviour_parameters() | outcome_parameters()
    parameters |= programme_parameters(scenario.programmes)
    about = (organisations_of(arm, country) for arm in scenario.arms)
    parameters |= organisation_parameters(each for each in about if each is not None)
    parameters = parameters.priced(PriceLevel(country, scenario.price_year))
    rules = scenario.arm(scenario.current).delegation
    if rules is not None:
        parameters = parameters.with_rows(rules.rows)
    known = [*parameters, *region.parameters]
    problems = [
        Problem(
            "unknown parameter",
            change.file or scenario.path,
            line=change.line,
            column=change.column,
            key="parameters",
            found=change.name,
            nearest=nearest_name(change.name, known),
        )
        for change in scenario.parameters
        if change.name not in known
    ]
    if problems:
        raise ScenarioError(*problems)
    of_region = [change for change in scenario.parameters if change.name.startswith(GROUP_POPULATION)]
    of_model = [change for change in scenario.parameters if not change.name.startswith(GROUP_POPULATION)]
    return parameters.override(of_model), region.override(of_region)


def _as_fitted(scenario: Scenario, parameters: Parameters) -> Mapping[str, Floats]:
    """Return what flags cost without the values of a study of uncertainty; what a user writes is meant to add costs."""
    studied = [row for row in scenario.parameters if row.name.startswith(f"{DISEASE_COSTS}.") and not row.file]
    if not studied:
        return flag_extras(parameters)
    written = tuple(row for row in scenario.parameters if row not in studied)
    return flag_extras(
        load_parameters(replace(scenario, parameters=written))[0].override(
            [("care.background_level", parameters["care.background_level"])]
        )
    )


def build_model(scenario: Scenario, sample: int | None = None, population: Population | None = None) -> Model:
    """Build the model of a scenario.

    Parameters
    ----------
    sample
        Simulate whole practices with about this many people instead of the region.
    population
        People of the scenario's region to use instead of synthesizing them.

    Raises
    ------
    DataError
        The people given are of another region, or know other municipalities or insurers; or an arm delegates to nurses
        where no practice employs one.
    """
    parameters, region = load_parameters(scenario)
    if population is None:
        people = synthesize(region, seed=scenario.seed, sample=sample, health_values=parameters)
    else:
        people = _given(population, region, sample)
    require_known(scenario, people.insurers)
    _require_controls(scenario, people)
    everybody = cohort_from_population(people, parameters)
    cohort = diseases.settled(everybody, scenario.diseases)
    standard = standard_people(region, people, cohort, load_risk_factors(parameters))
    health = build_health(parameters, cohort, region.country, scenario.diseases, standard)
    prices = PriceLevel(region.country, scenario.price_year)
    care = build_care(parameters, cohort, region.country, health.modelled_admissions, prices)
    background = with_residual(care.background, _as_fitted(scenario, parameters), everybody)
    care = replace(care, background=with_unmodelled(background, everybody, cohort))
    is_open = scenario.population == "open"
    movement = migration.build(parameters, cohort, is_open=is_open)
    newborns = (births.build(parameters),) if is_open else ()
    programmes = tuple(settled(each, parameters) for each in scenario.programmes)
    _check_staff(programmes, people)
    _check_nurses(scenario, people, region.country)
    rows = (*health.transitions, *care.transitions, *newborns, *movement.transitions)
    added = with_programmes(programmes, rows, health.flags, len(FIXED_PROCESSES))
    transitions, flags = added.transitions, (*health.flags, *added.flags)
    services = care.services
    counted = next(k for k, unit in enumerate(services.units) if unit in ("person_year", "euro"))
    tables = compile_tables(
        transitions,
        flags,
        services.names[:counted],
        access(care),
        risk_mean=health.risk_factors.mean,
        risk_sd=health.risk_factors.sd,
        treatment_effects={**health.treatment_effects, **added.treatment_effects},
        base_utility=health.base_utility,
        decrements=health.decrement,
        utility_rule=health.combination.rule,
        reference_utility=health.combination.reference,
        chronic_flags=health.chronic,
        untreated_ldl=health.untreated_ldl,
        usual_lowering=health.usual_lowering,
        frailty=frailty.terms(parameters),
        frailty_permanent_sigma=region["frailty_sigma"],
        score_correlations=correlation_matrix(region),
        trend_from=-scenario.base_years * TICKS_PER_YEAR,
    )
    return Model(
        scenario=scenario,
        region=region,
        population=people,
        parameters=parameters,
        cohort=cohort,
        health=health,
        care=care,
        migration=movement,
        transitions=transitions,
        tables=tables,
        processes=(*FIXED_PROCESSES, *(each.name for each in transitions)),
        counted=counted,
        flag_bit={name: 1 << k for k, name in enumerate(flags)},
        programmes=programmes,
    )


def _check_staff(programmes: tuple[Programme, ...], people: Population) -> None:
    """Raise ScenarioError if a programme needs practice nurses and no practice of the region employs one."""
    if any(practice.nurse_fte > 0.0 for practice in people.practices):
        return
    raise_for = [each for each in programmes if "practice_nurse" in each.professions]
    if raise_for:
        message = "needs practice nurses, and no practice of this region employs one"
        raise ScenarioError(*(Problem(message, each.document.path, key="minutes_per_year") for each in raise_for))


def _check_nurses(scenario: Scenario, people: Population, country: str) -> None:
    """Raise DataError if an arm delegates tasks to nurses and no practice of the region employs one."""
    if any(practice.nurse_fte > 0.0 for practice in people.practices):
        return
    for arm in scenario.arms:
        rules = arm.delegation or scenario.arm(scenario.current).delegation or load_delegation(COUNTRY_RULES[country])
        if rules.needs_nurses:
            what = f"arm {arm.name!r} delegates to nurses, but no practice of the region employs one"
            raise DataError(Problem(what, scenario.path, key="delegation", found=rules.name))


def require_known(scenario: Scenario, insurers: Sequence[str]) -> None:
    """Require that what contracts name exists: insurers of the region, and indicators of the model.

    Raises
    ------
    ScenarioError
        With the arm and the nearest known name of each that does not.
    """
    from paysim.engine.facts import INDICATORS, REPORTED  # it reads a model

    problems = []
    for arm in scenario.arms:
        for contract in arm.contracts:
            named = [
                (each, insurers, "is for an insurer that the region does not have") for each in contract.scope.insurers
            ]
            named += [
                (each, (*INDICATORS, *REPORTED), f"has {part.name} by an indicator that the model does not have")
                for part in contract.components
                for each in part.indicators
            ]
            problems += [
                Problem(
                    f"contract {contract.name!r} {what}",
                    file=scenario.path,
                    key=f"arms.{arm.name}.contracts",
                    found=repr(name),
                    allowed=tuple(known),
                    nearest=nearest_name(name, known),
                )
                for name, known, what in named
                if name not in known
            ]
    if problems:
        raise ScenarioError(*problems)


def _require_controls(scenario: Scenario, people: Population) -> None:
    """Raise DataError if a contract has a control group, and no practice of these people is in it."""
    names = tuple(practice.name for practice in people.practices)
    for arm in scenario.arms:
        for contract in arm.contracts:
            who = contract.scope.participants
            if any(part.needs_controls for part in contract.components) and who and who.factor(names).all():
                what = f"all practices are in contract {contract.name!r} of arm {arm.name!r}, which needs some outside"
                allowed = ("a larger sample, or participants with a smaller share",)
                found = f"{len(names)} practices"
                raise DataError(Problem(what, scenario.path, key="participants", found=found, allowed=allowed))


def under_rules(model: Model, arm: Arm) -> Model:
    """Return the model under the rules of delegation of an arm; by default those of the current arm, which it has."""
    rules, current = arm.delegation, model.scenario.arm(model.scenario.current).delegation
    if rules is None or rules == current:
        return model
    care = care_under_rules(model.care, model.parameters, rules)
    tables = model.tables.copy()
    write_access(tables, access(care), care.services.names[: model.counted])
    return replace(model, care=care, tables=tables, parameters=model.parameters.with_rows(rules.rows))


def _given(population: Population, region: RegionProfile, sample: int | None) -> Population:
    """Return people who were given, or whole practices of them, if they are of the region."""
    pairs = {
        "region": (population.region, region.name),
        "country": (population.country, region.country),
        "municipalities": (", ".join(population.municipalities), ", ".join(region.municipalities)),
        "insurers": (", ".join(population.insurers), ", ".join(region.insurers)),
    }
    problems = [
        Problem("the population is not of the scenario's region", key=key, found=found, allowed=(wanted,))
        for key, (found, wanted) in pairs.items()
        if found != wanted
    ]
    if problems:
        raise DataError(problems[0])  # people of another region differ in the rest too
    columns = {name: getattr(population, name) for name in COLUMN_NAMES}
    problems = range_problems(columns, "population") or contradictions(columns)
    if problems:
        raise DataError(*problems)
    if sample is None:
        return population
    chosen, note = choose_practices(population.practices, population.municipalities, sample)
    return population.take_practices(chosen, note)


def access(care: CareModel) -> Access:
    """Return the care model's terms of access under the names the tables use."""
    return Access(
        contact_mix=care.contact_mix,
        contact_minutes=care.contact_minutes,
        urgent_share=care.urgent_share,
        delegable_share=care.delegable_share,
        referral_probability=care.referral_probability,
        nurse_referral_multiplier=care.nurse_referral_multiplier,
        follow_up_referral_multiplier=care.access.follow_up_referral_multiplier,
        ed_referral_probability=care.ed_referral_probability,
        base_delegation=care.base_delegation,
        chronic_nurse_share=care.chronic_nurse_share,
        mental_share=care.access.mental_share,
        nurse_starts=care.access.nurse_starts,
        missed_share=care.access.missed_share,
        own_gp_days=care.access.own_gp_days,
        wait_odds=care.wait_odds,
        patience_days=care.access.patience_by_education,
        horizon_days=list(care.horizon_days),
        elsewhere=care.access.elsewhere_by_education,
        later_days=care.later_days,
        weekdays=care.weekdays,
    )
