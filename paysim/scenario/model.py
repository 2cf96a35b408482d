"""What a scenario is, once it has been checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from paysim.care.programmes import Programme, ProgrammeUse
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.parameters import Override

if TYPE_CHECKING:
    from paysim.accounting.organisations import Organisations
    from paysim.care.delegation import DelegationRules
    from paysim.contracts.terms import Contract


POPULATIONS = ("open", "closed")


@dataclass(frozen=True)
class Discounting:
    """Yearly discount rates of costs and of effects, as shares."""

    costs: float
    effects: float


@dataclass(frozen=True)
class BudgetNeutrality:
    """Rates are solved so that payers spend on `on` what they spend in `arm`, without any response."""

    arm: str
    on: str


@dataclass(frozen=True)
class Behaviour:
    """How providers respond: a behaviour, its settings, and whether the file names it."""

    name: str = "passive"
    settings: tuple[tuple[str, float], ...] = ()
    given: bool = False


@dataclass(frozen=True)
class Arm:
    """Contracts, behaviour, programmes and rules of delegation that are compared with those of other arms.

    Without `delegation` the rules are those of the current arm, and there those of the country. With `peer_feedback`
    practices see how they do beside each other, from the start of the arm. With `organisations` those of the file that
    have a rule of exit leave by it; without, nobody does.
    """

    name: str
    title: str
    contracts: tuple[Contract, ...]
    budget_neutral_to: BudgetNeutrality | None = None
    behaviour: Behaviour = Behaviour()
    programmes: tuple[ProgrammeUse, ...] = ()
    delegation: DelegationRules | None = None
    peer_feedback: bool = False
    organisations: Organisations | None = None


@dataclass(frozen=True)
class Scenario:
    """A checked scenario.

    Attributes
    ----------
    region
        Name of the region's profile in `populations/`.
    start
        Calendar day of model time 0.
    horizon_years, base_years
        Length of every arm, and of the base run before it, in years.
    price_year
        Year of the euros in which everything is shown.
    current
        Name of the arm of the data year.
    compare_with
        Names of the arms with which the others are compared.
    parameters
        Values of the model that this scenario replaces.
    programmes
        Of all arms together, as written: every arm has their flags, so that all read the same tables.
    population
        ``open``, with births and migration, or ``closed``: nobody joins the people of the start, and who leaves dies.
    sha256
        Of the file the scenario was read from.
    given
        Top-level keys that the file states; the others have their defaults.
    read
        Values as they were read, by their names in `resolved`: what differs was replaced since.
    """

    name: str
    title: str
    region: str
    start: date
    horizon_years: int
    base_years: int
    price_year: int
    discounting: Discounting
    seed: int
    replicates: int
    diseases: tuple[str, ...]
    current: str
    compare_with: tuple[str, ...]
    arms: tuple[Arm, ...]
    parameters: tuple[Override, ...] = ()
    population: Literal["open", "closed"] = "open"
    programmes: tuple[Programme, ...] = ()
    path: str = ""
    sha256: str = ""
    given: frozenset[str] = field(default=frozenset(), repr=False)
    read: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what no run can be made of, also after `dataclasses.replace`."""
        for key, least in (("horizon_years", 1), ("base_years", 1), ("replicates", 1), ("seed", 0)):
            value = getattr(self, key)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ScenarioError(
                    Problem(f"a whole number of {least} or more expected", self.path, key=key, found=value)
                )
        if self.population not in POPULATIONS:
            what = "unknown kind of population"
            raise ScenarioError(Problem(what, self.path, key="population", found=self.population, allowed=POPULATIONS))
        for key in ("costs", "effects"):
            rate = getattr(self.discounting, key)
            if not 0.0 <= rate <= 0.2:
                raise ScenarioError(
                    Problem("a rate from 0 to 0.2 expected", self.path, key=f"discounting.{key}", found=rate)
                )
        names = [arm.name for arm in self.arms]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ScenarioError(Problem("two arms share a name", self.path, key="arms", found=", ".join(twice)))

    def arm(self, name: str) -> Arm:
        """Return the arm of that name.

        Raises
        ------
        ScenarioError
            There is no such arm; names the nearest.
        """
        for arm in self.arms:
            if arm.name == name:
                return arm
        known = [arm.name for arm in self.arms]
        near = nearest_name(name, known)
        raise ScenarioError(Problem("no such arm", self.path, found=name, allowed=tuple(known), nearest=near))
