"""A region for those who look after it: its needs, who carries the risk, programmes, and what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim import catalog
from paysim.analysis.measures import by_arm, horizon, measure, wide
from paysim.analysis.samples import labelled
from paysim.analysis.scorecard import indicator_levels
from paysim.errors import NotInResults
from paysim.reading import read_yaml
from paysim.report.programmes import programmes

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

STRATA = ("condition", "age", "education", "municipality")
"""Dimensions of the results by which a region's people are looked at."""

_MEASURES = (
    "spending_per_head",
    "spending_hospital_per_head",
    "gp_contacts_per_head",
    "ed_visits_per_1000",
    "mi_admissions_per_1000",
    "stroke_admissions_per_1000",
    "deaths_per_1000",
)


def needs(run: Run) -> pd.DataFrame:
    """Return every indicator under today's payment: ``aim``, ``indicator``, ``value``, ``unit``."""
    levels = indicator_levels(run)
    names = zip(levels["indicator"], levels["measure"], strict=True)
    labels = [labelled(str(name), str(measured), run.not_from_sample) for name, measured in names]
    return levels.assign(value=levels[run.current], indicator=labels)[["aim", "indicator", "value", "unit"]]


def strata(run: Run, dimension: str) -> pd.DataFrame | None:
    """Return groups of people under today's payment: their share of person-years and of spending, and levels.

    Returns
    -------
    DataFrame or None
        A row a group; None where the run does not hold the dimension.
    """
    import pandas as pd

    try:
        frame = by_arm(horizon(wide(run, dimension)))[run.current].groupby("group").mean()
    except NotInResults:
        return None
    found = pd.DataFrame({"Group": frame.index.astype(str)})
    for name, title in (("person_years", "Share of people, %"), ("spending_total", "Share of spending, %")):
        found[title] = (100 * frame[name] / frame[name].sum()).to_numpy()
    for name in _MEASURES:
        what = measure(name)
        if what.held_by(frame):
            found[f"{what.label}, {what.unit}"] = what.of(frame).to_numpy()
    return found


def interventions() -> list[tuple[str, str]]:
    """Return the programmes of the library: title, and what each is about."""
    rows = (read_yaml(catalog.find("programmes", name)).data for name in catalog.names("programmes"))
    return [(str(each.get("title") or each["name"]), str(each.get("about") or "")) for each in rows]


def reached(run: Run) -> list[str]:
    """Return whom the run's programmes reached and at what cost."""
    return programmes(run)
