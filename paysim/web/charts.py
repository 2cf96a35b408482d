"""Charts as Vega-Lite specifications, made from the tables of the report; nothing is computed here.

The browser draws them by interpreting, so that the page's policy can forbid evaluating text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from paysim.analysis.measures import PER_HEAD, records
from paysim.report import tables

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run
    from paysim.report.contents import Figure

Spec = dict[str, Any]

_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444"]
"""Okabe and Ito's, which people who see colours differently can tell apart."""
_STEP = 34
_EDUCATION = ["low", "mid", "high"]


def spec(run: Run, figure: Figure, data: pd.DataFrame) -> Spec | None:
    """Return the chart of a figure of the report, or None where a table tells more."""
    draw = _DRAWN.get(getattr(figure.table, "func", figure.table))
    if draw is None or data.empty:
        return None
    data = tables.alike_as_one(data) if draw is _incentives else data
    titled = data.assign(arm=[run.titles.get(str(arm), str(arm)) for arm in data["arm"]])
    order = [run.titles[arm] for arm in run.arms]
    return _framed(titled, draw(titled, order))


def shares(strata: pd.DataFrame) -> Spec:
    """Return a chart of groups with two bars each: their share of people and of spending, see `dashboard.strata`."""
    long = strata.melt("Group", [each for each in strata.columns if each.startswith("Share of")], "what", "value")
    what = {"field": "what", "type": "nominal", "sort": None}
    return _framed(
        long,
        {
            "height": {"step": 14},
            "mark": "bar",
            "encoding": {
                "y": {"field": "Group", "type": "nominal", "title": None, "sort": None},
                "yOffset": what,
                "x": {"field": "value", "type": "quantitative", "title": "%"},
                "color": {**what, "scale": {"range": _COLOURS}},
                "tooltip": _tips("Group", "what", "value"),
            },
        },
    )


def _framed(data: pd.DataFrame, drawn: Spec) -> Spec:
    """Return a chart with its data, in the look that all have."""
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": "white",
        "config": {
            "font": "system-ui, sans-serif",
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "labelLimit": 320},
            "legend": {"labelFontSize": 12, "title": None, "orient": "bottom", "columns": 2, "labelLimit": 400},
            "view": {"stroke": None},
        },
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": _finite(records(data))},
        **drawn,
    }


