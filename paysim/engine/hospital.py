"""What practices share: clinics by specialty, tests, the emergency department, beds, and places to live in.

`Hospital.pass_week` is the week in prose. It runs once a week, after the practices' week is over. Each part is a small
module of its own: `waiting`, `clinics`, `diagnostics`, `emergency`, `beds`, `places`.

A sample of practices shares the region's whole clinics and beds with people who are not simulated: each week adds a
keyed Poisson number of ghost requests with mean (weight - 1) times the sample's own recent mean, so that a queue is
not falsified by scaling it down (small queues wait longer). As a closed cohort dies out, others ask for what it asked
for at the fork (`engine.cohort`). Nursing homes, where people stay until they die, are scaled
down with the sample, and with the cohort.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import simpy

from paysim.care.hospital import HospitalTerms
from paysim.care.model import FOLLOW_UP
from paysim.engine.beds import Ward
from paysim.engine.clinics import Clinic
from paysim.engine.cohort import ADMISSIONS, HOMES, REFERRALS
from paysim.engine.diagnostics import Diagnostics
from paysim.engine.emergency import EmergencyDepartment
from paysim.engine.overflow import Queue
from paysim.engine.places import HomeCareTeams, Places, stays
from paysim.engine.planned import Planned, send
from paysim.engine.triage import Codes, Triage
from paysim.engine.waiting import (
    MEMORY_WEEKS,
    SETTLING_WEEKS,
    Capacity,
    Draws,
    Recent,
    apart,
    by_order,
    by_unit,
    chosen,
    ghosts,
    nobody,
    patients_of,
    together,
)
from paysim.errors import DataError, Problem, nearest_name
from paysim.kernel.patients import GHOST, STREAM_SHIFT, count_service, move_rows
from paysim.kernel.records import (
    ADMISSION_REQUEST,
    PLACE_REQUEST,
    REQUEST,
    TICKS_PER_DAY,
    TICKS_PER_WEEK,
    VISIT_REQUEST,
    WEEKS_PER_YEAR,
    State,
)

Process = Generator[simpy.Event, Any, None]

OLD = 75
"""Age from which a discharge may bring care at home."""

_SAMPLE = 2.0
"""Weight from which on the run is a sample whose few admissions cannot tell whether a ward's list can empty."""
_KIND = {"clinic": REFERRALS, "tests": REFERRALS, "nursing": HOMES}
"""Beginning of a part's name -> the share of a closed cohort that it goes with; all others go with admissions."""
_ED, _REHABILITATION = 500, 600
"""Streams of ghosts; those of clinics are twice the specialty's number plus the urgency."""


class Part(Protocol):
    """What the hospital asks of each of its parts."""

    capacity: Capacity

    def patients(self) -> tuple[np.ndarray, ...]:
        """Return everybody who is remembered, by row."""

    def begin_period(self) -> None:
        """Forget the counts of the last period."""

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""

    def restore(self, saved: dict[str, np.ndarray]) -> None:
        """Continue from `save`."""


