"""The end of a quarter: what people used becomes activity, activity becomes payments, and a year becomes sums.

The order is that of the money's logic: claims, contracts, ledger. Nothing here changes a person.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from paysim.accounting.activity import Activity, Persons, mix_of
from paysim.accounting.book import Book
from paysim.accounting.claims import tariff_table
from paysim.accounting.concentration import TRUNCATED_AT, Payments, beyond
from paysim.accounting.ledger import Ledger, practice_actor
from paysim.accounting.segments import AGE_SEX, SEGMENT_CONDITION, SEGMENT_DEPRIVED, SEGMENTS, age_sex_code
from paysim.behaviour.response import GP_TIME
from paysim.care.catalogue import LONG_TERM_CARE, STAFF
from paysim.care.costs import BILLS, STAFF_BILLS
from paysim.care.model import YEARS_WITH
from paysim.care.programmes import COUNTS
from paysim.contracts.contract import Contract, Part, patients_terms
from paysim.contracts.settlement import LINES, SETTLED, Settlement, post, post_patients, settle
from paysim.contracts.terms import practice_kinds
from paysim.diseases.mortality.life_expectancy import years_left, years_left_at
from paysim.engine.admissions import Admissions, OpenEpisodes
from paysim.engine.facts import FACTS, INDICATORS, REPORTED, Facts
from paysim.engine.groups import CELLS, EXTRA, Groups, cell_codes, make_groups
from paysim.engine.model import Model
from paysim.engine.quarters import QuarterOfPeople
from paysim.engine.staff import further_gp_hours
from paysim.kernel import advance as kernel
from paysim.kernel import use
from paysim.kernel.records import (
    ASKED,
    CODING,
    CONSULTATION_LENGTH,
    EPISODES,
    PERIODS_PER_YEAR,
    SEEN,
    SEEN_AFTER_HOURS,
    TICKS_PER_WEEK,
    TICKS_PER_YEAR,
    WEEKS_PER_PERIOD,
    State,
)
from paysim.kernel.spec import COVARIATES
from paysim.kernel.tables import stream_key

TICKS_PER_PERIOD = WEEKS_PER_PERIOD * TICKS_PER_WEEK
YEARS_PER_PERIOD = 1.0 / PERIODS_PER_YEAR
OWN_ACCOUNTS = "practice_costs"


@dataclass
class Records:
    """What a run leaves behind, by quarter, before it becomes results; by year from `groups` on."""

    services: list[np.ndarray] = field(default_factory=list)  # [P, G, S]
    person_years: list[np.ndarray] = field(default_factory=list)  # [P, G]
    programme_years: list[np.ndarray] = field(default_factory=list)  # [P, G]
    revenue: list[np.ndarray] = field(default_factory=list)  # [P, kinds of component] euro
    bills: list[np.ndarray] = field(default_factory=list)  # [P, BILLS] euro
    unlisted_years: list[np.ndarray] = field(default_factory=list)  # [P, G] of people on no list who live near it
    closed: list[np.ndarray] = field(default_factory=list)  # [P] 1 where the list was closed
    refused: list[np.ndarray] = field(default_factory=list)  # [1] people who wanted another practice and found none
    let_go: list[np.ndarray] = field(default_factory=list)  # [1] people whom their practice sent away
    fte: list[np.ndarray] = field(default_factory=list)  # [P, 3] working time of GPs, nurses and mental-health nurses
    own: list[np.ndarray] = field(default_factory=list)  # [P, 2] appointments with a GP, of these with one's own
    busy: list[np.ndarray] = field(default_factory=list)  # [P, 4] ticks
    waits: list[np.ndarray] = field(default_factory=list)  # [P, 4, WAIT_BINS]
    access: list[np.ndarray] = field(default_factory=list)  # [P, asked or planned, outcomes]
    levers: list[np.ndarray] = field(default_factory=list)  # [P, 3, levers]
    practice_levers: list[np.ndarray] = field(default_factory=list)  # [P, LIST_LEVERS and hours of three professions]
    longer_hours: list[np.ndarray] = field(default_factory=list)  # [P] of GPs in contacts beyond their usual length
    groups: list[np.ndarray] = field(default_factory=list)  # [groups, services + EXTRA + FACTS]
    cells: list[np.ndarray] = field(default_factory=list)  # [education x sex x age, services + EXTRA + FACTS]
    concentration: list[np.ndarray] = field(default_factory=list)  # [measures of accounting.concentration]
    programmes: list[np.ndarray] = field(default_factory=list)  # [programmes, COUNTS], if there are any
    pooled: list[np.ndarray] = field(default_factory=list)  # [POOLED] euro, see `Settlement.pooled`
    case_mix: list[np.ndarray] = field(default_factory=list)  # [3] euro, see `Accounts._case_mix`
    hospital: list[dict[str, np.ndarray]] = field(default_factory=list)  # see `Hospital.counts`

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as stacked arrays, first axis time."""
        counted = {name: rows for name, rows in vars(self).items() if name != "hospital"}
        counted |= {name: [each[name] for each in self.hospital] for name in (self.hospital or [{}])[0]}
        return {name: np.stack(rows) for name, rows in counted.items() if rows}


