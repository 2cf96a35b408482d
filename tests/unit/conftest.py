"""A finished run folder with made-up numbers of plausible size, for tests of what reads run folders.

The numbers come from smooth formulas and a seeded generator; they are no results of the model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paysim.accounting.ledger import Ledger, practice_actor
from paysim.analysis.runs import INCENTIVE_COLUMNS, RESULT_COLUMNS, ROUND_COLUMNS, ROUNDS
from paysim.care.programmes import EDUCATION, Rounds
from paysim.report import document

ARMS = {
    "dutch_today": "Dutch funding today",
    "fee_for_service": "Fee for service",
    "capitation": "Capitation",
    "bundled": "Bundled payment for chronic care",
    "mixed": "Mixed payment",
}
YEARS = 10
CONDITIONS = ("no chronic condition", "vascular", "diabetes")
SECTOR_EUR = {
    "general_practice": 271.0,
    "out_of_hours": 34.0,
    "hospital": 1745.0,
    "pharmacy": 345.0,
    "mental_health": 365.0,
    "district_nursing": 240.0,
    "other_care": 150.0,
}
# Totals per person-year under `current`.
RATES = {
    "qalys": 0.8391,
    "deaths": 0.0105,
    "expected_deaths": 0.0106,
    "births": 0.0088,
    "mi_admissions": 0.00195,
    "stroke_admissions": 0.00262,
    "other_emergency_admissions": 0.061,
    "elective_admissions": 0.052,
    "ed_visits": 0.112,
    "out_of_hours_contacts": 0.232,
    "gp_contacts": 4.61,
    "nurse_contacts": 0.83,
    "chronic_controls": 0.42,
    "specialist_trajectories": 0.43,
    "statin_years": 0.129,
    "bp_drug_years": 0.201,
    "programme_years": 0.121,
    "patient_payments": 171.0,
}
BURDEN_RATES = {"life_years": 1.0, "healthy_life_years": 0.69, "dalys": 0.25}
PRACTICE_RATES = {
    "practice_revenue": 271.0,
    "practice_costs": 196.0,
    "gp_hours": 0.62,
    "nurse_hours": 0.37,
    "mental_nurse_hours": 0.12,
    "needs": 4.1,
    "needs_combined": 0.31,
    "needs_dropped": 0.052,
    "needs_later": 0.12,
    "needs_out_of_hours": 0.041,
    "needs_emergency": 0.012,
}
LEVELS = {
    "practice_margin_per_gp_fte": (0.0, "EUR per GP FTE a year"),
    "gp_utilisation": (0.86, "share"),
    "nurse_utilisation": (0.79, "share"),
    "wait_gp_planned_days": (3.4, "days"),
    "wait_gp_urgent_days": (0.31, "days"),
    "wait_nurse_days": (6.2, "days"),
    "wait_mental_nurse_days": (8.1, "days"),
    "wait_gp_planned_p90_days": (8.9, "days"),
    "lever_visit_intensity": (1.0, "ratio"),
    "lever_prevention": (1.0, "ratio"),
    "lever_referral": (1.0, "ratio"),
    "lever_delegation": (1.0, "ratio"),
    "lever_coding": (1.0, "ratio"),
}
REGION_LEVELS = {
    "clinic_wait_weeks": (5.6, "weeks"),
    "clinic_waiting": (2140.0, "persons"),
    "clinic_left": (310.0, "persons"),
    "bed_occupancy_share": (0.71, "share"),
}
# What each arm ends up at, as a ratio to current; measures not named stay as they are.
EFFECTS = {
    "dutch_today": {},
    "fee_for_service": {
        "lever_visit_intensity": 1.19,
        "gp_contacts": 1.052,
        "gp_hours": 1.048,
        "wait_gp_planned_days": 1.31,
        "wait_gp_planned_p90_days": 1.27,
        "out_of_hours_contacts": 1.021,
        "practice_costs": 1.022,
        "practice_revenue": 1.047,
        "spending_general_practice": 1.047,
        "lever_prevention": 0.94,
        "mi_admissions": 1.006,
        "stroke_admissions": 1.005,
        "qalys": 0.99992,
        "statin_years": 0.982,
        "lever_delegation": 0.84,
        "nurse_contacts": 0.9,
    },
    "capitation": {
        "lever_visit_intensity": 0.83,
        "gp_contacts": 0.953,
        "gp_hours": 0.956,
        "wait_gp_planned_days": 0.78,
        "practice_costs": 0.981,
        "lever_referral": 1.11,
        "specialist_trajectories": 1.031,
        "spending_hospital": 1.017,
        "clinic_wait_weeks": 1.14,
        "lever_delegation": 1.16,
        "nurse_contacts": 1.11,
        "lever_prevention": 0.97,
        "mi_admissions": 1.003,
    },
    "bundled": {
        "lever_prevention": 1.22,
        "chronic_controls": 1.13,
        "programme_years": 1.18,
        "statin_years": 1.072,
        "bp_drug_years": 1.051,
        "mi_admissions": 0.968,
        "stroke_admissions": 0.973,
        "qalys": 1.00021,
        "spending_pharmacy": 1.006,
        "spending_hospital": 0.998,
        "deaths": 0.996,
        "practice_costs": 1.012,
        "practice_revenue": 1.011,
        "spending_general_practice": 1.011,
        "lever_delegation": 1.21,
    },
    "mixed": {
        "lever_visit_intensity": 1.02,
        "gp_contacts": 1.006,
        "wait_gp_planned_days": 1.03,
        "lever_delegation": 1.05,
        "practice_costs": 1.002,
        "practice_revenue": 1.004,
        "spending_general_practice": 1.004,
    },
}
GROUPS = {
    "age": (
        ("0-17", "18-44", "45-64", "65-74", "75-84", "85+"),
        (0.19, 0.30, 0.29, 0.12, 0.075, 0.025),
        (0.35, 0.6, 0.95, 1.7, 2.6, 3.4),
    ),
    "sex": (("men", "women"), (0.5, 0.5), (0.96, 1.04)),
    "education": (("low", "mid", "high"), (0.29, 0.42, 0.29), (1.27, 0.97, 0.77)),
    "condition": (CONDITIONS, (0.83, 0.11, 0.06), (0.72, 2.2, 2.7)),
    "municipality": (("Doetinchem", "Winterswijk"), (0.66, 0.34), (1.01, 0.98)),
}
PRACTICES = (2310.0, 1840.0, 2995.0, 4120.0, 1205.0, 2650.0, 3380.0, 1990.0) * 3

Row = tuple[object, ...]


def _totals(arm: str, replicate: int, effects: dict[str, float]) -> pd.DataFrame:
    """Year x practice totals of one arm and replicate."""
    # The same noise in every arm of a replicate, as with common random numbers, and a little of each arm's.
    shared = np.random.default_rng([11, replicate])
    own = np.random.default_rng([13, replicate, list(ARMS).index(arm)])
    year = np.arange(YEARS)[:, None]
    people = np.array(PRACTICES)[None, :] * (1 + 0.002 * year)
    settled = 1 - np.exp(-(year + 1) / 1.6)  # levers move a fraction of the way each period
    columns: dict[str, np.ndarray] = {"person_years": people}
    rates = RATES | PRACTICE_RATES | {f"spending_{k}": v for k, v in SECTOR_EUR.items()}
    rates |= {f"resource_cost_{k}": v * 0.94 for k, v in SECTOR_EUR.items()}
    rates |= {k: v for k, (v, _) in LEVELS.items()} | BURDEN_RATES
    for name, rate in rates.items():
        ratio = effects.get(name, effects.get(name.replace("resource_cost", "spending"), 1.0))
        noise = 1 + 0.05 * shared.standard_normal(len(PRACTICES))[None, :]
        trend = 1 + (0.004 * year if not name.startswith("lever") else 0.0)
        own_noise = own.standard_normal(people.shape) * 0.6 * abs(ratio - 1)
        value = rate * noise * trend * (1 + (ratio - 1) * settled + own_noise)
        if name.startswith("lever"):
            value = 1 + (ratio - 1) * settled + own_noise
        columns[name] = value if name in LEVELS else value * people
    columns["practice_margin"] = columns["practice_revenue"] - columns["practice_costs"]
    columns["practice_margin_per_gp_fte"] = 2000.0 * columns["practice_margin"] / people
    for kind in ("spending", "resource_cost"):
        columns[f"{kind}_total"] = sum(columns[f"{kind}_{sector}"] for sector in SECTOR_EUR)
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()})
    frame["period"] = np.repeat(np.arange(YEARS), len(PRACTICES))
    frame["practice"] = np.tile([f"P{i + 1:03d}" for i in range(len(PRACTICES))], YEARS)
    return frame


def _with_horizon(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Add the whole horizon: sums of totals, means of levels, discounted sums."""
    levels = [name for name in frame.columns if name in LEVELS or name in REGION_LEVELS]
    sums = [name for name in frame.columns if name not in levels and name not in [*by, "period"]]
    grouped = frame.groupby(by) if by else frame.groupby(lambda _: 0)
    whole = pd.concat([grouped[sums].sum(), grouped[levels].mean()], axis=1)
    for name, rate in (
        ("spending_total", 0.03),
        ("resource_cost_total", 0.03),
        ("qalys", 0.015),
        ("person_years", 0.015),
    ):
        weight = (1 + rate) ** -(frame["period"] + 0.5)
        discounted = (frame[name] * weight).groupby([frame[key] for key in by] if by else lambda _: 0).sum()
        whole[f"{name}_discounted"] = discounted
    whole["period"] = -1
    return pd.concat([frame, whole.reset_index() if by else whole], ignore_index=True)


