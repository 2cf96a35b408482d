"""From contracts to postings: a period is settled under all contracts of an arm and written into the ledger.

Most components look at what was done. Some look at what the others paid: shared savings at the payments for a
practice's people, a claw-back at fees. And an organisation shares out what it received. So components are settled in
three rounds, see `STAGES`; within a round no order matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.accounting.claims import Cents, tariff_table
from paysim.accounting.ledger import ORGANISATIONS, Ledger, practice_actor
from paysim.contracts.contract import GENERAL_PRACTICE, PRACTICES, Contract, Part, Payment
from paysim.contracts.distribution import Distribution
from paysim.contracts.protocol import Floats
from paysim.contracts.tariff import Sector

SECTORS: tuple[str, ...] = get_args(Sector)
LINES = (GENERAL_PRACTICE, *SECTORS)
"""Budget lines of care, the last axis of `Activity.payments`."""

PAYERS = ("insurers", "patients", "care_offices", "municipalities", "government")
"""Who brings money in; what all others pay was received before."""

OTHERS = tuple(each for each in PAYERS if each not in ("insurers", "patients"))

LONG_TERM_CARE = "long_term_care"
ORGANISATIONS_LINE = "organisations"
SETTLED = (*SECTORS, ORGANISATIONS_LINE)
"""Lines of what is paid to others than practices by other terms than prices: sectors, and all organisations as one."""

POOLED = ("organisations_net", "paid_on_pooled_sum", "practice_revenue_on_pooled_sum")
"""What `Settlement.pooled` returns: what organisations receive less what they pay, and what payers pay, and practices
receive, on one sum of the whole region."""

STAGES = ("use", "payments", "received")
"""Rounds of a settlement: by use alone; by the payments of the first round; by what actors received in both."""


@dataclass(frozen=True, eq=False)
class Bill:
    """What one component of one contract pays for the period."""

    contract: Contract
    part: Part
    payment: Payment

    @property
    def actors(self) -> tuple[str, str]:
        """Payer and payee."""
        return self.contract.payer, self.payment.payee

    @property
    def by_payers(self) -> bool:
        """Whether those pay who bring the money in, and not an organisation or provider that passes it on."""
        return self.contract.payer in PAYERS

    @property
    def to_practices(self) -> bool:
        """Whether practices are paid."""
        return self.payment.payee == PRACTICES


@dataclass(frozen=True, eq=False)
class Settlement:
    """A period settled under all contracts of an arm.

    Attributes
    ----------
    book
        With the payments of the first round in its activity: what later periods look back on.
    bills
        In the order of contracts and components within each round.
    """

    book: Book
    bills: tuple[Bill, ...]

    def practice_revenue(self) -> Floats:
        """Return ``[practice, segment]`` unrounded euros that practices receive."""
        return sum((each.payment.euros for each in self.bills if each.to_practices), np.zeros(self._shape))

    def practice_net(self) -> Floats:
        """Return ``[practice, segment]`` unrounded euros that practices receive, less what they pay by contract."""
        paid = sum(
            (each.payment.euros for each in self.bills if each.contract.payer == PRACTICES), np.zeros(self._shape)
        )
        return np.asarray(self.practice_revenue() - paid)

    def practice_revenue_by_kind(self, kinds: Sequence[str]) -> Floats:
        """Return ``[practice, segment, kind]`` unrounded euros that practices receive, by kind of component."""
        revenue = np.zeros((*self._shape, len(kinds)))
        for each in self.bills:
            if each.to_practices:
                revenue[:, :, kinds.index(each.payment.kind)] += each.payment.euros
        return revenue

    def spending_on_practices(self) -> Floats:
        """Return ``[practice, segment]`` unrounded euros that payers paid to practices."""
        mine = (each.payment.euros for each in self.bills if each.to_practices and each.by_payers)
        return sum(mine, np.zeros(self._shape))

    def spending_of_patients(self) -> Floats:
        """Return ``[practice, segment]`` unrounded euros of curative care that patients bear, not person by person."""
        return self._borne_by(("patients",))

    def spending_settled(self) -> Floats:
        """Return ``[practice, segment, SETTLED]`` unrounded euros that payers paid to others by other terms.

        Unit prices of sectors are left out, see `tariff_of_sectors`, but not what comes on top of them (long stays).
        What one payer hands to another is a transfer and no spending.
        """
        settled = np.zeros((*self._shape, len(SETTLED)))
        activity = self.book.activity
        for each in self.bills:
            payee, euros = each.payment.payee, each.payment.euros
            if not each.by_payers or each.to_practices or payee in PAYERS:
                continue
            if each.part.services_paid() and payee in SECTORS:
                if not each.part.terms.reads:  # nothing but quantities: prices are all of it
                    continue
                euros = euros - activity.services @ each.part.prices_eur(activity.service_names)
            settled[:, :, SETTLED.index(payee if payee in SECTORS else ORGANISATIONS_LINE)] += euros
        return settled

    def pooled(self) -> Floats:
        """Return `POOLED`, in unrounded euros of the whole region."""
        net = paid = received = 0.0
        on_one_sum = {actor for each in self.bills if _pooled(each.part) for actor in each.actors}
        for each in self.bills:
            euros, (payer, payee) = float(each.payment.euros.sum()), each.actors
            net += euros * ((payee in ORGANISATIONS) - (payer in ORGANISATIONS))
            # What an organisation shares out rests on one sum if what it received does, or if all practices share it.
            terms, on_one = each.part.terms, _pooled(each.part)
            if isinstance(terms, Distribution) and payer in ORGANISATIONS:
                on_one = on_one or payer in on_one_sum or terms.by != "origin"
            if on_one:
                paid += euros * (each.by_payers - (payee in PAYERS))
                received += euros * (each.to_practices - (payer == PRACTICES))
        return np.array([net, paid, received])

    def spending_of_others(self) -> Floats:
        """Return ``[practice, segment]`` unrounded euros of curative care that neither insurers nor patients bear."""
        return self._borne_by(OTHERS)

    def _borne_by(self, actors: Sequence[str]) -> Floats:
        """Return ``[practice, segment]`` euros that payers pay for curative care, net of what others hand to them."""
        borne = np.zeros(self._shape)
        for each in self.bills:
            payer, payee = each.contract.payer, each.payment.payee
            if payee == LONG_TERM_CARE:
                continue
            if payer in actors and payee not in actors:
                borne += each.payment.euros
            elif payee in actors and payer in PAYERS and payer not in actors:
                borne -= each.payment.euros
        return borne

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.book.activity.person_years.shape


def tariff_of_sectors(contracts: Iterable[Contract], year: int | None, service_names: Sequence[str]) -> Floats:
    """Return ``[LINES, service]`` euros that payers pay to each sector per unit of each service in a contract year.

    The line of general practice is empty: practices are paid by their own contracts and not alike.
    """
    paid = np.zeros((len(LINES), len(service_names)))
    for contract in contracts:
        for part in contract.in_force(year):
            payee = part.terms.payee or contract.providers
            if contract.payer in PAYERS and payee in SECTORS:
                paid[LINES.index(payee)] += tariff_table([part], service_names)
    return paid


def stage_of(part: Part) -> str:
    """Return the round in which a component is settled."""
    reads = part.terms.reads
    return "received" if "received" in reads else "payments" if reads & {"payments", "persons"} else "use"


def settle(contracts: Iterable[Contract], book: Book, *, checked: bool = False) -> Settlement:
    """Settle a period under all contracts of an arm.

    Parameters
    ----------
    checked
        Whether payers reckon their totals by themselves, for `Ledger.post` to compare.
    """
    parts = [(contract, part) for contract in contracts for part in contract.in_force(book.year)]
    return _settled(parts, book, checked=checked)


def settle_after(past: tuple[Activity, ...], known: Settlement) -> Settlement:
    """Settle a period again after other earlier periods, where nothing had been paid for its activity before.

    If all that is settled by use alone is proportional to activity, it stays as it is `known`, and so does the activity
    of the book: the same object.
    """
    parts = [(each.contract, each.part) for each in known.bills]
    book = replace(known.book, past=past, received={})
    use = [each for each in known.bills if stage_of(each.part) == "use"]
    if all(each.part.linear for each in use):
        return _settled_after_use(parts, book, use)
    return _settled(parts, replace(book, activity=book.activity.unpaid()))


def _settled(parts: Sequence[tuple[Contract, Part]], book: Book, *, checked: bool = False) -> Settlement:
    use = _bills(parts, "use", book, checked)
    return _settled_after_use(parts, replace(book, activity=_with_payments(book.activity, use)), use, checked=checked)


def _settled_after_use(
    parts: Sequence[tuple[Contract, Part]], book: Book, use: Sequence[Bill], *, checked: bool = False
) -> Settlement:
    """Settle the rounds after the first, of which the book has the payments."""
    bills = [*use, *_bills(parts, "payments", book, checked)]
    if any(stage_of(part) == "received" for _, part in parts):
        book = replace(book, received=_by_actor(bills, book))
    return Settlement(book, (*bills, *_bills(parts, "received", book, checked)))


def _bills(parts: Iterable[tuple[Contract, Part]], stage: str, book: Book, checked: bool) -> list[Bill]:
    """Return the bills of one of the `STAGES`."""
    now = [(contract, part) for contract, part in parts if stage_of(part) == stage]
    return [Bill(contract, part, contract.payment(part, book, checked=checked)) for contract, part in now]


def practice_net(contracts: Iterable[Contract], book: Book) -> Floats:
    """Return ``[practice, segment]`` euros that practices receive, less what they pay, as `settle` would have it.

    Where no component looks at payments, contracts between others are not settled: they change nothing of it.
    """
    contracts = tuple(contracts)
    parts = [(contract, part) for contract in contracts for part in contract.in_force(book.year)]
    if any(stage_of(part) != "use" for _, part in parts):
        return settle(contracts, book).practice_net()
    own = [
        Bill(contract, part, contract.payment(part, book))
        for contract, part in parts
        if PRACTICES in (contract.payer, part.terms.payee or contract.providers)
    ]
    return Settlement(book, tuple(own)).practice_net()


def settle_all(
    contracts: Sequence[Contract],
    activities: Iterable[Activity],
    years: Sequence[int | None] | None = None,
    past: Sequence[Activity] = (),
) -> Iterator[Settlement]:
    """Settle periods that follow each other; each looks back on those before it.

    Parameters
    ----------
    years
        Contract year of each activity, for dated components; None: all are in force in every period.
    past
        Activity before the first period, for terms that look back.
    """
    past = tuple(past)
    for index, activity in enumerate(activities):
        settlement = settle(contracts, Book(activity, years[index] if years else None, past))
        past = (*past, settlement.book.activity)
        yield settlement


def post(ledger: Ledger, period: int, settlement: Settlement) -> None:
    """Post every payment of a settlement, rounded to cents, in quarter `period` since the start."""
    practices = [practice_actor(name) for name in settlement.book.activity.practice_names]
    for bill in settlement.bills:
        payment, payer = bill.payment, bill.contract.payer
        by_practice = payment.euros.sum(axis=1)
        single = float(by_practice.sum())
        ledger.post(
            period=period,
            contract=bill.contract.name,
            component=payment.component,
            account=payment.account,
            payer=practices if payer == PRACTICES else payer,
            payee=practices if bill.to_practices else payment.payee,
            euros=by_practice if PRACTICES in (payer, payment.payee) else single,
            total_eur=payment.check_eur,
        )


def post_patients(ledger: Ledger, period: int, contract: Contract, part: Part, cents: Cents) -> None:
    """Post what patients owe for a period, in whole cents per person, as one transfer to the insurers."""
    ledger.post(
        period=period,
        contract=contract.name,
        component=part.name,
        account=part.kind,
        payer="patients",
        payee="insurers",
        euros=int(np.sum(cents)) / 100.0,
    )


def _pooled(part: Part) -> bool:
    """Tell whether terms settle one sum of the whole region."""
    return bool(getattr(part.terms, "pooled", False))


def _with_payments(activity: Activity, bills: Iterable[Bill]) -> Activity:
    """Return the activity with what was paid for care by line, on top of what it says was paid by other contracts."""
    paid = np.zeros((*activity.person_years.shape, len(LINES)))
    if activity.payments is not None:
        paid[:, :, [LINES.index(line) for line in activity.lines]] += activity.payments
    for each in bills:
        if each.payment.account in LINES:
            paid[:, :, LINES.index(each.payment.account)] += each.payment.euros
    return replace(activity, lines=LINES, payments=paid)


def _by_actor(bills: Iterable[Bill], book: Book) -> dict[str, Floats]:
    """Return ``{actor: [practice, segment]}`` euros that actors received, net of what they paid."""
    received: dict[str, Floats] = {}
    for each in bills:
        for actor, sign in ((each.payment.payee, 1.0), (each.contract.payer, -1.0)):
            before = received.get(actor, np.zeros(book.activity.person_years.shape))
            received[actor] = before + sign * each.payment.euros
    return received