def in_words(chart: Spec, said: Callable[[str], str]) -> Spec:
    """Return a chart with its titles, groups and what is said of them in another language; titles of arms stay.

    Parameters
    ----------
    said
        From the model's English, see `paysim.web.texts.Texts.said`.
    """

    def told(value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return said(value) if key in _WORDS else value
        if isinstance(value, list):
            return [told(each, key) for each in value]
        if isinstance(value, dict):
            kept = ("sort", "scale") if value.get("field") == "arm" else ()
            return {name: each if name in kept else told(each, name) for name, each in value.items()}
        return value

    rows = [
        {k: v if k in _NAMES or not isinstance(v, str) else said(v) for k, v in row.items()}
        for row in chart["data"]["values"]
    ]
    return {**told({k: v for k, v in chart.items() if k != "data"}), "data": {"values": rows}}


_WORDS = ("title", "equal", "sort")
"""Keys of a specification that hold words of the model."""
_NAMES = ("arm", "baseline", "measure", "practice", "municipality")
"""Columns that hold names, not words."""


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with missing numbers as null, as JSON has it."""
    return [
        {k: None if isinstance(v, float) and not math.isfinite(v) else _plain(v) for k, v in r.items()} for r in rows
    ]


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _colour(order: list[str], data: pd.DataFrame | None = None) -> Spec:
    """Return the colour of arms, the same in every chart; with data the legend leaves out arms that have none."""
    made: Spec = {"field": "arm", "type": "nominal", "scale": {"domain": order, "range": _COLOURS}, "sort": order}
    if data is not None:
        made["legend"] = {"values": [arm for arm in order if arm in set(data["arm"])]}
    return made


def _unit(data: pd.DataFrame) -> str:
    return str(data["unit"].iloc[0])


def _tips(*fields: str) -> list[Spec]:
    return [
        {"field": name, "title": name.replace("_", " ")} | ({"format": ",.4~g"} if name in _NUMBERS else {})
        for name in fields
    ]


_NUMBERS = ("value", "difference", "low", "high", "margin_eur", "person_years")


def _by_year(data: pd.DataFrame, order: list[str]) -> Spec:
    return {
        "height": 260,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {"field": "year", "type": "ordinal", "title": "contract year", "axis": {"labelAngle": 0}},
            "y": {"field": "value", "type": "quantitative", "title": _unit(data), "scale": {"zero": False}},
            "color": _colour(order),
            "tooltip": _tips("arm", "year", "value", "unit"),
        },
    }


def _stacked(data: pd.DataFrame, order: list[str]) -> Spec:
    return {
        "height": {"step": _STEP},
        "mark": "bar",
        "encoding": {
            "y": {"field": "arm", "type": "nominal", "title": None, "sort": order},
            "x": {"field": "value", "type": "quantitative", "title": _unit(data)},
            "color": {"field": "sector", "type": "nominal", "scale": {"scheme": "tableau10"}},
            "tooltip": _tips("arm", "sector", "value", "unit"),
        },
    }


def _differences(field: str) -> Callable[[pd.DataFrame, list[str]], Spec]:
    """Return what draws differences with their intervals, a row each value of a column."""

    def draw(data: pd.DataFrame, order: list[str]) -> Spec:
        both = {"y": {"field": field, "type": "nominal", "title": None, "sort": None}, "yOffset": {"field": "arm"}}
        euro = PER_HEAD in set(data["unit"])
        title = PER_HEAD if euro else _unit(data)
        zero = {"data": {"values": [{}]}, "mark": {"type": "rule", "color": "#666"}, "encoding": {"x": {"datum": 0}}}
        colour = {"color": _colour(order, data)}
        bars = {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {
                **both,
                **colour,
                "x": {"field": "low", "type": "quantitative", "title": title},
                "x2": {"field": "high"},
            },
        }
        points = {
            "mark": {"type": "point", "filled": True, "size": 60},
            "encoding": {
                **both,
                **colour,
                "x": {"field": "difference", "type": "quantitative", "title": title},
                "tooltip": _tips(field, "arm", "difference", "low", "high", "unit"),
            },
        }
        kept = [{"filter": {"field": "unit", "equal": title}}]
        return {
            "height": {"step": 14},
            "layer": [zero, {**bars, "transform": kept}, {**points, "transform": kept}],
        }

    return draw


def _dots(data: pd.DataFrame, order: list[str]) -> Spec:
    """Practices are dots, a row an arm; other groups, such as municipalities, have a row each."""
    group = str(data.columns[2])
    row = "arm" if group == "practice" else group
    return {
        "height": {"step": _STEP if row == "arm" else 22},
        "mark": {"type": "point", "opacity": 0.7, "filled": row != "arm"},
        "encoding": {
            "y": {"field": row, "type": "nominal", "title": None, "sort": order if row == "arm" else None},
            "x": {"field": "difference", "type": "quantitative", "title": f"difference, {_unit(data)}"},
            "size": {"field": "person_years", "type": "quantitative", "legend": None},
            "color": {**_colour(order, data), **({"legend": None} if row == "arm" else {})},
            "tooltip": _tips("arm", group, "difference", "person_years"),
        },
    }


def _education(data: pd.DataFrame, order: list[str]) -> Spec:
    return {
        "height": 240,
        "mark": {"type": "line", "point": True},
        "encoding": {
            "x": {
                "field": "education",
                "type": "ordinal",
                "sort": _EDUCATION,
                "title": "education",
                "axis": {"labelAngle": 0},
            },
            "y": {"field": "difference", "type": "quantitative", "title": f"difference, {_unit(data)}"},
            "color": _colour(order, data),
            "tooltip": _tips("arm", "education", "difference", "unit"),
        },
    }


def _grouped(field: str) -> Callable[[pd.DataFrame, list[str]], Spec]:
    """Return what draws levels, a group of bars for each value of a column."""

    def draw(data: pd.DataFrame, order: list[str]) -> Spec:
        return {
            "height": {"step": 14},
            "mark": "bar",
            "encoding": {
                "y": {"field": field, "type": "nominal", "title": None, "sort": None},
                "yOffset": {"field": "arm", "sort": order},
                "x": {"field": "value", "type": "quantitative", "title": _unit(data)},
                "color": _colour(order),
                "tooltip": _tips("arm", field, "value", "unit"),
            },
        }

    return draw


def _incentives(data: pd.DataFrame, order: list[str]) -> Spec:
    return {
        "height": {"step": 14},
        "transform": [{"calculate": "datum.unit + '|' + datum.segment", "as": "what"}],
        "mark": "bar",
        "encoding": {
            "y": {
                "field": "what",
                "type": "nominal",
                "title": None,
                "sort": None,
                "axis": {"labelExpr": "split(datum.label, '|')", "labelLimit": 440},  # two lines: the unit, of whom
            },
            "yOffset": {"field": "arm", "sort": order},
            "x": {"field": "margin_eur", "type": "quantitative", "title": "EUR that one more unit leaves"},
            "color": _colour(order),
            "tooltip": _tips("arm", "lever", "segment", "margin_eur", "unit"),
        },
    }


_DRAWN: dict[Callable[..., Any], Callable[[pd.DataFrame, list[str]], Spec]] = {
    tables.by_year: _by_year,
    tables.sectors: _stacked,
    tables.actor_balance: _differences("actor"),
    tables.sector_differences: _differences("sector"),
    tables.qalys: _differences("label"),
    tables.health_events: _differences("label"),
    tables.practices: _dots,
    tables.education: _education,
    tables.incentives: _incentives,
    tables.waits: _grouped("label"),
    tables.needs: _grouped("outcome"),
}
