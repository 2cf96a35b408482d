"""Verification of a scenario: what must hold whatever its numbers are, tried out on a small sample of its region.

The checks follow the black-box part of TECH-VER (Büyükkaramikli et al., PharmacoEconomics 2019: inputs, events and
states, results, uncertainty, the whole): extreme values whose outcome is known beforehand, laws of conservation, and
comparisons that must come out as nothing. They find errors of the program and of a scenario's files. They say nothing
about whether the model is like the world: that is `paysim validate`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import poisson

from paysim.accounting.ledger import is_practice
from paysim.analysis.compare import compare
from paysim.analysis.measures import HORIZON
from paysim.analysis.verified import DOMAINS, Check, Verification
from paysim.contracts.contract import PRACTICES, Contract
from paysim.contracts.coverage import warnings_over
from paysim.contracts.settlement import LINES, PAYERS
from paysim.engine.cell import Base, Cell, Progress, by_year, run_arm, run_base, solve_arms
from paysim.engine.model import Model, build_model
from paysim.kernel.records import FIRST_TRANSITION
from paysim.population import Population
from paysim.scenario import Arm, Behaviour, Discounting, Scenario

if TYPE_CHECKING:
    pass

SAMPLE = 1500
"""Persons: a practice or two."""

EXAGGERATED = 5.0
"""Factor on the rate of background deaths."""

_SHARES = ("proportion", "share")
_LOST = 1e-6  # relative, of cents rounded and sums in other orders
_RARE = 1e-6
"""Probability by chance below which a count is no chance."""


def verify(
    scenario: Scenario,
    *,
    sample: int = SAMPLE,
    population: Population | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify a scenario on a sample of its region, over its base years and the first contract year.

    Parameters
    ----------
    sample
        About how many persons, in whole practices.
    population
        People to use instead of a sample.
    progress
        Called as (domain, done, of).

    Raises
    ------
    ScenarioError, DataError
        Bad input.
    ModelError
        If a law breaks that the engine itself watches over.
    """
    bench = _Bench(replace(scenario, horizon_years=1, replicates=1), sample, population)
    families = (_inputs, _states, _money, _results, _program)
    checks: list[Check] = []
    for number, (domain, family) in enumerate(zip(DOMAINS, families, strict=True)):
        if progress:
            progress(domain, number, len(DOMAINS))
        checks += [Check(name, domain, what, bool(passed), found) for name, what, passed, found in family(bench)]
    return Verification(scenario.name, len(bench.model.population), tuple(checks))


_Found = tuple[str, str, bool | np.bool_, str]
"""Id, what must hold, whether it does, and what was seen."""


class _Bench:
    """The scenario on a sample, and variants of it."""

    def __init__(self, scenario: Scenario, sample: int, population: Population | None) -> None:
        self.scenario = scenario
        self.model = build_model(scenario, None if population else sample, population)

    @cached_property
    def base(self) -> Base:
        return run_base(self.model, 0)

    @cached_property
    def passive(self) -> Arm:
        """The current arm without response: contracts move money in it and nothing else."""
        return self.without_response(self.scenario.arm(self.scenario.current))

    @cached_property
    def today(self) -> Cell:
        return self.cell(self.passive, on_events=self.events.append)

    @cached_property
    def events(self) -> list[np.ndarray]:
        return []

    @cached_property
    def arms(self) -> dict[str, Cell]:
        """Every arm of the scenario with its response and its rates solved."""
        solved = solve_arms(self.scenario, by_year(self.today.quarters), self.base.years)
        return {name: self.cell(arm) for name, (arm, _) in solved.items()}

    @staticmethod
    def without_response(arm: Arm) -> Arm:
        return replace(arm, behaviour=Behaviour(), programmes=())

    def cell(self, arm: Arm, *, model: Model | None = None, base: Base | None = None, **how: Any) -> Cell:
        return run_arm(model or self.model, base or self.base, arm, 0, **how)

    def with_tables(self, **fields: Any) -> Cell:
        """Return the passive current arm with other values in the engine's tables, from the base years on."""
        tables = self.model.tables.copy()
        for name, value in fields.items():
            tables[name] = value
        model = replace(self.model, tables=tables)
        return self.cell(self.passive, model=model, base=run_base(model, 0))

    def discounted(self, rate: float) -> Cell:
        at_rate = replace(self.model.scenario, discounting=Discounting(costs=rate, effects=rate))
        return self.cell(self.passive, model=replace(self.model, scenario=at_rate))

    def with_contracts(self, contracts: Sequence[Contract]) -> Cell:
        return self.cell(replace(self.passive, contracts=tuple(contracts)))


