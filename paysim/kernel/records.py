"""What the engine remembers: one row per person, one appointment book per practice, events and requests.

Time is an integer tick, one millisecond of a model year of 52 whole weeks, so that weeks, quarters and years
are exact. All arrays are plain numpy; this module needs no numba.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paysim.kernel.spec import COVARIATES

TICKS_PER_DAY = 24 * 3600 * 1000
TICKS_PER_WEEK = 7 * TICKS_PER_DAY
WEEKS_PER_YEAR = 52
TICKS_PER_YEAR = WEEKS_PER_YEAR * TICKS_PER_WEEK
WEEKS_PER_PERIOD = 13
PERIODS_PER_YEAR = 4
NEVER = np.int64(1 << 60)
NEWBORN = 1 << 40
"""People born during a run have numbers from here on; those of the population lie below."""
ARRIVAL = 1 << 53
"""People who come to the region during a run have numbers from here on, in the order of their arrival."""
VACANT = -1
"""Number of nobody: in a row that somebody had and a newcomer may take. Its `since` is 1 + the next such row."""

# Calendar entries every person has; a model's transitions follow from FIRST_TRANSITION on.
BIRTHDAY, GP_PLANNED, GP_URGENT, NURSE, MENTAL_NURSE, RETRY = 0, 1, 2, 3, 4, 5
FIRST_TRANSITION = 6
FIXED_PROCESSES = ("birthday", "gp_planned", "gp_urgent", "nurse", "mental_nurse", "retry")

# Lanes of an appointment book, those of GPs first; lane + 1 is the calendar entry of the appointment.
LANES = ("gp_planned", "gp_urgent", "nurse", "mental_nurse")
MAX_SERVERS = 8

RISK_FACTORS = ("sbp", "tc", "hdl", "bmi")

LEVERS = ("visit_intensity", "prevention", "referral", "delegation", "coding", "availability", "consultation_length")
VISIT_INTENSITY, PREVENTION, REFERRAL, DELEGATION, CODING, AVAILABILITY, CONSULTATION_LENGTH = range(7)
CONDITIONS = ("no chronic condition", "vascular", "diabetes")

CONTACT_TYPES = ("gp_phone", "gp_consult", "gp_long", "gp_visit", "gp_email")

# What is remembered of the need behind a pending appointment: its process, its number, its contact type.
ORIGIN, NUMBER, SORT = 0, 1, 2

# Outcomes in the event log.
DONE, COMBINED, BOOKED, DROPPED, LATER, OUT_OF_HOURS, EMERGENCY = 0, 1, 2, 3, 4, 5, 6
REFERRED, TREATED, DIED, DIED_BEFORE_CARE, ADMITTED, BORN = 7, 8, 9, 10, 11, 12
DEPARTED, LIST_ASKED, MISSED, SEEN_AFTER_HOURS = 13, 14, 15, 16
OUTCOMES = (
    "done",
    "combined with a pending appointment",
    "booked",
    "dropped",
    "asks again later",
    "went to out-of-hours care",
    "went to the emergency department",
    "referred",
    "treatment started",
    "died",
    "died before care",
    "admitted",
    "gave birth",
    "left the region",
    "asked for another practice",
    "missed the appointment",
    "seen by the own practice out of hours",
)
ASKED, PLANNED = 0, 1
"""Needs that patients put to the practice, and visits, controls and starts of treatment that the practice plans."""

WAIT_BINS = 57
"""Offered waits are counted in whole days, the last bin open."""

MAX_PROCESSES = 92
MAX_FLAGS = 56
MAX_SERVICES = 32
"""Sizes of the rows: part of the types, so that one compilation serves all models up to these sizes."""

PERSON = np.dtype(
    [
        # Most entries touch only what stands before `clock`, so fewer lines of memory.
        ("due", "i8", (MAX_PROCESSES,)),  # tick at which each process fires if nothing changes
        ("key", "u8"),  # of the person's random streams
        ("id", "i8"),
        ("flags", "i8"),  # conditions and treatments, one bit each
        ("age", "i4"),  # completed years
        ("starts", "i4"),  # treatment row to start at the next nurse appointment, or -1
        ("practice", "i4"),
        ("sex", "i1"),
        ("education", "i1"),
        ("deprived", "i1"),
        ("insurer", "i1"),
        ("segment", "i1"),
        ("alive", "i1"),
        ("chronic", "i1"),  # has a chronic condition of the model
        ("departed", "i1"),  # has left the region, at tick `since`
        ("unlisted", "i1"),  # lives among the people of `practice`, which does not take the person on its list
        ("pending", "i4", (FIRST_TRANSITION, 3)),  # ORIGIN, NUMBER and SORT of the need behind an appointment
        ("asked", "i8", (FIRST_TRANSITION,)),  # tick at which that need arose
        ("counts", "i2", (MAX_SERVICES,)),  # services used this period
        # Of a process that is due, the hazard per year it runs at; of one that stands still, the amount it has left
        ("clock", "f8", (MAX_PROCESSES,)),
        ("fired", "u2", (MAX_PROCESSES,)),  # times fired
        ("covariates", "f8", (len(COVARIATES),)),
        ("scores", "f8", (len(RISK_FACTORS),)),  # z-scores of risk factors
        ("birth", "i8"),  # tick of birth
        ("entered", "i8"),  # tick from which on the person is simulated
        ("since", "i8"),  # tick up to which life years and QALYs are counted
        ("death", "i8"),  # tick of death, or NEVER
        ("utility", "f8"),  # now
        ("qaly", "f8"),  # this period
        ("lost", "f8"),  # utility lost to disease this period, in years
        ("life", "f8"),  # years lived this period
        ("healthy", "f8"),  # of these, free of every chronic condition of the model
        ("loss", "f8"),  # utility lost to disease now
        ("frailty", "f8"),  # natural logarithm of the permanent part
        ("frailty_now", "f8"),  # the part that changes, in deviations
        ("ldl_base", "f8"),  # mmol/L by which treatment lowered LDL at base, beyond what was usual in such people
        ("sbp_base", "f8"),  # mmHg, same
        ("municipality", "i4"),
        ("cause", "i4"),  # process of death, or -1
        ("origin", "i4"),  # practice at the fork of the arms; of the mother, or of whom a newcomer resembles
    ],
    align=True,
)

PRACTICE = np.dtype(
    [
        ("first", "i8"),  # first row of its people
        ("used", "i8"),  # rows in use, vacant ones among them
        ("room", "i8"),  # rows available
        ("vacant", "i8"),  # 1 + the vacant row that the next newcomer gets, or 0
        ("vacancies", "i8"),  # vacant rows
        ("closed", "i8"),  # 1 while the list takes nobody but newborns
        ("fte", "f8", (3,)),  # working time of GPs, of nurses for somatic care and of nurses for mental health
        ("hours", "f8", (3,)),  # what these work over the hours of the data year's staff, as practices decide
        ("servers", "i8", (len(LANES),)),  # by lane
        ("opens", "i8", (len(LANES),)),  # tick of the day
        ("closes", "i8", (len(LANES),)),
        ("stretch", "f8", (len(LANES),)),  # opening time per contact time: slots are spread over the opening hours
        ("flexible", "i8", (len(LANES),)),  # 1 where the day's contact time may be used at any moment of the day
        ("free", "i8", (len(LANES), MAX_SERVERS)),  # tick at which a server is next free
        ("busy", "i8", (len(LANES),)),  # ticks of work booked this period
        # What is known of people on the list who are not simulated, of a closed cohort only (`engine.cohort`)
        ("share", "f8"),  # of the practice's care that goes to the people simulated, at most 1
        ("requests", "i8", (len(LANES), 2)),  # for a slot, this period: of patients' own needs, and of others
        ("usual", "f8", (len(LANES), 2)),  # such requests per tick in the base years
        ("usual_ticks", "i8", (len(LANES),)),  # length of an appointment in the base years
        ("others_due", "i8", (len(LANES),)),  # tick of the next request by somebody who is not simulated
        ("others", "i8", (len(LANES),)),  # number of requests so far of which these are a part
        ("key", "u8"),  # of their draws
        ("own", "i8", (2,)),  # appointments with a GP this period, and how many of them with the person's own
        ("waits", "i8", (len(LANES), WAIT_BINS)),  # appointments by whole days waited, this period
        ("access", "i8", (2, len(OUTCOMES))),  # by what became of them, this period: ASKED and PLANNED
        ("activity_levers", "f8", (3, len(LEVERS))),  # by condition
        ("health_levers", "f8", (3, len(LEVERS))),
        ("activity_style", "f8", (len(LEVERS),)),  # what the practice does more or less of than others, in any arm
        ("health_style", "f8", (len(LEVERS),)),
    ],
    align=True,
)

EPISODES = np.dtype(
    [
        ("stream", "u8"),  # key of the service's random stream
        ("size", "f8"),  # mean euros of an episode; 0: care is spread evenly
        ("sigma", "f8"),  # standard deviation of the logarithm of its cost
        ("mean", "f8"),  # mean of exp(sigma z), with z as `transitions.normal` draws it
        ("quarters", "i8"),  # over which it is spread
    ],
    align=True,
)
"""How a background service arises, see `kernel.use`."""

SEEN = np.dtype(
    [
        ("flags", "i8"),  # conditions at the end of the period, or at death
        ("lived", "f8"),  # years in the period
        ("listed", "f8"),  # of these on a practice's list
        ("practice", "i4"),
        ("segment", "i4"),
        ("age", "i4"),  # completed, in the middle of the period
        ("died", "?"),
    ],
    align=True,
)
"""What one reading of everybody at the end of a period notes, see `kernel.use`."""

EVENT = np.dtype(
    [
        ("tick", "i8"),
        ("person", "i8"),
        ("value", "i8"),
        ("practice", "i4"),
        ("process", "i2"),
        ("outcome", "i2"),
    ]
)
"""One calendar entry taken. `value` is the wait in ticks for appointments, else 0."""

REFERRAL_REQUEST, ADMISSION_REQUEST, LIST_REQUEST, VISIT_REQUEST, PLACE_REQUEST = 0, 1, 2, 3, 4
REQUEST = np.dtype(
    [
        ("tick", "i8"),
        ("person", "i8"),
        ("days", "f8"),  # length of stay, admissions only
        ("row", "i4"),
        ("number", "i4"),
        ("kind", "i2"),
        ("process", "i2"),
    ]
)
"""What leaves a practice, one per calendar entry at most: a referral, an emergency admission, a wish for another
practice, a visit to the emergency department without admission, a claim on a nursing home. Answered by the region at
the end of the epoch in order (tick, person)."""


@dataclass(frozen=True)
class State:
    """Everything that changes during a run, and can be saved and forked."""

    people: np.ndarray  # [n] PERSON, contiguous per practice, with room for newcomers
    calendar: np.ndarray  # [n] tick of the person's earliest entry
    practices: np.ndarray  # [P] PRACTICE

    def copy(self) -> State:
        """Return an independent copy: a fork."""
        return State(self.people.copy(), self.calendar.copy(), self.practices.copy())

    @classmethod
    def nobody(cls) -> State:
        """Return a state without people."""
        return cls(np.zeros(0, PERSON), np.zeros(0, np.int64), np.zeros(0, PRACTICE))

    @property
    def listed(self) -> np.ndarray:
        """Return the rows of everybody, the dead and departed among them, in order (array of int64)."""
        spans = [np.arange(p["first"], p["first"] + p["used"]) for p in self.practices]
        rows = np.concatenate(spans)
        return rows[self.people["id"][rows] != VACANT]


def empty_events(capacity: int) -> np.ndarray:
    """Return a buffer for `capacity` events."""
    return np.zeros(capacity, EVENT)


def empty_requests(capacity: int) -> np.ndarray:
    """Return a buffer for `capacity` requests."""
    return np.zeros(capacity, REQUEST)
