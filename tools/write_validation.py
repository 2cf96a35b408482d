"""Compare a finished run with published values and write docs/validation.md.

    python tools/write_validation.py RUN [--targets FILE ...] [--out docs/validation.md]

RUN is a run folder of a Dutch region. The arm `current` is compared, in its first year where nothing is said, because
published rates describe one year. Values that may be shipped are read from the package's own tables. A table
that may not be shipped is given with `--targets`: columns `sex, age_lo, age_hi, euro_per_insured_year` (insured
payments by sex and age); of it only relative errors are written.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from validation_text import AFTER, BEFORE, SECTIONS, WHY

from paysim.analysis.runs import Run, load_run
from paysim.care.model import care_parameters
from paysim.care.rates import Profiles, standard_population
from paysim.diseases.health import health_parameters
from paysim.diseases.mortality.model import life_table_hazard
from paysim.diseases.quality_of_life.model import norms
from paysim.kernel.spec import AGES
from paysim.population import describe, load_region, synthesize
from paysim.reading import write_atomic
from paysim.reading.tables import read_any_table

ROOT = Path(__file__).parents[1]
SEXES = ("men", "women")
MANY_DEATHS = 400
"""Expected deaths from which a cell is judged by percent instead of by chance."""


@dataclass(frozen=True)
class Line:
    """One target: `met` is None where there is nothing to meet."""

    section: str
    what: str
    published: str
    simulated: str
    ratio: float | None = None
    tolerance: str = ""
    met: bool | None = None
    source: str = ""
    why: str = ""


@dataclass(frozen=True)
class Seen:
    """What a run says of its current arm: values by measure, mean over replicates."""

    run: Run
    frame: pd.DataFrame

    def total(self, measure: str, period: int = 0, group: str = "all", dimension: str = "all") -> float:
        """Return one value."""
        rows = self.frame.loc[[(measure, dimension, group, period)]]
        return float(rows["value"].mean())

    def by_band(self, measure: str, whole: bool = False) -> np.ndarray:
        """Return ``[2, 20]`` by sex and five-year band, of the first year or of all years together."""
        groups = [f"{sex} {band}" for sex in "MF" for band in band_names()]
        period = -1 if whole else 0
        return np.array([self.total(measure, period, g, "age_sex") for g in groups]).reshape(2, 20)

    @property
    def weight(self) -> float:
        """Persons in the region per person simulated."""
        sample = self.run.manifest.get("sample")
        return float(sample["weight"]) if sample else 1.0

    @property
    def replicates(self) -> int:
        """Replicates of the run."""
        return int(self.run.manifest["replicates"])


def see(run: Run) -> Seen:
    """Read what is needed of a run."""
    frame = run.results[run.results["arm"] == run.current]
    keys = ["measure", "dimension", "group", "period"]
    frame = frame.astype({key: object for key in keys[:3]})
    return Seen(run, frame.set_index(keys)[["value"]].sort_index())


def band_names() -> list[str]:
    """Return names of the five-year bands."""
    return [f"{5 * k}-{5 * k + 4}" for k in range(19)] + ["95+"]


def to_bands(by_age: np.ndarray) -> np.ndarray:
    """Return means ``[2, 20]`` over the five ages of each band of a value ``[2, 111]`` (95+: 95 to 99)."""
    return by_age[:, :100].reshape(2, 20, 5).mean(axis=2)


def near(ratio: float, share: float) -> bool:
    """Return whether a ratio is within a share of one."""
    return abs(ratio - 1.0) <= share


def number(value: float, digits: int = 1) -> str:
    """Return a number for a table."""
    return f"{value:,.{digits}f}" if abs(value) < 1000 else f"{value:,.0f}"


def against(
    section: str, what: str, published: float, simulated: float, tolerance: float, source: str, why: str, unit: str = ""
) -> Line:
    """Return a line judged by percent."""
    ratio = simulated / published
    unit = f" {unit}" if unit else ""
    return Line(
        section,
        what,
        number(published) + unit,
        number(simulated) + unit,
        ratio,
        f"{tolerance:.0%}",
        near(ratio, tolerance),
        source,
        why,
    )


def by_chance(
    section: str, what: str, expected: float, observed: float, seen: Seen, source: str, why: str, share: float = 0.05
) -> Line:
    """Return a line judged by percent where many are expected, else by three standard errors of chance."""
    cases = expected / seen.weight * seen.replicates  # Poisson: what was simulated, not what it stands for
    ratio = observed / expected
    if cases >= MANY_DEATHS:
        return Line(
            section, what, number(expected), number(observed), ratio, f"{share:.0%}", near(ratio, share), source, why
        )
    error = 3.0 / np.sqrt(max(cases, 1e-9))
    met = abs(ratio - 1.0) <= error
    return Line(section, what, number(expected), number(observed), ratio, f"3 SE ({error:.0%})", met, source, why)


def population(seen: Seen) -> Iterator[Line]:
    """Yield exact margins and the worst sampled margin of the region's population."""
    region = load_region(str(seen.run.scenario["region"]))
    frame = describe(synthesize(region, seed=int(seen.run.manifest["seed"])), region)
    exact = frame[frame["role"] == "exact"]
    for margin, rows in exact.groupby("margin", sort=False):
        wrong = int((rows["difference"].abs() > 0).sum())
        label = f"{margin} ({len(rows)} cells)" if len(rows) > 1 else str(margin)
        target, result = number(float(rows["target"].sum())), number(float(rows["result"].sum()))
        yield Line("population", label, target, result, None, "exact", wrong == 0, "region's own table")
    rest = frame[(frame["role"] != "exact") & frame["z"].notna()]
    for margin, rows in rest.groupby("margin", sort=False):
        worst = float(rows["z"].abs().max())
        limit = 3.0 if len(rows) < 20 else 4.0  # the largest of many z-scores is larger by chance
        yield Line(
            "population",
            f"{margin} ({len(rows)} cells)",
            "",
            f"largest |z| {worst:.1f}",
            None,
            f"|z| ≤ {limit:.0f}",
            worst <= limit,
            "national and regional tables of the package",
            WHY["margins"],
        )