def _inputs(bench: _Bench) -> Iterator[_Found]:
    every = bench.model.parameters.frame()
    rows = [each for each in every if isinstance(each["value"], int | float)]
    ranged = [each for each in every if each["low"] is not None]
    outside = [each["name"] for each in ranged if any(not each["low"] <= v <= each["high"] for v in _numbers(each))]
    yield "range", "every value lies inside its range", not outside, _named(outside, len(ranged))
    bare = [each["name"] for each in rows if not (each["unit"] and each["source"] and each["status"])]
    yield "origin", "every value has a unit, a source and a status", not bare, _named(bare, len(rows))
    weak = [each for each in rows if each["status"] in ("recalled", "assumed")]
    sure = [each["name"] for each in weak if each["low"] is None]
    yield "uncertain", "every recalled or assumed value has a range", not sure, _named(sure, len(weak))
    shares = [each for each in rows if str(each["unit"]).split(" ", 1)[0] in _SHARES and not (each["low"] or 0.0) < 0.0]
    beyond = [each["name"] for each in shares if not 0.0 <= each["value"] <= 1.0]
    yield "share", "every share lies between 0 and 1", not beyond, _named(beyond, len(shares))
    services = bench.model.care.services
    paid: list[str] = []
    for arm in bench.scenario.arms:
        found = warnings_over(arm.contracts, services.names, services.sectors, bench.scenario.horizon_years)
        paid += [f"{arm.name}: {each}" for each in found if "paid twice" in each]
    yield "paid_once", "no service is paid twice", not paid, _named(paid, len(bench.scenario.arms) * len(services))


def _states(bench: _Bench) -> Iterator[_Found]:
    today = bench.today
    kept = next(each for each in today.checks if each["id"].startswith("people:"))
    lived, lost = _total(today, "person_years"), _total(today, "years_with_disability")
    yield "people", "people and person-time are conserved", kept["passed"], f"{lived:,.0f} years"
    log = np.concatenate(bench.events)
    log = log[np.lexsort((log["person"], log["tick"]))]
    deadly = [FIRST_TRANSITION + k for k, each in enumerate(bench.model.transitions) if each.kind == "death"]
    died = np.isin(log["process"], deadly)
    first = dict(zip(log["person"][died][::-1].tolist(), np.flatnonzero(died)[::-1].tolist(), strict=True))
    after = sum(at > first.get(person, at) for at, person in enumerate(log["person"].tolist()))
    yield "death", "nothing happens to a person after death", len(first) > 0 and after == 0, f"{len(first)} deaths"
    wrong = [name for name in ("person_years", "deaths", "spending_total", "qalys") if not _adds_up(today, name)]
    yield "groups", "groups by age, sex, education and so on add up to the whole", not wrong, _named(wrong, 4)
    qalys, healthy = _total(today, "qalys"), _total(today, "healthy_life_years")
    yield "qalys_below", "QALYs are no more than life years", 0.0 < qalys <= lived, f"{qalys:,.1f} of {lived:,.1f}"
    yield "healthy_below", "healthy years are no more than life years", 0.0 < healthy <= lived, f"{healthy:,.1f}"
    dalys, parts = _total(today, "dalys"), _total(today, "years_of_life_lost") + lost
    yield "dalys", "DALYs are years lost and years with disability", _near(dalys, parts), f"{dalys:,.1f}"
    perfect = bench.with_tables(base_utility=1.0, decrement=0.0)
    gap = _total(perfect, "qalys") - _total(perfect, "person_years")
    yield "utility_one", "with all utilities at 1 QALYs are life years", _near(gap, 0.0, lived), f"{gap:.3g} apart"
    lost = _total(perfect, "years_with_disability")
    yield "no_decrement", "without decrements no utility is lost", lost == 0.0, f"{lost:.3g}"
    same = _total(perfect, "deaths") == _total(today, "deaths")
    yield "utility_apart", "utilities change no event", same, f"{_total(perfect, 'deaths'):,.0f} deaths"
    hazard = bench.model.tables["log_hazard"].copy()
    background = [each.name for each in bench.model.transitions].index("death_background")
    hazard[..., FIRST_TRANSITION + background, :, :] += np.log(EXAGGERATED)
    dying = bench.with_tables(log_hazard=hazard)
    times = _total(dying, "deaths") / _total(today, "deaths")
    what = f"{EXAGGERATED:g} times the background deaths reach mortality"
    yield "mortality", what, 1.5 < times < EXAGGERATED, f"{times:.2f} times the deaths"


