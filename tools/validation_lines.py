"""The comparisons of docs/validation.md: one run against published values, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from paysim.analysis.runs import Run
from paysim.care.demand import base_rates
from paysim.care.model import care_parameters
from paysim.care.rates import Profiles, standard_population
from paysim.diseases.health import health_parameters
from paysim.diseases.mortality.model import life_table_hazard
from paysim.diseases.quality_of_life.model import norms
from paysim.kernel.spec import AGES
from paysim.population import describe, load_region, synthesize
from paysim.reading.tables import read_any_table

TARGETS = Path(__file__).parent / "validation_targets.csv"
SEXES = ("men", "women")
BANDS = (*(f"{5 * k}-{5 * k + 4}" for k in range(19)), "95+")
MANY = 400
"""Expected cases from which a cell is judged by percent instead of by chance."""

FEWEST_PERSON_YEARS = 200.0
EMERGENCIES = ("other_emergency_admissions", "mi_admissions", "stroke_admissions")


@dataclass(frozen=True)
class Target:
    """A row of `TARGETS`."""

    key: str
    section: str
    published: float | None
    tolerance: float | None
    unit: str
    status: str
    source: str
    why: str


@dataclass(frozen=True)
class Line:
    """One comparison; `met` is None where there is nothing to meet."""

    target: Target
    what: str
    published: str
    simulated: str
    ratio: float | None = None
    tolerance: str = ""
    met: bool | None = None


class Seen:
    """What a run says of its arm `current`: means over replicates, by measure."""

    def __init__(self, run: Run) -> None:
        self.run = run
        frame = run.results[run.results["arm"] == run.current]
        keys = ["measure", "dimension", "group", "period"]
        frame = frame.astype(dict.fromkeys(keys[:3], object))
        self._values: pd.Series[float] = frame.groupby(keys)["value"].mean()
        sample = run.manifest.get("sample")
        self.simulated_share = int(run.manifest["replicates"]) / (float(sample["weight"]) if sample else 1.0)
        table = read_any_table(TARGETS, text=("published", "tolerance"))
        rows = ({name: table[name][k] for name in table} for k in range(len(table["key"])))
        self.targets = {str(row["key"]): _target(row) for row in rows}

    def total(self, measure: str, period: int = 0, group: str = "all", dimension: str = "all") -> float:
        """Return one value."""
        return float(self._values[measure, dimension, group, period])

    def by_band(self, measure: str, period: int = 0) -> np.ndarray:
        """Return ``[2, 20]`` by sex and five-year band; period -1 is the whole run."""
        groups = (f"{sex} {band}" for sex in "MF" for band in BANDS)
        return np.array([self.total(measure, period, each, "age_sex") for each in groups]).reshape(2, 20)

    def rate(self, *measures: str, per: float = 1.0) -> float:
        """Return the first year's sum of some measures per person-year."""
        return sum(self.total(name) for name in measures) / self.total("person_years") * per

    def line(self, key: str, what: str, simulated: float, published: float | None = None) -> Line:
        """Return a comparison judged by its target's tolerance, a share of the published value."""
        target = self.targets[key]
        value = target.published if published is None else published
        assert value is not None
        assert target.tolerance is not None
        ratio = simulated / value
        unit = f" {target.unit}" if target.unit else ""
        met = abs(ratio - 1.0) <= target.tolerance
        return Line(target, what, number(value) + unit, number(simulated) + unit, ratio, f"{target.tolerance:.0%}", met)

    def counted(self, key: str, what: str, simulated: float, expected: float) -> Line:
        """Return a comparison of cases: by percent if many are expected, else by 3 standard errors."""
        cases = expected * self.simulated_share  # what was simulated, not what it stands for
        found = self.line(key, what, simulated, expected)
        if cases >= MANY:
            return found
        limit = 3.0 / float(np.sqrt(max(cases, 1e-9)))
        met = bool(abs(simulated / expected - 1.0) <= limit)
        return Line(found.target, what, found.published, found.simulated, found.ratio, f"3 SE, {limit:.0%}", met)


def _target(row: Mapping[str, Any]) -> Target:
    def maybe(name: str) -> float | None:
        return float(row[name]) if str(row[name]).strip() else None

    texts = {name: str(row[name]) for name in ("key", "section", "unit", "status", "source", "why")}
    return Target(published=maybe("published"), tolerance=maybe("tolerance"), **texts)