def deaths(seen: Seen) -> Iterator[Line]:
    """Yield deaths over the run by sex and ten-year band, against those the life table expects."""
    died, expected = (seen.by_band(name, whole=True) for name in ("deaths", "expected_deaths"))
    source = "life table NL 2015-2020 (UN WPP 2024) applied to the simulated person-years"
    both = by_chance("deaths", "all", expected.sum(), died.sum(), seen, source, WHY["deaths"])
    yield both
    for s, sex in enumerate(SEXES):
        for first in range(0, 100, 10):
            pair = [int(each[s, first // 5 : first // 5 + 2].sum()) for each in (expected, died)]
            if pair[0] <= 0:
                continue
            band = f"{first}-{first + 9}" if first < 90 else "90+"
            exact = [float(each[s, first // 5 : first // 5 + 2].sum()) for each in (expected, died)]
            yield by_chance("deaths", f"{sex} {band}", *exact, seen, "", WHY["deaths"])


def life_expectancy(seen: Seen) -> Iterator[Line]:
    """Yield life expectancy at birth from simulated death rates by band, against the same from the life table."""
    lived, died = (seen.by_band(name, whole=True) for name in ("person_years", "deaths"))
    hazard = life_table_hazard(health_parameters("NL"))
    for s, sex in enumerate(SEXES):
        published = e0(hazard[s])
        rates = np.divide(died[s], lived[s], out=np.zeros(20), where=lived[s] > 0)
        simulated = e0(np.repeat(rates, 5)[:100], rates[-1])
        met = abs(simulated - published) <= 0.5
        yield Line(
            "deaths",
            f"life expectancy at birth, {sex}",
            f"{published:.2f} years",
            f"{simulated:.2f} years",
            simulated / published,
            "0.5 year",
            met,
            "the same life table",
            WHY["life_expectancy"],
        )


def e0(hazard: np.ndarray, last: float | None = None) -> float:
    """Return expected years of life under constant hazards within each year of age; the last age is open."""
    alive = np.exp(-np.concatenate([[0.0], np.cumsum(hazard)]))
    lived = np.divide(1.0 - np.exp(-hazard), hazard, out=np.ones_like(hazard), where=hazard > 0)
    end = hazard[-1] if last is None else last
    return float((alive[:-1] * lived).sum() + alive[-1] / max(end, 1e-9))


def events(seen: Seen) -> Iterator[Line]:
    """Yield admissions for infarction and stroke by sex and ten-year band."""
    params = health_parameters("NL")
    lived = {whole: seen.by_band("person_years", whole) for whole in (False, True)}
    starts = (0, 30, 40, 50, 60, 70, 80, 90)
    for name, group, title in (
        ("mi", "ischaemic_heart_disease", "infarction"),
        ("stroke", "stroke", "stroke"),
    ):
        table = params.table(f"{group}.admissions")
        rate = np.zeros((2, 20))
        for sex, first, last, per_1000 in zip(
            table["sex"], table["age_from"], table["age_to"], table["per_1000"], strict=True
        ):
            rate["MF".index(sex), int(first) // 5 : min(int(last) // 5, 19) + 1] = per_1000 / 1000.0
        rate *= 1.0 - params[f"{group}.transfer_share"]
        source = "hartenvaatcijfers.nl 2022, less the assumed share of transfers"
        for s, sex in enumerate(SEXES):
            for whole, when in ((False, "first year"), (True, "whole run")):
                seen_now = seen.by_band(f"{name}_admissions", whole)
                expected = rate * lived[whole]
                yield by_chance(
                    "events",
                    f"{title}, {sex}, {when}",
                    float(expected[s].sum()),
                    float(seen_now[s].sum()),
                    seen,
                    source,
                    WHY[f"{name}_{'run' if whole else 'year'}"],
                    share=0.10,
                )
                source = ""
            seen_now, expected = seen.by_band(f"{name}_admissions"), rate * lived[False]
            for first, after in zip(starts, (*starts[1:], 100), strict=True):
                part = slice(first // 5, after // 5)
                if expected[s, part].sum() * seen.replicates / seen.weight < 1.0:
                    continue
                yield by_chance(
                    "events",
                    f"{title}, {sex} {first}-{after - 1}" if after < 100 else f"{title}, {sex} {first}+",
                    float(expected[s, part].sum()),
                    float(seen_now[s, part].sum()),
                    seen,
                    "",
                    WHY[f"{name}_year"],
                    share=0.10,
                )


def contacts(seen: Seen) -> Iterator[Line]:
    """Yield contacts with the practice by age, alone and with needs that ended out of hours."""
    table = care_parameters("NL").table("care.age_profiles")
    rows = [k for k, measure in enumerate(table["measure"]) if measure == "gp_contacts"]
    names = {18: "18-44", 45: "45-64", 65: "65-74", 75: "75-84", 85: "85+"}

    def of(measure: str, first: int) -> float:
        if first in names:
            return seen.total(measure, 0, names[first], "age")
        youngest = sum(seen.total(measure, 0, f"{sex} 0-4", "age_sex") for sex in "MF")
        return youngest if first == 0 else seen.total(measure, 0, "0-17", "age") - youngest

    for k in rows:
        first, last, published = int(table["age_lo"][k]), int(table["age_hi"][k]), float(table["value"][k])
        band = f"{first}-{last}" if first < 85 else "85+"
        lived = of("person_years", first)
        practice = (of("gp_contacts", first) + of("nurse_contacts", first)) / lived
        both = practice + of("out_of_hours_contacts", first) / lived
        source = "Nivel 2017, contacts per person"
        yield against("care", f"practice contacts, {band}", published, practice, 0.10, source, WHY["contacts"])
        yield against(
            "care", f"practice and out-of-hours contacts, {band}", published, both, 0.10, "", WHY["contacts_and_ooh"]
        )


def use(seen: Seen) -> Iterator[Line]:
    """Yield other use of care per 1,000 persons."""
    lived = seen.total("person_years") / 1000.0

    def rate(*measures: str) -> float:
        return sum(seen.total(name) for name in measures) / lived

    emergencies = ("other_emergency_admissions", "mi_admissions", "stroke_admissions")
    yield against(
        "care",
        "out-of-hours contacts per 1,000",
        209.0,
        rate("out_of_hours_contacts"),
        0.10,
        "Nivel, general-practice duty",
        WHY["out_of_hours"],
    )
    yield against(
        "care",
        "emergency department visits per 1,000, admitted or not",
        105.0,
        rate("ed_visits", *emergencies),
        0.10,
        "1.84 million visits in 2022 (VeiligheidNL)",
        WHY["ed"],
    )
    yield against(
        "care",
        "clinical admissions per 1,000",
        93.0,
        rate("elective_admissions", *emergencies),
        0.10,
        "CBS, order of 2019 (recalled; range 88-118)",
        WHY["admissions"],
    )
    profiles = Profiles(care_parameters("NL"), standard_population(care_parameters("NL")))
    referred = care_parameters("NL")["care.referral_per_contact"] * 1000.0
    per_contact = rate("specialist_trajectories") / rate("gp_contacts", "nurse_contacts") * 1000.0
    assert profiles.population.shape == (2, AGES)
    yield against(
        "care",
        "specialist trajectories per 1,000 practice contacts",
        referred,
        per_contact,
        0.15,
        "GPs handle 93-96% themselves (Nivel; recalled)",
        WHY["referrals"],
    )
    weeks = seen.total("clinic_wait_weeks")
    yield against("care", "wait for a clinic", 5.0, weeks, 0.25, "NZa, cardiology 5-6 weeks (recalled)", WHY["clinic"], "weeks")
    days = seen.total("wait_gp_planned_days")
    yield against("care", "wait for a routine appointment", 2.0, days, 0.50, "order of magnitude (assumed)", WHY["wait"], "days")
    concentration = "top 1% of people 23%, top 5% 49% of curative cost"
    yield Line("care", "concentration of costs", concentration, "not reported", None, "", None, "literature", WHY["concentration"])


def money(seen: Seen, targets: Sequence[Path]) -> Iterator[Line]:
    """Yield spending; of tables that may not be shipped relative errors only."""
    lived = seen.total("person_years")
    practice = seen.total("spending_general_practice") / lived
    duty = seen.total("spending_out_of_hours") / lived
    source = "Vektis 2023, quoted figure for the eight municipalities"
    yield against("money", "general practice, euro per person-year", 276.0, practice, 0.05, source, WHY["gp_spending"])
    yield against(
        "money", "general practice and out-of-hours care, euro per person-year", 276.0, practice + duty, 0.05, source, WHY["gp_and_ooh"]
    )
    found = False
    for path in targets:
        table = read_any_table(path)
        if "euro_per_insured_year" in table and "age_lo" in table and "sex" in table:
            found = True
            yield from payments_by_age(seen, table)
    if not found:
        yield Line("money", "insured payments by sex and age", "not given", "", None, "", None, "Vektis 2023, not shipped", "")


def payments_by_age(seen: Seen, table: dict[str, np.ndarray]) -> Iterator[Line]:
    """Yield relative errors of payments per person-year by sex and age, never the published values."""
    paid, lived = seen.by_band("spending_total"), seen.by_band("person_years")
    errors, expected = [], 0.0
    for sex, low, high, euro in zip(
        table["sex"], table["age_lo"], table["age_hi"], table["euro_per_insured_year"], strict=True
    ):
        part = ("MF".index(sex), slice(int(low) // 5, 20 if int(high) >= 95 else int(high) // 5 + 1))
        years = lived[part].sum()
        if years > 0:
            errors.append(paid[part].sum() / years / euro - 1.0)
            expected += years * euro
    size = np.abs(errors)
    total = paid.sum() / expected
    source = "Vektis 2023 by sex and age (not shipped; relative errors only)"
    yield Line(
        "money", "all insured care, total at the region's ages", "1", f"{total:.3f}", total, "5%", near(total, 0.05), source, WHY["payments"]
    )
    yield Line(
        "money",
        f"all insured care by sex and five-year band ({len(size)} cells)",
        "1",
        f"relative error: mean {size.mean():.1%}, largest {size.max():.1%}; within 10% in {(size <= 0.10).sum()}",
        None,
        "largest 10%",
        bool(size.max() <= 0.10),
        "",
        WHY["payments_by_age"],
    )


def health(seen: Seen) -> Iterator[Line]:
    """Yield utility against the norm, diabetes against registered prevalence, births, and whether treatment is steady."""
    lived = seen.by_band("person_years")
    weight = np.divide(seen.by_band("qalys"), lived, out=np.zeros_like(lived), where=lived > 0)
    norm = to_bands(norms(health_parameters("NL")))
    gap = np.where(lived >= 200.0, weight - norm, 0.0)
    s, k = np.unravel_index(int(np.abs(gap).argmax()), gap.shape)
    where = f"{SEXES[s]} {band_names()[k]}"
    yield Line(
        "health",
        "mean utility by sex and five-year band (cells of 200 person-years or more)",
        "EQ-5D norm",
        f"largest gap {gap[s, k]:+.3f} ({where})",
        None,
        "0.01",
        bool(abs(gap[s, k]) <= 0.01),
        "Dutch inputs of COMPAR-EU",
        WHY["utility"],
    )
    mean = float((weight * lived).sum() / lived.sum())
    target = float((norm * lived).sum() / lived.sum())
    yield Line("health", "mean utility, all", f"{target:.4f}", f"{mean:.4f}", mean / target, "0.01", abs(mean - target) <= 0.01, "the same norm", WHY["utility"])
    region = load_region(str(seen.run.scenario["region"]))
    columns, rows = region.rows("diabetes")
    prevalence = np.where(rows >= 0, np.asarray(columns["prevalence"])[np.maximum(rows, 0)], 0.0)
    expected = float((to_bands(prevalence) * lived).sum())
    have = seen.total("person_years", 0, "diabetes", "condition")
    source = "Nivel 2017 by sex and age, at the simulated ages"
    yield against("health", "people with diabetes", expected, have, 0.05, source, WHY["diabetes"])
    fertility = health_parameters("NL").table("births.fertility")
    born = sum(
        lived[1, int(low) // 5 : int(high) // 5 + 1].sum() * per_1000 / 1000.0
        for low, high, per_1000 in zip(fertility["age_lo"], fertility["age_hi"], fertility["births_per_1000_women"], strict=True)
    )
    yield by_chance("health", "births, first year", float(born), seen.total("births"), seen, "UN WPP 2024, rates by mother's age", WHY["births"])
    last = int(seen.run.scenario["horizon_years"]) - 1
    for name, title in (("statin_years", "on a statin"), ("bp_drug_years", "blood-pressure drugs a person"), ("programme_years", "in a programme")):
        old = lived.sum()
        first_share = seen.total(name) / old
        last_share = seen.total(name, last) / seen.total("person_years", last)
        yield Line(
            "health", f"{title}, last against first year", f"{first_share:.4f}", f"{last_share:.4f}", last_share / first_share, "", None, "the run's own first year", WHY["treatment"]
        )


def gather(seen: Seen, targets: Sequence[Path]) -> list[Line]:
    """Return all lines."""
    parts = (population(seen), deaths(seen), life_expectancy(seen), events(seen), health(seen), contacts(seen), use(seen))
    return [line for part in (*parts, money(seen, targets)) for line in part]


def document(run: Run, lines: Sequence[Line]) -> str:
    """Return the page."""
    manifest, scenario = run.manifest, run.scenario
    judged = [line for line in lines if line.met is not None]
    missed = [line for line in judged if not line.met]
    sample = manifest.get("sample")
    who = f"{manifest['persons']:,} persons in {manifest['practices']} practices"
    out = [BEFORE.rstrip()]
    out.append(
        f"\nRun: scenario `{scenario['name']}`, arm `{run.current}`, seed {manifest['seed']}, replicates {manifest['replicates']}, "
        f"{scenario['horizon_years']} years, {who}{', ' + sample['note'] if sample else ''}; paysim {manifest['paysim_version']}, "
        f"source {manifest['source_sha256'][:12]}.\n\n**{len(judged) - len(missed)} of {len(judged)} targets met, {len(missed)} missed.**"
    )
    for key, title in SECTIONS.items():
        rows = [line for line in lines if line.section == key]
        out += [f"\n## {title}\n", "| what | published | simulated | ratio | tolerance | met |", "|---|---|---|---|---|---|"]
        for line in rows:
            ratio = "" if line.ratio is None else f"{line.ratio:.3f}"
            met = {True: "yes", False: "**no**", None: "-"}[line.met]
            out.append(f"| {line.what} | {line.published} | {line.simulated} | {ratio} | {line.tolerance} | {met} |")
        sources = list(dict.fromkeys(line.source for line in rows if line.source))
        out.append("\nSources: " + "; ".join(sources) + ".")
        reasons: dict[str, list[str]] = {}
        for line in rows:
            if line.why and (line.met is False or line.met is None):
                reasons.setdefault(line.why, []).append(line.what)
        out += [f"\n- {', '.join(whats)}: {why}" for why, whats in reasons.items()]
    return "\n".join(out) + "\n\n" + AFTER


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--targets", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation.md")
    arguments = parser.parse_args()
    run = load_run(arguments.run)
    lines = gather(see(run), arguments.targets)
    write_atomic(arguments.out, document(run, lines).encode())
    judged = [line for line in lines if line.met is not None]
    print(f"{arguments.out}: {sum(bool(line.met) for line in judged)} of {len(judged)} targets met")


if __name__ == "__main__":
    main()