def practice_bills(
    model: Model, activity: Activity, fte: np.ndarray, share: np.ndarray | float = 1.0
) -> dict[str, np.ndarray]:
    """Return what practices pay over the time of `activity`, the owners' own time apart: ``[P]`` euro by component.

    Parameters
    ----------
    fte
        Working time of GPs, nurses for somatic care and for mental health ``[P, 3]``.
    share
        Of each practice that is for the people simulated ``[P]``; below 1 in a closed cohort.
    """
    services = model.care.services
    material = np.where(services.in_sector("general_practice"), services.material_eur, 0.0)
    return {
        **model.care.costs.bills(fte, activity.person_years.sum(axis=1), activity.years, share),
        "material": (activity.services @ material).sum(axis=1),
    }


def _by_severity(part: Part) -> bool:
    return bool(getattr(part.terms, "severity_groups", ()))


class Accounts:
    """The books of one arm.

    Parameters
    ----------
    contracts
        With all rates solved.
    first_period
        Number of the first quarter (negative in the base run).
    past
        Activity of all quarters before the first one: what terms with a benchmark look back on.
    open_episodes
        Acute episodes that run on from before.
    """

    def __init__(
        self,
        model: Model,
        state: State,
        contracts: tuple[Contract, ...],
        ledger: Ledger,
        first_period: int,
        past: tuple[Activity, ...] = (),
        open_episodes: OpenEpisodes | None = None,
    ) -> None:
        self.model, self.state, self.contracts, self.ledger = model, state, contracts, ledger
        self.past, self._before = past, len(past)
        first_quarters = range(0, len(past), PERIODS_PER_YEAR)
        self.years = [reduce(Activity.plus, past[first : first + PERIODS_PER_YEAR]) for first in first_quarters]
        self.period = first_period
        self.records = Records()
        self.groups: Groups = make_groups(model)
        self.facts = Facts(model, state)
        every = (*contracts, *(each for arm in model.scenario.arms for each in arm.contracts))
        self.admissions = Admissions.of(model, state, every, open_episodes or {})
        used = {part.kind for each in every for part in each.components}
        self._by_severity = any(_by_severity(part) for each in every for part in each.components)
        self._by_insurer = any(each.scope.insurers for each in every)
        # Base years are those of all arms: what one of them looks back on is noted in every run.
        self._by_age_sex = any("age_sex" in part.terms.reads for each in every for part in each.components)
        self._by_person = any("persons" in part.terms.reads for each in every for part in each.components)
        self.kinds = tuple(kind for kind in practice_kinds() if kind in used)
        self.names = model.care.services.names
        self.practice_names = tuple(practice.name for practice in model.population.practices)
        self._practice_actors = [practice_actor(name) for name in self.practice_names]
        self.people_at_start = int(state.people["alive"].sum())
        n, services = len(state.people), len(self.names)
        self._used = np.zeros((0, services))  # of each person, while a quarter is closed
        self._year = np.zeros((n, services + len(EXTRA)))
        self._delivered: dict[str, np.ndarray] = {}  # this quarter, of services that are no event of a person's
        self._yearly = services + np.array([EXTRA.index(name) for name in use.YEARLY])
        self._money = services + np.array([EXTRA.index(name) for name in use.MONEY])
        self._settled = services + np.array([EXTRA.index(f"settled_{line}") for line in SETTLED])
        self._seen = np.zeros(n, SEEN)
        noted = n if self._by_person else 0
        # Contacts by quarter of the year, and the practice of the list.
        self._visits = np.zeros((noted, PERIODS_PER_YEAR))
        self._visited = np.zeros((noted, PERIODS_PER_YEAR), np.int64)
        self._charged: dict[tuple[str, str], np.ndarray] = {}  # to patients this year, by contract and component
        self._owed: dict[tuple[str, str], np.ndarray] = {}  # cents of it that patients owe for this quarter
        self.on_close: Callable[[Accounts, Settlement], None] | None = None
        # Of this quarter: counts of programmes, and practices' income and expenses by them (`engine.programmes`).
        self.programmes = np.zeros((len(model.programmes), len(COUNTS)))
        self.programme_revenue, self.programme_costs = np.zeros(len(state.practices)), np.zeros(len(state.practices))
        self.programme_hours = np.zeros((len(state.practices), len(STAFF)))  # of staff that practices employ anyway
        self._payments = Payments(n)
        self._of_gps = [self.names.index(name) for name in GP_TIME]
        self._tables_of_care()
        self._life_table = model.health.reference["life_table"]
        self._years_left = years_left(self._life_table)

    def _tables_of_care(self) -> None:
        care, bit = self.model.care, self.model.flag_bit
        background = care.background
        timed = [(bit[flag], service) for service, flags in YEARS_WITH.items() for flag in flags if flag in bit]
        self._timed_mask = np.array([mask for mask, _ in timed], np.int64)
        self._timed_service = np.array([self.names.index(service) for _, service in timed], np.int64)
        flags = [flag for flag in background.flag_extra_eur if flag in bit]
        self._flag_mask = np.array([bit[flag] for flag in flags], np.int64)
        self._flag_extra = np.array([background.flag_extra_eur[flag] for flag in flags]).reshape(len(flags), -1)
        self._episodes = np.zeros(len(background.services), EPISODES)
        self._episodes["stream"] = [stream_key(name) for name in background.services]
        for name in ("sigma", "mean", "quarters"):
            self._episodes[name] = getattr(background.episodes, name)
        self._episodes["size"] = background.episodes.eur
        log_frailty = self.model.cohort.covariates[:, COVARIATES.index("log_frailty")]
        self._frailty_scale = 1.0 / float(np.exp(background.frailty_exponent * log_frailty).mean())

    @property
    def year(self) -> int:
        """Contract year of the present quarter; negative in the base run."""
        return self.period // PERIODS_PER_YEAR

    def close(self, tick: int) -> Activity:
        """Close the quarter that ends at `tick`: settle it, and return its activity."""
        kernel.close_period(self.state.people, self.state.practices, tick)
        self._used = np.zeros((len(self.state.people), len(self.names)))
        self._count_use(tick - TICKS_PER_PERIOD)
        activity = self._activity()
        self._add_to_year(tick)
        if self._by_age_sex:
            activity = replace(activity, age_sex=self._age_sex())
        if self.admissions:
            start, prices = tick - TICKS_PER_PERIOD, (self.contracts, self.year)
            activity = self.admissions.close(activity, start, tick, self._used, self._seen, *prices)
        if (self.period + 1) % PERIODS_PER_YEAR == 0:
            activity = self._look_back(activity, tick)
        of_groups = [each for each in self.contracts if not each.by_person]
        settlement = settle(of_groups, Book(activity, self.year, self.past), checked=True)
        post(self.ledger, self.period, settlement)
        activity = settlement.book.activity
        revenue = settlement.practice_revenue_by_kind(self.kinds)
        bills = self._post_costs(activity)
        patient_cents = self._settle_patients(tick)
        lent = self._lend_staff(activity)
        self._add_money(settlement, bills, lent, patient_cents)
        self.records.pooled.append(settlement.pooled())
        if self._by_severity:
            self.records.case_mix.append(self._case_mix(settlement))
        if self.on_close:
            self.on_close(self, settlement)
        by_kind = np.column_stack([revenue.sum(axis=1), self.programme_revenue])
        self._record(activity, by_kind, np.column_stack([bills, self.programme_costs - lent]))
        self._used = self._used[:0].copy()
        self.programmes = np.zeros_like(self.programmes)
        self.programme_revenue, self.programme_costs = 0.0 * self.programme_revenue, 0.0 * self.programme_costs
        self.programme_hours = 0.0 * self.programme_hours
        self.past = (*self.past, activity)
        self.period += 1
        if self.period % PERIODS_PER_YEAR == 0:
            self.years.append(reduce(Activity.plus, self.past[-PERIODS_PER_YEAR:]))
            self._close_year()
        return activity

    def _case_mix(self, settlement: Settlement) -> np.ndarray:
        """Return what payers pay for admissions by groups: without these, at true severity, as coded; else 1, 1, 1."""
        paid = np.zeros(3)
        for bill in settlement.bills:
            if bill.by_payers and _by_severity(bill.part):
                seen, _ = bill.contract.books(bill.part, settlement.book)
                paid += bill.part.terms.case_mix_eur(seen) * bill.part.share  # type: ignore[attr-defined]
        return paid if paid[0] > 0.0 else np.ones(3)

    @property
    def activities(self) -> tuple[Activity, ...]:
        """Activity of each quarter since these books were opened."""
        return self.past[self._before :]

    def open(self) -> None:
        """Start the next quarter from nothing."""
        kernel.open_period(self.state.people, self.state.practices)

    def add(self, name: str, rows: np.ndarray, amount: np.ndarray) -> None:
        """Add an amount per person to what is counted this year under one of the names of `EXTRA`, or of a service."""
        if name in self.names:
            column = self._delivered.setdefault(name, np.zeros(len(self._year)))
        else:
            column = self._year[:, len(self.names) + EXTRA.index(name)]
        np.add.at(column, rows, amount)  # somebody may be there twice

    def quarter_of_people(self) -> QuarterOfPeople:
        """Return what is known of everybody's quarter when it closes."""
        rows = self.state.listed
        return QuarterOfPeople(
            self.state.people["id"][rows].astype(np.int64),
            self._seen[rows],
            self._used[rows],
            self.names,
            {key: after[rows] for key, after in self._charged.items()},
            {key: cents[rows] for key, cents in self._owed.items()},
        )

    def follow(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Let what was counted this year follow people whose rows moved from `left` to `taken`.

        What a person uses is so attributed to the list on which they are at the end of the period.
        """
        noted = (self._visits, self._visited) if self._by_person else ()
        for counted in (self._year, *noted, *self._charged.values(), *self._delivered.values()):
            counted[taken] = counted[left]
            counted[left] = 0.0
        self.facts.follow(left, taken)
        if self.admissions:
            self.admissions.follow(left, taken)
        self._payments.follow(left, taken)

    def _count_use(self, start: int) -> None:
        background = self.model.care.background
        use.quantities(
            self.state.people,
            self.state.practices,
            start,
            self.model.counted,
            self._timed_mask,
            self._timed_service,
            background.eur_per_year,
            background.frailty_exponent,
            self._frailty_scale,
            self._flag_mask,
            self._flag_extra,
            self._episodes,
            background.end_of_life_eur,
            self._used,
        )
        for name, amount in self._delivered.items():
            self._used[:, self.names.index(name)] += amount
        self._delivered.clear()

    def _activity(self) -> Activity:
        practices = self.state.practices.size
        services = np.zeros((practices, SEGMENTS, len(self.names)))
        person_years, programme_years = np.zeros((practices, SEGMENTS)), np.zeros((practices, SEGMENTS))
        unlisted_years = np.zeros((practices, SEGMENTS))
        kernel.aggregate(
            self.state.people,
            self.state.practices,
            self.model.tables,
            self._used,
            services,
            person_years,
            programme_years,
            unlisted_years,
        )
        self.records.unlisted_years.append(unlisted_years)
        return Activity(
            self.names,
            self.practice_names,
            services,
            person_years,
            programme_years,
            YEARS_PER_PERIOD,
            coded_years=None if self._risk is None else person_years * self._risk * self._recording,
            fte_years=self.state.practices["fte"] * YEARS_PER_PERIOD,
            longer_hours=self._longer_hours(services),
            **self._insured(),
        )

    def _longer_hours(self, services: np.ndarray) -> np.ndarray:
        """Return hours of GPs in contacts beyond their usual length ``[P]``, by the practice's lever."""
        longer = self.state.practices["activity_levers"][:, SEGMENT_CONDITION, CONSULTATION_LENGTH] - 1.0
        usual = services[:, :, self._of_gps] @ self.model.care.minutes[self._of_gps, 0] / 60.0
        return np.asarray((longer * usual).sum(axis=1))

    def _insured(self) -> dict[str, Any]:
        """Return who is insured where at the end of the quarter, if a contract of any arm asks for it."""
        if not self._by_insurer:
            return {}
        names, people = self.model.population.insurers, self.state.people[self.state.listed]
        people = people[(people["alive"] == 1) & (people["unlisted"] == 0)]
        years = np.zeros((self.state.practices.size, len(names)))
        np.add.at(years, (people["practice"], people["insurer"]), YEARS_PER_PERIOD)
        return {"insurer_names": names, "insurer_years": years}

    def _age_sex(self) -> np.ndarray:
        """Return the mix by sex and age of each segment on each list ``[P, G, cell]``; of an empty one the region's."""
        shape = (len(self.practice_names), SEGMENTS, AGE_SEX)
        seen, years = self._seen, self._seen["listed"]
        code = age_sex_code(np.maximum(seen["age"], 0), self.state.people["sex"])
        cell = (seen["practice"].astype(np.int64) * SEGMENTS + seen["segment"]) * AGE_SEX + code
        on_list = years > 0.0
        counts = np.bincount(cell[on_list], years[on_list], math.prod(shape)).astype(float).reshape(shape)
        mine, whole = mix_of(counts), mix_of(counts.sum(axis=0))
        return np.where(mine.sum(axis=2, keepdims=True) > 0.0, mine, whole)

    @property
    def _recording(self) -> np.ndarray:
        """Recorded risk against what it would be if practices recorded as in the base years ``[P, G]``."""
        return np.asarray(self.state.practices["activity_levers"][:, SEGMENT_CONDITION, CODING])

    @property
    def _risk(self) -> np.ndarray | None:
        """Risk by segment ``[G]``: payments per person-year in the first quarter of all, the mean being 1.

        Segments hold age, deprivation and conditions; how fully a practice records them is its lever ``coding``. None
        until that quarter is settled.
        """
        if not self.past:
            return None
        first = self.past[0]
        lived = first.person_years.sum(axis=0)
        paid = first.payments.sum(axis=(0, 2))  # type: ignore[union-attr]
        mean = paid.sum() / lived.sum()
        return np.asarray(np.divide(paid, lived * mean, out=np.ones_like(paid), where=lived > 0.0))

    def _post_costs(self, activity: Activity) -> np.ndarray:
        """Post what practices pay, the owners' own time apart; return ``[P, BILLS]`` euro."""
        bills = practice_bills(self.model, activity, self.state.practices["fte"], self.state.practices["share"])
        for component, euros in bills.items():
            self.ledger.post(
                period=self.period,
                contract=OWN_ACCOUNTS,
                component=component,
                account=component,
                payer=self._practice_actors,
                payee="staff_and_suppliers",
                euros=euros,
            )
        return np.stack([bills[name] for name in BILLS], axis=1)

    def _standing(self, activity: Activity, bills: np.ndarray) -> np.ndarray:
        """Return resource cost of practices that no contact carries: ``[P]`` euro."""
        carried = [BILLS.index(name) for name in (*STAFF_BILLS, "material")]
        longer = 0.0 if activity.longer_hours is None else activity.longer_hours * self.model.care.costs.wages().gp_eur
        return np.asarray(self._idle_eur(activity) + longer + np.delete(bills, carried, axis=1).sum(axis=1))

    def _idle_eur(self, activity: Activity, in_programmes: np.ndarray | float = 0.0) -> np.ndarray:
        """Return what time costs that is worked but spent on no contact and no hours of programmes: ``[P]``."""
        care, practices = self.model.care, self.state.practices
        hours = activity.services.sum(axis=1) @ care.minutes / 60.0 + in_programmes
        if activity.longer_hours is not None:
            hours[:, 0] += activity.longer_hours
        further = further_gp_hours(care.book, practices) * activity.years + self._after_hours(activity)
        return care.costs.idle_staff_eur(practices["fte"], hours, activity.years, further)

    def _after_hours(self, activity: Activity) -> np.ndarray:
        """Return hours of GPs with patients seen while the practice is closed, of usual length ``[P]``."""
        contacts = activity.services.sum(axis=1)[:, self._of_gps]
        minutes, held = contacts @ self.model.care.minutes[self._of_gps, 0], contacts.sum(axis=1)
        length = np.divide(minutes, held, out=np.zeros_like(held), where=held > 0.0)
        return np.asarray(self.state.practices["access"][:, ASKED, SEEN_AFTER_HOURS] * length / 60.0)

    def _lend_staff(self, activity: Activity) -> np.ndarray:
        """Post back what programmes cost in hours that practices pay their staff for anyway; return it: ``[P]`` euro.

        The account of a programme has the wages of all its hours, so a practice would pay these twice. As resource
        costs they stay where they are, in general practice and in the programme, and are taken off the total.
        """
        if not self.programme_hours.any():
            return np.zeros(len(self.programme_hours))
        euros = self._idle_eur(activity) - self._idle_eur(activity, self.programme_hours)
        self.ledger.post(
            period=self.period,
            contract=OWN_ACCOUNTS,
            component="staff_in_programmes",
            account="programmes",
            payer="staff_and_suppliers",
            payee=self._practice_actors,
            euros=euros,
        )
        return np.asarray(euros)

    def _settle_patients(self, tick: int) -> np.ndarray:
        """Post what patients pay back to insurers for this quarter; return cents per person."""
        quarter_of_year = self.period % PERIODS_PER_YEAR
        if quarter_of_year == 0:
            self._charged.clear()
        nothing = np.zeros(len(self._seen))
        total = np.zeros(len(self._seen), np.int64)
        self._owed.clear()
        parts = [each for one in self.contracts for each in one.in_force(self.year)]
        prices = np.sum([part.list_prices_eur(self.names) for part in parts], axis=0)
        protected = SEGMENT_DEPRIVED[self._seen["segment"]] == 1
        start_of_year = tick - (quarter_of_year + 1) * TICKS_PER_PERIOD
        age_then = (start_of_year - self.state.people["birth"]) / TICKS_PER_YEAR
        for contract, part, terms in patients_terms(self.contracts, self.year):
            key = contract.name, part.name
            before = self._charged.get(key, nothing)
            after = before + terms.charged_eur(self._used, prices, self.names, protected)
            cents = terms.settle_persons(before, after, age_then, protected)
            self._charged[key], self._owed[key] = after, cents
            post_patients(self.ledger, self.period, contract, part, cents)
            total += cents
        return total

    def _add_to_year(self, tick: int) -> None:
        use.add_to_year(
            self.state.people,
            tick - TICKS_PER_PERIOD,
            tick,
            self.model.tables[0]["masks"][2],
            self._used,
            self._life_table,
            self._yearly,
            self._year,
            self._seen,
        )
        self._year[:, len(self.names) + EXTRA.index("life_years_lost")] += self._life_years_lost(self._seen["died"])
        self.facts.add_quarter(self._seen, self._used)
        if self._by_person:
            quarter = self.period % PERIODS_PER_YEAR
            self._visits[:, quarter] = self._used @ self.model.care.services.in_sector("general_practice")
            self._visited[:, quarter] = self._seen["practice"]

    def _add_money(
        self, settlement: Settlement, bills: np.ndarray, lent: np.ndarray, patient_cents: np.ndarray
    ) -> None:
        lived = settlement.book.activity.person_years
        paid = (settlement.spending_on_practices(), settlement.spending_of_patients(), settlement.spending_of_others())
        gp, own, others = (_per_listed_year(each[:, :, None], lived)[:, :, 0] for each in paid)
        settled = settlement.spending_settled()
        used = np.flatnonzero(settled.any(axis=(0, 1)))  # hardly ever more than one or two
        lumps = _per_listed_year(settled[:, :, used], lived)
        listed = lived.sum(axis=1)
        standing, lent = (
            np.divide(euros, listed, out=np.zeros_like(euros), where=listed > 0.0)
            for euros in (self._standing(settlement.book.activity, bills), lent)
        )
        use.add_money(
            self._seen,
            gp,
            standing,
            lent,
            own,
            others,
            lumps,
            patient_cents / 100.0,
            self._money,
            self._settled[used],
            self._year,
        )

    def _look_back(self, activity: Activity, tick: int) -> Activity:
        """Return the last quarter's activity with what is known of the whole year: indicators, and persons if read."""
        rows = self.state.listed
        middle = tick - PERIODS_PER_YEAR * TICKS_PER_PERIOD // 2
        self._groupings = (
            (self.groups.codes(self.state, rows, middle), self.groups.size),
            (cell_codes(self.state, rows, middle), CELLS),
        )
        self._facts = self.facts.close_year(rows, tick, self._groupings)
        first = self.groups.offsets["practice"]
        of_practice = self._facts[0][first : first + len(self.practice_names)]
        indicators = {
            name: np.ascontiguousarray(of_practice[:, [FACTS.index(above), FACTS.index(below)]])
            for name, (above, below) in INDICATORS.items()
        }
        for name, lines in REPORTED.items():
            lived = np.zeros((self.groups.size, len(lines)))
            kernel.add_groups(rows, self._year[:, [self._extra(each) for each in lines]], self._groupings[0][0], lived)
            indicators[name] = lived[first : first + len(self.practice_names)]
        persons = self._persons(rows) if self._by_person else None
        return replace(activity, indicators=indicators, persons=persons)

    def _persons(self, rows: np.ndarray) -> Persons:
        """Return what was paid for each person this year, general practice apart, which is paid by list."""
        seen, lived = self._seen[rows], self._year[rows, len(self.names) + EXTRA.index("person_years")]
        payments = self._year[rows, : len(self.names)] @ self.prices_by_line()
        contacts = self._year[rows, : len(self.names)] @ self.model.care.services.in_sector("general_practice")
        found = Persons(
            seen["practice"].astype(np.int64),
            seen["segment"].astype(np.int64),
            lived,
            payments,
            contacts,
            self.state.people["id"][rows].astype(np.int64),
            most_seen(self._visits[rows], self._visited[rows]),
        )
        a_year_ago = self.past[-PERIODS_PER_YEAR].persons if len(self.past) >= PERIODS_PER_YEAR else None
        return found.after(a_year_ago)

    @property
    def seen(self) -> np.ndarray:
        """What the last close noted of everybody, in the rows of people (`SEEN`)."""
        return self._seen

    def prices_by_line(self) -> np.ndarray:
        """Return what payers pay by the unit now ``[service, line]`` in euro, general practice apart."""
        parts = [part for one in self.contracts for part in one.in_force(self.year) if part.terms.payee]
        lines = [tariff_table([part for part in parts if part.terms.payee == line], self.names) for line in LINES]
        return np.stack(lines, axis=1)

    def _extra(self, name: str) -> int:
        """Return the column of the year under a name of `EXTRA`."""
        return len(self.names) + EXTRA.index(name)

    def year_so_far(self, name: str) -> np.ndarray:
        """Return what is counted of everybody this year under a service or a name of `EXTRA`, in the rows of people."""
        at = self.names.index(name) if name in self.names else len(self.names) + EXTRA.index(name)
        return np.asarray(self._year[:, at])

    def _life_years_lost(self, died: np.ndarray) -> np.ndarray:
        """Return the remaining life expectancy of those who `died`, at their age of death; 0 for the others."""
        dead = self.state.people[died]
        age = (dead["death"] - dead["birth"]) / TICKS_PER_YEAR
        lost = np.zeros(died.size)
        lost[died] = years_left_at(self._life_table, self._years_left, dead["sex"], age)
        return lost

    def _record(self, activity: Activity, revenue: np.ndarray, bills: np.ndarray) -> None:
        records, practices = self.records, self.state.practices
        records.services.append(activity.services)
        records.person_years.append(activity.person_years)
        records.programme_years.append(activity.programme_years)
        records.revenue.append(revenue)
        records.bills.append(bills)
        for name in ("busy", "waits", "access", "own", "fte", "closed"):
            getattr(records, name).append(practices[name].copy())
        records.levers.append(practices["activity_levers"].copy())
        if activity.longer_hours is not None:
            records.longer_hours.append(activity.longer_hours)
        if len(self.programmes):
            records.programmes.append(self.programmes)

    def _close_year(self) -> None:
        rows, groupings = self.state.listed, self._groupings
        concentration = self._concentration(rows, groupings[0][0])
        kept_in = (self.records.groups, self.records.cells)
        for (codes, size), known, kept in zip(groupings, self._facts, kept_in, strict=True):
            used = np.zeros((size, self._year.shape[1]))
            kernel.add_groups(rows, self._year, codes, used)
            kept.append(np.hstack([used, known]))
        self.records.concentration.append(concentration)
        self._year[:] = 0.0
        self._visits[:] = 0.0

    def _concentration(self, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return how unequally the year's payments fell on people, and note what of them is above `TRUNCATED_AT`.

        See `accounting.concentration`.
        """
        services = len(self.names)
        lived = self._year[rows, services + EXTRA.index("person_years")] > 0.0
        rows, group = rows[lived], codes[lived, list(self.groups.dimensions).index("age_sex")]
        parts = [each for one in self.contracts for each in one.in_force(self.year - 1)]
        prices = tariff_table([part for part in parts if part.terms.payee], self.names)
        long_term = np.where(self.model.care.services.in_sector(LONG_TERM_CARE), prices, 0.0)
        care = self._year[:, :services]
        curative = care @ (prices - long_term) + self._year[:, services + EXTRA.index("gp_payments")]
        first = services + EXTRA.index(f"payments_above_{TRUNCATED_AT[0]}")
        self._year[:, first : first + len(TRUNCATED_AT)] = beyond(curative)
        return self._payments.close(
            self.state.people["id"].copy(), rows, curative[rows], (care @ long_term)[rows], group
        )


def most_seen(visits: np.ndarray, practice: np.ndarray) -> np.ndarray:
    """Return the practice that had most contacts with each person in a year ``[n]``; of equals the last; -1: none.

    Parameters
    ----------
    visits, practice
        ``[n, quarter]`` contacts of each quarter, and the practice on whose list the person was at its end.
    """
    best, found = np.zeros(len(visits)), np.full(len(visits), -1)
    for quarter in reversed(range(visits.shape[1])):
        there = practice == practice[:, quarter, None]
        total = np.where(there, visits, 0.0).sum(axis=1)
        more = (total > best) & (visits[:, quarter] > 0.0)
        best, found = np.where(more, total, best), np.where(more, practice[:, quarter], found)
    return found


def _per_listed_year(euros: np.ndarray, lived: np.ndarray) -> np.ndarray:
    """Return ``[practice, segment, K]`` euros per person-year on the list.

    What was paid for a segment without people falls on the others of the practice, of a practice without people on the
    region: so no euro that was posted is lost in what is counted for people.
    """
    years = lived[:, :, None]
    stray = np.where(years > 0.0, 0.0, euros)
    if stray.any() and years.any():
        of_practice, on_list = stray.sum(axis=1), lived.sum(axis=1)[:, None]
        more = np.divide(of_practice, on_list, out=np.zeros_like(of_practice), where=on_list > 0.0)
        more += np.where(on_list > 0.0, 0.0, of_practice).sum(axis=0) / lived.sum()
        euros = euros - stray + years * more[:, None, :]
    return np.asarray(np.divide(euros, years, out=np.zeros(euros.shape), where=years > 0.0))