class Hospital:
    """All that the practices of a region share.

    Parameters
    ----------
    key
        Of the run's random streams.
    weight
        Persons in the region per person simulated; 1 without sampling.

    Attributes
    ----------
    clinics, beds
        By name of the specialty, and of the ward.
    tests, emergency_department, rehabilitation, nursing_homes, home_care
        The other parts.
    elective_lever
        Planned admissions wanted per trajectory, against the base years: what the hospital decides.
    stay_lever
        Days of a stay, against the base years: what the hospital decides.
    follow_up_lever
        Follow-up visits planned per trajectory, and slots for them, against the base years: what the hospital decides.
    coding_lever
        One and the share of admissions coded a group of severity higher than they are: what the hospital decides.
    shares
        Of a closed cohort, what it asks for over what it asked for at the fork, see `engine.cohort`.
    on_admission
        Called with rows, service and days of stay of those whom the hospital admits by itself.
    on_use
        Called with a service or a name of `groups.EXTRA`, rows and amounts: what people use that no request asks for.
    """

    def __init__(self, state: State, terms: HospitalTerms, key: np.uint64, weight: float, codes: Codes) -> None:
        self.state, self.terms, self.weight, self.codes = state, terms, weight, codes
        self.draws = draws = Draws(state, key)
        self.week, self.settled = 0, SETTLING_WEEKS
        self.elective_lever = self.stay_lever = self.follow_up_lever = self.coding_lever = 1.0
        self.shares = dict.fromkeys((REFERRALS, ADMISSIONS, HOMES), 1.0)
        share = terms.occupancy
        shared = (terms.margin, terms.patience_weeks, share["follow_up"], draws)
        self.clinics = _Named(
            "clinic", {each.name: Clinic(k, each, *shared) for k, each in enumerate(terms.specialties)}
        )
        ahead = (terms.margin, terms.patience_weeks, draws)
        self.tests = Diagnostics("tests", terms.test_wait_weeks, *ahead)
        programmes = {
            name: Planned(f"planned admissions {name}", terms.elective_wait_weeks, *ahead) for name in terms.wards
        }
        self.beds = _Named("ward", {name: Ward(name, share["bed"], each, draws) for name, each in programmes.items()})
        self.emergency_department = EmergencyDepartment(terms.ed_stay_hours, share["ed"], draws)
        self.rehabilitation = Places("rehabilitation", draws, terms.rehabilitation.patience_weeks)
        self.nursing_homes = Places("nursing_home", draws)
        self.home_care = HomeCareTeams(terms.home_care, share["home_care"])
        self.parts: dict[str, Part] = {
            **{f"clinic_{name}": clinic for name, clinic in self.clinics.items()},
            **{f"ward_{name}": ward for name, ward in self.beds.items()},
            "tests": self.tests,
            "emergency_department": self.emergency_department,
            "rehabilitation": self.rehabilitation,
            "nursing_homes": self.nursing_homes,
            "home_care": self.home_care,
        }
        kinds = (_KIND.get(name.partition("_")[0], ADMISSIONS) for name in self.parts)
        self._kinds = tuple(zip(self.parts.values(), kinds, strict=True))
        wards, specialties = len(terms.wards), len(terms.specialties)
        self.recent = {  # of the simulated practices
            "referrals": Recent(2 * specialties),  # by specialty and urgency
            "emergency_days": Recent(wards),
            "arrivals": Recent(1),  # at the emergency department
            "rehabilitation": Recent(1),
            "home_care": Recent(1),
            "nursing_home": Recent(1),
        }
        self.at_fork = {name: 0.0 * each.mean(0) for name, each in self.recent.items()}
        self.triage = Triage(terms, codes, draws)
        self.on_admission: Callable[[np.ndarray, int, np.ndarray], None] | None = None
        self.on_use: Callable[[str, np.ndarray, np.ndarray], None] | None = None
        self.inbox: list[np.ndarray] = []
        self.admitted: list[np.ndarray] = []  # by a user's own process
        self.leaving = nobody()  # who goes to rehabilitation when the stay in hospital ends
        self.queues: list[dict[str, Queue]] = []  # at the end of each quarter of this run

    # --- What comes from outside ------------------------------------------------------------------------------------

    def receive(self, requests: np.ndarray) -> None:
        """Take in what left the practices in the week that just ended."""
        self.inbox.append(requests)

    def house(self, rows: np.ndarray) -> None:
        """Give those of the people in `rows` who live in a nursing home a place: who lives there at the start."""
        self.nursing_homes.take_in(0, self._of_nursing_homes(rows), keep=0)
        self.nursing_homes.begin_period()

    def arrive(self, rows: np.ndarray, now: int) -> None:
        """Let newcomers to the region who need a nursing home claim a place."""
        claims = self._of_nursing_homes(rows)
        claims["since"] = now
        self.nursing_homes.list.join(claims)
        self.nursing_homes.claims += len(claims)

    def admit(self, rows: np.ndarray, stay_days: np.ndarray | float, ward: str) -> None:
        """Admit people as emergencies for another disease in the coming week: for a user's own process.

        Parameters
        ----------
        rows
            Of people who live in the region.
        stay_days
            Stay of each, or of all.

        Raises
        ------
        DataError
            If there is no such ward.
        """
        rows = np.asarray(rows, np.int64)
        patients = nobody(len(rows))
        patients["row"], patients["person"] = rows, self.state.people["id"][rows]
        patients["since"] = -1  # the beginning of the week in which they are admitted
        patients["days"], patients["number"] = stay_days, self.week
        patients["process"] = self.codes.other_emergency
        patients["unit"] = list(self.beds).index(self.beds[ward].name)
        self._count(patients, self.codes.emergency)
        self._tell(patients, self.codes.emergency)
        self.admitted.append(patients)

    def follow(self, left: np.ndarray, taken: np.ndarray) -> None:
        """Let everybody follow people whose rows moved from `left` to `taken`."""
        if not len(left):
            return
        row_now = np.arange(len(self.state.people), dtype=np.int32)
        row_now[left] = taken
        remembered = [patients for part in self.parts.values() for patients in part.patients()]
        for requests in self.inbox:
            requests["row"] = row_now[requests["row"]]
        for patients in (*self.admitted, self.leaving, *remembered):
            move_rows(patients, row_now)

    # --- The week ---------------------------------------------------------------------------------------------------

    def work(self, env: simpy.Environment) -> Process:
        """Work once a week, for ever."""
        while True:
            yield env.timeout(TICKS_PER_WEEK)
            self.pass_week(int(env.now))

    def pass_week(self, now: int) -> None:
        """Answer the requests of the week that ends at `now`."""
        requests = np.concatenate(self.inbox) if self.inbox else np.zeros(0, REQUEST)
        self.inbox.clear()
        self.draws.week = self.week
        again = -MEMORY_WEEKS * TICKS_PER_WEEK < now <= 0  # the last weeks of the base run: arms start in balance
        first = self.week < SETTLING_WEEKS
        settling = first or again
        if settling:
            self.settled = self.week + 1
        patients, kind = patients_of(requests), requests["kind"].astype(np.int64)
        referred, admitted, _, _, claiming = apart(patients, kind, PLACE_REQUEST + 1)
        referrals, usual_referrals = self.triage.refer(referred)
        emergencies, usual_days = self.triage.allot(admitted)
        came = (kind == VISIT_REQUEST) | (kind == ADMISSION_REQUEST)
        came &= ~self.codes.planned[patients["process"]]
        visits, usual_visits = self._at_the_department(chosen(patients, came), kind[came] == ADMISSION_REQUEST)
        claims = self.draws.living(claiming)
        self._remember("referrals", usual_referrals)
        self._remember("emergency_days", usual_days)
        self._remember("arrivals", usual_visits)
        self._remember("nursing_home", len(claims))
        growth = self._growth()
        for part, kind_of in self._kinds:
            share = self.shares[kind_of]
            part.capacity.growth = growth * (share if part is self.nursing_homes else max(1.0, share))
        for ward in self.beds.values():
            ward.programme.capacity.growth = growth * max(1.0, self.shares[REFERRALS])
        if settling:
            self._plan()

        seen, elsewhere = self._hold_clinics(now, referrals, first, again)
        ready = self._test(now, seen, first, again)
        ready["visits"] = self.triage.visits(ready, self.follow_up_lever)
        held = []
        for clinic, treated in zip(self.clinics.values(), by_unit(ready, len(self.clinics)), strict=True):
            held.append(clinic.follow_up(now, treated, settling, self.follow_up_lever))
            clinic.capacity.end_week()
        self._use(FOLLOW_UP, together(*held))
        # Of who is seen outside the region what follows is not simulated: as much as is usual.
        self._use(FOLLOW_UP, elsewhere, self.follow_up_lever * self.triage.follow_ups[elsewhere["unit"]])
        self._use("clinic_tests", elsewhere, self.triage.test_share[elsewhere["unit"]])
        self._treat_emergencies(now, visits)
        self._fill_beds(now, emergencies, together(ready, elsewhere), first, again)
        usual = float(self._usual("nursing_home")[0]) * self.terms.nursing_home_wait_weeks
        self.nursing_homes.take_in(now, claims, round(usual) if settling else None)
        if settling:
            self.nursing_homes.plan(len(self.nursing_homes.inside))
        else:
            self.nursing_homes.capacity.follow(len(self.nursing_homes.list) - usual, self.terms.nursing_homes_follow)
        self._discharge(now, emergencies, settling)
        self._budget(settling)
        self.week += 1

    def _remember(self, what: str, amount: np.ndarray | float) -> None:
        self.recent[what].remember(self.week, amount)

    def _usual(self, what: str) -> np.ndarray:
        return self.recent[what].mean(self.week)

    def _growth(self) -> float:
        years = max(0, self.week - self.settled) / WEEKS_PER_YEAR
        return float((1.0 + self.terms.growth_per_year) ** years)

    def _plan(self) -> None:
        """Let capacities follow demand while the base run settles, at its start and at its end."""
        self._plan_for({name: each.mean(self.week) for name, each in self.recent.items()}, 1.0)
        waiting = float(self._usual("nursing_home")[0]) * self.terms.nursing_home_wait_weeks
        self.home_care.plan(float(self._usual("home_care")[0]) * self.weight, waiting * self.weight)

    def _budget(self, settling: bool) -> None:
        """At the end of a year let the hospital go part of the way to what was asked for in it; then begin another."""
        ends = not settling and (self.week - self.settled + 1) % WEEKS_PER_YEAR == 0
        if ends and self.terms.follows > 0.0:
            asked = {}
            for name, each in self.recent.items():
                gone = max(0.0, 1.0 - self.shares[REFERRALS if name == "referrals" else ADMISSIONS])
                asked[name] = each.mean_of_year() + gone * self.at_fork[name]
            self._plan_for(asked, self.terms.follows)
        if settling or ends:
            for each in self.recent.values():
                each.year[:] = 0.0

    def _plan_for(self, asked: Mapping[str, np.ndarray], share: float) -> None:
        """Let capacities go a share of the way to what a week's requests ask for, referrals by specialty and urgency.

        Tests and planned admissions follow from referrals: who waits as planned for a clinic may need a test here, and
        who is seen elsewhere may be admitted here.
        """
        referrals = asked["referrals"].reshape(-1, 2) * self.weight
        for clinic, (routine, urgent) in zip(self.clinics.values(), referrals, strict=True):
            clinic.plan(float(urgent), float(routine), share)
        seen = [
            (clinic.joining(routine), urgent)
            for clinic, (routine, urgent) in zip(self.clinics.values(), referrals, strict=True)
        ]
        routine, urgent = self.triage.test_share @ np.array(seen)
        self.tests.plan(float(urgent), float(routine), share)
        emergency_days = asked["emergency_days"] * self.weight
        for k, ward in enumerate(self.beds.values()):
            wanted = self.triage.elective_share * (self.triage.ward == k) @ referrals
            ward.programme.plan(float(wanted[1]), float(wanted[0]), share)
            here = ward.programme.joining(float(wanted[0])) + float(wanted[1])
            ward.plan(float(emergency_days[k]), here * self.terms.elective_stay_days, share)
        self.emergency_department.plan(float(asked["arrivals"][0]) * self.weight, share)
        weeks, occupancy = self.terms.rehabilitation.weeks, self.terms.occupancy["rehabilitation"]
        self.rehabilitation.plan(float(asked["rehabilitation"][0]) * self.weight * weeks / occupancy, share)

    def _of_others(self, what: str, kind: str = ADMISSIONS) -> np.ndarray:
        """Return what people who are not simulated are expected to ask for in a week, by stream.

        Those of practices that a sample leaves out ask for what the sample does; and of a closed cohort others ask for
        what it no longer does.
        """
        gone = max(0.0, 1.0 - self.shares[kind])
        left_out = (self.weight - 1.0) * self._usual(what)
        return np.asarray(left_out + self.weight * gone * self.at_fork[what] if gone else left_out)

    def _ghosts(self, streams: Sequence[int], means: np.ndarray, now: int) -> np.ndarray:
        """Return the week's requests of people who are not simulated, by stream, of which so many are expected."""
        counts = self.draws.poisson([f"ghosts {k}" for k in streams], means)
        return ghosts(counts, np.array(streams), self.week, now)

    def _hold_clinics(
        self, now: int, own: np.ndarray, settling: bool, returning: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return who was seen for the first time this week, and who went elsewhere."""
        unseen = self._ghosts(range(2 * len(self.clinics)), self._of_others("referrals", REFERRALS), now)
        stream = unseen["number"] >> STREAM_SHIFT
        unseen["unit"], unseen["urgent"] = stream >> 1, stream & 1
        arrivals = by_order(together(own, unseen))
        arrivals["patience"] = self._patience(arrivals, "clinic")
        clinics = tuple(self.clinics.values())
        if self.week == 0:
            for clinic in clinics:
                clinic.fill(now)
        elsewhere = send(clinics, arrivals, arrivals["unit"].astype(np.int64), self.draws)
        seen = together(*(clinic.see(now, settling, returning) for clinic in clinics))
        self._count(seen, self.codes.trajectory)
        self._count(elsewhere, self.codes.trajectory)
        return seen, elsewhere

    def _test(self, now: int, seen: np.ndarray, settling: bool, returning: bool) -> np.ndarray:
        """Send part of those seen for a test; return whose trajectory goes on."""
        needs = self.draws.of(seen, "test") < self.triage.test_share[seen["unit"]]
        sent = chosen(seen, needs)
        sent["since"], sent["patience"] = now, self._patience(sent, "test")
        elsewhere = send((self.tests,), sent, np.zeros(len(sent), np.int64), self.draws)
        tested = together(self.tests.see(now, settling, returning), elsewhere)
        self.tests.capacity.end_week()
        self._use("clinic_tests", tested)
        return together(chosen(seen, ~needs), tested)

    def _patience(self, patients: np.ndarray, what: str) -> np.ndarray:
        """Return how many weeks patients would wait, exponential."""
        return np.asarray(-self.terms.patience_weeks * np.log(self.draws.of(patients, f"{what} patience")))

    def _at_the_department(self, came: np.ndarray, admitted: np.ndarray) -> tuple[np.ndarray, float]:
        """Return who comes through the emergency department, and how many do so usually: some go straight to a ward."""
        share = self.terms.emergency_department_share
        direct = admitted & (self.draws.of(came, "straight to a ward") >= share)
        return chosen(came, ~direct), len(came) - (1.0 - share) * float(np.count_nonzero(admitted))

    def _treat_emergencies(self, now: int, visits: np.ndarray) -> None:
        """Let everybody pass through the emergency department who comes there, admitted or not."""
        extra = self._ghosts((_ED,), self._of_others("arrivals"), now)
        back = np.floor(self.draws.of(extra, "arrival") * TICKS_PER_WEEK).astype(np.int64)
        extra["since"] = now - 1 - back  # by chance, not evenly: a crowd is a matter of chance
        self.emergency_department.treat(now, by_order(together(visits, extra)))

    def _fill_beds(self, now: int, emergencies: np.ndarray, ready: np.ndarray, settling: bool, returning: bool) -> None:
        """Admit emergencies, then planned patients: those whose turn on the programme it is and who find a bed."""
        share = self.triage.elective_share[ready["unit"]]
        wanted = chosen(ready, self.draws.of(ready, "elective admission") < share * self.elective_lever)
        wanted["since"], wanted["unit"] = now, self.triage.ward[wanted["unit"]]
        wanted["days"] = (
            -self.stay_lever * self.terms.elective_stay_days * np.log(self.draws.of(wanted, "elective stay"))
        )
        wanted["patience"] = self._patience(wanted, "elective")
        programmes = tuple(ward.programme for ward in self.beds.values())
        for programme in programmes:
            programme.lever = self.elective_lever
        admitted = send(programmes, wanted, wanted["unit"].astype(np.int64), self.draws)
        called = together(*(each.see(now, settling, returning) for each in programmes))
        unseen = self.stay_lever * self._of_others("emergency_days")
        extra = together(*self.admitted)
        extra["since"] = np.where(extra["since"] < 0, now - TICKS_PER_WEEK, extra["since"])
        self.admitted = [extra] if len(extra) else []
        held = np.bincount(self.rehabilitation.list.waiting["unit"], minlength=len(self.beds))
        parts = zip(*(by_unit(each, len(self.beds)) for each in (emergencies, extra, called)), strict=True)
        for k, (ward, (urgent, others, planned)) in enumerate(zip(self.beds.values(), parts, strict=True)):
            ward.admit_emergencies(now, urgent, float(unseen[k]))
            if len(others):
                ward.admit_emergencies(now, others, 0.0, self.weight)
            ward.hold(float(held[k]) * TICKS_PER_WEEK / TICKS_PER_DAY)
            admitted = together(admitted, ward.admit_planned(now, planned, settling or returning))
        self._count(admitted, self.codes.elective)
        self._tell(admitted, self.codes.elective)

    def _discharge(self, now: int, emergencies: np.ndarray, settling: bool) -> None:
        """Let part of the emergencies go on to rehabilitation and to care at home."""
        usual = len(emergencies)  # whom a user's own process admits comes behind them
        emergencies = together(emergencies, *self.admitted)
        self.admitted.clear()
        age = self.state.people["age"][emergencies["row"]]
        share = self.triage.rehabilitated(emergencies, age)
        self._remember("rehabilitation", share[:usual].sum())
        going = chosen(emergencies, self.draws.of(emergencies, "rehabilitation") < share)
        going["since"] += np.ceil(going["days"] * TICKS_PER_DAY).astype(np.int64)
        self.leaving = together(self.leaving, going)
        gone = self.leaving["since"] <= now
        own, self.leaving = chosen(self.leaving, gone), chosen(self.leaving, ~gone)
        claims = by_order(together(own, self._ghosts((_REHABILITATION,), self._of_others("rehabilitation"), now)))
        claims["days"] = stays(claims, self.terms.rehabilitation.weeks, self.draws, "stay in rehabilitation")
        self.rehabilitation.take_in(now, claims, 0 if settling else None)
        old = (age >= OLD) & self.draws.alive(emergencies)
        self._remember("home_care", np.count_nonzero(old[:usual]) * self.terms.home_care.share)
        home = old & (self.draws.of(emergencies, "care at home") < self.terms.home_care.share)
        waiting = self.nursing_homes
        asking = float(home.sum()) + float(self._of_others("home_care")[0])
        given = self.home_care.care(asking, len(waiting.list) * self.weight)
        terms = self.terms.home_care
        self._use("hours_of_home_care", chosen(emergencies, home), given * terms.hours * len(self.home_care.ahead))
        self._use("hours_of_home_care", waiting.list.waiting, given * terms.hours_waiting)

    def _of_nursing_homes(self, rows: np.ndarray) -> np.ndarray:
        """Return those of the people in `rows` who hold the flag of living in a nursing home."""
        people, bit = self.state.people, self.codes.flag_bit.get("nursing_home", 0)
        rows = rows[(people["alive"][rows] == 1) & ((people["flags"][rows] & bit) != 0)]
        found = nobody(len(rows))
        found["row"], found["person"] = rows, people["id"][rows]
        return found

    def _count(self, patients: np.ndarray, service: int) -> None:
        count_service(patients, self.state.people, service)

    def _use(self, what: str, patients: np.ndarray, amount: np.ndarray | float = 1.0) -> None:
        """Tell whoever wants to know what patients use, ghosts and the dead apart."""
        rows, places = self.draws.own(patients)
        if self.on_use and len(rows):
            self.on_use(what, rows, amount[places] if isinstance(amount, np.ndarray) else np.full(len(rows), amount))

    def _tell(self, patients: np.ndarray, service: int) -> None:
        """Tell whoever wants to know of admissions to a service, ghosts apart."""
        if self.on_admission:
            own = chosen(patients, patients["row"] != GHOST)
            self.on_admission(own["row"].astype(np.int64), service, own["days"])

    # --- What is remembered -----------------------------------------------------------------------------------------

    def begin_period(self) -> None:
        """Forget the counts of the last period."""
        for part in self.parts.values():
            part.begin_period()

    def counts(self) -> dict[str, np.ndarray]:
        """Return what happened this period, for the region: by specialty ``[S, ...]``, by ward ``[W, ...]`` and in all.

        How long queues are is kept for `overflowing`.
        """
        self.queues.append(self._lengths())
        clinics = [clinic.counts() for clinic in self.clinics.values()]
        wards = [ward.counts() for ward in self.beds.values()]
        found = {name: np.stack([each[name] for each in rows]) for rows in (clinics, wards) for name in rows[0]}
        for part in (self.tests, self.emergency_department, self.rehabilitation, self.home_care):
            found.update(part.counts())
        found |= {"lever_elective": np.array(self.elective_lever), "lever_stay": np.array(self.stay_lever)}
        found |= {"lever_follow_up": np.array(self.follow_up_lever), "lever_coding": np.array(self.coding_lever)}
        found["lever_quarters"] = np.array(1.0)
        homes = self.nursing_homes.counts()
        return found | {name: each * self.weight for name, each in homes.items()}

    def save(self) -> dict[str, np.ndarray]:
        """Return everything a fork needs, as arrays."""
        saved = {f"{name}.{key}": each.copy() for name, part in self.parts.items() for key, each in part.save().items()}
        saved |= {f"recent.{name}": np.column_stack([each.weeks, each.year]) for name, each in self.recent.items()}
        return saved | {"week": np.array([self.week, self.settled]), "leaving": self.leaving.copy()}

    def restore(self, saved: Mapping[str, np.ndarray]) -> None:
        """Continue from `save`."""
        for name, part in self.parts.items():
            part.restore({key.partition(".")[2]: each for key, each in saved.items() if key.startswith(f"{name}.")})
        for name, recent in self.recent.items():
            recent.weeks, recent.year = saved[f"recent.{name}"][:, :-1].copy(), saved[f"recent.{name}"][:, -1].copy()
        self.week, self.settled = map(int, saved["week"])
        self.leaving = saved["leaving"].copy()
        self.at_fork = {name: self._usual(name) for name in self.recent}

    def _lengths(self) -> dict[str, Queue]:
        found = {}
        for clinic in self.clinics.values():
            title = f"first visits in {clinic.terms.title}"
            found[title] = (clinic.length, clinic.capacity.now, clinic.terms.wait_weeks)
        found["tests"] = (self.tests.length, self.tests.capacity.now, self.tests.wait_weeks)
        for ward in self.beds.values() if self.weight < _SAMPLE else ():
            per_week = min(ward.capacity.now / self.terms.elective_stay_days, ward.programme.capacity.now)
            length = len(ward.list) + ward.programme.length
            found[f"planned admissions to the ward {ward.name}"] = (length, per_week, ward.programme.wait_weeks)
        return found


class _Named(dict[str, Any]):
    """Parts by name; a name that nothing has is an error that says which are known."""

    def __init__(self, what: str, parts: Mapping[str, Any]) -> None:
        super().__init__(parts)
        self.what = what

    def __missing__(self, name: str) -> Any:
        known = tuple(self)
        raise DataError(Problem(f"no such {self.what}", found=name, allowed=known, nearest=nearest_name(name, known)))
