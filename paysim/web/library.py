"""What can be chosen: regions, and ways of paying, which are the arms of the scenarios in the library.

What is chosen becomes an ordinary scenario, the same YAML that anybody could have written, so that the app can run
nothing that the command line cannot.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from paysim import catalog
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.reading import read_yaml
from paysim.web import terms

TEMPLATES = {"NL": "nl/achterhoek_four_models", "BE": "be/middenkempen_gp_payment"}
"""Scenario of each country that gives what is not chosen: today's payment, start, diseases, discount rates."""

DEFAULT_REGIONS = {"NL": "achterhoek", "BE": "middenkempen"}

FEWEST, MOST = 2, 4
"""Ways of paying that are compared at a time, today's not counted when it is chosen besides."""
YEARS = (1, 15)
QUICK_PERSONS = 10_000

_BEHAVIOUR = "profit_altruism"
_REPRESENTED = ("netherlands", "belgium", "flanders")


@dataclass(frozen=True)
class Region:
    """A population that can be chosen."""

    name: str
    title: str
    country: str


@dataclass(frozen=True)
class Way:
    """A way of paying: an arm of a scenario in the library.

    Attributes
    ----------
    id
        ``scenario:arm``.
    title
        Of the arm.
    country
        Of the scenario's region: amounts are that country's.
    data
        The arm as its file writes it.
    is_current
        Whether it is what its scenario calls today's payment.
    contracts
        Titles of its contracts that today's payment of the country lacks.
    """

    id: str
    title: str
    country: str
    data: dict[str, Any]
    is_current: bool
    contracts: tuple[str, ...]


@dataclass(frozen=True)
class Shelf:
    """The ways of paying of one scenario."""

    name: str
    title: str
    base_years: int
    ways: tuple[Way, ...]


@lru_cache(maxsize=1)
def regions() -> tuple[Region, ...]:
    """Return every shipped region by title, countries last."""
    found = []
    for name in catalog.names("populations"):
        data = read_yaml(catalog.find("populations", name)).data
        found.append(Region(name, str(data.get("title") or name), str(data["country"])))
    return tuple(sorted(found, key=lambda each: (each.name in _REPRESENTED, each.title)))


def region(name: str) -> Region:
    """Return a region by name.

    Raises
    ------
    ScenarioError
        There is none of that name.
    """
    known = {each.name: each for each in regions()}
    if name not in known:
        raise ScenarioError(
            Problem("no such region", found=repr(name), allowed=tuple(known), nearest=nearest_name(name, known))
        )
    return known[name]


@lru_cache(maxsize=1)
def shelves() -> tuple[Shelf, ...]:
    """Return the scenarios of the library that ways of paying are taken from."""
    country = {each.name: each.country for each in regions()}
    usual = {each: [_contract_title(item) for item in _today(each)["contracts"]] for each in TEMPLATES}
    found = []
    for name in catalog.names("scenarios"):
        data = read_yaml(catalog.find("scenarios", name)).data
        where = country.get(data["region"], "")
        ways = tuple(_ways(name, data, where, usual.get(where, ())))
        found.append(Shelf(name, str(data.get("title") or name), int(data.get("base_years", 3)), ways))
    return tuple(found)


def shelves_of(country: str) -> list[Shelf]:
    """Return the scenarios whose amounts are a country's, the template first; twins in other regions left out."""
    mine = [shelf for shelf in shelves() if shelf.ways and shelf.ways[0].country == country]
    mine.sort(key=lambda shelf: (shelf.name != TEMPLATES[country], shelf.name))
    kept: dict[tuple[str, ...], Shelf] = {}
    for shelf in mine:
        kept.setdefault(tuple(sorted(repr(way.data) for way in shelf.ways)), shelf)
    return list(kept.values())


def way(name: str) -> Way:
    """Return a way of paying by its id.

    Raises
    ------
    ScenarioError
        There is none of that id.
    """
    known = {each.id: each for shelf in shelves() for each in shelf.ways}
    if name not in known:
        raise ScenarioError(Problem("no such way of paying", found=repr(name), nearest=nearest_name(name, known)))
    return known[name]


def compose(region_name: str, ways: Sequence[str], years: int) -> dict[str, Any]:
    """Return a scenario, as a file would write it: a region under today's payment and the ways chosen.

    Raises
    ------
    ScenarioError
        Too few or too many ways, ways of another country, or years out of range.
    """
    where = region(region_name)
    chosen = [way(each) for each in dict.fromkeys(ways)]
    if not FEWEST <= len(chosen) <= MOST:
        allowed = (f"{FEWEST} to {MOST}",)
        raise ScenarioError(Problem("choose two to four ways of paying", found=str(len(chosen)), allowed=allowed))
    _require(where, chosen, years)
    today = _today(where.country)
    arms = [today]
    for each in chosen:
        if each.data["contracts"] != today["contracts"] or not each.is_current:
            arms.append(_arm(each, arms, today["name"]))
    if len(arms) < FEWEST:
        raise ScenarioError(Problem("choose a way of paying besides today's", found=chosen[0].title))
    return _scenario(where, arms, years, ways)