def _unit(measure: str) -> str:
    levels = LEVELS | REGION_LEVELS
    if measure in levels:
        return levels[measure][1]
    if measure.startswith(("spending", "resource_cost", "patient_payments", "practice_")):
        return "EUR"
    return "years" if "years" in measure or measure.startswith("qalys") else "count"


def _cell_rows(arm: str, replicate: int, effects: dict[str, float]) -> list[Row]:
    practice = _totals(arm, replicate, effects)
    additive = [c for c in practice.columns if c not in (*LEVELS, "period", "practice")]
    region = practice.groupby("period")[additive].sum().reset_index()
    weights = practice["person_years"]
    for name in LEVELS:
        region[name] = (practice[name] * weights).groupby(practice["period"]).sum() / region["person_years"]
    for name, (value, _) in REGION_LEVELS.items():
        ramp = 1 - np.exp(-(region["period"] + 1) / 1.6)
        region[name] = value * (1 + (effects.get(name, 1.0) - 1) * ramp)
    parts = [("all", region.assign(group="all"), ["group"])]
    parts.append(("practice", practice.rename(columns={"practice": "group"}), ["group"]))
    everywhere = ["person_years", *RATES, *BURDEN_RATES] + [
        c for c in additive if c.startswith(("spending", "resource_cost"))
    ]
    for dimension, (names, shares, intensity) in GROUPS.items():
        total = sum(s * i for s, i in zip(shares, intensity, strict=True))
        pieces = []
        for name, share, weight in zip(names, shares, intensity, strict=True):
            piece = region[["period", *everywhere]].copy()
            piece[everywhere] *= share * weight / total
            piece["person_years"] = region["person_years"] * share
            piece["qalys"] = region["qalys"] * share * (1.08 - 0.08 * weight)
            pieces.append(piece.assign(group=name))
        parts.append((dimension, pd.concat(pieces, ignore_index=True), ["group"]))
    rows: list[Row] = []
    for dimension, frame, by in parts:
        long = _with_horizon(frame, by).melt(id_vars=["period", "group"], var_name="measure")
        long = long.dropna(subset="value")
        rows += [
            ("made_up", arm, 0, replicate, int(p), dimension, g, m, float(v), _unit(m))
            for p, g, m, v in zip(long["period"], long["group"], long["measure"], long["value"], strict=True)
        ]
    return rows


