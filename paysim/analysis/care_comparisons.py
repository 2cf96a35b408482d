"""Use of care, access and payments of a run against published values: the part of validation that results hold.

The first year of the arm `current` is compared; payments by sex and age are those of all years together, because a few
very dear people move a cell of one year. National values are carried to the region's ages by the model's own shapes,
and payments by category the other way: to those of the nation. Only for the Netherlands: of Belgium, where contracts
are transferred ones, all payments together are compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from paysim.analysis.comparison import Comparison, Limits, between, counted, judged, shown
from paysim.analysis.targets import FOLDER
from paysim.care.access import CONTACT_TYPES, published_kinds
from paysim.care.demand import base_rates
from paysim.care.model import care_parameters
from paysim.care.rates import Profiles, standard_population
from paysim.errors import DataError, Problem
from paysim.kernel.spec import AGES
from paysim.reading import Column, read_table

if TYPE_CHECKING:
    import pandas as pd

BANDS = (*(f"{5 * k}-{5 * k + 4}" for k in range(19)), "95+")
FEWEST_PERSON_YEARS = 5000.0
"""Simulated person-years of a sex and band from which it is judged: payments vary so much that fewer say nothing."""
EMERGENCIES = ("other_emergency_admissions", "mi_admissions", "stroke_admissions")
THREE_YEARS = "payments_top_1_share_3_years_with_long_term_care"
LEAST_AND_MOST = (0.20, 0.30)
KINDS = {
    "telephone contacts": (("gp_phone",), ("telephone_contacts",)),
    "contacts by e-mail": (("gp_email",), ("email_contacts",)),
    "consultations at the practice, nurses' among them": (
        ("gp_consult", "gp_long"),
        ("practice_consultations", "nurse_contacts"),
    ),
    "home visits": (("gp_visit",), ("home_visits",)),
}
"""Kinds of contact: those that are published together, and the run's measures of them."""

CATEGORIES = ("hospital", "pharmacy", "mental_health", "district_nursing", "other_care")
"""Sectors compared with the insurers' national figures; general practice has a row of its own."""

PAYMENTS = {
    "sex": Column(str, levels=("M", "F")),
    "age_lo": Column(int, 0, 120),
    "age_hi": Column(int, 0, 120),
    "euro_per_insured_year": Column(float, 0.01),
}
"""Columns of a table of payments that may not be redistributed: only relative errors against it are shown."""


@dataclass(frozen=True)
class Known:
    """A row of ``targets/care.csv``."""

    key: str
    section: str
    area: str
    published: float | None
    tolerance: float | None
    unit: str
    role: str
    status: str
    source: str
    why: str


def known_values(region: str, country: str = "NL") -> dict[str, Known]:
    """Return the rows of ``targets/care.csv`` by key; a region's own row wins."""
    names = tuple(Known.__dataclass_fields__)
    table = read_table(FOLDER / "care.csv", dict.fromkeys(names, str))
    found = {}
    for values in zip(*(table[name] for name in names), strict=True):
        row: dict[str, Any] = dict(zip(names, values, strict=True))
        for name in ("published", "tolerance"):
            row[name] = float(row[name]) if row[name] else None
        if row["area"] in (country, region):
            found[row["key"]] = Known(**row)
    return found


