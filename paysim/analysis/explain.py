"""How a payment of a finished run came about: the contracts settled again on the activity kept, line by line.

Every amount is compared with the ledger: what is explained is what was posted, to the cent. Single persons are not kept
in a run folder. A question about one of them, or terms that look at single persons, simulate the arm again up to the
quarter, from the same scenario and seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from paysim import catalog
from paysim.accounting.book import Book
from paysim.accounting.ledger import practice_actor
from paysim.accounting.segments import SEGMENT_NAMES
from paysim.analysis.cells import Finished, digest
from paysim.analysis.execution import identity_of
from paysim.analysis.runs import Run
from paysim.contracts.contract import PRACTICES, Contract
from paysim.contracts.neutrality import scaled
from paysim.contracts.settlement import Bill, Settlement, settle
from paysim.contracts.workings import Line, lines
from paysim.engine.accounts import Accounts
from paysim.engine.cell import run_arm, run_base
from paysim.engine.model import build_model
from paysim.engine.quarters import PersonQuarter, QuarterOfPeople
from paysim.errors import DataError, ModelError, Problem, nearest_name
from paysim.kernel.records import PERIODS_PER_YEAR
from paysim.scenario import load_scenario

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("contract", "component", "counterparty", "what", "quantity", "unit", "rate_eur", "eur")
_CENT = 1.0 + 1e-6  # in cents: largest remainders move an amount by less than one


@dataclass(frozen=True)
class Explained:
    """One posting of the provider, and how it came about.

    Attributes
    ----------
    contract, component, account, counterparty
        As in the ledger.
    cents
        Received, or negative: paid.
    exact_eur
        The same before rounding to cents; None for what no contract settles (costs, programmes, single persons).
    lines
        The workings; their euros add up to `exact_eur`, from the provider's side.
    """

    contract: str
    component: str
    account: str
    counterparty: str
    cents: int
    exact_eur: float | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Explanation:
    """What a provider received and paid in one quarter, with the workings.

    Attributes
    ----------
    arm, replicate, provider, period
        Which quarter of whom; quarters count from 0 at the start.
    postings
        In the order of the contracts, then what no contract settles.
    person
        What the books know of the person asked about, if one was.
    """

    arm: str
    replicate: int
    provider: str
    period: int
    postings: tuple[Explained, ...]
    person: PersonQuarter | None = None

    @property
    def cents(self) -> int:
        """All that was received less all that was paid."""
        return sum(each.cents for each in self.postings)

    def frame(self) -> pd.DataFrame:
        """Return one row a line, and one a posting (``what`` is ``posted``), with the columns `COLUMNS`."""
        import pandas as pd

        rows = []
        for each in self.postings:
            place = (each.contract, each.component, each.counterparty)
            rows += [(*place, line.what, line.quantity, line.unit, line.rate_eur, line.eur) for line in each.lines]
            rows.append((*place, "posted", None, "", None, each.cents / 100.0))
        return pd.DataFrame(rows, columns=list(COLUMNS))


def explain(
    run: Run,
    provider: str,
    period: int,
    *,
    arm: str | None = None,
    replicate: int = 0,
    person: int | None = None,
    scenario: str | Path | None = None,
) -> Explanation:
    """Explain what a provider received and paid in a quarter.

    Parameters
    ----------
    provider
        A practice by its name, with or without the ledger's ``practice:`` before it, or another actor of the ledger
        (``hospital``, ``insurers``).
    period
        Quarter since the start, from 0.
    arm
        By default the current one.
    person
        Id of a person: only what was paid for this person, under the terms that name an amount for single persons.
    scenario
        File of the scenario, needed where the arm is simulated again and the scenario is not a shipped one.

    Raises
    ------
    DataError
        If the run has no such arm, replicate, provider, quarter or person, or cannot be simulated again.
    ModelError
        If what is explained is not what was posted.
    """
    arm = run.current if arm is None else arm
    provider = provider.removeprefix(practice_actor(""))
    cell = run.cell(arm, replicate)
    _require_period(run, period)
    contracts = scaled(run.contracts(arm, replicate), cell.scale)
    year = period // PERIODS_PER_YEAR
    reads = {name for each in contracts for part in each.in_force(year) for name in part.terms.reads}
    people = None
    if person is not None or "persons" in reads:
        people, settlement = _simulate_again(run, arm, replicate, period, scenario)
    else:
        settlement = _settle_again(contracts, cell, period)
    names = settlement.book.activity.practice_names
    posted = _posted(run, arm, replicate, period, provider, names)
    if person is not None:
        assert people is not None
        known = _known_person(people, person, names, provider)
        return Explanation(arm, replicate, provider, period, tuple(_of_person(settlement, known)), known)
    return Explanation(arm, replicate, provider, period, tuple(_of_provider(settlement, provider, posted)))


def _require_period(run: Run, period: int) -> None:
    last = run.scenario["horizon_years"] * PERIODS_PER_YEAR - 1
    if not 0 <= period <= last:
        problem = Problem(
            "no such quarter", file=str(run.path), key="period", found=str(period), allowed=(f"0 to {last}",)
        )
        raise DataError(problem)


def _settle_again(contracts: Sequence[Contract], cell: Finished, period: int) -> Settlement:
    """Settle a quarter from the activity that the cell kept."""
    activity = cell.quarters[period].unpaid()  # these are what is to be explained
    past = (*cell.base_quarters, *cell.quarters[:period])
    of_groups = [each for each in contracts if not each.by_person]
    return settle(of_groups, Book(activity, period // PERIODS_PER_YEAR, past))


class _ReachedError(Exception):
    """The quarter asked about has closed: nothing after it is simulated."""


_LAST_QUARTER: WeakKeyDictionary[Run, tuple[tuple[Any, ...], tuple[QuarterOfPeople, Settlement]]] = WeakKeyDictionary()
"""The one quarter that was simulated again last: who has one provider explained asks for the next.