def _money(bench: _Bench) -> Iterator[_Found]:
    today = bench.today
    ledger = today.ledger.frame()
    uneven = int((ledger.groupby("posting")["cents"].sum() != 0).sum())
    yield "postings", "every posting sums to zero", len(ledger) > 0 and uneven == 0, f"{len(ledger):,} legs"
    balance = ledger.groupby(["actor", "account"], observed=True)["cents"].sum().sum()
    yield "balance", "the trial balance is zero", balance == 0, f"{balance} cents"
    weight = bench.model.population.practices[0].weight
    paid = -ledger[ledger["actor"].isin(PAYERS)]["cents"].sum() / 100.0 * weight
    spent = _total(today, "spending_total") + _total(today, "spending_long_term_care")
    agree = _near(paid, spent, tolerance=1e-4)
    yield "spending", "spending is what payers paid in the ledger", agree, f"{paid:,.0f} and {spent:,.0f} euro"
    lines = [f"spending_{line}" for line in (*LINES, "organisations", "programmes") if line != "long_term_care"]
    by_line = sum(_total(today, name) for name in lines)
    whole = _total(today, "spending_total")
    yield "lines", "spending by sector adds up to the total", _near(by_line, whole), f"{whole:,.0f} euro"
    margin = _total(today, "practice_revenue") - _total(today, "practice_costs")
    agree = _near(margin, _total(today, "practice_margin"), whole)
    yield "margin", "margins are revenue less costs", agree, f"{margin:,.0f} euro"
    income = ledger["actor"].astype(str).map(is_practice) & (ledger["counterparty"] != "staff_and_suppliers")
    revenue = ledger[income]["cents"].sum() / 100.0
    counted = _total(today, "practice_revenue") / weight
    agree = _near(revenue, counted, tolerance=1e-4)
    yield (
        "revenue",
        "revenue is what practices were paid in the ledger",
        agree,
        f"{revenue:,.0f} and {counted:,.0f} euro",
    )
    contracts = bench.passive.contracts
    nothing = bench.with_contracts([_at_share(each, 0.0) for each in contracts])
    left = _total(nothing, "spending_total")
    yield "free", "with all shares at 0 nobody pays anything", left == 0.0, f"{left:,.2f} euro"
    turned = bench.with_contracts(contracts[::-1])
    same = _near(_total(turned, "spending_total"), whole)
    yield "order", "the order of contracts does not matter", same, f"{_total(turned, 'spending_total'):,.0f} euro"
    halves = [_at_share(each, 0.5) for each in contracts if not each.by_person]
    halves += [replace(each, name=f"{each.name}_again") for each in halves]
    halved = bench.with_contracts([*halves, *(each for each in contracts if each.by_person)])
    paid = _total(halved, "spending_total")
    yield "halves", "two halves of every contract pay what it pays", _near(paid, whole), f"{paid:,.0f} euro"
    events = {name: _total(each, "deaths") for name, each in (("free", nothing), ("turned", turned))}
    same = set(events.values()) == {_total(today, "deaths")} and nothing.events == turned.events == today.events
    yield "money_only", "without response contracts change no event", same, f"{today.events:,} events"


def _results(bench: _Bench) -> Iterator[_Found]:
    today = bench.today
    twin = bench.cell(replace(bench.passive, name="twin"))
    differ = _differences(today, twin)
    many = len(today.results["value"])
    yield "identical", "two identical arms differ by exactly zero", not differ, _named(differ, many)
    arms = {**bench.arms, f"{bench.passive.name}_passive": today}
    there, back = (_compared(arms, order) for order in (1, -1))
    swapped = len(there) > 0 and there.keys() == back.keys() and all(there[each] == back[each] for each in there)
    yield "swapped", "swapping arms flips differences and their intervals", swapped, f"{len(there)} differences"
    values = np.concatenate([cell.results["value"] for cell in arms.values()])
    yield "finite", "every result is a number", np.isfinite(values).all(), f"{len(values):,} values"
    known = ("person_years", "deaths", "spending_total", "resource_cost_total", "qalys")
    negative = [f"{arm}: {name}" for arm, cell in arms.items() for name in known if _total(cell, name) < 0.0]
    yield "sign", "no count or cost is negative", not negative, _named(negative, len(known) * len(arms))
    by_rate = [bench.discounted(rate) for rate in (0.0, 0.03, 0.1)]
    for what, name in (("costs", "spending_total"), ("effects", "qalys")):
        found = [_total(each, f"{name}_discounted") for each in by_rate]
        plain = _total(today, name)
        order = _near(found[0], plain) and found[0] > found[1] > found[2]
        words = "at a rate of 0 nothing is lost, and more at a higher one"
        yield f"discount_{what}", f"discounting {what}: {words}", order, ", ".join(f"{each:,.0f}" for each in found)
        half = found[1] * 1.03**0.5
        yield f"half_year_{what}", f"discounting {what}: from the middle of a year", _near(half, plain), f"{half:,.0f}"
    deaths, expected = _total(today, "deaths"), _total(today, "expected_deaths")
    weight = bench.model.population.practices[0].weight
    seen, of = deaths / weight, expected / weight
    chance = min(float(poisson.cdf(seen, of)), float(poisson.sf(seen - 1.0, of)))
    yield "life_table", "deaths are those of the life table but for chance", chance > _RARE, f"{seen:.0f} of {of:.1f}"


