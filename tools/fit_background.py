"""Fit background care so that expected payments by sex and age match the national figures.

    python tools/fit_background.py --costs BY_AGE_SEX.csv --categories BY_CATEGORY.csv --last-year
    LAST_YEAR.csv

The observed tables come from the open data of the Dutch insurers' information centre and may not be
redistributed; they are read from where you keep them, and what is written is ten spline knots per sex, an
index per category and the relative errors of the fit. Columns read: `sex, age_lo, age_hi,
euro_per_insured_year` (costs), `area, care_category, euro_per_insured_year` (categories), `age, last_year_M,
last_year_F, other_years_M, other_years_F` (last year of life, euro of 2020).

`--modelled FILE` gives the payments that the model makes without background and end-of-life care, columns
`sex, age_lo, age_hi, sector, euro` (per person-year, bands of any width covering all ages, extra costs by
flag included). Without it a rough value is built from the rates.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from paysim.care.access import access_terms, book_terms, clinic_terms, share_leaving
from paysim.care.background import (
    BACKGROUND_SERVICES,
    category_shares,
    end_of_life,
    flag_extras,
    natural_spline,
)
from paysim.care.catalogue import SECTORS, load_services
from paysim.care.demand import base_rates
from paysim.care.model import care_parameters
from paysim.care.rates import standard_population
from paysim.kernel.spec import AGES
from paysim.reading.tables import read_any_table

ROOT = Path(__file__).parents[1]
CARE = ROOT / "paysim" / "care"
TABLES = ROOT / "paysim"
SHAPES = Path(__file__).parent / "background_shapes.csv"
KNOTS = {
    "M": (0.5, 4, 9, 17, 30, 45, 60, 72, 83, 96),
    "F": (0.5, 8, 15, 25, 32, 43, 52, 70, 84, 97),
}
NODES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 100)
CATEGORIES = {
    "Medical specialist care": "hospital",
    "Pharmacy": "pharmacy",
    "Mental health (GGZ)": "mental_health",
    "Nursing, rehabilitation and short-stay care": "district_nursing",
    "General practice": "general_practice",
}
BACKGROUND_SECTORS = ("hospital", "pharmacy", "mental_health", "district_nursing", "other_care")
SMOOTHNESS = 0.002


def by_age(table: Mapping[str, Any], value: str, low: str = "age_from", high: str = "age_to") -> np.ndarray:
    """Spread a column given by sex and age band over ``[2, 111]``."""
    out = np.zeros((2, AGES))
    for sex, first, last, x in zip(table["sex"], table[low], table[high], table[value], strict=True):
        out["MF".index(sex), int(first) : int(last) + 1] = x
    return out


def death_rates() -> np.ndarray:
    """Return death rates ``[2, 111]`` per year of the Dutch life table."""
    table = read_any_table(TABLES / "diseases" / "mortality" / "life_table_nl.csv")
    qx = np.zeros((2, AGES))
    for sex, age, q in zip(table["sex"], table["age"], table["qx"], strict=True):
        qx["MF".index(sex), int(age) :] = q
    return -np.log1p(-np.minimum(qx, 0.999))


def rough_payments(gp_mean: float, gp_contact_share: float) -> dict[str, np.ndarray]:
    """Return modelled payments by sector, euro per person-year ``[2, 111]``, from rates alone."""
    params = care_parameters("NL")
    rates, book, clinic, services = (
        base_rates(params),
        book_terms(params),
        clinic_terms(params),
        load_services(),
    )
    access, population = access_terms(params, rates, book), standard_population(params)
    price = dict(zip(services.names, services.reference_price_eur, strict=True))
    leaving = share_leaving(book, float(access.patience_days[1]))
    asked = rates.needs * access.urgent_share
    out = {sector: np.zeros((2, AGES)) for sector in SECTORS}
    out["out_of_hours"] += asked * leaving * access.elsewhere[1, 1] * price["ooh_contact"]
    mean = (population * rates.gp_contacts).sum() / population.sum()
    practice = gp_mean - (population * out["out_of_hours"]).sum() / population.sum()
    out["general_practice"] += practice * (1.0 - gp_contact_share + gp_contact_share * rates.gp_contacts / mean)
    planned = rates.gp_contacts - asked
    nurse = planned * access.delegable_share * access.base_delegation
    referred = (planned - nurse * (1.0 - access.nurse_referral_multiplier)) * access.referral_probability
    out["hospital"] += (rates.ed_self + rates.ed_by_gp) * price["ed_visit"]
    out["hospital"] += rates.emergency_other * price["admission_other"]
    out["hospital"] += referred * (price["specialist_trajectory"] + clinic.elective_share * price["elective_admission"])
    for folder, name in (("ischaemic_heart_disease", "admission_mi"), ("stroke", "admission_stroke")):
        table = read_any_table(TABLES / "diseases" / folder / "admissions.csv")
        out["hospital"] += by_age(table, "per_1000") / 1000.0 * price[name]
    for flag, extra in flag_extras(params).items():
        have = by_age(read_any_table(TABLES / "population" / "national" / "nl" / f"{flag}.csv"), "prevalence")
        for sector, euro in zip(BACKGROUND_SECTORS, extra, strict=True):
            out[sector] += have * euro
    return out


def read_modelled(path: Path) -> dict[str, np.ndarray]:
    """Read modelled payments by sector."""
    table = read_any_table(path)
    out = {}
    for sector in SECTORS:
        rows = np.array(table["sector"]) == sector
        part = {name: np.array(table[name])[rows] for name in ("sex", "age_lo", "age_hi", "euro")}
        out[sector] = by_age(part, "euro", "age_lo", "age_hi")
    return out


def write_end_of_life(path: Path, to_2023: float) -> None:
    """Write the extra of the last year of life at a few ages."""
    table = read_any_table(path)
    lines = [
        "# Extra cost of the last year of life over other years by sex and age, all care, euro 2023.",
        f"# Derived: last less other years (PAID-type estimates, COMPAR-EU, euro 2020) x CPI {to_2023:.4f}.",
        "# The curative part is taken by the profile `curative_share`. Level beyond the first and last age.",
        "sex,age,extra_eur",
    ]
    for sex in "MF":
        extra = (table[f"last_year_{sex}"] - table[f"other_years_{sex}"]) * to_2023
        lines += [f"{sex},{age},{round(float(np.interp(age, table['age'], extra)), -2):.0f}" for age in NODES]
    (CARE / "end_of_life.csv").write_text("\n".join(lines) + "\n")


def fit_knots(
    costs: Mapping[str, Any], fixed: np.ndarray, population: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Fit log euro at the knots of each sex; return them and the relative errors of all bands."""
    middle, knots, errors = np.arange(AGES) + 0.5, {}, []
    for row, sex in enumerate("MF"):
        mine = np.array(costs["sex"]) == sex
        low, target = costs["age_lo"][mine], costs["euro_per_insured_year"][mine]
        band = np.searchsorted(low, np.arange(AGES), side="right") - 1
        weight = np.bincount(band, population[row])
        x = np.array(KNOTS[sex], dtype=float)

        def relative(log_eur: np.ndarray, row: int = row, x: np.ndarray = x, band: np.ndarray = band,
                     weight: np.ndarray = weight, target: np.ndarray = target) -> np.ndarray:  # fmt: skip
            total = fixed[row] + np.exp(natural_spline(x, log_eur, middle))
            return np.bincount(band, population[row] * total) / weight / target - 1.0

        def objective(log_eur: np.ndarray, error: Any = relative, x: np.ndarray = x) -> np.ndarray:
            slope = np.diff(log_eur) / np.diff(x)
            return np.concatenate([error(log_eur), SMOOTHNESS * np.diff(slope)])

        start = np.log(np.maximum(50.0, np.interp(x, low + 2.5, target) - np.interp(x, middle, fixed[row])))
        fitted = least_squares(objective, start)
        knots[sex] = np.round(fitted.x, 3)
        errors.append(relative(knots[sex]))
    return knots, np.concatenate(errors)