def _ledger(arm: str, replicate: int, effects: dict[str, float]) -> Ledger:
    ledger = Ledger(arm, 0, replicate)
    people = np.array(PRACTICES)
    practices = [practice_actor(f"P{i + 1:03d}") for i in range(len(PRACTICES))]
    for quarter in range(-4, YEARS * 4):
        for sector, eur in SECTOR_EUR.items():
            euros = people * eur / 4 * effects.get(f"spending_{sector}", 1.0)
            ledger.post(
                period=quarter,
                contract="made_up",
                component=sector,
                account=sector,
                payer="insurers",
                payee=practices if sector == "general_practice" else sector,
                euros=euros if sector == "general_practice" else float(euros.sum()),
            )
        ledger.post(
            period=quarter,
            contract="made_up",
            component="deductible",
            account="deductible",
            payer="patients",
            payee="insurers",
            euros=float(people.sum() * 171.0 / 4),
        )
        ledger.post(
            period=quarter,
            contract="practice",
            component="wages",
            account="wages",
            payer=practices,
            payee="staff_and_suppliers",
            euros=people * 196.0 / 4,
        )
    return ledger


def _incentives(arms: Sequence[str], replicates: int) -> pd.DataFrame:
    units = {
        "visit_intensity": ("EUR per further visit", 21.4, 14.0),
        "prevention": ("EUR per further person in a programme", 190.0, 151.0),
        "referral": ("EUR per further referral", 0.0, 4.1),
        "delegation": ("EUR per further contact done by a nurse", 9.0, 6.2),
    }
    pays = {
        "dutch_today": (0.55, 1.0, 0.0, 0.8),
        "fee_for_service": (1.4, 0.35, 0.0, 0.4),
        "capitation": (0.0, 0.0, 0.0, 1.3),
        "bundled": (0.25, 1.6, 0.0, 1.5),
        "mixed": (0.6, 0.7, 0.0, 1.0),
    }
    rows = []
    for arm in arms:
        for replicate in range(replicates):
            for year in range(YEARS):
                for i, (lever, (unit, revenue, cost)) in enumerate(units.items()):
                    for j, segment in enumerate(CONDITIONS):
                        gain = revenue * pays[arm][i] * (1 + 0.1 * j)
                        today = revenue * pays["dutch_today"][i] * (1 + 0.1 * j)
                        margin = gain - cost
                        rows.append(
                            (
                                *(
                                    arm,
                                    replicate,
                                    year,
                                    "practices",
                                    lever,
                                    segment,
                                    unit,
                                    gain,
                                    cost,
                                    margin,
                                ),
                                *(today - cost, 0.01 * (gain - today), 1 + 0.01 * (gain - today)),
                            )
                        )
    return pd.DataFrame(rows, columns=list(INCENTIVE_COLUMNS))