def _program(bench: _Bench) -> Iterator[_Found]:
    today = bench.today
    mine, again = _bytes(today), _bytes(bench.cell(bench.passive))
    yield "repeat", "the same seed gives the same bytes", again == mine, f"{len(mine):,} bytes"
    other = build_model(replace(bench.scenario, seed=bench.scenario.seed + 1), population=bench.model.population)
    lives = bench.cell(bench.passive, model=other, base=run_base(other, 0))
    differs = _differences(today, lives)
    yield "seed", "another seed gives other lives", bool(differs), f"{len(differs):,} values differ"
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(bench.cell, [bench.passive, bench.passive]))
    same = all(_bytes(each) == mine for each in both)
    yield "workers", "arms side by side give the same bytes", same, "two at a time"
    reference = bench.cell(bench.passive, engine="reference")
    same = _bytes(reference) == mine
    yield "reference", "the reference engine gives the same bytes", same, f"{reference.events:,} events"
    touched = run_base(bench.model, 0)
    same = touched.state.people.tobytes() == bench.base.state.people.tobytes()
    yield "fork", "arms leave the base years as they were", same, f"{len(touched.state.people):,} people"


def _compared(cells: Mapping[str, Cell], order: int) -> dict[str, tuple[float, ...]]:
    """Return ``{measure: (difference, low, high)}`` of the first arm from the last.

    With `order` -1 it is the last arm that is compared with the first, and the sign turned.
    """
    import pandas as pd

    names = list(cells)
    first, last = names[0], names[-1]
    tidy = pd.concat([pd.DataFrame(cell.results).assign(arm=name) for name, cell in cells.items()])
    found = {}
    for row in compare(tidy, baseline=last if order > 0 else first).to_dict("records"):
        if row["arm"] == (first if order > 0 else last):
            ends = (order * row["low"], order * row["high"])[::order]
            found[str(row["measure"])] = tuple(np.nan_to_num((order * row["difference"], *ends), nan=-1.0).tolist())
    return found


def _at_share(contract: Contract, share: float) -> Contract:
    parts = tuple(replace(each, share=each.share * share) for each in contract.components)
    return replace(contract, components=parts)


def _total(cell: Cell, measure: str) -> float:
    """Return a measure of the first year of the whole region; 0 where the arm has none."""
    found = cell.results
    period = HORIZON if measure.endswith("_discounted") else 0
    at = (found["measure"] == measure) & (found["dimension"] == "all") & (found["period"] == period)
    return float(found["value"][at].sum())


def _adds_up(cell: Cell, measure: str) -> bool:
    found = cell.results
    here = (found["measure"] == measure) & (found["period"] == 0)
    whole = _total(cell, measure)
    dimensions = set(found["dimension"][here]) - {"all", PRACTICES}
    sums = [found["value"][here & (found["dimension"] == each)].sum() for each in sorted(dimensions)]
    return len(sums) > 0 and all(_near(float(each), whole) for each in sums)


def _differences(one: Cell, other: Cell) -> list[str]:
    """Return the measures that differ in any place between two cells."""
    mine, theirs = ({name: cell.results[name] for name in ("measure", "value")} for cell in (one, other))
    if len(mine["value"]) != len(theirs["value"]):
        return ["number of values"]
    return sorted(set(mine["measure"][mine["value"] != theirs["value"]]))


def _bytes(cell: Cell) -> bytes:
    """Return results and ledger as bytes."""
    file = io.BytesIO()
    for name in sorted(cell.results):
        file.write(repr(cell.results[name].tolist()).encode())
    file.write(cell.ledger.frame().to_csv().encode())
    return file.getvalue()


def _near(one: float, other: float, scale: float | None = None, tolerance: float = _LOST) -> bool:
    return abs(one - other) <= tolerance * max(abs(other) if scale is None else abs(scale), 1e-9)


def _numbers(row: Mapping[str, Any]) -> tuple[float, ...]:
    value = row["value"]
    return value if isinstance(value, tuple) else (value,)


def _named(wrong: Sequence[str], of: int) -> str:
    shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    return f"{of:,} seen" if not wrong else shown
