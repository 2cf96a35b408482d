"""The laboratory: published experiments run with the model's physicians, beside what was found in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from paysim.behaviour import behaviour_parameters
from paysim.lab.choice import Physicians, linear_quantities, linear_thresholds
from paysim.lab.experiment import Experiment, load_experiments
from paysim.lab.findings import finding_rows, means
from paysim.lab.fit import fits
from paysim.lab.theory import checks
from paysim.parameters import Parameters

Rows = tuple[dict[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Laboratory:
    """What was done and found; each table is a tuple of rows.

    Attributes
    ----------
    quantities
        A row for each experiment, payment and need: what is best, thresholds of altruism, mean quantities.
    findings
        A row for each published finding and chooser.
    fits
        Altruism that explains published mean quantities.
    theory
        Predictions of classic models.
    settings
        Altruism and noise of the choosers.
    """

    experiments: tuple[Experiment, ...]
    quantities: Rows
    findings: Rows
    fits: Rows
    theory: Rows
    settings: dict[str, float]

    @property
    def summary(self) -> str:
        """How many findings and predictions agree, in words."""
        parts = []
        for chooser in dict.fromkeys(row["chooser"] for row in self.findings):
            mine = [row["agrees"] for row in self.findings if row["chooser"] == chooser]
            parts.append(f"{chooser}: {sum(mine)} of {len(mine)} findings agree")
        right = sum(row["agrees"] for row in self.theory)
        return "; ".join([*parts, f"theory: {right} of {len(self.theory)} predictions"])

    def as_dict(self) -> dict[str, Any]:
        """Return everything in plain lists and dictionaries, for JSON."""
        about = [
            {"name": each.name, "title": each.title, "source": each.source, "money": each.money}
            | {"design": list(each.design), "findings": [asdict(finding) for finding in each.findings]}
            for each in self.experiments
        ]
        tables = {name: list(getattr(self, name)) for name in ("quantities", "findings", "fits", "theory")}
        return {"settings": self.settings, "experiments": about, **tables}


def lab_parameters() -> Parameters:
    """Return the altruism and the noise of the laboratory, named ``lab.<name>``."""
    return Parameters.load(Path(__file__).parent / "parameters.yaml", "lab")


def run_lab(
    names: Sequence[str] = (),
    *,
    altruism_mean: float | None = None,
    altruism_sd: float | None = None,
    noise: float | None = None,
    file: str | os.PathLike[str] | None = None,
) -> Laboratory:
    """Run laboratory experiments with the physicians of the model.

    Parameters
    ----------
    names
        Shipped experiments; all by default.
    altruism_mean, altruism_sd
        Of the normal distribution that altruism has before it is cut; by default those of the model's practices,
        ``behaviour.altruism_mean`` and ``behaviour.altruism_sd``.
    noise
        Scale of the logit chooser in money of the experiment; by default ``lab.noise``.
    file
        An experiment of one's own.

    Raises
    ------
    ScenarioError
        An experiment is unknown, its file is not right, or a number cannot be.
    """
    behaviour, lab = behaviour_parameters(calibrated=False).group("behaviour"), lab_parameters().group("lab")
    mean = behaviour["altruism_mean"] if altruism_mean is None else altruism_mean
    sd = behaviour["altruism_sd"] if altruism_sd is None else altruism_sd
    scale = lab["noise"] if noise is None else noise
    least = behaviour["altruism_min"]
    single = lab["altruism"]
    choosers = {
        "deterministic": Physicians.spread(mean, sd, least),
        "logit": Physicians.spread(mean, sd, least, scale),
    }
    experiments = load_experiments(tuple(names), file)
    return Laboratory(
        experiments=experiments,
        quantities=tuple(row for each in experiments for row in _quantities(each, choosers, single)),
        findings=tuple(row for each in experiments for row in finding_rows(each, choosers)),
        fits=tuple(row for each in experiments for row in fits(each)),
        theory=tuple(checks()),
        settings={
            "altruism_mean": mean,
            "altruism_sd": sd,
            "altruism_min": least,
            "altruism_single": single,
            "noise": scale,
        },
    )


def _quantities(experiment: Experiment, choosers: dict[str, Physicians], single: float) -> list[dict[str, Any]]:
    linear, most = experiment.linear, float(experiment.quantities[-1])
    exact = None if linear is None else linear_quantities(linear, single, most)
    limits = None if linear is None else linear_thresholds(linear)
    selfish = means(experiment, Physicians.alike(0.0))
    found = {name: means(experiment, physicians) for name, physicians in choosers.items()}
    rows = []
    for i, payment in enumerate(experiment.payments):
        for need in dict.fromkeys(experiment.needs):
            mine = experiment.of_need(need)
            rows.append(
                {
                    "experiment": experiment.name,
                    "payment": payment,
                    "need": need,
                    "optimal": float(experiment.quantities[experiment.optimal[mine]].mean()),
                    "threshold": None if limits is None else float(limits[i, mine].max()),
                    "threshold_whole_units": float(experiment.thresholds[i, mine].max()),
                    "selfish": selfish.of(selfish.quantity, payment, need),
                    "single": None if exact is None else float(exact[i, mine].mean()),
                    **{name: each.of(each.quantity, payment, need) for name, each in found.items()},
                    "optimal_deterministic": found["deterministic"].of(found["deterministic"].optimal, payment, need),
                }
            )
    return rows
