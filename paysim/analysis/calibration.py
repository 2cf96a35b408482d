"""Calibration: a few multipliers fitted to published values, with the uncertainty that is left.

Each block of multipliers is fitted to the targets that it moves, by least squares on logarithms::

    sum over targets ((ln model - ln published) / sd)^2 + sum over multipliers ((ln x - ln prior) / prior sd)^2

where sd is half the target's tolerance and the prior is the parameter's stated range (95%). The model's value of a
target is its expectation in a population whose rates never changed (`stages` of each disease, standardised to the
target's population), so nothing is simulated. The last block
solves what is left of the education gradient of mortality such that life expectancy at birth differs as published.

The covariance is that of the Gauss-Newton approximation at the optimum, of logarithms. A multiplier whose posterior
is as wide as its prior is not identified: the targets do not move it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import brentq, least_squares

from paysim.analysis.targets import Target, shipped_targets, years_of_life
from paysim.diseases import DISEASES
from paysim.diseases.ages import FIVE_YEARS
from paysim.diseases.cancer import model as cancer
from paysim.diseases.cohort import Cohort
from paysim.diseases.disease import death_hazards
from paysim.diseases.health import build_health, cohort_from_population, health_parameters, module
from paysim.errors import ModelError, OutputError, Problem, ScenarioError
from paysim.kernel.spec import AGES
from paysim.parameters import Parameters
from paysim.population import RegionProfile, load_region, synthesize
from paysim.reading import write_atomic

if TYPE_CHECKING:
    import pandas as pd

EDUCATION_BLOCK, RESIDUAL = "education", "mortality.education_residual"
REFERENCE_PERSONS = 100_000
WIDTH_95 = 3.92
"""A 95% interval of a normal is so many standard deviations wide."""

BLOCKS: dict[str, tuple[str, ...]] = {
    "diabetes": ("diabetes.level",),
    "ischaemic_heart_disease": ("ischaemic_heart_disease.level",),
    "heart_failure": ("heart_failure.level",),
    "dementia": ("dementia.level",),
    "nursing_home": ("dementia.nursing_home_rate",),
    "cancer": ("cancer.level", "cancer.deaths_level"),
}
"""Disease or place -> the multipliers fitted to its targets, each with the earlier ones in place. Others keep their
prior and are drawn from it.