def _parameters() -> pd.DataFrame:
    rows: list[Row] = [
        ("care.consult_minutes", "10", "minutes", 8.0, 12.0, "normal", "a time study", "found"),
        ("care.consult_price", "31.2", "EUR", None, None, None, "=fee schedule, 2023", "derived"),
        ("behaviour.altruism", "1.4", "EUR of income per EUR of health", 0.7, 2.8, None, "ours", "assumed"),
        ("behaviour.inertia", "0.3", "share per period", 0.05, 0.6, None, "ours", "assumed"),
        ("diseases.recurrence", "0.015", "per_year", 0.01, 0.025, "lognormal", "a register", "recalled"),
    ]
    return pd.DataFrame(rows, columns=["name", "value", "unit", "low", "high", "distribution", "source", "status"])


def _rounds(arms: Sequence[str], replicates: int) -> pd.DataFrame:
    """Return the rounds of a programme that everybody but the first arm has: of 40 people a level, 8 come a round."""
    tables = []
    levels = np.arange(len(EDUCATION))
    for arm in arms[1:]:
        for replicate in range(replicates):
            log, inside = Rounds("copd_self_management"), np.zeros(0, np.int64)
            for number in range(2 * YEARS):
                log.begin(1 + 26 * number, 52)
                log.add("taking_part", inside)
                for what, each in {"eligible": 40, "selected": 9, "no_staff": 1, "invited": 8, "started": 8}.items():
                    log.add(what, np.repeat(levels, each))
                log.add("not_selected", np.repeat(levels, 40 - 9 - len(inside) // len(levels)))
                inside = np.concatenate([inside, np.repeat(levels, 1)])
                log.add("dropped_out", np.repeat(levels, 7))
                log.add("participant_years", inside, np.full(len(inside), 0.5))
                log.add("cost_eur", inside, np.full(len(inside), 60.0))
                log.close(inside)
            tables.append(pd.DataFrame(log.rows).assign(arm=arm, replicate=replicate))
    return pd.concat(tables)[list(ROUND_COLUMNS)] if tables else pd.DataFrame(columns=list(ROUND_COLUMNS))


def _manifest(arms: Sequence[str], replicates: int, files: dict[str, str]) -> dict[str, object]:
    return {
        "schema": 1,
        "paysim_version": "0.1.0",
        "scenario": {
            "name": "made_up",
            "title": "Made-up numbers under five ways of paying",
            "region": "nowhere",
            "path": "made_up.yaml",
            "sha256": "0" * 64,
            "horizon_years": YEARS,
            "base_years": 3,
            "price_year": 2023,
            "discounting": {"costs": 0.03, "effects": 0.015},
            "start": "2021-01-01",
            "current": arms[0],
            "compare_with": [name for name in ("dutch_today", "fee_for_service") if name in arms],
            "arms": [
                {
                    "name": name,
                    "title": ARMS[name],
                    "behaviour": "profit_altruism",
                    "contracts": [f"nl/gp_{name}", "nl/hospital_tariffs", "nl/deductible"],
                    "scale": 1.0 if name == arms[0] else 0.987,
                }
                for name in arms
            ],
        },
        "seed": 1,
        "replicates": replicates,
        "sample": None,
        "persons": int(sum(PRACTICES)),
        "practices": len(PRACTICES),
        "engine": "compiled",
        "events": 1_234_567,
        "files": files,
        "checks": [
            {"id": "ledger", "what": "every posting sums to zero", "passed": True},
            {"id": "persons", "what": "people are conserved", "passed": True},
        ],
        "population_sha256": "1" * 64,
    }


def write_synthetic_run(
    folder: Path,
    *,
    replicates: int = 1,
    arms: Sequence[str] = tuple(ARMS),
    effects: dict[str, dict[str, float]] | None = None,
) -> Path:
    """Write a run folder with made-up numbers and return it."""
    effects = EFFECTS if effects is None else effects
    folder.mkdir(parents=True)
    rows = [row for arm in arms for r in range(replicates) for row in _cell_rows(arm, r, effects[arm])]
    results = pd.DataFrame(rows, columns=list(RESULT_COLUMNS)).astype(
        {"draw": "int32", "replicate": "int32", "period": "int32"}
    )
    results.to_parquet(folder / "results.parquet", index=False)
    ledgers = [_ledger(arm, r, effects[arm]).frame() for arm in arms for r in range(replicates)]
    pd.concat(ledgers).to_parquet(folder / "ledger.parquet", index=False)
    _incentives(arms, replicates).to_csv(folder / "incentives.csv", index=False)
    _parameters().to_csv(folder / "parameters.csv", index=False)
    _rounds(arms, replicates).to_csv(folder / ROUNDS, index=False)
    data = ("results.parquet", "ledger.parquet", "incentives.csv", "parameters.csv", ROUNDS)
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in data}
    manifest = _manifest(arms, replicates, files)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, sort_keys=True), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """Return `write_synthetic_run`."""
    return write_synthetic_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a made-up run with five arms and one replicate; tests must not change it."""
    return write_synthetic_run(tmp_path_factory.mktemp("runs") / "made_up")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make figures and their tables but do not draw them: it takes most of a report's time and moves no word of it."""
    monkeypatch.setattr(document, "images", lambda sheet: (b"<svg/>", b"png"))
