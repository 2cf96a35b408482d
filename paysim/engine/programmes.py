"""A programme at work in one arm: a SimPy process that finds, ranks, invites, follows and lets people go.

A week at a time. Everything random is keyed by person and by the name of the programme, so two arms with the same
programme ask and lose the same people, and an arm without it is untouched. Effects work through flags alone: taking
part sets one, and the tables of the model say what it does (`paysim.care.programmes.tables`).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
import simpy

from paysim.accounting.ledger import Ledger, practice_actor
from paysim.care.catalogue import STAFF as STAFF_OF_PRACTICES
from paysim.care.programmes import (
    COUNTS,
    EDUCATION,
    IN_PRACTICES,
    PROFESSIONS,
    STAFF,
    Programme,
    ProgrammeUse,
    Rounds,
    Tier,
)
from paysim.care.programmes.rounds import LEFT
from paysim.engine.accounts import Accounts
from paysim.engine.model import Model
from paysim.engine.staff import book_hours, further_gp_hours
from paysim.engine.stratify import Scores
from paysim.kernel import streams
from paysim.kernel.records import TICKS_PER_WEEK, TICKS_PER_YEAR, WEEKS_PER_PERIOD, WEEKS_PER_YEAR, State
from paysim.kernel.spec import COVARIATES
from paysim.kernel.tables import stream_key

if TYPE_CHECKING:
    from paysim.engine.region import Region

Process = Generator[simpy.Event, Any, None]

_STOCKS = (
    "places",
    "no_staff",
    *(f"{what}_{name}" for what in ("eligible", "identified", "participants") for name in EDUCATION),
)
_IN_BOOKS = {"practice_nurse": "nurse"}
"""Professions that have another name among the staff of practices."""
_WITH_A_BOOK = [STAFF_OF_PRACTICES.index(name) for name in ("gp", "nurse", "mental_nurse")]
_INVITEE, _BEGINNING, _YEAR = range(3)  # what is paid for
_NEVER_ASKED = np.int32(-(1 << 30))


class Register:
    """Who is alive and on a list at a moment, read once for all programmes that look at it then."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._tick: int | None = None
        self._columns: dict[str, np.ndarray] = {}

    def at(self, tick: int) -> dict[str, np.ndarray]:
        """Return columns of the people alive: row, flags, key, age, practice, unlisted, education, deprived."""
        if tick != self._tick:
            people, rows = self.state.people, self.state.listed
            rows = rows[people["alive"][rows] == 1]
            names = ("flags", "key", "age", "practice", "unlisted", "education", "deprived")
            self._columns = {"row": rows, **{name: people[name][rows] for name in names}}
            self._tick = tick
        return self._columns