def fit_shares(
    total: np.ndarray, wanted: np.ndarray, population: np.ndarray, shapes: Mapping[str, Any]
) -> tuple[dict[str, Any], np.ndarray]:
    """Scale each category's shape until its national mean is `wanted`; return index and reached means."""
    index = {name: np.array(column, dtype=object if name == "service" else None) for name, column in shapes.items()}
    share = np.zeros(len(BACKGROUND_SERVICES))
    for _ in range(500):
        share = (category_shares(index) * total * population).sum(axis=(1, 2)) / population.sum()
        for k, name in enumerate(BACKGROUND_SERVICES):
            rows = index["service"] == name
            for sex in ("men", "women"):
                index[sex] = np.where(rows, index[sex] * wanted[k] / share[k], index[sex])
    scale = max(float(index["men"].max()), float(index["women"].max()))
    for sex in ("men", "women"):
        index[sex] = index[sex] / scale
    return index, share


def main() -> None:
    """Run the fit and write the tables of paysim/care."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", type=Path, required=True)
    parser.add_argument("--categories", type=Path, required=True)
    parser.add_argument("--last-year", type=Path, help="writes end_of_life.csv anew; otherwise the shipped one is used")
    parser.add_argument("--cpi", type=float, default=126.1 / 107.5, help="price index 2020 to 2023 (CBS)")
    parser.add_argument("--modelled", type=Path)
    parser.add_argument("--gp-contact-share", type=float, default=0.45, help="rough value only")
    arguments = parser.parse_args()

    if arguments.last_year:
        write_end_of_life(arguments.last_year, arguments.cpi)
    costs, categories = read_any_table(arguments.costs), read_any_table(arguments.categories)
    national = {
        name: float(euro)
        for area, name, euro in zip(
            categories["area"], categories["care_category"], categories["euro_per_insured_year"], strict=True
        )
        if area == "NL"
    }
    params = care_parameters("NL")
    population = standard_population(params)
    modelled = (
        read_modelled(arguments.modelled)
        if arguments.modelled
        else rough_payments(national["General practice"], arguments.gp_contact_share)
    )
    dying = death_rates() * end_of_life(params)
    fixed = dying + sum(modelled.values())
    knots, errors = fit_knots(costs, fixed, population)
    total = np.stack([np.exp(natural_spline(np.array(KNOTS[s], float), knots[s], np.arange(AGES) + 0.5)) for s in "MF"])

    def mean(x: np.ndarray) -> float:
        return float((population * x).sum() / population.sum())

    sums = dict.fromkeys(BACKGROUND_SECTORS, 0.0)
    for name, euro in national.items():
        sector = CATEGORIES.get(name, "other_care")
        if sector in sums:
            sums[sector] += euro
    wanted = np.array([sums[sector] - mean(modelled[sector]) for sector in BACKGROUND_SECTORS])
    wanted[0] -= mean(dying)  # end-of-life care is booked in the hospital sector
    if (wanted <= 0.0).any():
        raise SystemExit(f"modelled payments exceed the national total of a category: {wanted.round(1)}")
    wanted *= mean(total) / wanted.sum()
    index, reached = fit_shares(total, wanted, population, read_any_table(SHAPES))
    write_knots(knots, errors)
    write_shares(index)
    print("modelled ", {k: round(mean(v), 1) for k, v in modelled.items()}, "end of life", round(mean(dying), 1))
    print("background", dict(zip(BACKGROUND_SERVICES, reached.round(1), strict=True)))
    worst, mean_error = np.abs(errors).max(), np.abs(errors).mean()
    print(f"relative error of payments by sex and age: max {worst:.4f}, mean {mean_error:.4f}")


def write_knots(knots: Mapping[str, np.ndarray], errors: np.ndarray) -> None:
    """Write the spline knots."""
    lines = [
        "# Background care: logarithm of euro of 2023 per person-year at knots of a natural cubic spline.",
        "# Derived by tools/fit_background.py: expected payments by sex and age (modelled, background,",
        "# end of life) against insurance-act payments 2023 (Vektis, not redistributed).",
        f"# Relative error by sex and age: max {np.abs(errors).max():.4f}, mean {np.abs(errors).mean():.4f}.",
        "sex,age,log_eur",
    ]
    lines += [f"{s},{age:g},{x:.3f}" for s in "MF" for age, x in zip(KNOTS[s], knots[s], strict=True)]
    (CARE / "background_knots.csv").write_text("\n".join(lines) + "\n")


def write_shares(index: Mapping[str, Any]) -> None:
    """Write the index by service and age."""
    lines = [
        "# Background care by service: an index whose share over the services splits the total of an age.",
        "# Shape by age assumed (tools/background_shapes.csv), levels derived from payments by category.",
        "service,age_lo,age_hi,men,women",
    ]
    columns = (index[name] for name in ("service", "age_lo", "age_hi", "men", "women"))
    lines += [f"{s},{low},{high},{m:.3g},{w:.3g}" for s, low, high, m, w in zip(*columns, strict=True)]
    (CARE / "background_shares.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