def number(value: float) -> str:
    """Return a number for a table."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def per_band(by_age: np.ndarray) -> np.ndarray:
    """Return means ``[2, 20]`` over the ages of each band of values ``[2, 111]`` (95+: 95 to 99)."""
    return np.asarray(by_age[:, :100].reshape(2, 20, 5).mean(axis=2))


def population(seen: Seen) -> Iterator[Line]:
    """Yield the margins of the region's people: exact ones to the person, drawn ones within chance."""
    region = load_region(str(seen.run.scenario["region"]))
    frame = describe(synthesize(region, seed=int(seen.run.manifest["seed"])), region)
    exact, drawn = seen.targets["margins_exact"], seen.targets["margins_sampled"]
    for margin, rows in frame[frame["role"] == "exact"].groupby("margin", sort=False):
        sums = (number(float(rows[name].sum())) for name in ("target", "result"))
        met = bool((rows["difference"] == 0).all())
        yield Line(exact, f"{margin}{_cells(rows)}", *sums, None, "exact", met)
    for margin, rows in frame[(frame["role"] != "exact") & frame["z"].notna()].groupby("margin", sort=False):
        worst = float(rows["z"].abs().max())
        limit = 3.0 if len(rows) < 20 else 4.0  # the largest of many is larger by chance
        shown = f"largest z {worst:.1f}"
        yield Line(drawn, f"{margin}{_cells(rows)}", "", shown, None, f"z ≤ {limit:.0f}", worst <= limit)


def _cells(rows: pd.DataFrame) -> str:
    return f" ({len(rows)} cells)" if len(rows) > 1 else ""


def deaths(seen: Seen) -> Iterator[Line]:
    """Yield deaths over the run by sex and ten-year band, and life expectancy."""
    died, expected = seen.by_band("deaths", -1), seen.by_band("expected_deaths", -1)
    yield seen.counted("deaths", "all", died.sum(), expected.sum())
    for s, sex in enumerate(SEXES):
        for k in range(0, 20, 2):
            band = f"{5 * k}-{5 * k + 9}" if k < 18 else "90+"
            if expected[s, k : k + 2].sum() > 0:
                pair = died[s, k : k + 2].sum(), expected[s, k : k + 2].sum()
                yield seen.counted("deaths", f"{sex} {band}", *map(float, pair))
    lived, target = seen.by_band("person_years", -1), seen.targets["life_expectancy"]
    table = life_table_hazard(health_parameters("NL"))
    assert target.tolerance is not None
    for s, sex in enumerate(SEXES):
        rates = np.divide(died[s], lived[s], out=np.zeros(20), where=lived[s] > 0)
        found, published = years_of_life(np.repeat(rates, 5)), years_of_life(table[s])
        texts = (f"{published:.2f} years", f"{found:.2f} years")
        met = abs(found - published) <= target.tolerance
        what = f"life expectancy at birth, {sex}"
        yield Line(target, what, *texts, found / published, f"{target.tolerance:g} year", met)


def years_of_life(hazard: np.ndarray) -> float:
    """Return life expectancy at birth under hazards by year of age, the last of them for ever."""
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(hazard)]))
    lived = np.divide(1.0 - np.exp(-hazard), hazard, out=np.ones_like(hazard), where=hazard > 0)
    return float((alive[:-1] * lived).sum() + alive[-1] / max(float(hazard[-1]), 1e-9))