class Delivery:
    """One programme of one arm.

    Parameters
    ----------
    use
        When it begins and who pays.
    """

    def __init__(
        self,
        programme: Programme,
        use: ProgrammeUse,
        model: Model,
        state: State,
        accounts: Accounts,
        ledger: Ledger,
        register: Register,
        replicate: int,
    ) -> None:
        self.programme, self.use, self.model, self.state = programme, use, model, state
        self.accounts, self.ledger, self.register = accounts, ledger, register
        self.scores = Scores(model)
        self._actors = [practice_actor(practice.name) for practice in model.population.practices]
        bit = model.flag_bit
        self._tier_bit = np.array([bit[flag] for flag in programme.flags], np.int64)
        self._mask = int(self._tier_bit.sum())
        self._all_of, self._any_of, self._none_of = (
            sum(bit[name] for name in names)
            for names in (programme.identify.all_of, programme.identify.any_of, programme.identify.none_of)
        )
        self._ends = [sum(bit[name] for name in tier.effects.until_leaving) for tier in programme.tiers]
        own = {f"start_{name}_in_{programme.name}" for tier in programme.tiers for name in tier.effects.starts}
        self._own_starts = [k for k, name in enumerate(model.processes) if name in own]
        keys = streams.person_keys(streams.run_key(model.scenario.seed, replicate), np.arange(len(state.practices)))
        self._practice_draw = streams.uniforms(keys, self._stream("practice takes part"))
        wage = _wages(model)
        self._cost = np.array(
            [_costs(tier, wage, programme.invite.eur_per_invitee) for tier in programme.tiers]
        )  # [tier, what is paid for]
        self._paid = self._cost
        if use.payer is None:
            self._paid = np.zeros_like(self._cost)
        elif (pay := programme.payment) is not None:
            self._paid = np.tile([pay.eur_per_invitee, pay.eur_per_start, pay.eur_per_year], (len(self._cost), 1))
        self.asked = np.full(len(state.people), _NEVER_ASKED, np.int32)  # week, by row
        self.times = np.zeros(len(state.people), np.int16)  # asked before, by row
        self.row = np.zeros(0, np.int64)  # of participants
        self.tier = np.zeros(0, np.int64)
        self.until = np.zeros(0, np.int64)  # tick
        self.completes = np.zeros(0, bool)  # at `until`, or drops out
        self.counted_to = np.zeros(0, np.int64)
        hours = np.zeros((2, len(programme.tiers), len(STAFF_OF_PRACTICES)))
        for tier, each in enumerate(programme.tiers):
            for name in IN_PRACTICES:
                at = STAFF_OF_PRACTICES.index(_IN_BOOKS.get(name, name))
                hours[:, tier, at] = each.minutes_per_year.get(name, 0.0), each.minutes_at_start.get(name, 0.0)
        self._hours_a_year, self._hours_at_start = hours / 60.0  # [tier, staff of practices]
        self._limited = not use.hires and bool(hours[:, :, _WITH_A_BOOK].any())
        self.week = 0
        self.rounds = Rounds(programme.name)
        self._rounds_begun = self._rounds_short = 0  # in which hours of staff could be wanting, and were
        self._counts = dict.fromkeys(COUNTS, 0.0)
        self._cost_by_practice = np.zeros(len(state.practices))
        self._paid_by_practice = np.zeros(len(state.practices))

    def work(self, region: Region) -> Process:
        """Let people go every week, invite in rounds, and settle every quarter."""
        begins, every = self.use.start_year * WEEKS_PER_YEAR, self.programme.invite.every_weeks
        while True:
            yield region.env.timeout(TICKS_PER_WEEK)
            now = int(region.env.now)
            self.week += 1
            running = self.week - begins - 1
            if running >= 0:
                if running % every == 0:
                    self.rounds.begin(self.week, WEEKS_PER_YEAR)
                self.let_go(region, now)
                if running % every == 0:
                    if running and running % WEEKS_PER_YEAR == 0:
                        self.restratify(region, now)
                    self.invite(region, now, running // WEEKS_PER_YEAR)
            if self.week % WEEKS_PER_PERIOD == 0:
                self.settle(now)
            if running >= 0 and (running + 1) % every == 0:
                self._count_time(np.ones(len(self.row), bool), np.full(len(self.row), now))
                self.rounds.close(self.state.people["education"][self.row])
            if self.week % WEEKS_PER_YEAR == 0:
                gone = self.state.people["alive"] == 0  # their rows are given out again
                self.asked[gone], self.times[gone] = _NEVER_ASKED, 0

    def follow(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Follow people whose rows moved from `left` to `taken`."""
        if not len(left):
            return
        for remembered, nothing in ((self.asked, _NEVER_ASKED), (self.times, 0)):
            remembered[taken] = remembered[left]
            remembered[left] = nothing
        order = np.argsort(left)
        at = np.searchsorted(left, self.row, sorter=order)
        at = order[np.minimum(at, len(left) - 1)]
        moved = left[at] == self.row
        self.row[moved] = taken[at[moved]]

    def let_go(self, region: Region, now: int) -> None:
        """End the time of participants who died, left the region, dropped out or completed the programme."""
        people = self.state.people
        gone = people["alive"][self.row] == 0
        over = ~gone & (self.until <= now)
        if not (gone | over).any():
            return
        self._count_time(gone, people["since"][self.row[gone]])
        self._count_time(over, np.full(int(over.sum()), now))
        self._counts["completed"] += float((over & self.completes).sum())
        self._counts["dropped_out"] += float((over & ~self.completes).sum())
        departed = people["departed"][self.row] == 1
        left = (over & ~self.completes, over & self.completes, gone & ~departed, gone & departed)
        for what, which in zip(LEFT, left, strict=True):
            self.rounds.add(what, people["education"][self.row[which]])
        for k, ends in enumerate(self._ends):
            rows = self.row[over & (self.tier == k)]
            if len(rows):
                waiting = rows[np.isin(people["starts"][rows], self._own_starts)]
                people["starts"][waiting] = -1  # the appointment stays, what was to begin there does not
                region.practices.flags_changed(rows, 0, self._mask | ends, now)
        self._keep(~(gone | over))

    def restratify(self, region: Region, now: int) -> None:
        """Put participants in the tier of their present score; who is under all of them stays in the lowest."""
        if not self.programme.improve.restratify or not len(self.row):
            return
        score = self.scores.of(self.programme.score, self.state.people, self.row)
        tier = np.maximum(self._tier_of(score, self.state.people["flags"][self.row]), 0)
        self._count_time(np.ones(len(self.row), bool), np.full(len(self.row), now))
        for old in range(len(self.programme.tiers)):
            for new in range(len(self.programme.tiers)):
                rows = self.row[(self.tier == old) & (tier == new)]
                if old != new and len(rows):
                    clears = int(self._tier_bit[old]) | self._ends[old] & ~self._ends[new]
                    region.practices.flags_changed(rows, int(self._tier_bit[new]), clears, now)
        self.tier = tier

    def invite(self, region: Region, now: int, year: int) -> None:
        """Ask identified people who were not asked before, those of highest score first, while there are places."""
        programme, people = self.programme, self.state.people
        found = self._identified(now, year)
        rows = found["row"]
        score = self.scores.of(programme.score, people, rows)
        tier = self._tier_of(score, found["flags"])
        chosen = tier >= 0
        if programme.top_share is not None and len(score):
            chosen &= score >= np.quantile(score, 1.0 - programme.top_share)
        again = programme.invite.again_after_years
        wait = np.inf if again is None else again * WEEKS_PER_YEAR
        asked = self.asked[rows].astype(float)
        takes_part = (found["flags"] & self._mask) != 0
        due = (asked == _NEVER_ASKED) | (self.week - asked >= wait)
        self.rounds.add("taking_part", found["education"][takes_part])
        self.rounds.add("not_selected", found["education"][~takes_part & ~chosen])
        self.rounds.add("asked_before", found["education"][~takes_part & chosen & ~due])
        chosen &= ~takes_part & due
        self.rounds.add("selected", found["education"][chosen])
        rows, key, tier, score = (each[chosen] for each in (rows, found["key"], tier, score))
        education = found["education"][chosen].astype(np.int64)
        order = np.lexsort((streams.uniforms(key, self._stream("order")), -score))
        number = self.times[rows[order]].astype(np.int64)
        uptake = np.array([programme.invite.uptake[name] for name in EDUCATION])[education[order]]
        accepts = streams.uniforms(key[order], self._stream("accepts"), number) < uptake
        if self._limited:
            staffed = self._staffed(region, rows[order], tier[order], accepts)
            self._counts["no_staff"] = float((~staffed).sum())
            self._rounds_begun, self._rounds_short = self._rounds_begun + 1, self._rounds_short + int(not staffed.all())
            self.rounds.add("no_staff", education[order[~staffed]])
            order, number, accepts = order[staffed], number[staffed], accepts[staffed]
        free = self._free(year)
        full = np.flatnonzero(np.cumsum(accepts) >= free)
        asked_now = order[:0] if free == 0 else order[: full[0] + 1] if len(full) else order
        self.rounds.add("no_places", education[order[len(asked_now) :]])
        accepts, number = accepts[: len(asked_now)], number[: len(asked_now)]
        self._count("invited", education[asked_now])
        self.rounds.add("invited", education[asked_now])
        self.rounds.add("declined", education[asked_now[~accepts]])
        self.asked[rows[asked_now]] = self.week
        self.times[rows[asked_now]] += 1
        self._bill(rows[asked_now], tier[asked_now], _INVITEE)
        new, number = asked_now[accepts], number[accepts]
        self._start(region, now, rows[new], key[new], tier[new], education[new], number)

    def settle(self, now: int) -> None:
        """Count the quarter's time, post what it cost and what is paid, and record the quarter."""
        everybody = np.ones(len(self.row), bool)
        self._count_time(everybody, np.full(len(self.row), now))
        self._fixed(now)
        people = self.state.people
        for k, name in enumerate(EDUCATION):
            self._counts[f"participants_{name}"] = float((people["education"][self.row] == k).sum())
        self._counts["cost_eur"] = float(self._cost_by_practice.sum())
        self._counts["paid_eur"] = float(self._paid_by_practice.sum())
        self._post()
        number = [each.name for each in self.model.programmes].index(self.programme.name)
        self.accounts.programmes[number] = [self._counts[name] for name in COUNTS]
        self._counts = {name: self._counts[name] if name in _STOCKS else 0.0 for name in COUNTS}
        self._cost_by_practice = np.zeros_like(self._cost_by_practice)
        self._paid_by_practice = np.zeros_like(self._paid_by_practice)

    def _identified(self, now: int, year: int) -> dict[str, np.ndarray]:
        """Return the register of those whom the records show, participants among them, and count who is eligible."""
        who, terms = self.register.at(now), self.programme.identify
        flags = who["flags"]
        chosen = ((flags & self._all_of) == self._all_of) & ((flags & self._none_of) == 0)
        if self._any_of:
            chosen &= (flags & self._any_of) != 0
        chosen &= (who["age"] >= terms.age[0]) & (who["age"] <= terms.age[1])
        if terms.deprived is not None:
            chosen &= who["deprived"] == int(terms.deprived)
        member = (flags & self._mask) != 0  # who takes part counts, whatever has changed since
        chosen |= member
        eligible = {name: column[chosen] for name, column in who.items()}
        member = member[chosen]
        if terms.bmi_from is not None or terms.non_hdl_from is not None:
            over, x = np.ones(len(eligible["row"]), bool), self.state.people["covariates"][eligible["row"]]
            if terms.bmi_from is not None:
                over &= x[:, COVARIATES.index("bmi")] >= terms.bmi_from
            if terms.non_hdl_from is not None:
                tc, hdl, drop = (x[:, COVARIATES.index(name)] for name in ("tc", "hdl", "ldl_drop"))
                over &= tc - drop - hdl >= terms.non_hdl_from
            over |= member
            eligible, member = {name: column[over] for name, column in eligible.items()}, member[over]
        self._count("eligible", eligible["education"], stock=True)
        missed = (1.0 - terms.sensitivity) * (1.0 - self.programme.improve.registration_gain) ** year
        near = self._taking_part(year)[eligible["practice"]] & (eligible["unlisted"] == 0) | member
        seen = streams.uniforms(eligible["key"], self._stream("is in the records")) < 1.0 - missed
        seen = near & (seen | member)
        found = {name: column[seen] for name, column in eligible.items()}
        self._count("identified", found["education"], stock=True)
        self.rounds.add("eligible", eligible["education"])
        self.rounds.add("other_practice", eligible["education"][~near])
        self.rounds.add("not_in_records", eligible["education"][near & ~seen])
        return found

    def _tier_of(self, score: np.ndarray, flags: np.ndarray) -> np.ndarray:
        """Return the highest tier that a person reaches, or -1 ``[n]``."""
        tier = np.full(len(score), -1)
        for k, each in enumerate(self.programme.tiers):
            reaches = np.ones(len(score), bool) if each.least is None else score >= each.least
            mask = sum(self.model.flag_bit[name] for name in each.or_any_of)
            tier[reaches | ((flags & mask) != 0)] = k
        return tier

    def _taking_part(self, year: int) -> np.ndarray:
        """Return which practices take part in a year of the programme ``[P]``; who takes part goes on."""
        out = (1.0 - self.programme.deliver.practices) * (1.0 - self.programme.improve.practices_joining) ** year
        return np.asarray(self._practice_draw < 1.0 - out)

    def committed(self) -> np.ndarray:
        """Return hours a year that participants take of the staff of their practices ``[P, staff of practices]``."""
        hours = np.zeros((len(self.state.practices), len(STAFF_OF_PRACTICES)))
        np.add.at(hours, self.state.people["practice"][self.row], self._hours_a_year[self.tier])
        return hours

    def _staffed(self, region: Region, rows: np.ndarray, tier: np.ndarray, accepts: np.ndarray) -> np.ndarray:
        """Return for whom GPs and nurses of the practice have hours left in the coming year ``[n]``, first come first.

        Left are contact hours that are worked, less those of the last quarter's contacts and of who takes part in
        programmes already. Somebody who says no takes none.
        """
        care, practices = self.model.care, self.state.practices
        room = book_hours(care.book, practices["fte"])
        room[:, 0] += further_gp_hours(care.book, practices)
        for quarter in self.accounts.past[-1:]:
            room -= quarter.services.sum(axis=1) @ care.minutes[:, _WITH_A_BOOK] / 60.0 / quarter.years
            if quarter.longer_hours is not None:
                room[:, 0] -= quarter.longer_hours / quarter.years
        for delivery in region.programmes:
            room -= delivery.committed()[:, _WITH_A_BOOK]
        need = (self._hours_a_year + self._hours_at_start)[tier][:, _WITH_A_BOOK]
        practice = self.state.people["practice"][rows]
        order = np.argsort(practice, kind="stable")
        taken = np.cumsum(np.where(accepts[order, None], need[order], 0.0), axis=0)
        first = np.searchsorted(practice[order], practice[order])  # of the same practice
        before = np.where(first[:, None] > 0, taken[first - 1], 0.0)
        mine = taken - before + np.where(accepts[order, None], 0.0, need[order])
        fits = np.empty(len(rows), bool)
        fits[order] = ((mine <= room[practice[order]]) | (need[order] == 0.0)).all(axis=1)
        return fits

    def short_of_staff(self) -> str:
        """Return that people were not asked for want of staff, in any round; empty if all were.

        How many in the last one is `programme_*_not_asked_for_want_of_staff`, in each one is told by rounds.
        """
        if not self._rounds_short:
            return ""
        return (
            f"{self.programme.title}: in {self._rounds_short} of {self._rounds_begun} rounds people it has selected "
            "are not asked, because GPs and nurses of their practice have no hours left, and it hires none"
        )

    def _places(self, year: int) -> float:
        per_1000 = self.programme.deliver.places_per_1000
        if per_1000 is None:
            return np.inf
        lists = np.array([practice.list_size for practice in self.model.population.practices])
        return float(np.floor(per_1000 * lists[self._taking_part(year)].sum() / 1000.0))

    def _free(self, year: int) -> float:
        places = self._places(year)
        self._counts["places"] = places if np.isfinite(places) else -1.0
        return max(places - len(self.row), 0.0)

    def _start(
        self,
        region: Region,
        now: int,
        rows: np.ndarray,
        key: np.ndarray,
        tier: np.ndarray,
        education: np.ndarray,
        number: np.ndarray,
    ) -> None:
        """Let people take part: set their flags, and draw when they will leave."""
        deliver = self.programme.deliver
        self._count("started", education)
        self.rounds.add("started", education)
        for k, bit in enumerate(self._tier_bit):
            if (tier == k).any():
                region.practices.flags_changed(rows[tier == k], int(bit), 0, now)
        years = np.full(len(rows), np.inf)
        if deliver.dropout > 0.0:
            years = -np.log(streams.uniforms(key, self._stream("leaves"), number)) / deliver.dropout
        whole = np.inf if deliver.duration_years is None else deliver.duration_years
        stays = np.minimum(np.minimum(years, whole), 1e4)
        self.row = np.concatenate([self.row, rows])
        self.tier = np.concatenate([self.tier, tier])
        self.until = np.concatenate([self.until, now + np.ceil(stays * TICKS_PER_YEAR).astype(np.int64)])
        self.completes = np.concatenate([self.completes, years >= whole])
        self.counted_to = np.concatenate([self.counted_to, np.full(len(rows), now)])
        self._bill(rows, tier, _BEGINNING)
        self._hours(rows, tier, np.ones(len(rows)), "minutes_at_start")

    def _count_time(self, which: np.ndarray, upto: np.ndarray) -> None:
        """Count the time of some participants up to a tick, and what it costs."""
        rows, tier = self.row[which], self.tier[which]
        years = np.maximum(upto - self.counted_to[which], 0) / TICKS_PER_YEAR
        self.counted_to[which] = upto
        education = self.state.people["education"][rows]
        for k, name in enumerate(EDUCATION):
            self._counts[f"years_{name}"] += float(years[education == k].sum())
        self.rounds.add("participant_years", education, years)
        self._bill(rows, tier, _YEAR, years)
        self._hours(rows, tier, years, "minutes_per_year")

    def _hours(self, rows: np.ndarray, tier: np.ndarray, amount: np.ndarray, minutes: str) -> None:
        """Count hours by profession, and by practice those of staff that practices employ anyway."""
        if self.programme.provider == "practices" and not self.use.hires:
            own = self._hours_at_start if minutes == "minutes_at_start" else self._hours_a_year
            hours = own[tier] * amount[:, None]
            np.add.at(self.accounts.programme_hours, self.state.people["practice"][rows], hours)
        for k, each in enumerate(self.programme.tiers):
            total = float(amount[tier == k].sum())
            for name, value in getattr(each, minutes).items():
                self._counts[f"hours_{name}"] += total * value / 60.0

    def _keep(self, which: np.ndarray) -> None:
        for name in ("row", "tier", "until", "completes", "counted_to"):
            setattr(self, name, getattr(self, name)[which])

    def _count(self, what: str, education: np.ndarray, stock: bool = False) -> None:
        found = np.bincount(education.astype(np.int64), minlength=len(EDUCATION))
        for k, name in enumerate(EDUCATION):
            before = 0.0 if stock else self._counts[f"{what}_{name}"]
            self._counts[f"{what}_{name}"] = before + float(found[k])

    def _fixed(self, now: int) -> None:
        """Share what the programme costs whoever takes part over everybody on the lists."""
        per_100000 = self.programme.deliver.fixed_eur_per_100000
        if per_100000 and self.week > self.use.start_year * WEEKS_PER_YEAR:
            rows = self.register.at(now)["row"]
            cost = np.full(len(rows), per_100000 / 1e5 * WEEKS_PER_PERIOD / WEEKS_PER_YEAR)
            refunded = self.use.payer is not None and self.programme.payment is None
            self._book(rows, cost, cost if refunded else 0.0 * cost)

    def _bill(self, rows: np.ndarray, tier: np.ndarray, what: int, amount: np.ndarray | float = 1.0) -> None:
        self._book(rows, self._cost[tier, what] * amount, self._paid[tier, what] * amount)

    def _book(self, rows: np.ndarray, cost: np.ndarray, paid: np.ndarray) -> None:
        """Add euros to people and to the practices whose lists they are on."""
        education = self.state.people["education"][rows]
        self.rounds.add("cost_eur", education, cost)
        self.rounds.add("paid_eur", education, paid)
        practice, practices = self.state.people["practice"][rows], len(self._practice_draw)
        self._cost_by_practice += np.bincount(practice, cost, minlength=practices)
        self._paid_by_practice += np.bincount(practice, paid, minlength=practices)
        self.accounts.add("programme_cost", rows, cost)
        self.accounts.add("programme_payments", rows, paid)
        if self.use.payer not in (None, "insurers"):
            self.accounts.add("payments_by_others", rows, paid)

    def _post(self) -> None:
        """Post the quarter: the provider buys staff and material, and the payer, if there is one, pays the provider.

        In practices it is theirs by the lists of the people concerned, and part of their revenue and costs.
        """
        provider, cost, paid = self.programme.provider, self._cost_by_practice, self._paid_by_practice
        actor: str | list[str] = provider
        if provider == "practices":
            actor = self._actors
            self.accounts.programme_costs += cost
            self.accounts.programme_revenue += paid
        else:
            cost, paid = cost.sum(), paid.sum()
        common: dict[str, Any] = {"period": self.accounts.period, "contract": f"programme:{self.programme.name}"}
        common["account"] = "programmes"
        self.ledger.post(component="cost", payer=actor, payee="staff_and_suppliers", euros=cost, **common)
        if self.use.payer is not None:
            self.ledger.post(component="payment", payer=self.use.payer, payee=actor, euros=paid, **common)

    def _stream(self, what: str) -> int:
        return int(stream_key(f"{self.programme.name}: {what}"))


def _costs(tier: Tier, wage: dict[str, float], eur_per_invitee: float) -> tuple[float, float, float]:
    """Return what an invitee, a start and a participant-year cost, staff among it."""
    start, year = (
        sum(minutes * wage[name] / 60.0 for name, minutes in each.items())
        for each in (tier.minutes_at_start, tier.minutes_per_year)
    )
    return eur_per_invitee, tier.eur_per_start + start, tier.eur_per_year + year


def _wages(model: Model) -> dict[str, float]:
    """Return the cost of an hour of every profession, euro."""
    own = model.care.costs.wages()
    found = dict(zip(IN_PRACTICES, (own.gp_eur, own.nurse_eur, own.assistant_eur), strict=True))
    staff = model.parameters.group(STAFF)
    others = (name for name in PROFESSIONS if name not in IN_PRACTICES)
    return found | {name: staff[f"{name}_eur_per_hour"] for name in others}