New cases and survival rule. A level is fitted to new cases where a source counts them, and to the number of people ill
only where none does (heart failure in the Netherlands, diabetes in Belgium); the roles in the tables of targets say
which. No survival is bent to meet a number of people ill, so no mortality ratio is among these. Infarction, stroke and
COPD are levelled on published new cases themselves and need no multiplier."""

_DISEASE_OF = {"angina": "ischaemic_heart_disease"}
"""Onset or state -> the disease whose folder describes it, where it has another name."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Fit:
    """One block, fitted.

    Attributes
    ----------
    names, values, prior, prior_sd, sd
        Multipliers; standard deviations of their logarithms.
    covariance
        Of the logarithms, ``[k, k]``.
    targets
        Rows of id, published, prior (model before), fitted (model after), sd (of the logarithm), status.
    """

    block: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    prior: tuple[float, ...]
    prior_sd: tuple[float, ...]
    sd: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    targets: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Calibration:
    """All blocks of a country.

    Attributes
    ----------
    params
        With the fitted values in place.
    residual
        What is left of the log hazard ratio of education, men and women; None where no gap is published.
    gaps
        Life expectancy at birth, high less low education, men and women, with it.
    """

    country: str
    region: str
    fits: tuple[Fit, ...]
    params: Parameters = field(repr=False)
    residual: tuple[float, float] | None = None
    gaps: tuple[float, float] | None = None

    def frame(self) -> pd.DataFrame:
        """Return the multipliers: block, parameter, prior, value, sd, prior_sd, low, high, identified.

        ``sd`` are those of logarithms; low and high a 95% interval; identified is one less the ratio of variances.
        """
        import pandas as pd

        rows = [
            {
                "block": fit.block,
                "parameter": name,
                "prior": fit.prior[k],
                "value": fit.values[k],
                "sd": fit.sd[k],
                "prior_sd": fit.prior_sd[k],
                "low": fit.values[k] * float(np.exp(-WIDTH_95 / 2 * fit.sd[k])),
                "high": fit.values[k] * float(np.exp(WIDTH_95 / 2 * fit.sd[k])),
                "identified": max(1 - (fit.sd[k] / fit.prior_sd[k]) ** 2, 0.0),
            }
            for fit in self.fits
            for k, name in enumerate(fit.names)
        ]
        return pd.DataFrame(rows)

    def fit_frame(self) -> pd.DataFrame:
        """Return the targets: block, id, published, prior, fitted, sd, status."""
        import pandas as pd

        return pd.DataFrame([{"block": fit.block} | row for fit in self.fits for row in fit.targets])

    def covariance_frame(self) -> pd.DataFrame:
        """Return the covariance of logarithms: first, second, covariance; blocks are independent."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"first": a, "second": b, "covariance": fit.covariance[i][j]}
                for fit in self.fits
                for i, a in enumerate(fit.names)
                for j, b in enumerate(fit.names)
            ]
        )


def posterior_draws(calibration: Calibration, n: int, seed: int = 1) -> pd.DataFrame:
    """Return draws of the multipliers, one row each, from the log-normal approximation of the posterior.

    The same seed gives the same draws; a longer table begins with the shorter one's rows.
    """
    import pandas as pd
    from scipy.special import ndtri

    from paysim.kernel import streams

    rows = streams.person_keys(streams.run_key(seed, 0), np.arange(n))
    columns: dict[str, np.ndarray] = {}
    number = 0
    for fit in calibration.fits:
        normal = []
        for _ in fit.names:
            normal.append(ndtri(streams.uniforms(rows, number)))
            number += 1
        root = np.linalg.cholesky(np.array(fit.covariance))
        shift = np.stack(normal, axis=1) @ root.T
        for k, name in enumerate(fit.names):
            columns[name] = fit.values[k] * np.exp(shift[:, k])
    return pd.DataFrame(columns)


def calibrate(
    region: str, *, out: str | os.PathLike[str] | None = None, seed: int = 1, say: Say | None = None
) -> Calibration:
    """Fit the multipliers of the country of a region to its targets of role ``calibrate``.

    Parameters
    ----------
    region
        A region, or a country's name; a region's people are those of the education block.
    out
        Folder of the result. Finished blocks are kept in it and not fitted again; a folder that was made from other
        inputs is refused.
    say
        Called with a line of progress.

    Raises
    ------
    ScenarioError
        The region is unknown, or the folder holds a calibration of other inputs.
    OutputError
        `out` is a file.
    ModelError
        A fit did not converge.
    """
    profile = load_region(region)
    params = health_parameters(profile.country, calibrated=False)
    targets = {each.id: each for each in shipped_targets(profile, params) if each.role == "calibrate"}
    finished = _Finished(None if out is None else Path(out), profile, params, targets, seed)
    fits = []
    for name, free in BLOCKS.items():
        fit = finished.get(name)
        if fit is None:
            chosen = [each for each in targets.values() if _block_of(each) == name]
            fit = _fit(name, free, chosen, params)
            finished.keep(name, fit)
        if say:
            say(f"{name}: {', '.join(f'{n} {v:.3f}' for n, v in zip(fit['names'], fit['values'], strict=True))}")
        fits.append(_as_fit(fit))
        params = params.override(zip(fit["names"], fit["values"], strict=True))
    gaps = [targets.get(f"life_expectancy_gap_education_{sex}") for sex in "MF"]
    if any(each is None for each in gaps):
        return Calibration(profile.country, profile.name, tuple(fits), params)
    solved = finished.get(EDUCATION_BLOCK)
    if solved is None:
        wanted = [float(each.value) for each in gaps if each is not None and each.value is not None]
        solved = _solve_education(profile, params, wanted, seed)
        finished.keep(EDUCATION_BLOCK, solved)
    residual, met = solved["residual"], solved["gaps"]
    if say:
        say(f"education: residual {residual[0]:.3f} (men), {residual[1]:.3f} (women)")
    params = params.override([(RESIDUAL, tuple(residual))])
    return Calibration(profile.country, profile.name, tuple(fits), params, tuple(residual), tuple(met))


def write_calibration(calibration: Calibration, out: Path) -> list[Path]:
    """Write ``calibration.yaml``, ``covariance.csv``, ``multipliers.csv`` and ``fit.csv``; return their paths."""
    frame = calibration.frame()
    lines = [
        "schema: 1",
        f"country: {calibration.country}",
        f'source: "paysim calibrate {calibration.region}: fitted to published values, see fit.csv beside this file"',
        "parameters:",
    ]
    fitted = {fit.block for fit in calibration.fits if fit.targets}
    for row in frame.to_dict("records"):
        if row["block"] not in fitted:  # no target: the parameter keeps its own source and range
            continue
        low, high = float(row["low"]), float(row["high"])
        lines.append(
            f"  - {{parameter: {row['parameter']}, value: {float(row['value']):.4g}, range: [{low:.4g}, {high:.4g}], "
            f"identified: {float(row['identified']):.3f}}}"
        )
    if calibration.residual is not None:
        men, women = calibration.residual
        lines.append(
            f"  - {{parameter: {RESIDUAL}, value: [{men:.4g}, {women:.4g}], range: [0.0, 2.0], identified: 1.0}}"
        )
    tables = {"multipliers": frame, "covariance": calibration.covariance_frame(), "fit": calibration.fit_frame()}
    return write_fit(out, tables, lines)


def write_fit(out: Path, tables: Mapping[str, pd.DataFrame], lines: Sequence[str]) -> list[Path]:
    """Write the tables of a fit into a folder, and at last ``calibration.yaml``, whose lines name them."""
    out.mkdir(parents=True, exist_ok=True)
    texts = {f"{name}.csv": _csv(table) for name, table in tables.items()}
    texts["calibration.yaml"] = "\n".join(lines) + "\n"
    for name, text in texts.items():
        write_atomic(out / name, text.encode())
    return [out / name for name in texts]


def _csv(frame: pd.DataFrame) -> str:
    """Return a table with six digits: more would be those of one machine."""
    return str(frame.to_csv(index=False, lineterminator="\n", float_format="%.6g"))


def expected(target: Target, params: Parameters) -> float:
    """Return the model's expectation of a target, in the target's unit, in a population whose rates never changed.

    Raises
    ------
    ModelError
        If there is no expectation of this measure without a simulation.
    """
    if target.measure == "prevalence":
        free = np.ones((2, AGES))
        for flag in target.what:  # conditions of one person are taken as independent within sex and age
            free *= 1 - _share(flag, params)
        rate = 1 - free
    elif target.measure == "incidence":
        rate = sum((_rates(process, params) for process in target.what), np.zeros((2, AGES)))
    elif target.measure == "deaths":
        rate = sum((_excess(process, params) for process in target.what), np.zeros((2, AGES)))
    else:
        raise ModelError(f"{target.id}: {target.measure} has no expectation without a simulation")
    weights = target.weights
    assert weights is not None, target.id
    total = float((rate * weights).sum())
    per = {"count": 1.0, "per_1000": 1000.0 / weights.sum(), "per_100000": 1e5 / weights.sum()}
    per |= {"percent": 100.0 / weights.sum(), "proportion": 1.0 / weights.sum()}
    return total * float(per[target.unit])


def _share(flag: str, params: Parameters) -> np.ndarray:
    name = next(name for name in DISEASES if flag in getattr(module(name), "FLAGS", ()))
    found = module(name).stages(params)
    if flag == "dementia":
        return np.asarray(found["mild"] + found["severe"] + found["nursing_home"])
    return np.asarray(found[flag])


def _rates(process: str, params: Parameters) -> np.ndarray:
    if process.startswith("cancer_"):
        return cancer.onset(params).rates / len(cancer.ACTIVE)  # of the three groups together
    name = process.removesuffix("_onset")
    return np.asarray(module(_DISEASE_OF.get(name, name)).onset(params).rates)


def _excess(process: str, params: Parameters) -> np.ndarray:
    flag = process.removeprefix("death_")
    return cancer.excess_deaths(params)[flag]


def _block_of(target: Target) -> str | None:
    """Return the block that a target belongs to: single values of what a block can move."""
    if target.value is None or target.tolerance_kind != "percent" or target.by_age is not None:
        return None
    names = {**_DISEASE_OF, **{name: name for name in BLOCKS}}
    if target.measure == "prevalence":
        return next((names[flag] for flag in target.what if flag in names), None)
    if target.measure == "incidence":
        first = target.what[0]
        return names.get("cancer" if first.startswith("cancer_") else first.removesuffix("_onset"))
    if target.measure == "deaths" and all(each.startswith("death_cancer") for each in target.what):
        return "cancer" if target.what else None
    return None


def _fit(block: str, free: Sequence[str], targets: Sequence[Target], params: Parameters) -> dict[str, Any]:
    rows = [params.row(name) for name in free]
    prior = np.array([float(row.value) for row in rows])  # type: ignore[arg-type]
    low, high = (np.array([float(x) for x in xs]) for xs in ([r.low for r in rows], [r.high for r in rows]))  # type: ignore[arg-type]
    prior_sd = np.log(high / low) / WIDTH_95
    published = np.array([float(each.value) for each in targets if each.value is not None])
    sd = np.array([0.5 * float(each.tolerance) for each in targets if each.tolerance is not None])

    def model(x: np.ndarray) -> np.ndarray:
        changed = params.override([(name, float(v)) for name, v in zip(free, np.exp(x), strict=True)])
        return np.array([expected(each, changed) for each in targets])

    def residuals(x: np.ndarray) -> np.ndarray:
        gap = (np.log(model(x)) - np.log(published)) / sd if targets else np.zeros(0)
        return np.concatenate([gap, (x - np.log(prior)) / prior_sd])

    found = least_squares(
        residuals,
        np.log(prior),
        bounds=(np.log(low) - prior_sd, np.log(high) + prior_sd),
        x_scale=prior_sd,
        xtol=1e-8,
        ftol=1e-8,
    )
    if not found.success:
        raise ModelError(f"calibration of {block}: {found.message}")
    covariance = np.linalg.inv(found.jac.T @ found.jac)
    before, after = (model(np.log(prior)), model(found.x)) if targets else (np.zeros(0), np.zeros(0))
    return {
        "block": block,
        "names": list(free),
        "values": np.exp(found.x).tolist(),
        "prior": prior.tolist(),
        "prior_sd": prior_sd.tolist(),
        "sd": np.sqrt(np.diag(covariance)).tolist(),
        "covariance": covariance.tolist(),
        "targets": [
            {
                "id": each.id,
                "published": float(published[k]),
                "prior": float(before[k]),
                "fitted": float(after[k]),
                "sd": float(sd[k]),
                "status": each.status,
            }
            for k, each in enumerate(targets)
        ],
    }


def _as_fit(found: dict[str, Any]) -> Fit:
    sequences = ("names", "values", "prior", "prior_sd", "sd", "targets")
    return Fit(
        block=found["block"],
        covariance=tuple(tuple(row) for row in found["covariance"]),
        **{name: tuple(found[name]) for name in sequences},
    )


def life_expectancy_by_education(params: Parameters, cohort: Cohort, country: str) -> np.ndarray:
    """Return expected period life expectancy at birth by sex and education ``[2, 3]`` in a cohort at base.

    Deaths expected of the people of a sex, education and five years of age, over their number.
    """
    model = build_health(params, cohort, country)
    dying = sum((death_hazards(row, cohort) for row in model.transitions), np.zeros(len(cohort)))
    result = np.zeros((2, 3))
    for level in range(3):
        mine = (cohort.education == level).astype(float)
        persons = FIVE_YEARS.sums(cohort.by_age(mine))
        deaths = FIVE_YEARS.sums(cohort.by_age(mine * dying))
        ratio = np.divide(
            deaths,
            FIVE_YEARS.sums(cohort.by_age(mine * cohort.at(model.reference["life_table"]))),
            out=np.ones_like(deaths),
            where=persons > 0,
        )
        hazard = model.reference["life_table"] * FIVE_YEARS.spread(ratio)
        result[:, level] = [years_of_life(hazard[sex]) for sex in range(2)]
    return result


def _solve_education(
    profile: RegionProfile, params: Parameters, wanted: Sequence[float], seed: int
) -> dict[str, list[float]]:
    """Solve the residual gradient per sex; at its bounds where the gap cannot be met."""
    people = synthesize(profile, seed=seed, sample=REFERENCE_PERSONS, health_values=params)
    cohort = cohort_from_population(people, params)
    found: dict[float, np.ndarray] = {}

    def gap(residual: float, sex: int) -> float:
        if residual not in found:
            changed = params.override([(RESIDUAL, (residual, residual))])
            years = life_expectancy_by_education(changed, cohort, profile.country)
            found[residual] = years[:, 2] - years[:, 0]
        return float(found[residual][sex]) - wanted[sex]

    low, high = 0.0, 2.0
    residual = []
    for sex in range(2):
        if gap(low, sex) > 0 or gap(high, sex) < 0:
            residual.append(low if gap(low, sex) > 0 else high)
        else:
            residual.append(float(brentq(gap, low, high, args=(sex,), xtol=1e-3)))
    return {"residual": residual, "gaps": [gap(residual[sex], sex) + wanted[sex] for sex in range(2)]}


class _Finished:
    """Blocks that are done, kept in a folder so that a calibration that was stopped goes on."""

    def __init__(
        self,
        out: Path | None,
        profile: RegionProfile,
        params: Parameters,
        targets: dict[str, Target],
        seed: int,
    ) -> None:
        if out is not None and out.exists() and not out.is_dir():
            raise OutputError(Problem("is a file; a calibration needs a folder", str(out)))
        self.path = None if out is None else out / "blocks.json"
        self.key = _fingerprint(profile, params, targets, seed)
        self.blocks: dict[str, Any] = {}
        if self.path is not None and self.path.is_file():
            try:
                saved = json.loads(self.path.read_text(encoding="utf-8"))
                key, blocks = saved["key"], dict(saved["blocks"])
            except (ValueError, KeyError, TypeError) as exc:
                raise ScenarioError(Problem("is no record of a calibration", str(self.path))) from exc
            if key != self.key:
                message = "was made from other parameters, targets or people; choose another folder"
                raise ScenarioError(Problem(message, str(self.path), key="key"))
            self.blocks = blocks

    def get(self, name: str) -> Any | None:
        return self.blocks.get(name)

    def keep(self, name: str, block: Any) -> None:
        self.blocks[name] = block
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"key": self.key, "blocks": self.blocks}, indent=1)
            write_atomic(self.path, text.encode())


def _fingerprint(profile: RegionProfile, params: Parameters, targets: dict[str, Target], seed: int) -> str:
    import hashlib

    what = [profile.name, seed, BLOCKS, params.frame(), profile.parameters.frame()]
    what.append([(each.id, each.value, each.tolerance) for each in targets.values()])
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


__all__ = [
    "BLOCKS",
    "Calibration",
    "Fit",
    "calibrate",
    "expected",
    "life_expectancy_by_education",
    "posterior_draws",
    "write_calibration",
]