def events(seen: Seen) -> Iterator[Line]:
    """Yield admissions for infarction and stroke by sex, and in the first year by ten-year band."""
    params = health_parameters("NL")
    starts = (0, 30, 40, 50, 60, 70, 80, 90)
    for name, group in (("mi", "ischaemic_heart_disease"), ("stroke", "stroke")):
        title = "infarction" if name == "mi" else "stroke"
        rate = _by_band(params.table(f"{group}.admissions"), "age_from", "age_to", "per_1000") / 1000.0
        rate = rate * (1.0 - params[f"{group}.transfer_share"])
        year, run = rate * seen.by_band("person_years"), rate * seen.by_band("person_years", -1)
        now, ever = seen.by_band(f"{name}_admissions"), seen.by_band(f"{name}_admissions", -1)
        for s, sex in enumerate(SEXES):
            yield seen.counted(f"{name}_run", f"{title}, {sex}, whole run", ever[s].sum(), run[s].sum())
            yield seen.counted(f"{name}_year", f"{title}, {sex}, first year", now[s].sum(), year[s].sum())
            for first, after in zip(starts, (*starts[1:], 100), strict=True):
                part = slice(first // 5, after // 5)
                label = f"{title}, {sex} {first}-{after - 1}" if after < 100 else f"{title}, {sex} {first}+"
                if year[s, part].sum() * seen.simulated_share >= 1.0:
                    yield seen.counted(f"{name}_year", label, now[s, part].sum(), year[s, part].sum())


def _by_band(table: Mapping[str, Any], low: str, high: str, value: str, only: int | None = None) -> np.ndarray:
    """Spread a column given by age band, and by sex unless it is `only` one's, over ``[2, 20]``."""
    out = np.zeros((2, 20))
    for k, each in enumerate(table[value]):
        sex = "MF".index(table["sex"][k]) if only is None else only
        out[sex, int(table[low][k]) // 5 : min(int(table[high][k]) // 5, 19) + 1] = each
    return out


def health(seen: Seen) -> Iterator[Line]:
    """Yield utility, diabetes, births, and whether treatment is steady."""
    lived, qalys = seen.by_band("person_years"), seen.by_band("qalys")
    norm, target = per_band(norms(health_parameters("NL"))), seen.targets["utility"]
    assert target.tolerance is not None
    weight = np.divide(qalys, lived, out=np.zeros_like(lived), where=lived > 0)
    gap = np.where(lived >= FEWEST_PERSON_YEARS, weight - norm, 0.0)
    s, k = np.unravel_index(int(np.abs(gap).argmax()), gap.shape)
    worst = float(gap[s, k])
    yield Line(
        target,
        "mean utility by sex and five-year band",
        "norm of the band",
        f"largest gap {worst:+.3f} ({SEXES[s]} {BANDS[k]})",
        None,
        f"{target.tolerance:g}",
        abs(worst) <= target.tolerance,
    )
    mean, wanted = qalys.sum() / lived.sum(), (norm * lived).sum() / lived.sum()
    shown = (f"{wanted:.4f}", f"{mean:.4f}")
    met = bool(abs(mean - wanted) <= target.tolerance)
    yield Line(target, "mean utility of all", *shown, mean / wanted, f"{target.tolerance:g}", met)
    columns, rows = load_region(str(seen.run.scenario["region"])).rows("diabetes")
    prevalence = np.where(rows >= 0, np.asarray(columns["prevalence"])[np.maximum(rows, 0)], 0.0)
    have = seen.total("person_years", 0, "diabetes", "condition")
    yield seen.line("diabetes", "people with diabetes", have, float((per_band(prevalence) * lived).sum()))
    table = health_parameters("NL").table("births.fertility")
    fertility = _by_band(table, "age_lo", "age_hi", "births_per_1000_women", only=1) / 1000.0
    born = float((fertility * lived).sum())
    yield seen.counted("births", "births", seen.total("births"), born)
    last = int(seen.run.scenario["horizon_years"]) - 1
    for name, title in (("statin", "statin"), ("bp_drug", "blood-pressure drug"), ("programme", "programme")):
        measure = f"{name}_years"
        years = [seen.total(measure, p) / seen.total("person_years", p) for p in (0, last)]
        texts = (f"{years[0]:.4f} in the first year", f"{years[1]:.4f} in the last")
        what = f"{title} years per person-year"
        yield Line(seen.targets["treatment"], what, *texts, years[1] / years[0])


def care(seen: Seen) -> Iterator[Line]:
    """Yield contacts by age, other use per 1,000 persons, and waits."""
    params = care_parameters("NL")
    table = params.table("care.age_profiles")
    for k in (k for k, measure in enumerate(table["measure"]) if measure == "gp_contacts"):
        first, published = int(table["age_lo"][k]), float(table["value"][k])
        band = f"{first}-{int(table['age_hi'][k])}" if first < 85 else "85+"
        names = ("gp_contacts", "nurse_contacts", "out_of_hours_contacts", "person_years")
        gp, nurse, duty, lived = (_of_ages(seen, name, first, band) for name in names)
        yield seen.line("contacts", f"practice contacts, {band}", (gp + nurse) / lived, published)
        both = (gp + nurse + duty) / lived
        yield seen.line("contacts_and_ooh", f"the same and out of hours, {band}", both, published)
    yield from _at_region_ages(seen)
    held = seen.total("gp_contacts") + seen.total("nurse_contacts")
    referred = seen.total("specialist_trajectories") / held * 1000.0
    yield seen.line("referrals", "specialist trajectories", referred, params["care.referral_per_contact"] * 1000.0)
    yield seen.line("clinic", "mean wait for the clinic", seen.total("clinic_wait_weeks"))
    yield seen.line("wait", "mean wait for a routine appointment", seen.total("wait_gp_planned_days"))
    target = seen.targets["concentration"]
    yield Line(target, "concentration of costs", target.source, "not modelled yet")


def _at_region_ages(seen: Seen) -> Iterator[Line]:
    """Yield use per 1,000 against national rates carried to the region's ages by the model's own shapes."""
    params = care_parameters("NL")
    profiles, rates = Profiles(params, standard_population(params)), base_rates(params)
    lived = seen.by_band("person_years")

    def older(shape: np.ndarray) -> float:
        here = (per_band(np.broadcast_to(shape, (2, AGES))) * lived).sum() / lived.sum()
        return float(here / profiles.mean(shape))

    urgent = rates.needs * profiles.curve("urgent_share")
    contacts = ("gp_contacts", "nurse_contacts", "out_of_hours_contacts")
    unheld = ("needs_dropped", "needs_combined", "needs_emergency")
    asked = seen.rate(*contacts, *unheld)
    published = profiles.mean(rates.gp_contacts) * older(rates.gp_contacts)
    what = "all that became of needs: held, out of hours, emergency, combined, dropped"
    yield seen.line("needs", what, asked, published)
    for key, what, shape, measures in (
        ("out_of_hours", "out-of-hours contacts", urgent, ("out_of_hours_contacts",)),
        ("emergency", "emergency department visits, admitted or not", rates.ed_self, ("ed_visits", *EMERGENCIES)),
        (
            "admissions",
            "clinical admissions",
            profiles.curve("clinical_admissions"),
            ("elective_admissions", *EMERGENCIES),
        ),
    ):
        national = seen.targets[key].published
        assert national is not None
        what = f"{what} (nation {national:g})"
        yield seen.line(key, what, seen.rate(*measures, per=1000.0), national * older(shape))


def _of_ages(seen: Seen, measure: str, first: int, band: str) -> float:
    """Return a measure in a band of the published contacts, which splits the run's youngest band."""
    if first >= 18:
        return seen.total(measure, 0, band, "age")
    youngest = sum(seen.total(measure, 0, f"{sex} 0-4", "age_sex") for sex in "MF")
    return youngest if first == 0 else seen.total(measure, 0, "0-17", "age") - youngest


def money(seen: Seen, files: Sequence[Path]) -> Iterator[Line]:
    """Yield spending on general practice, and relative errors of all payments if their table is given."""
    practice, duty = seen.rate("spending_general_practice"), seen.rate("spending_out_of_hours")
    yield seen.line("gp_spending", "general practice", practice)
    known = seen.targets["gp_and_ooh"]
    both = number(practice + duty)
    yield Line(known, "general practice and out-of-hours care", number(known.published or 0.0), both)
    total, by_age = seen.targets["payments"], seen.targets["payments_by_age"]
    tables = [read_any_table(path) for path in files]
    tables = [table for table in tables if {"sex", "age_lo", "euro_per_insured_year"} <= set(table)]
    if not tables:
        yield Line(total, "all insured care", "not given", "")
        return
    published = _by_band(tables[0], "age_lo", "age_hi", "euro_per_insured_year")
    paid, lived = seen.by_band("spending_total"), seen.by_band("person_years")
    ratio = float(paid.sum() / (published * lived).sum())
    assert total.tolerance is not None
    assert by_age.tolerance is not None
    met = abs(ratio - 1.0) <= total.tolerance
    what = "all insured care, at the region's ages"
    yield Line(total, what, "1", f"{ratio:.3f}", ratio, f"{total.tolerance:.0%}", met)
    full = lived >= FEWEST_PERSON_YEARS
    errors = np.abs(paid[full] / lived[full] / published[full] - 1.0)
    shown = f"relative error: mean {errors.mean():.1%}, largest {errors.max():.1%}"
    met = bool(errors.max() <= by_age.tolerance)
    what = f"all insured care by sex and five-year band ({errors.size} cells)"
    yield Line(by_age, what, "0", shown, None, f"{by_age.tolerance:.0%}", met)


def compare_all(run: Run, files: Sequence[Path]) -> list[Line]:
    """Return all comparisons of a run."""
    seen = Seen(run)
    parts = (population(seen), deaths(seen), events(seen), health(seen), care(seen), money(seen, files))
    return [line for part in parts for line in part]