class Seen:
    """What results say of one arm: means over replicates, by measure.

    Parameters
    ----------
    results
        The tidy table of one arm, see `paysim.outcomes.tabulate`.
    region
        Name of the region.
    simulated_share
        Persons simulated, in all replicates together, for each person of the region.
    country
        In which the region lies.
    """

    def __init__(self, results: pd.DataFrame, region: str, simulated_share: float = 1.0, country: str = "NL") -> None:
        keys = ["measure", "dimension", "group", "period"]
        frame = results.astype(dict.fromkeys(keys[:3], object))
        self._values: pd.Series[float] = frame.groupby(keys)["value"].mean()
        self.simulated_share = simulated_share
        self.known = known_values(region, country)

    def total(self, measure: str, period: int = 0, group: str = "all", dimension: str = "all") -> float:
        """Return one value."""
        return float(self._values[measure, dimension, group, period])

    def has(self, measure: str, period: int = 0) -> bool:
        """Tell whether the run has a value of a measure for the whole region."""
        return (measure, "all", "all", period) in self._values.index

    def by_band(self, measure: str, period: int = 0) -> np.ndarray:
        """Return ``[2, 20]`` by sex and five-year band; period -1 is the whole run."""
        groups = (f"{sex} {band}" for sex in "MF" for band in BANDS)
        return np.array([self.total(measure, period, each, "age_sex") for each in groups]).reshape(2, 20)

    def rate(self, *measures: str, per: float = 1.0) -> float:
        """Return the first year's sum of some measures per person-year."""
        return sum(self.total(name) for name in measures) / self.total("person_years") * per

    def line(self, key: str, what: str, simulated: float, published: float | None = None, name: str = "") -> Comparison:
        """Return a comparison judged by its row's tolerance, a share of the published value."""
        row = self.known[key]
        value = row.published if published is None else published
        assert value is not None
        return judged(_named(row, what, name or key), value, simulated, row.tolerance)

    def count(self, key: str, what: str, per_person: float, published: float, scale: float, name: str) -> Comparison:
        """Return a comparison of events per person-year: by percent if many are expected, else by chance."""
        row = self.known[key]
        lived = self.total("person_years") * self.simulated_share
        return counted(_named(row, what, name), published, per_person, row.tolerance, lived / scale)


def _named(row: Known, what: str, name: str) -> Limits:
    return Limits(name, row.section, what, row.unit, row.role, row.status, row.source, row.why, row.area)


def per_band(by_age: np.ndarray) -> np.ndarray:
    """Return means ``[2, 20]`` over the ages of each band of values ``[2, 111]`` (95+: 95 to 99)."""
    return np.asarray(by_age[:, :100].reshape(2, 20, 5).mean(axis=2))


def care(seen: Seen) -> Iterator[Comparison]:
    """Yield contacts by age, other use per 1,000 persons, and waits."""
    params = care_parameters("NL")
    table = params.table("care.age_profiles")
    for k in (k for k, measure in enumerate(table["measure"]) if measure == "gp_contacts"):
        first, published = int(table["age_lo"][k]), float(table["value"][k])
        band = f"{first}-{int(table['age_hi'][k])}" if first < 85 else "85+"
        names = ("gp_contacts", "nurse_contacts", "out_of_hours_contacts", "person_years")
        gp, nurse, duty, lived = (_of_ages(seen, name, first, band) for name in names)
        tag = band.replace("-", "_").replace("+", "_plus")
        yield seen.line("contacts", f"practice contacts, {band}", (gp + nurse) / lived, published, f"contacts_{tag}")
        both, name = (gp + nurse + duty) / lived, f"contacts_and_ooh_{tag}"
        yield seen.line("contacts_and_ooh", f"the same and out of hours, {band}", both, published, name)
    yield from _at_region_ages(seen)
    held = seen.total("gp_contacts") + seen.total("nurse_contacts")
    referred = seen.total("specialist_trajectories") / held * 1000.0
    yield seen.line("referrals", "specialist trajectories", referred, params["care.referral_per_contact"] * 1000.0)
    specialties = params.table("care.specialties")
    for name, title in zip(specialties["specialty"], specialties["title"], strict=True):
        waited, planned = (
            seen.total("clinic_wait_routine_weeks", 0, name, "specialty"),
            params[f"care.wait_weeks_{name}"],
        )
        yield seen.line(
            "clinic", f"mean wait for a first visit, routine, {title.lower()}", waited, planned, f"clinic_{name}"
        )
    for what, name, title in (
        ("test", "test_wait_weeks", "a test"),
        ("elective", "elective_admission_wait_weeks", "a planned admission"),
    ):
        planned = params[f"care.{what}_wait_weeks"]
        yield seen.line("planned", f"mean wait for {title}", seen.total(name), planned, f"planned_{what}")
    yield seen.line("wait", "mean wait for a routine appointment", seen.total("wait_gp_planned_days"))


