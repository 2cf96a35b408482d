"""How large and how long a pilot must be, and which of several designs is best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from paysim.errors import Problem, ScenarioError
from paysim.pilots.model import Pilot
from paysim.pilots.panel import Panel
from paysim.pilots.study import TRIALS, run_pilot
from paysim.pilots.verdict import verdict

Row = dict[str, object]
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Parts of the region's practices that are tried when no sizes are given."""


def size_pilot(
    pilot: Pilot, panel: Panel, sites: Sequence[int] = (), years: Sequence[int] = (), trials: int = 500
) -> list[Row]:
    """Return power and minimum detectable effect of the primary outcome by number of practices and years.

    Parameters
    ----------
    sites
        Practices in all, shared between treated and controls as the pilot does; by default four parts of the region.
    years
        Lengths; by default all that the scenario has after the start.

    Raises
    ------
    ScenarioError
        A size that the region or the scenario does not have.
    """
    most = panel.years - pilot.start_year
    count = len(panel.practices)
    least = 4 if pilot.controls else max(2, pilot.waves)
    sizes = list(sites) or sorted({max(least, round(share * count)) for share in SHARES})
    lengths = list(years) or list(range(max(pilot.waves, len(pilot.ramp_up)), most + 1))
    for wrong in [each for each in lengths if not max(pilot.waves, 1) <= each <= most]:
        allowed = (f"{max(pilot.waves, 1)} to {most}",)
        raise ScenarioError(
            Problem("no such length in this run", pilot.path, key="years", found=str(wrong), allowed=allowed)
        )
    for wrong in [each for each in sizes if not least <= each <= count]:
        allowed = (f"{least} to {count}",)
        raise ScenarioError(
            Problem("no such number of practices", pilot.path, key="sites", found=str(wrong), allowed=allowed)
        )
    rows: list[Row] = []
    for length in lengths:
        for size in sizes:
            controls = 0 if not pilot.controls else min(size - 2, max(2, round(size * pilot.controls / pilot.sites)))
            if pilot.selection == "matched":
                controls = max(controls, (size + 1) // 2)
            ramp = pilot.ramp_up[:length]
            tried = replace(pilot, treated=size - controls, controls=controls, years=length, ramp_up=ramp)
            found = run_pilot(tried, panel, trials).outcomes[0]
            rows.append(
                {
                    "years": length,
                    "treated": tried.treated,
                    "controls": controls,
                    "true_effect": found.true_effect,
                    "power": found.power,
                    "type_1": found.type_1,
                    "detectable": found.detectable,
                    "detectable_formula": found.detectable_formula,
                    "detectable_floor": found.detectable_floor,
                    "detectable_share": found.detectable / abs(found.mean) if found.mean else None,
                    "enough": found.power is not None and found.power >= pilot.power,
                }
            )
    return rows


def practices_needed(row: Row) -> int | None:
    """Return the practices, treated and controls, that the closed form asks for the true effect of a row.

    Shared as in the row, and of a region with as many practices of the same kind; None without a closed form or effect,
    or where the floor alone is larger than the effect, so that no number of practices is enough.
    """
    detectable, effect, floor = row["detectable_formula"], row["true_effect"], row["detectable_floor"]
    if not isinstance(detectable, float) or not isinstance(effect, float) or not isinstance(floor, float):
        return None
    if abs(effect) <= floor:
        return None
    treated, controls = row["treated"], row["controls"]
    assert isinstance(treated, int)
    assert isinstance(controls, int)
    return math.ceil((treated + controls) * (detectable**2 - floor**2) / (effect**2 - floor**2))


def compare_pilots(pilots: Sequence[tuple[Pilot, Panel]], trials: int = TRIALS) -> list[Row]:
    """Return designs side by side, a row each, by their primary outcome."""
    rows: list[Row] = []
    for pilot, panel in pilots:
        study = run_pilot(pilot, panel, trials)
        first = study.outcomes[0]
        rows.append(
            {
                "pilot": pilot.name,
                "outcome": first.name,
                "sites": pilot.sites,
                "years": pilot.years,
                "true_effect": first.true_effect,
                "bias": first.bias,
                "rmse": first.rmse,
                "coverage": first.coverage,
                "type_1": first.type_1,
                "power": first.power,
                "detectable": first.detectable,
                "verdict": verdict(study).what,
            }
        )
    return rows