Of the region only what is asked about is kept, and of one run alone: people as they are simulated take gigabytes.
"""


def _simulate_again(
    run: Run, arm: str, replicate: int, period: int, scenario: str | Path | None
) -> tuple[QuarterOfPeople, Settlement]:
    """Return what is known of a quarter, simulated again unless they were the last that somebody asked for."""
    asked = (arm, replicate, period, scenario)
    kept = _LAST_QUARTER.get(run)
    if kept is None or kept[0] != asked:
        _LAST_QUARTER.clear()
        kept = _LAST_QUARTER[run] = asked, _simulated(run, arm, replicate, period, scenario)
    return kept[1]  # by now another thread may have asked for another quarter


def _simulated(
    run: Run, arm: str, replicate: int, period: int, scenario: str | Path | None
) -> tuple[QuarterOfPeople, Settlement]:
    """Simulate an arm again up to the close of a quarter.

    Raises
    ------
    DataError
        If that would not be the same simulation.
    """
    manifest, about = run.manifest, run.scenario
    loaded = load_scenario(scenario or _shipped(str(about["sha256"]), run))
    kept = {name: about[name] for name in ("horizon_years", "base_years")}
    loaded = replace(loaded, seed=manifest["seed"], replicates=manifest["replicates"], **kept)
    sample = (manifest.get("sample") or {}).get("asked")
    model = build_model(loaded, sample)
    if digest(identity_of(model, sample, manifest["engine"])) != manifest["identity"] or arm not in run.arms:
        message = "cannot be simulated again: its scenario, its people or paysim itself have changed since"
        raise DataError(Problem(message, file=str(run.path)))
    cell = run.cell(arm, replicate)
    contracts = scaled(run.contracts(arm, replicate), cell.scale)
    found: list[tuple[QuarterOfPeople, Settlement]] = []

    def keep(accounts: Accounts, settlement: Settlement) -> None:
        if accounts.period == period:
            found.append((accounts.quarter_of_people(), settlement))
            raise _ReachedError

    try:
        base = run_base(model, replicate, manifest["engine"])
        run_arm(
            model,
            base,
            replace(loaded.arm(arm), contracts=contracts),
            replicate,
            manifest["engine"],
            state=base.state,
            on_close=keep,
        )
    except _ReachedError:
        pass
    again, kept_then = found[0][1].book.activity, cell.quarters[period]
    if not np.array_equal(again.services, kept_then.services):
        message = f"arm {arm!r} does not come out as it did: its behaviour, programmes or rules have changed since"
        raise DataError(Problem(message, file=str(run.path)))
    return found[0]


def _shipped(sha256: str, run: Run) -> str:
    """Return the name of the shipped scenario with this content."""
    for name in catalog.names("scenarios"):
        if hashlib.sha256(catalog.find("scenarios", name).read_bytes()).hexdigest() == sha256:
            return name
    message = "simulating it again needs the scenario's file: give --scenario FILE"
    raise DataError(Problem(message, file=str(run.path), found=run.scenario["name"]))


def _posted(run: Run, arm: str, replicate: int, period: int, provider: str, practices: Sequence[str]) -> pd.DataFrame:
    """Return the provider's rows of the ledger in the quarter, by contract and component."""
    table = run.ledger
    rows = table[(table["arm"] == arm) & (table["replicate"] == replicate)].astype({"actor": str})
    actor = practice_actor(provider) if provider in practices else provider
    known = [*practices, *sorted({name for name in rows["actor"].unique() if ":" not in name})]
    if provider not in known:
        elsewhere = sorted(set(table[table["actor"].astype(str) == provider]["arm"].astype(str)))
        if elsewhere:
            message = f"nobody pays or is paid by {provider} in arm {arm!r}, but in {', '.join(elsewhere)}: give --arm"
            raise DataError(Problem(message, file=str(run.path), key="arm", found=arm, allowed=tuple(elsewhere)))
        near = nearest_name(provider, known)
        raise DataError(
            Problem("no such provider", file=str(run.path), found=repr(provider), allowed=tuple(known), nearest=near)
        )
    mine = rows[(rows["actor"] == actor) & (rows["period"] == period)]
    keys = ["contract", "component", "account", "counterparty"]
    return mine.astype(dict.fromkeys(keys, str)).groupby(keys, sort=False)["cents"].sum().reset_index()