def _at_region_ages(seen: Seen) -> Iterator[Comparison]:
    """Yield use per 1,000 against national rates carried to the region's ages by the model's own shapes."""
    params = care_parameters("NL")
    profiles, rates = Profiles(params, standard_population(params)), base_rates(params)
    lived = seen.by_band("person_years")

    def older(shape: np.ndarray) -> float:
        here = (per_band(np.broadcast_to(shape, (2, AGES))) * lived).sum() / lived.sum()
        return float(here / profiles.mean(shape))

    urgent = rates.needs * profiles.curve("urgent_share")
    contacts = ("gp_contacts", "nurse_contacts", "out_of_hours_contacts")
    unheld = ("needs_dropped", "needs_combined", "needs_emergency", "planned_dropped", "planned_combined")
    published = profiles.mean(rates.gp_contacts) * older(rates.gp_contacts)
    by_age = (profiles.population * rates.gp_contacts).sum(axis=0)
    mix = published_kinds(params, profiles, by_age)
    for what, (kinds, measures) in KINDS.items():
        shape = rates.gp_contacts * mix[:, [CONTACT_TYPES.index(kind) for kind in kinds]].sum(axis=1)
        wanted = sum(params[f"care.contacts_{kind.removeprefix('gp_')}"] for kind in kinds) * older(shape)
        name = f"contacts_{kinds[0].removeprefix('gp_')}"
        yield seen.line("contacts_by_kind", what, seen.rate(*measures), wanted, name)
    what = "all that became of needs: held, out of hours, emergency, combined, dropped"
    yield seen.line("needs", what, seen.rate(*contacts, *unheld), published)
    for key, what, shape, measures in (
        ("out_of_hours", "out-of-hours contacts", urgent, ("out_of_hours_contacts",)),
        ("emergency", "emergency department visits, admitted or not", rates.ed_self, ("ed_arrivals",)),
        (
            "admissions",
            "clinical admissions",
            profiles.curve("clinical_admissions"),
            ("elective_admissions", *EMERGENCIES),
        ),
    ):
        national = seen.known[key].published
        assert national is not None
        what = f"{what} (nation {national:g})"
        yield seen.count(key, what, seen.rate(*measures, per=1000.0), national * older(shape), 1000.0, key)


def _of_ages(seen: Seen, measure: str, first: int, band: str) -> float:
    """Return a measure in a band of the published contacts, which splits the run's youngest band."""
    if first >= 18:
        return seen.total(measure, 0, band, "age")
    youngest = sum(seen.total(measure, 0, f"{sex} 0-4", "age_sex") for sex in "MF")
    return youngest if first == 0 else seen.total(measure, 0, "0-17", "age") - youngest


def money(seen: Seen, tables: Sequence[Mapping[str, Any]]) -> Iterator[Comparison]:
    """Yield spending by category, and relative errors of all payments for each table of them given."""
    practice, duty = seen.rate("spending_general_practice"), seen.rate("spending_out_of_hours")
    yield seen.line("gp_spending", "general practice", practice)
    both = seen.known["gp_and_ooh"]
    wanted = seen.known["gp_spending"].published
    yield shown(_named(both, "general practice and out-of-hours care", "gp_and_ooh"), wanted, practice + duty)
    for sector in CATEGORIES:
        key = f"category_{sector}"
        yield seen.line(key, f"{sector.replace('_', ' ')}, at the nation's ages", _at_national_ages(seen, sector))
    yield seen.line("patient_payments", "patients, under the deductible", seen.rate("patient_payments"))
    left = seen.total("practice_margin_per_gp_fte")
    yield seen.line("practice_margin_per_gp_fte", "left of a practice's revenue before its GPs' own pay", left)
    for table in tables:
        published = np.zeros((2, 20))
        for k, euro in enumerate(table["euro_per_insured_year"]):
            first, last = int(table["age_lo"][k]) // 5, min(int(table["age_hi"][k]) // 5, 19)
            published["MF".index(table["sex"][k]), first : last + 1] = euro
        if not published.all():
            raise DataError(Problem("payments are missing for some sex and age", key="age_lo"))
        paid, lived = seen.by_band("spending_total"), seen.by_band("person_years")
        ratio = float(paid.sum() / (published * lived).sum())
        yield seen.line("payments", "all insured care, at the region's ages", ratio, 1.0)
        yield from _by_sex_and_age(seen, published)


