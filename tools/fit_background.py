"""Fit background care so that expected payments by sex and age match the national figures.

    python tools/fit_background.py --costs BY_AGE_SEX.csv --categories BY_CATEGORY.csv --last-year
    LAST_YEAR.csv

The observed tables come from the open data of the Dutch insurers' information centre and may not be
redistributed; they are read from where you keep them, and what is written is ten spline knots per sex, an
index per category and the relative errors of the fit. Columns read: `sex, age_lo, age_hi,
euro_per_insured_year` (costs), `area, care_category, euro_per_insured_year` (categories), `age, last_year_M,
last_year_F, other_years_M, other_years_F` (last year of life, euro of 2020).

What the model makes of payments besides (visits, admissions, drugs, costs of diseases; general practice by contract)
is simulated: the first year of `current` for the Netherlands, without background and end-of-life care, the mean of
`--seeds` runs because a few dear admissions move a cell of one run by a few percent. Background care is the residual.
Belgium has no payments by age: `--country BE` prints the `care.background_level` at which all payments together are
`--per-head`.

    python tools/fit_background.py --country BE --per-head 3020
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from paysim.care.background import (
    BACKGROUND_SERVICES,
    category_shares,
    end_of_life,
    natural_spline,
)
from paysim.care.catalogue import LONG_TERM_CARE, SECTORS
from paysim.care.model import care_parameters
from paysim.care.rates import standard_population
from paysim.engine.cell import run_arm, run_base
from paysim.engine.model import build_model
from paysim.kernel.spec import AGES
from paysim.parameters.values import Override
from paysim.reading.tables import read_any_table
from paysim.scenario import load_scenario

ROOT = Path(__file__).parents[1]
CARE = ROOT / "paysim" / "care"
TABLES = ROOT / "paysim"
SHAPES = Path(__file__).parent / "background_shapes.csv"
REGION = {"NL": "netherlands", "BE": "belgium"}
SCENARIO = {"NL": "nl/achterhoek_four_models.yaml", "BE": "be/middenkempen_four_models.yaml"}
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
SMOOTHNESS = 0.0005


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


def simulate(country: str, sample: int, seed: int) -> dict[str, np.ndarray]:
    """Return payments of the first year by sector ``[2, 20]``, euro per person-year by sex and five-year band.

    Without background and end-of-life care; costs of diseases are in.
    """
    template = load_scenario(ROOT / "scenarios" / SCENARIO[country])
    model = build_model(replace(template, region=REGION[country], horizon_years=1, seed=seed), sample)
    background = model.care.background
    none = replace(
        background,
        eur_per_year=0.0 * background.eur_per_year,
        end_of_life_eur=0.0 * background.end_of_life_eur,
        episodes=replace(background.episodes, eur=0.0 * background.episodes.eur),
    )
    model = replace(model, care=replace(model.care, background=none))
    base = run_base(model, 0)
    cell = run_arm(model, base, model.scenario.arm(model.scenario.current), 0, state=base.state)
    frame = pd.DataFrame(cell.results)
    frame = frame[(frame["dimension"] == "age_sex") & (frame["period"] == 0)]
    found = {name: part["value"].to_numpy().reshape(2, 20) for name, part in frame.groupby("measure")}
    lived = np.maximum(found["person_years"], 1e-9)
    return {sector: found[f"spending_{sector}"] / lived for sector in SECTORS if sector != LONG_TERM_CARE}


def level_at(country: str, per_head: float, sample: int) -> float:
    """Return the `care.background_level` at which all payments together are `per_head` euro."""
    template = load_scenario(ROOT / "scenarios" / SCENARIO[country])
    scenario = replace(template, region=REGION[country], horizon_years=1)
    paid, levels = [], (0.6, 1.0)
    for level in levels:
        change = Override("care.background_level", level)
        model = build_model(replace(scenario, parameters=(*scenario.parameters, change)), sample)
        none = replace(model.care.background.episodes, eur=0.0 * model.care.background.episodes.eur)
        model = replace(model, care=replace(model.care, background=replace(model.care.background, episodes=none)))
        base = run_base(model, 0)
        cell = run_arm(model, base, scenario.arm(scenario.current), 0, state=base.state)
        frame = pd.DataFrame(cell.results)
        frame = frame[(frame["dimension"] == "all") & (frame["period"] == 0)].set_index("measure")["value"]
        paid.append(frame["spending_total"] / frame["person_years"])
    return float(np.interp(per_head, paid, levels)) if paid[0] < per_head < paid[1] else float("nan")


def by_year_of_age(bands: np.ndarray) -> np.ndarray:
    """Spread values of five-year bands ``[2, 20]`` over ``[2, 111]``."""
    return np.asarray(bands[:, np.minimum(np.arange(AGES) // 5, 19)])


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
        people = np.bincount(band, population[row])
        x = np.array(KNOTS[sex], dtype=float)

        def relative(log_eur: np.ndarray, row: int = row, x: np.ndarray = x, band: np.ndarray = band,
                     people: np.ndarray = people, target: np.ndarray = target) -> np.ndarray:  # fmt: skip
            total = fixed[row] + np.exp(natural_spline(x, log_eur, middle))
            return np.bincount(band, population[row] * total) / people / target - 1.0

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
    parser.add_argument("--country", choices=tuple(REGION), default="NL")
    parser.add_argument("--per-head", type=float, help="euro; BE only")
    parser.add_argument("--costs", type=Path, help="NL only")
    parser.add_argument("--categories", type=Path, help="NL only")
    parser.add_argument("--sample", type=int, default=300_000, help="people simulated")
    parser.add_argument("--seeds", type=int, default=3, help="runs whose mean is taken; NL only")
    parser.add_argument("--last-year", type=Path, help="writes end_of_life.csv anew; otherwise the shipped one is used")
    parser.add_argument("--cpi", type=float, default=126.1 / 107.5, help="price index 2020 to 2023 (CBS)")
    arguments = parser.parse_args()

    if arguments.country != "NL":
        print(f"care.background_level {level_at(arguments.country, arguments.per_head, arguments.sample):.3f}")
        return
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
    runs = [simulate("NL", arguments.sample, 1 + k) for k in range(arguments.seeds)]
    modelled = {sector: by_year_of_age(sum(run[sector] for run in runs) / len(runs)) for sector in runs[0]}
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
    print("relative error by band:", ", ".join(f"{each:.3f}" for each in errors))
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