def _of_provider(settlement: Settlement, provider: str, posted: pd.DataFrame) -> list[Explained]:
    """Return each posting of the provider with its workings, and compare the two."""
    bills = {(bill.contract.name, bill.payment.component): bill for bill in settlement.bills}
    found = []
    for row in posted.to_dict("records"):
        bill = bills.get((row["contract"], row["component"]))
        found.append(_explained(settlement.book, bill, provider, {str(key): value for key, value in row.items()}))
    return found


def _explained(book: Book, bill: Bill | None, provider: str, posted: dict[str, Any]) -> Explained:
    """Return a posting with the workings of its bill, from the provider's side."""
    cents = int(posted.pop("cents"))
    if bill is None:
        return Explained(**posted, cents=cents, exact_eur=None, lines=())
    names = book.activity.practice_names
    one_practice = provider in names
    rows = [names.index(provider)] if one_practice else list(range(len(names)))
    receives = bill.to_practices if one_practice else bill.payment.payee == provider
    sign = 1.0 if receives else -1.0
    seen, earlier = bill.contract.books(bill.part, book)
    found = tuple(_signed(line, sign) for line in lines(bill.part, seen, rows, earlier))
    exact = sign * float(bill.payment.euros[rows].sum())
    explained = sum(line.eur for line in found if line.eur is not None)
    if abs(100.0 * exact - cents) > _CENT or abs(explained - exact) > 1e-6 * max(1.0, abs(exact)):
        raise ModelError(
            f"explain: {bill.contract.name}/{bill.payment.component}: the lines add up to {explained:.4f} euro, the "
            f"component pays {exact:.4f}, and {cents / 100.0:.2f} was posted"
        )
    return Explained(**posted, cents=cents, exact_eur=exact, lines=found)


def _signed(line: Line, sign: float) -> Line:
    return line if line.eur is None else replace(line, eur=sign * line.eur)


def _known_person(people: QuarterOfPeople, person: int, practices: Sequence[str], provider: str) -> PersonQuarter:
    known = people.person(person)
    if known is None:
        some = tuple(str(number) for number in sorted(people.number)[:3])
        message = "nobody has this id in that quarter (a sample has the people of some practices only)"
        raise DataError(Problem(message, key="person", found=str(person), allowed=(*some, "and so on")))
    own = practices[known.practice]
    if provider in practices and provider != own:
        raise DataError(Problem("is on the list of another practice", key="person", found=str(person), allowed=(own,)))
    return known


def _of_person(settlement: Settlement, person: PersonQuarter) -> list[Explained]:
    """Return what was paid for one person, component by component, by whomever."""
    found = []
    for bill in settlement.bills:
        paid = tuple(_person_lines(bill, settlement, person))
        euros = sum(line.eur or 0.0 for line in paid)
        if paid:
            payee = PRACTICES if bill.to_practices else bill.payment.payee
            place = (bill.contract.name, bill.payment.component, bill.payment.account, payee)
            found.append(Explained(*place, cents=round(100.0 * euros), exact_eur=euros, lines=paid))
    for (contract, component), cents in person.owed_cents.items():
        charged = Line("charged in the year so far, before any limit", person.charged[contract, component], "EUR")
        owed = Line("owed for the quarter", None, "", None, -cents / 100.0)
        found.append(Explained(contract, component, component, "insurers", -cents, -cents / 100.0, (charged, owed)))
    return found


def _person_lines(bill: Bill, settlement: Settlement, person: PersonQuarter) -> list[Line]:
    """Return lines for what was paid by the unit, and for the mean lump sum of people of this segment on the list."""
    part, (book, earlier) = bill.part, bill.contract.books(bill.part, settlement.book)
    activity = book.activity
    names = activity.service_names
    counted = bill.contract.scope.factor(settlement.book.activity, settlement.book.year)[person.practice]
    prices = part.prices_eur(names) * counted
    found = []
    for service, quantity in person.used.items():
        price = float(prices[names.index(service)])
        if price:
            found.append(Line(service, quantity, "units", price, quantity * price))
    here = person.practice, person.segment
    lived = float(settlement.book.activity.person_years[here])  # a scope by insurer pays for a share of all of them
    lump = float(part.settle(book, earlier)[here] - activity.services[here] @ part.prices_eur(names))
    if lived > 0.0 and person.listed_years > 0.0 and abs(lump) > 1e-9:
        what = f"mean of {SEGMENT_NAMES[person.segment]} on the list"
        found.append(Line(what, person.listed_years, "person-years", lump / lived, person.listed_years * lump / lived))
    return found
