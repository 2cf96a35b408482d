"""Fit body mass to the published shares of overweight and obesity by age, and print the rows of the tables.

    python tools/fit_bmi.py NL

Within an age band a log-normal meets both shares exactly: its mean and deviation go into the population's
``risk_factors.csv``, where they give z-scores their shape. The engine reads the mean and the deviation of an age
between the middles of bands; the values at the middles, for the table of `paysim.diseases.risk`, are solved such
that the shares of every band still hold over its ages.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.optimize import least_squares
from scipy.special import ndtr, ndtri

from paysim.population import load_region
from paysim.population.ages import single_ages
from paysim.population.published import published_levels

REFERENCE = {"NL": "netherlands", "BE": "belgium"}
LIMITS = np.log([25.0, 30.0])  # kg/m2: overweight, obesity


def closed_form(overweight: np.ndarray, obese: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation of the log-normal with these shares above 25 and 30 kg/m2."""
    low, high = ndtri(1 - overweight), ndtri(1 - obese)
    sigma = (LIMITS[1] - LIMITS[0]) / (high - low)
    mu = LIMITS[0] - sigma * low
    mean = np.exp(mu + sigma**2 / 2)
    return mean, mean * np.sqrt(np.expm1(sigma**2))


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("country", choices=REFERENCE)
    country = parser.parse_args().country
    share = {
        (level.trait, level.age_from, level.age_to): level.value
        for level in published_levels(country)
        if level.role == "fitted"
    }
    bands = sorted({key[1:] for key in share})
    obese = np.array([share["obesity", *band] for band in bands])
    overweight = obese + [share["moderate_overweight", *band] for band in bands]
    mean, sd = closed_form(overweight, obese)
    print("risk_factors.csv of the population: mean and deviation of the cells")
    for (low, high), m, s in zip(bands, mean, sd, strict=True):
        print(f"{low}-{high}: {m:.3f},{s:.3f}")

    ages = np.arange(111)
    persons = single_ages(load_region(REFERENCE[country])).sum(axis=0)
    middle = np.array([(low + min(high, 94) + 1) / 2 for low, high in bands])
    cell = np.searchsorted([low for low, _ in bands], ages, side="right") - 1
    known = cell >= 0
    spread = np.sqrt(np.log1p((sd / mean) ** 2))[cell]  # of the log of a cell's shape

    def shares(nodes: np.ndarray) -> np.ndarray:
        """Shares above both limits in every band, ``[2, bands]``."""
        m, s = (np.interp(ages + 0.5, middle, part) for part in np.split(nodes, 2))
        # z = (shape - 1) / deviation of the shape, with shape log-normal of mean 1
        shape = 1 + (np.exp(LIMITS)[:, None] - m) / s * np.sqrt(np.expm1(spread**2))
        above = ndtr(-(np.log(np.maximum(shape, 1e-12)) / spread + spread / 2))
        count = np.bincount(cell[known], persons[known])
        return np.stack([np.bincount(cell[known], (persons * each)[known]) / count for each in above])

    start = np.concatenate([mean, sd])
    fitted = least_squares(lambda nodes: (shares(nodes) - [overweight, obese]).ravel(), start)
    print(f"risk_factors of the engine: values at the middles (largest gap {np.abs(fitted.fun).max():.1e})")
    for (low, high), m, s in zip(bands, *np.split(fitted.x, 2), strict=True):
        print(f"{low},{high},bmi,{m:.3f},{s:.3f}")


if __name__ == "__main__":
    main()
