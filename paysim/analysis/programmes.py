"""Programmes of a finished run: whom they reached, what that cost, and the five aims they are judged by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from paysim.analysis.measures import HORIZON
from paysim.analysis.runs import Run, load_run
from paysim.care.programmes import EDUCATION
from paysim.care.programmes.rounds import AMOUNTS, ASKED, FOUND, LEFT

if TYPE_CHECKING:
    import pandas as pd

    from paysim.care.programmes import Programme

_PREFIX, _LAST = "programme_", "_participant_years"
NURSE_HOURS = "programme_share_of_nurse_hours"
ROUND_COLUMNS = (
    *("arm", "programme", "year", "round", "education", "eligible", "identified", *FOUND[1:], *ASKED),
    *("before", *LEFT, "participants", "reach", "participant_years", "cost_eur", "paid_eur"),
    *("eur_per_invitee", "eur_per_participant", "eur_per_participant_year"),
)
"""Of `rounds`."""
_ADDED_UP = (*ASKED[2:], *LEFT, "participant_years", "cost_eur", "paid_eur")
"""What rounds of a year add up to; of everything else the year has what its last round has."""


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


def rounds(
    run: Run | str | os.PathLike[str], by: Literal["round", "year"] = "round", *, education: bool = False
) -> pd.DataFrame:
    """Return who was found, asked and helped in each round of each programme, in people simulated.

    In every row, and for each level of education by itself,

        eligible     = other_practice + not_in_records + identified
        identified   = taking_part + not_selected + asked_before + selected
        invited      = declined + started
        participants = before + started - dropped_out - completed - died - departed

    and of a round ``selected = no_staff + no_places + invited``. See `paysim.care.programmes.rounds` for what each is.

    Parameters
    ----------
    run
        A run, or its folder.
    by
        ``round``; or ``year``: what happens is added up over the rounds that begin in a contract year; who is found,
        and not asked for want of staff or places, is that of its last round.
    education
        Whether levels of education have rows of their own; else they are added up (``all``).

    Returns
    -------
    DataFrame
        Columns `ROUND_COLUMNS`; counts are means over replicates. ``year`` is from 0; ``round`` from 1, of a year its
        last one; ``before``: participants when it begins; ``reach``: participants per eligible person. Euro are those
        of the people simulated: cost per invitee and per participant (per person who ever began) of all rounds so
        far, and per participant-year of the row; missing where there is none. Without programmes the table is empty.

    Raises
    ------
    DataError
        If the folder is damaged.
    """
    import pandas as pd

    run = run if isinstance(run, Run) else load_run(run)
    rows = run.rounds
    if rows.empty:
        return pd.DataFrame(columns=list(ROUND_COLUMNS))
    if not education:
        rows = rows.assign(education="all")
    whose = ["arm", "programme", "education"]
    replicates = rows.groupby("arm")["replicate"].transform("nunique")
    rows = rows.assign(**{name: rows[name] / replicates for name in AMOUNTS})
    table = rows.groupby([*whose, "year", "round"], sort=False)[list(AMOUNTS)].sum().reset_index()
    if by == "year":
        groups = table.groupby([*whose, "year"], sort=False)
        added = groups[list(_ADDED_UP)].sum().reset_index()
        table = (
            groups[[name for name in table.columns if name not in (*whose, "year", *_ADDED_UP)]].last().reset_index()
        )
        table = table.merge(added, on=[*whose, "year"], validate="one_to_one")
    table["identified"] = table["eligible"] - table["other_practice"] - table["not_in_records"]
    table["before"] = table.groupby(whose, sort=False)["participants"].shift(fill_value=0.0)
    so_far = table.groupby(whose, sort=False)[["cost_eur", "invited", "started"]].cumsum()
    ratios = {
        "reach": (table["participants"], table["eligible"]),
        "eur_per_invitee": (so_far["cost_eur"], so_far["invited"]),
        "eur_per_participant": (so_far["cost_eur"], so_far["started"]),
        "eur_per_participant_year": (table["cost_eur"], table["participant_years"]),
    }
    table = table.assign(**{name: above / below.where(below > 0.0, np.nan) for name, (above, below) in ratios.items()})
    table["order"] = table["arm"].map({arm: k for k, arm in enumerate(run.arms)})
    return table.sort_values("order", kind="stable")[list(ROUND_COLUMNS)].reset_index(drop=True)


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