def today(region_name: str, years: int) -> dict[str, Any]:
    """Return a scenario of a region under today's payment alone, as a file would write it."""
    where = region(region_name)
    _require(where, [], years)
    return _scenario(where, [_today(where.country)], years, [])


def varied(
    region_name: str, chosen: Way, years: int, given: Mapping[str, str], *, neutral: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a scenario of today's payment, a way of paying as written, and the same with other terms.

    Parameters
    ----------
    given
        See `paysim.web.terms.changed`.
    neutral
        Whether rates of the last are scaled so that, if nobody responds, general practice is paid what it is today.

    Returns
    -------
    tuple
        The scenario, as a file would write it, and what was changed: key of a term -> words.
    """
    where = region(region_name)
    _require(where, [chosen], years)
    today = _today(where.country)
    arms = [today]
    if chosen.data["contracts"] != today["contracts"] or not chosen.is_current:
        arms.append(_arm(chosen, arms, today["name"]))
    made, said = terms.changed(arms[-1], given)
    made["name"], made["title"] = f"{made['name']}_changed"[:64], f"{made['title']}, changed"
    made.pop("budget_neutral_to", None)
    if neutral:
        made["budget_neutral_to"] = {"arm": today["name"], "on": terms.NEUTRAL}
    made.setdefault("behaviour", {"name": _BEHAVIOUR})
    return _scenario(where, [*arms, made], years, [chosen.id]), said


def _scenario(where: Region, arms: Sequence[dict[str, Any]], years: int, ways: Sequence[str]) -> dict[str, Any]:
    template = _template(where.country)
    titles = ", ".join(str(arm["title"]) for arm in arms[1:] or arms)
    return {
        "schema": 1,
        "name": f"{where.name}_compared",
        "title": f"{where.title}: {titles}",
        "region": where.name,
        "start": template["start"],
        "horizon_years": years,
        "base_years": max(_base_years(each) for each in (TEMPLATES[where.country], *ways)),
        "price_year": template["price_year"],
        "discounting": template["discounting"],
        "seed": template.get("seed", 1),
        "replicates": 1,
        "diseases": template["diseases"],
        "current": arms[0]["name"],
        "compare_with": [arms[0]["name"]],
        "arms": list(arms),
    }


def _template(country: str) -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(catalog.find("scenarios", TEMPLATES[country])).data
    return found


def _today(country: str) -> dict[str, Any]:
    """Return the arm of today's payment in a country."""
    template = _template(country)
    found: dict[str, Any] = next(arm for arm in template["arms"] if arm["name"] == template["current"])
    return found


def _require(where: Region, chosen: Sequence[Way], years: int) -> None:
    if not YEARS[0] <= years <= YEARS[1]:
        raise ScenarioError(Problem("years out of range", found=str(years), allowed=(f"{YEARS[0]} to {YEARS[1]}",)))
    for each in chosen:
        if each.country != where.country:
            message = f"the amounts of this way of paying are not those of {where.title}"
            raise ScenarioError(Problem(message, found=each.title))


def _arm(chosen: Way, arms: Sequence[dict[str, Any]], today: str) -> dict[str, Any]:
    """Return the arm of a way among others: its budget is compared with today's, its name and title are its own."""
    made = copy.deepcopy(chosen.data)
    if "budget_neutral_to" in made:
        made["budget_neutral_to"]["arm"] = today
    made.setdefault("title", made["name"].replace("_", " "))
    if made["name"] in [arm["name"] for arm in arms]:
        shelf = chosen.id.partition(":")[0].rpartition("/")[2]
        made["name"] = f"{made['name']}_{shelf}"[:64]
    if made["title"] in [arm["title"] for arm in arms]:
        made["title"] = f"{made['title']} ({chosen.id.partition(':')[0]})"
    return made


def _base_years(name: str) -> int:
    scenario = name.partition(":")[0]
    return next(shelf.base_years for shelf in shelves() if shelf.name == scenario)


def _ways(scenario: str, data: dict[str, Any], country: str, today: Sequence[str]) -> Iterator[Way]:
    """Yield the arms that stand alone: not those whose budget follows another arm than today's."""
    for arm in data["arms"]:
        neutral = arm.get("budget_neutral_to", {}).get("arm", data["current"])
        if neutral == data["current"] and "/" in scenario:
            title = str(arm.get("title") or arm["name"].replace("_", " "))
            titles = (_contract_title(each) for each in arm["contracts"])
            own = tuple(each for each in titles if each not in today)
            yield Way(f"{scenario}:{arm['name']}", title, country, arm, arm["name"] == data["current"], own)


def _contract_title(item: Any) -> str:
    """Return the title of a contract as an arm names it: by name, in part, or written out."""
    while isinstance(item, dict) and "use" in item:
        item = item["use"]
    data = item if isinstance(item, dict) else _contract(str(item))
    return str(data.get("title") or data["name"])


@lru_cache(maxsize=500)
def _contract(name: str) -> dict[str, Any]:
    found: dict[str, Any] = read_yaml(catalog.find("contracts", name)).data
    return found
