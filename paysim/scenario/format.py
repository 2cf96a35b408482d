"""The file of a scenario: its keys, with unit, default and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, create_model

from paysim.behaviour import behaviours
from paysim.care.programmes import PAYERS
from paysim.reading import Name, Reader

BEHAVIOURS: dict[str, tuple[str, ...]] = {name: found.settings for name, found in behaviours().items()}
"""Every behaviour with the names of the settings that an arm may give it."""


def _day(text: Any) -> Any:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text or not 1900 <= day.year <= 2200:
        raise ValueError("a day such as 2021-01-01 expected")
    return text


def _unit(unit: str, about: str, **bounds: Any) -> Any:
    return Field(description=about, json_schema_extra={"unit": unit}, **bounds)


class DiscountingReader(Reader):
    """Yearly discount rates."""

    costs: Annotated[float, _unit("per year", "discount rate of costs", ge=0, le=0.2)]
    effects: Annotated[float, _unit("per year", "discount rate of effects", ge=0, le=0.2)]


class NeutralityReader(Reader):
    """With which arm the budget is equal, and on what."""

    arm: str
    on: Literal["general_practice"]


class BehaviourName(Reader):
    """Which behaviour; its settings are further keys."""

    name: str


# One optional key for each setting of any behaviour; whether it fits the behaviour named is checked later.
SETTINGS: dict[str, Any] = {name: (float | None, None) for names in BEHAVIOURS.values() for name in names}
_BEHAVIOUR: Any = Literal[tuple(sorted(BEHAVIOURS))]
BehaviourReader = create_model("BehaviourReader", __base__=BehaviourName, name=(_BEHAVIOUR, ...), **SETTINGS)


class ProgrammeUseReader(Reader):
    """A programme in an arm: which, from when, who pays if not as its own file says, and with which staff."""

    name: str
    start_year: Annotated[int, Field(ge=0, le=100)] = 0
    payer: Literal[(*PAYERS, "nobody")] | None = None  # type: ignore[valid-type]
    staff: Literal["hired", "employed"] | None = None


class ArmReader(Reader):
    """One arm; its contracts are read by `paysim.contracts`."""

    name: Name
    title: str | None = None
    contracts: Annotated[list[Any], Field(min_length=1, max_length=50)]
    budget_neutral_to: NeutralityReader | None = None
    delegation: str | None = None
    organisations: str | None = None
    behaviour: BehaviourReader | None = None
    programmes: Annotated[list[str | ProgrammeUseReader], Field(max_length=50)] = []
    peer_feedback: bool = False


class OverrideReader(Reader):
    """A value of the model that the scenario replaces."""

    name: str
    value: float | str | list[float]


class ScenarioReader(Reader):
    """The whole file."""

    version: Annotated[Literal[1], Field(alias="schema", description="version of this format")]
    name: Annotated[Name, _unit("name", "name of the scenario")]
    title: Annotated[str | None, _unit("text", "title for tables and reports")] = None
    region: Annotated[str, _unit("name", "name of a region's profile")]
    start: Annotated[str, AfterValidator(_day), _unit("day", "calendar day of model time 0")]
    horizon_years: Annotated[int, _unit("years", "length of every arm", ge=1, le=100)]
    base_years: Annotated[int, _unit("years", "length of the base run before the fork", ge=1, le=20)] = 3
    price_year: Annotated[int, _unit("calendar year", "year of the euros shown", ge=2000, le=2100)]
    discounting: DiscountingReader
    seed: Annotated[int, _unit("count", "key of all random numbers", ge=0, lt=2**63)] = 1
    replicates: Annotated[int, _unit("count", "number of seeds", ge=1, le=10_000)] = 1
    population: Annotated[
        Literal["open", "closed"], _unit("name", "open: births and migration; closed: the cohort of the start")
    ] = "open"
    diseases: Annotated[list[str], _unit("names", "diseases that are modelled", min_length=1)]
    current: Annotated[str, _unit("name", "arm of the data year; the base run is simulated under it")]
    compare_with: Annotated[list[str], _unit("names", "arms with which the others are compared", min_length=1)] = []
    arms: Annotated[list[ArmReader], Field(min_length=1, max_length=50)]
    parameters: Annotated[list[OverrideReader], Field(max_length=1000)] = []


def settings(read: BehaviourName | None) -> Iterator[tuple[str, float]]:
    """Return the settings that an arm gives to its behaviour."""
    for key in SETTINGS:
        value = getattr(read, key, None)
        if value is not None:
            yield key, value
