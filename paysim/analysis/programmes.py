"""Programmes of a finished run: whom they reached, what that cost, and the five aims they are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paysim.analysis.measures import HORIZON
from paysim.care.programmes import EDUCATION

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run
    from paysim.care.programmes import Programme

_PREFIX, _LAST = "programme_", "_participant_years"
NURSE_HOURS = "programme_share_of_nurse_hours"


@dataclass(frozen=True)
class Reach:
    """A programme in an arm over the whole horizon, mean over replicates.

    Attributes
    ----------
    participants, eligible
        At the end: who takes part, and whom the programme is for.
    reach
        Participants per eligible person.
    by_education
        The same of low, middle and high education.
    fewest
        Eligible people of the level of education that has fewest of them; None in a folder that does not hold it.
    not_asked
        Whom the last round would have asked, had GPs and nurses of their practice had hours left.
    hires
        Whether staff is hired for it; if not, employed staff gives the hours that it has left.
    cost_eur, borne_eur
        Over the horizon; and the part that nobody pays.
    eur_per_year
        Per participant-year.
    """

    arm: str
    programme: str
    participants: float
    eligible: float
    reach: float
    by_education: tuple[float, ...]
    fewest: float | None
    not_asked: float
    hires: bool
    cost_eur: float
    borne_eur: float
    eur_per_year: float


def programmes_of(run: Run) -> list[Reach]:
    """Return the programmes that had participants, by arm and name."""
    frame = run.results
    whole = frame[(frame["dimension"].astype(str) == "all") & (frame["period"] == HORIZON)]
    names = [str(name) for name in whole["measure"].unique() if str(name).startswith(_PREFIX)]
    if not names:
        return []
    mean = whole[whole["measure"].isin(names)].pivot_table(
        index="arm", columns="measure", values="value", aggfunc="mean", observed=True
    )
    programmes = [name.removeprefix(_PREFIX).removesuffix(_LAST) for name in names if name.endswith(_LAST)]
    settings = run.parameters[run.parameters["value"] == "employed"]
    employed, found = frozenset(str(name) for name in settings["name"]), []
    for arm in run.arms:
        row = {str(name): float(value) for name, value in mean.loc[arm].to_dict().items()}
        for name in programmes:
            label = f"{_PREFIX}{name}"
            if row[f"{label}{_LAST}"] > 0.0:
                found.append(
                    Reach(
                        arm=arm,
                        programme=name,
                        participants=row[f"{label}_participants"],
                        eligible=row[f"{label}_eligible"],
                        reach=row[f"{label}_participants"] / max(row[f"{label}_eligible"], 1e-9),
                        by_education=tuple(row[f"{label}_reach_{level}_education"] for level in EDUCATION),
                        fewest=min(levels) if (levels := _eligible(row, label)) else None,
                        not_asked=row.get(f"{label}_not_asked_for_want_of_staff", 0.0),
                        hires=f"arms.{arm}.programmes.{name}.staff" not in employed,
                        cost_eur=row[f"{label}_cost"],
                        borne_eur=row[f"{label}_borne_by_provider"],
                        eur_per_year=row[f"{label}_cost_per_participant_year"],
                    )
                )
    return found


def _eligible(row: Mapping[str, float], label: str) -> list[float]:
    names = [f"{label}_eligible_{level}_education" for level in EDUCATION]
    return [row[name] for name in names if name in row]


def evaluation(run: Run, programme: Programme, arm: str, baseline: str | None = None) -> pd.DataFrame:
    """Return the measures of a programme's five aims in an arm, beside those of another arm.

    Parameters
    ----------
    baseline
        By default the arm `current`.

    Returns
    -------
    DataFrame
        aim, measure, unit, value, baseline, difference: totals over the horizon, or levels such as a wait; means over
        replicates.
    """
    import pandas as pd

    frame = run.results
    whole = frame[(frame["dimension"].astype(str) == "all") & (frame["period"] == HORIZON)]
    mean = whole.groupby(["arm", "measure"], observed=True)["value"].mean()
    units = whole.drop_duplicates("measure").set_index("measure")["unit"]
    rows = []
    for aim, measures in programme.evaluate.items():
        for name in measures:
            mine, other = float(mean.loc[(arm, name)]), float(mean.loc[(baseline or run.current, name)])
            rows.append((aim, name, str(units[name]), mine, other, mine - other))
    return pd.DataFrame(rows, columns=["aim", "measure", "unit", "value", "baseline", "difference"])


def nurse_share(run: Run, arm: str) -> float:
    """Return the hours of practice nurses in programmes per hour that they have for patients."""
    frame = run.results
    mine = frame[(frame["arm"].astype(str) == arm) & (frame["period"] == HORIZON) & (frame["measure"] == NURSE_HOURS)]
    return float(mine["value"].mean()) if len(mine) else 0.0