def _at_national_ages(seen: Seen, sector: str) -> float:
    """Return the first year's euro per person-year of a sector, had the region the inhabitants of the nation."""
    people = standard_population(care_parameters("NL"))[:, :100].reshape(2, 20, 5).sum(axis=2)
    paid, lived = seen.by_band(f"spending_{sector}"), seen.by_band("person_years")
    people = np.where(lived > 0.0, people, 0.0)
    return float((people * paid / np.maximum(lived, 1e-9)).sum() / people.sum())


def _by_sex_and_age(seen: Seen, published: np.ndarray) -> Iterator[Comparison]:
    """Yield the largest relative error of payments by sex and age over all years, by five-year and by ten-year band."""
    paid, lived = seen.by_band("spending_total", -1), seen.by_band("person_years", -1)
    for years, parts in ((5, 20), (10, 10)):
        euro, wanted, time = (x.reshape(2, parts, -1).sum(axis=2) for x in (paid, published * lived, lived))
        full = time * seen.simulated_share >= FEWEST_PERSON_YEARS
        if full.any():
            errors = np.abs(euro[full] / wanted[full] - 1.0)
            row = seen.known["payments_by_age"]
            what = f"all insured care by sex and {years}-year band ({errors.size} cells; mean {errors.mean():.1%})"
            name = "payments_by_age" if years == 5 else f"payments_by_{years}_years"
            yield judged(_named(row, what, name), 0.0, float(errors.max()), row.tolerance, absolute=True)


def concentration(seen: Seen) -> Iterator[Comparison]:
    """Yield how payments of a year fall on people, means over the years; three-year means if there are three years."""
    for name, what in (
        ("payments_top_1_share", "share of the dearest 1% of people in a year's payments"),
        ("payments_top_5_share", "share of the dearest 5%"),
        ("payments_explained_by_age_sex", "variance between people that age and sex explain"),
        ("payments_top_5_persistence", "of the dearest 5%, still so in the next year"),
        (THREE_YEARS, "share of the dearest 1% in three-year means, long-term care included"),
    ):
        if not seen.has(name, -1):
            continue
        row, value = seen.known[name], seen.total(name, -1)
        limits = _named(row, what, name)
        if name == THREE_YEARS:
            low, high = LEAST_AND_MOST
            yield between(shown(limits, row.published, value), low, high, f"{low:g} to {high:g}")
        else:
            assert row.published is not None
            yield judged(limits, row.published, value, row.tolerance, absolute=True)


def national_total(seen: Seen) -> Iterator[Comparison]:
    """Yield all payments per head of a country of which nothing else is known."""
    yield seen.line("spending_per_head", "all insured care", seen.rate("spending_total"))


def treatment(seen: Seen, last: int) -> Iterator[Comparison]:
    """Yield years on treatment per person-year, the last year beside the first: what ageing alone does."""
    for name, title in (("statin", "statin"), ("bp_drug", "blood-pressure drug"), ("programme", "programme")):
        first, then = (seen.total(f"{name}_years", p) / seen.total("person_years", p) for p in (0, last))
        limits = Limits(
            f"treatment_{name}",
            "treatment",
            f"{title} years per person-year, last year beside first",
            "years per person-year",
            "check",
            "derived",
            "the run's own first year",
            "nothing changes in this arm, so a rise shows ageing and joining groups only.",
            "",
        )
        yield shown(limits, first, then)
