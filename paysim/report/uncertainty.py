"""What a study of draws says, for a report: cost-effectiveness of all arms, and who gains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from paysim.analysis import cost_effectiveness as ce
from paysim.analysis.distributional import Groups, by_education, distributional, groups_of
from paysim.analysis.partial_information import highest_by_chance, partial_information
from paysim.analysis.regression import LEAST_DRAWS
from paysim.errors import DataError, NotInResults
from paysim.report import acceptability, distribution

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.psa import Psa

_STEPS = np.linspace(0.0, 100_000.0, 41).tolist()
"""EUR per QALY at which curves are tabled."""
_MOST_PARAMETERS = 12
_PER_1000 = 1000.0
CLOSED = "closed"


def beware(about: Mapping[str, Any]) -> list[str]:
    """Return why costs per QALY of a study mean little, from its manifest; nothing of a closed cohort."""
    if about.get("population") == CLOSED:
        return []
    text = (
        "The region is open and its horizon short: effects that come later are cut off, so that costs per QALY here "
        "mean little. For cost-effectiveness follow a closed cohort to its death."
    )
    return [text]


@dataclass(frozen=True)
class Drawn:
    """A figure with the table behind it."""

    name: str
    title: str
    reading: str
    table: pd.DataFrame
    draw: Callable[[Axes], Axes]


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The figures, tables and sentences of a study."""

    study: Psa

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Cost and effect per head of every draw, replicate and arm."""
        return self.study.outcomes()

    @property
    def baseline(self) -> str:
        """Arm that others are compared with."""
        return str(self.study.manifest["compare_with"][0])

    @cached_property
    def thresholds(self) -> tuple[float, ...]:
        """EUR per QALY, the bands of the country."""
        return ce.thresholds_of(self.study)

    @cached_property
    def groups(self) -> Groups | None:
        """What arms do by education; None if the study does not know it."""
        try:
            return groups_of(self.study)
        except (NotInResults, DataError):
            return None

    def sentences(self) -> list[str]:
        """Return what was drawn, whose cost it is, and what to beware of."""
        about = self.study.manifest
        drawn, replicates = int(about["draws"]), int(about["replicates"])
        people = f"a sample of about {about['sample']:,} people" if about["sample"] else "all people"
        times = "once" if replicates == 1 else f"{replicates} times"
        text = [
            (
                f"{drawn} draws of {len(self.study.parameters.columns)} uncertain parameters, each simulated {times} "
                f"with people and chance of its own ({people}, {about['horizon_years']} years). Cost is what payers "
                "spend, effect is QALYs, both discounted and per head of the region at the start. Intervals hold the "
                "central 95% of draws."
            )
        ]
        text += beware(about)
        if replicates == 1:
            text.append("With one replicate a draw, chance is part of what looks like uncertainty about parameters.")
        failed = len(about["failures"])
        if failed:
            text.append(f"NOT simulated: {failed} of {drawn * replicates} worlds failed and are missing here.")
        return text

    def tables(self) -> list[tuple[str, pd.DataFrame]]:
        """Return captions and tables."""
        ranked = ce.strategies(self.outcomes).rename(columns={"cost": "eur_per_head", "icer": "eur_per_qaly"})
        ranked["effect"] *= _PER_1000
        ranked = ranked.rename(columns={"effect": "qalys_per_1000"})
        spread = self.study.summary().set_index(["arm", "measure"])
        spread.loc[spread.index.get_level_values("measure") == "effect"] *= _PER_1000
        spread = spread.rename({"cost": "EUR per head", "effect": "QALYs per 1,000"}, level="measure").reset_index()
        chosen = ce.acceptability(self.outcomes, self.thresholds).reset_index()
        worth = ce.value_of_information(self.outcomes, self.thresholds).reset_index()
        worth["region_eur"] = worth["corrected_eur"].fillna(worth["raw_eur"]) * self.study.people
        found = [
            ("Arms by cost; EUR per QALY against the arm before on the frontier", ranked),
            ("Means and central 95% of draws, and differences from the first arm compared with", spread),
            ("Probability of the greatest net benefit, by EUR per QALY", chosen),
            (
                (
                    "Value of perfect information, EUR per head and for the region (corrected for chance where "
                    "replicates allow it)"
                ),
                worth,
            ),
        ]
        if self.groups is not None:
            price = self.thresholds[1]
            found += [
                (
                    (
                        f"By education, per 1,000 persons of a group; {price:,.0f} EUR bring a QALY elsewhere, which "
                        "everybody forgoes alike (assumed)"
                    ),
                    by_education(self.groups, price),
                ),
                (
                    "QALYs per 1,000 persons, plain and weighted for equity by education",
                    distributional(self.groups, price),
                ),
            ]
        return found

    def figures(self) -> list[Drawn]:
        """Return the figures that the study has enough for."""
        outcomes, base = self.outcomes, self.baseline
        found = [
            Drawn(
                "ce_plane",
                "Cost-effectiveness plane",
                "A dot is a draw: right of zero more QALYs, below zero less spending than the baseline; an ellipse "
                "would hold 95% of draws if they were normal.",
                _differences(outcomes, base),
                lambda ax: acceptability.plane(outcomes, base, ax),
            ),
            Drawn(
                "ce_frontier",
                "Frontier",
                "Arms on the line give the most health for their cost, and its slope is the price of a further QALY; "
                "arms above it are dominated.",
                ce.strategies(outcomes),
                lambda ax: acceptability.frontier(outcomes, base, ax),
            ),
            Drawn(
                "ce_acceptability",
                "Acceptability",
                "A line is the probability that an arm has the greatest net benefit at a price of a QALY; dots mark "
                "the arm that is best on average.",
                ce.acceptability(outcomes, _STEPS).reset_index(),
                lambda ax: acceptability.curves(outcomes, base, ax),
            ),
            Drawn(
                "ce_information",
                "Value of perfect information",
                "What it would be worth per head to know all parameters before choosing an arm; research cannot be "
                "worth more.",
                ce.value_of_information(outcomes, _STEPS).reset_index(),
                lambda ax: acceptability.information(outcomes, ax),
            ),
        ]
        if outcomes["draw"].nunique() >= LEAST_DRAWS:
            price = self.thresholds[1]
            partial = partial_information(outcomes, self.study.parameters, price)
            by_chance = highest_by_chance(outcomes, self.study.parameters, price)
            found.append(
                Drawn(
                    "ce_single_parameters",
                    f"Value of single parameters at {price:,.0f} EUR per QALY",
                    "What it would be worth per head to know one parameter; what does not pass the dashed line may be "
                    "chance.",
                    partial,
                    lambda ax: acceptability.bars(partial, ax, by_chance, _MOST_PARAMETERS),
                )
            )
        if self.groups is not None and self.groups.arms:
            whole = distributional(self.groups, self.thresholds[1])
            found.append(
                Drawn(
                    "equity_impact",
                    "Health gained and its distribution",
                    "To the right an arm brings more health than its money would elsewhere, upwards it makes health "
                    "less unequal by education; left of the dashed line it does harm on balance.",
                    whole,
                    lambda ax: distribution.plane(whole, ax),
                )
            )
        return found


def _differences(outcomes: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return ``draw, arm, effect, cost``: differences from the baseline per head, replicates averaged."""
    cost, effect = ce.mean_of_draws(outcomes)
    parts = {
        name: table.sub(table[baseline], axis=0).drop(columns=baseline).stack()
        for name, table in (("effect", effect), ("cost", cost))
    }
    import pandas as pd

    return pd.DataFrame(parts).reset_index()
