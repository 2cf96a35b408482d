"""Every value of a scenario, with unit, source and status: what `paysim check` prints and a run writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from paysim.scenario import Arm, Scenario, resolved

if TYPE_CHECKING:
    from paysim.parameters import Parameters
    from paysim.population import RegionProfile


def every_value(
    scenario: Scenario,
    parameters: Parameters,
    region: RegionProfile,
    scales: Mapping[str, Sequence[float]] | None = None,
) -> list[dict[str, Any]]:
    """Return one row for every value: of the scenario, the model, the region and the arms.

    Parameters
    ----------
    parameters, region
        From `paysim.engine.model.load_parameters`, with the scenario's own values in place.
    scales
        Of each arm that was simulated, the factor on its rates in each replicate.

    Returns
    -------
    list of dict
        Keys are `paysim.parameters.values.COLUMNS`; names are unique.
    """
    rows = [*resolved(scenario), *parameters.frame(), *region.parameters.frame()]
    return rows + [_scale(scenario.arm(name), factors) for name, factors in (scales or {}).items()]


def _scale(arm: Arm, factors: Sequence[float]) -> dict[str, Any]:
    """Return the row of the factor on an arm's rates; a list where replicates differ."""
    neutral = arm.budget_neutral_to
    same = len(set(factors)) == 1
    source = f"solved: budget of {neutral.on} as in {neutral.arm}" if neutral else "rates as written"
    return {
        "name": f"arms.{arm.name}.scale",
        "value": factors[0] if same else list(factors),
        "unit": "factor on rates",
        "low": None,
        "high": None,
        "distribution": None,
        "source": source,
        "status": "derived",
    }
