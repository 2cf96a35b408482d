"""What a programme is, once it has been read: the steps of population health management as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paysim.parameters import Parameter
from paysim.reading import Document

SCORES = ("none", "score2", "smart2", "prevent", "conditions", "frailty")
"""By what people are ranked: ten-year risks, the number of chronic conditions, or frailty (mean 1)."""

ROUNDS = {"month": 4, "quarter": 13, "year": 52}
"""How often people are looked for and invited, in weeks."""

PROVIDERS = ("practices", "hospital", "pharmacy", "district_nursing", "other_care", "municipalities")
PAYERS = ("insurers", "municipalities", "government", "patients")
PROFESSIONS = (
    "gp",
    "practice_nurse",
    "assistant",
    "district_nurse",
    "specialist_nurse",
    "specialist",
    "pharmacist",
    "physiotherapist",
    "dietitian",
    "lifestyle_coach",
    "case_manager",
)
IN_PRACTICES = ("gp", "practice_nurse", "assistant")
"""Professions that practices employ; their wages are those of practice costs."""

AIMS = ("health", "experience", "cost", "staff", "equity")
EDUCATION = ("low", "mid", "high")


COUNTS = (
    *(
        f"{what}_{name}"
        for what in ("eligible", "identified", "invited", "started", "participants", "years")
        for name in EDUCATION
    ),
    *("dropped_out", "completed", "places", "cost_eur", "paid_eur", "no_staff"),
    *(f"hours_{name}" for name in PROFESSIONS),
)
"""What is counted of a programme in a quarter. Who is eligible (for whom the programme is) and identified
(whom the records of practices that take part show) is counted in the last round, participants at the end; places are
-1 where there is no limit. no_staff: people whom it would have asked in the last round, had their practice had hours
left."""


@dataclass(frozen=True)
class Identify:
    """Who a programme is for: flags, age, deprived area, body mass, and how many of them the records show.

    Attributes
    ----------
    age
        Completed years, both ends included.
    deprived
        True or False: lives in a deprived area or not; None: either.
    bmi_from, non_hdl_from
        kg/m2 and mmol/L at least, or None.
    sensitivity
        Share of those who qualify that the records show.
    """

    any_of: tuple[str, ...]
    all_of: tuple[str, ...]
    none_of: tuple[str, ...]
    age: tuple[int, int]
    deprived: bool | None
    bmi_from: float | None
    non_hdl_from: float | None
    sensitivity: float


@dataclass(frozen=True)
class Effects:
    """What taking part does, beside what anybody else gets.

    Attributes
    ----------
    hazard_ratios
        Process -> factor on its hazard, for participants.
    ldl_fall, sbp_fall
        Share of LDL cholesterol and mmHg.
    starts
        Treatment -> rate per person-year at which participants begin it, beside the usual starts.
    until_leaving
        Treatments that end when a person leaves the programme.
    """

    hazard_ratios: Mapping[str, float] = field(default_factory=dict)
    ldl_fall: float = 0.0
    sbp_fall: float = 0.0
    starts: Mapping[str, float] = field(default_factory=dict)
    until_leaving: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prices:
    """Euro per invitee, per person who starts, and per participant-year."""

    eur_per_invitee: float = 0.0
    eur_per_start: float = 0.0
    eur_per_year: float = 0.0


@dataclass(frozen=True)
class Tier:
    """One intensity of a programme.

    Attributes
    ----------
    least
        Score from which a person belongs here; None: any.
    or_any_of
        Flags with which a person belongs here at least, whatever the score.
    eur_per_start, eur_per_year
        What material, drugs and organisation cost per person who starts and per participant-year, staff apart.
    minutes_at_start, minutes_per_year
        Profession -> minutes per person who starts, and per participant-year.
    """

    name: str
    least: float | None
    or_any_of: tuple[str, ...]
    eur_per_start: float
    eur_per_year: float
    minutes_at_start: Mapping[str, float]
    minutes_per_year: Mapping[str, float]
    effects: Effects


@dataclass(frozen=True)
class Invite:
    """Whom to ask, how often, and how many say yes.

    Attributes
    ----------
    every_weeks
        Weeks between two rounds.
    uptake
        Education -> share of invitees who take part.
    again_after_years
        When those who said no, or left, are asked again; None: never.
    eur_per_invitee
        What asking a person costs.
    """

    every_weeks: int
    uptake: Mapping[str, float]
    again_after_years: float | None
    eur_per_invitee: float


@dataclass(frozen=True)
class Deliver:
    """Where, for how many and how long.

    Attributes
    ----------
    practices
        Share of practices that take part.
    places_per_1000
        Participants at a time per 1,000 people listed with practices that take part; None: no limit.
    dropout
        Hazard of leaving, per person-year.
    duration_years
        After which a person has completed the programme; None: it lasts.
    fixed_eur_per_100000
        Euro a year per 100,000 inhabitants, whoever takes part.
    """

    practices: float
    places_per_1000: float | None
    dropout: float
    duration_years: float | None
    fixed_eur_per_100000: float


@dataclass(frozen=True)
class Improve:
    """What gets better every year.

    Attributes
    ----------
    restratify
        Whether participants are put in the tier of their present risk.
    registration_gain
        Share of the people missed by the records who are found in a further year, by feedback.
    practices_joining
        Share of the practices that do not take part which join in a further year.
    """

    restratify: bool
    registration_gain: float
    practices_joining: float


@dataclass(frozen=True)
class Programme:
    """A programme of population health management.

    Attributes
    ----------
    provider
        Who delivers it, and bears what nobody pays.
    payer
        Who pays it unless an arm says otherwise; None: nobody.
    payment
        What the payer pays; None: what the programme costs.
    score
        One of `SCORES`.
    top_share
        Share of the identified, highest score first, who are selected; None: all who reach a tier.
    tiers
        From the lowest to the highest.
    evaluate
        Aim -> measures to look at.
    numbers
        Every number with unit, range, source and status, as ``programmes.<name>.<place in the file>``.
    document
        What was read.
    """

    name: str
    title: str
    about: str
    provider: str
    payer: str | None
    payment: Prices | None
    identify: Identify
    score: str
    top_share: float | None
    tiers: tuple[Tier, ...]
    invite: Invite
    deliver: Deliver
    improve: Improve
    evaluate: Mapping[str, tuple[str, ...]]
    numbers: tuple[Parameter, ...] = field(repr=False, compare=False)
    document: Document = field(repr=False, compare=False)

    def flag(self, tier: Tier) -> str:
        """Return the flag of those who take part in a tier."""
        return f"in_{self.name}" if len(self.tiers) == 1 else f"in_{self.name}_{tier.name}"

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of participants, by tier."""
        return tuple(self.flag(tier) for tier in self.tiers)

    @property
    def professions(self) -> tuple[str, ...]:
        """Professions that it needs, in the order of `PROFESSIONS`."""
        used = {name for tier in self.tiers for name in (*tier.minutes_at_start, *tier.minutes_per_year)}
        return tuple(name for name in PROFESSIONS if name in used)


@dataclass(frozen=True)
class ProgrammeUse:
    """A programme in an arm.

    Attributes
    ----------
    start_year
        Year of the run in which it begins, from 0.
    payer
        Who pays; None: nobody, the provider bears it.
    hires
        Whether practices hire staff for it; else it has the hours that their GPs and nurses have left. Money to hire
        comes with a payer.
    """

    name: str
    start_year: int = 0
    payer: str | None = None
    hires: bool = True
