"""Fit how background care falls on people so that payments are as concentrated as published.

    python tools/fit_concentration.py --sample 100000

Fitted: the exponent of frailty, which says how persistent high costs are, and the mean and the spread of a hospital
episode, which say how lumpy a year is. Wanted: the shares of the dearest 1% and 5% of people in a year's curative
payments (Netherlands 2013), and patients' payments under the deductible, which depend on how many people cost little.
The base run does not know of money, so it is run once; each trial is an arm of three years with the same draws. Means
by age and sex do not depend on what is fitted.

Printed are the values to write into paysim/care/parameters.yaml, and all measures of concentration there.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from paysim.accounting.concentration import NAMES
from paysim.care.background import BACKGROUND_SERVICES
from paysim.engine.cell import Base, run_arm, run_base
from paysim.engine.model import Model, build_model
from paysim.scenario import load_scenario

ROOT = Path(__file__).parents[1]
WANTED = {"payments_top_1_share": 0.23, "payments_top_5_share": 0.49, "patient_payments": 185.0}
ERROR = {"payments_top_1_share": 0.01, "payments_top_5_share": 0.01, "patient_payments": 5.0}
LOW, HIGH = (0.6, np.log(500.0), 0.5), (2.4, np.log(5000.0), 2.4)
HOSPITAL = BACKGROUND_SERVICES.index("background_hospital")


def with_values(model: Model, exponent: float, eur: float, sigma: float) -> Model:
    """Return the model with other values of what is fitted."""
    background = model.care.background
    each = background.episodes
    sizes, spreads = each.eur.copy(), each.sigma.copy()
    sizes[HOSPITAL], spreads[HOSPITAL] = eur, sigma
    changed = replace(background, frailty_exponent=exponent, episodes=replace(each, eur=sizes, sigma=spreads))
    return replace(model, care=replace(model.care, background=changed))


def measured(model: Model, base: Base) -> dict[str, float]:
    """Return the measures of concentration over the horizon, and patients' payments per person-year."""
    cell = run_arm(model, base, model.scenario.arm(model.scenario.current), 0)
    frame = pd.DataFrame(cell.results)
    frame = frame[(frame["dimension"] == "all") & (frame["period"] == -1)].set_index("measure")["value"]
    found = {name: float(frame[name]) for name in (*NAMES, "patient_payments", "spending_total")}
    for name in ("patient_payments", "spending_total"):
        found[name] /= float(frame["person_years"])
    return found


def main() -> None:
    """Run the fit and print what it finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=100_000, help="people simulated")
    parser.add_argument("--trials", type=int, default=30, help="at most")
    parser.add_argument(
        "--start", type=float, nargs=3, default=(1.9, 2800.0, 1.9), metavar=("EXPONENT", "EUR", "SIGMA")
    )
    arguments = parser.parse_args()
    template = load_scenario(ROOT / "scenarios" / "nl" / "achterhoek_four_models.yaml")
    model = build_model(replace(template, region="netherlands", horizon_years=3), arguments.sample)
    base = run_base(model, 0)

    def errors(x: np.ndarray) -> np.ndarray:
        found = measured(with_values(model, x[0], float(np.exp(x[1])), x[2]), base)
        print(
            x[0].round(3), np.exp(x[1]).round(), x[2].round(3), {k: round(v, 3) for k, v in found.items()}, flush=True
        )
        return np.array([(found[name] - wanted) / ERROR[name] for name, wanted in WANTED.items()])

    exponent, eur, sigma = arguments.start
    start = np.clip([exponent, np.log(eur), sigma], LOW, HIGH)
    fit = least_squares(
        errors, start, bounds=(LOW, HIGH), diff_step=0.05, max_nfev=arguments.trials, xtol=1e-3, ftol=1e-3
    )
    print("care.background_frailty_exponent", round(float(fit.x[0]), 2))
    print("care.hospital_episode_eur", round(float(np.exp(fit.x[1])), -1))
    print("care.hospital_episode_sigma", round(float(fit.x[2]), 2))


if __name__ == "__main__":
    main()
