"""A validation as a figure, as a page and as files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from paysim.analysis.comparison import FEW_ERRORS, MANY, TOO_FEW
from paysim.reading import no_formula, write_atomic
from paysim.report import drawing

if TYPE_CHECKING:
    from paysim.analysis.comparison import Comparison
    from paysim.analysis.validation import Validation

KINDS = (".png", ".svg")
WORDS = {True: "yes", False: "**no**", None: "-"}
_FARTHEST = 3.0
_ROW, _HEAD, _WIDE = 0.19, 1.3, 9.0
_MARKERS = {"calibrate": "o", "check": "s", "held_out": "D"}
_AGES = re.compile(r",? *(\d+-\d+|\d+\+)$")
_MOST_ROWS = 42
"""Series on one sheet at the most, unless one domain alone has more: about nine inches."""
_HOW = f"""A value is accepted within its tolerance where at least {MANY} cases are expected among those simulated, and
within {FEW_ERRORS:g} Monte Carlo standard errors (SE) of the published value below that; where even none at all would
be within these, there are too few cases to judge. Rates and shares are standardised to the inhabitants of whom the
published value speaks; rates are over all years, shares and means over all turns of the year. Intervals are 95% and
hold Monte Carlo chance only. A miss with |z| below about 3 may be chance: a band of 400 cases has a standard error of
5%. Role: `calibrate` may be fitted, `check` is an order of magnitude or rests on recalled values, `held_out` is never
fitted. Use of care and payments are those of the first year, payments by sex and age those of all.
"""

Series = dict[tuple[str, str], list["Comparison"]]


def overview(validation: Validation) -> Axes:
    """Draw all judged values on one sheet, one row a domain: how far each lies from the published one, as `figure`."""
    domains: dict[str, list[Comparison]] = {}
    for (section, _), rows in _series(validation).items():
        domains.setdefault(section, []).extend(rows)
    ax = drawing.new_axes(_WIDE, _HEAD + 2.2 * _ROW * len(domains))
    for k, rows in enumerate(domains.values()):
        spread = np.linspace(0.32, -0.32, len(rows)) if len(rows) > 1 else np.zeros(1)
        _draw(ax, [(row, shift - k) for row, shift in zip(rows, spread, strict=True)], size=3.0)
        _count(ax, -k, rows)
    _finish(ax, validation, [-k for k in range(len(domains))], list(domains), 8)
    ax.set_ylim(0.6 - len(domains), 0.6)
    return ax


def sheets(validation: Validation) -> list[tuple[str, ...]]:
    """Return the domains that are drawn together on one sheet, in order."""
    sizes: dict[str, int] = {}
    for section, _ in _series(validation):
        sizes[section] = sizes.get(section, 1) + 1
    found: list[tuple[str, ...]] = []
    for section, size in sizes.items():
        if found and sum(sizes[each] for each in found[-1]) + size <= _MOST_ROWS:
            found[-1] = (*found[-1], section)
        else:
            found.append((section,))
    return found


def figure(validation: Validation, domains: Sequence[str] | None = None) -> Axes:
    """Draw how far each simulated value lies from the published one, as a share of the way to what is accepted.

    One row a series, one point an age band; between -1 and 1 a value is accepted. The table is `Validation.frame`.

    Parameters
    ----------
    domains
        Sections to be drawn, see `sheets`; all of them by default.
    """
    series = {key: rows for key, rows in _series(validation).items() if domains is None or key[0] in domains}
    ax = drawing.new_axes(_WIDE, _HEAD + _ROW * (len(series) + len({section for section, _ in series})))
    place, ticks, names, section = 0.0, [], [], None
    for (of, what), rows in series.items():
        if of != section:
            section = of
            ax.text(0.0, place, of, transform=ax.get_yaxis_transform(), va="center", weight="bold", fontsize=8)
            place -= 1.0
        _draw(ax, [(row, place) for row in rows])
        _count(ax, place, rows)
        ticks.append(place)
        names.append(what if len(what) <= 62 else what[:59] + "...")
        place -= 1.0
    _finish(ax, validation, ticks, names, 7)
    ax.set_ylim(place + 0.3, 0.7)
    return ax


def _series(validation: Validation) -> Series:
    """Return the judged comparisons by section and by what they are about, ages apart."""
    found: Series = {}
    for each in validation.comparisons:
        if each.within is not None:
            found.setdefault((each.section, _AGES.sub("", each.what)), []).append(each)
    order = list(dict.fromkeys(section for section, _ in found))
    return dict(sorted(found.items(), key=lambda item: order.index(item[0][0])))


def _draw(ax: Axes, rows: Sequence[tuple[Comparison, float]], size: float = 4.5) -> None:
    """Draw points at their heights: by color whether they are within, by marker their role."""
    points: dict[tuple[bool, str], list[tuple[float, float]]] = {}
    for row, place in rows:
        points.setdefault((bool(row.within), row.role), []).append((_deviation(row), place))
    for (within, role), where in points.items():
        color = drawing.OKABE_ITO[0 if within else 1]
        away, places = np.array(where).T
        ax.plot(
            np.clip(away, -_FARTHEST, _FARTHEST),
            places,
            marker=_MARKERS[role],
            markersize=size if within else size + 1.5,
            markerfacecolor=color if role == "calibrate" else "none",
            markeredgecolor=color,
            linestyle="none",
        )


def _count(ax: Axes, place: float, rows: Sequence[Comparison]) -> None:
    met = sum(bool(row.within) for row in rows)
    ax.text(1.01, place, f"{met} of {len(rows)}", transform=ax.get_yaxis_transform(), va="center", fontsize=7)


def _finish(ax: Axes, validation: Validation, ticks: Sequence[float], names: Sequence[str], size: float) -> None:
    """Draw what is accepted, and write what the sheet shows."""
    ax.axvspan(-1.0, 1.0, color=drawing.RULE, alpha=0.6, lw=0, zorder=0)
    ax.axvline(0.0, color=drawing.PALE, lw=0.8, zorder=0.5)
    ax.set_yticks(ticks, names, fontsize=size)
    ax.set_xlim(-_FARTHEST - 0.15, _FARTHEST + 0.15)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("from the published value to the limit of what is accepted; beyond 1 it is missed (cut at 3)")
    firm = validation.judged["by_tolerance"]
    roles = "filled: calibrate; open square: check; open diamond: held out"
    headline = f"{firm['met']} of {firm['judged']} targets met within their tolerance"
    ax.set_title(f"{validation.title}: {headline}\n{roles}", fontsize=9)


def _deviation(row: Comparison) -> float:
    """Return the way from the published value to the simulated one, as a share of the way to the limit there."""
    low, high, value, observed = row.lower, row.upper, row.simulated, row.observed
    assert low is not None
    assert high is not None
    assert value is not None
    start = observed if observed is not None and low <= observed <= high else (low + high) / 2.0
    room = high - start if value >= start else start - low
    if low == 0.0 and value < start:  # a limit at zero was cut: nothing can lie beyond it
        room = max(room, high - start)
    if room > 0.0:
        return (value - start) / room
    return float(np.sign(value - start)) * _FARTHEST


def figure_bytes(validation: Validation, kind: str, domains: Sequence[str] | None = None) -> bytes:
    """Return the overview, or the figure of some domains, as the bytes of a ``png`` or ``svg`` file."""
    ax = overview(validation) if domains is None else figure(validation, domains)
    return drawing.save(ax.figure, kind)  # type: ignore[arg-type]


def images(validation: Validation, stem: str) -> dict[str, tuple[str, ...] | None]:
    """Return the files of the figures: ``stem.png`` (the overview), ``stem_1.png`` and so on with their domains."""
    parts = {f"{stem}_{k}.png": part for k, part in enumerate(sheets(validation), 1)}
    return {f"{stem}.png": None, **parts}


def page(validation: Validation, files: Mapping[str, tuple[str, ...] | None] | None = None, level: int = 1) -> str:
    """Return a validation as a page of Markdown: how it is judged, the count, and a table a section.

    Parameters
    ----------
    files
        Addresses of the figures, see `images`; none by default. Each stands before the first of its domains.
    level
        Of the page's title.
    """
    mark = "#" * level
    lines = [f"{mark} Validation: {validation.title}", "", *([] if level > 1 else [_HOW]), *_head(validation)]
    before = {part[0] if part else "": name for name, part in (files or {}).items()}

    def drawn(section: str, words: str) -> list[str]:
        return [f"![{words}]({before[section]})", ""] if section in before else []

    lines += drawn("", "How far simulated values lie from published ones, by domain")
    sections: dict[str, list[Comparison]] = {}
    for each in validation.comparisons:
        sections.setdefault(each.section, []).append(each)
    for name, rows in sections.items():
        lines += drawn(name, f"How far simulated values lie from published ones, from {name} on")
        lines += _section(f"{mark}# {name[:1].upper()}{name[1:]}", rows)
    return "\n".join(lines)


def how_judged() -> str:
    """Return how values are compared and judged, in words."""
    return _HOW


def _head(validation: Validation) -> list[str]:
    sample = f" ({validation.sample})" if validation.sample else ""
    run = (
        f"Run: arm `{validation.arm}` of scenario `{validation.scenario}` in {validation.region}, nobody responding, "
        f"{validation.base_years} base years and {validation.years} years, seed {validation.seed}, replicates "
        f"{validation.replicates}, {validation.persons:,} persons in {validation.practices} practices{sample}."
    )
    return [
        run,
        "",
        f"**{validation.summary}.**",
        "",
    ]


def _section(title: str, rows: Sequence[Comparison]) -> list[str]:
    """Return one section: table, sources, and a sentence on what was missed or is not judged."""
    kept = [row for row in rows if row.simulated is not None]
    out = [title, ""]
    if kept:
        out += [
            "| what | published | simulated | accepted | by | z | role | within |",
            "|---|---|---|---|---|---|---|---|",
            *(_row(row) for row in kept),
            "",
        ]
    sources = dict.fromkeys(f"{row.source} ({row.status})" for row in rows)
    out += ["Sources: " + "; ".join(sources) + ".", ""]
    for state, words in (("missed", "Missed"), ("not judged", "Not judged")):
        for why, group in _by_reason(row for row in rows if row.state == state):
            out.append(f"- {words}: {'; '.join(group)}. Why: {why.rstrip('.')}.")
    for state in ("not modelled", "not seen in this run", TOO_FEW):
        absent = [_AGES.sub("", row.what) for row in rows if row.state == state]
        if absent:
            out.append(f"- {state[:1].upper()}{state[1:]}: {'; '.join(dict.fromkeys(absent))}.")
    return [*out, ""]


def _by_reason(rows: Iterable[Comparison]) -> Iterable[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.why, []).append(row.what)
    return found.items()


def _row(row: Comparison) -> str:
    simulated = _figures(row.simulated)
    if row.simulated_low is not None:
        simulated += f" [{_figures(row.simulated_low)}, {_figures(row.simulated_high)}]"
    accepted = "" if row.lower is None else f"{_figures(row.lower)} to {_figures(row.upper)}"
    z = "" if row.z is None else f"{row.z:+.1f}"
    cells = (row.what, _figures(row.observed), simulated, accepted, row.rule if accepted else "", z, row.role)
    unit = "" if row.unit in row.what else f" ({row.unit.replace('_', ' ')})"
    return "| " + " | ".join((f"{cells[0]}{unit}", *cells[1:], WORDS[row.within])) + " |"


def _figures(value: float | None) -> str:
    """Return a number with four figures: two lives differ by tenths of a year in eighty."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.4g}"


def write_validation(validation: Validation, folder: str | Path) -> list[Path]:
    """Write ``validation.md``, ``.csv``, ``.json`` and the figures into a folder, which is made if need be.

    Raises
    ------
    OutputError
        The folder cannot be written to.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    frame = validation.frame
    for name in frame.select_dtypes(exclude="number").columns:
        frame[name] = frame[name].map(no_formula)
    figures = images(validation, "validation")
    files = {
        **{name: figure_bytes(validation, "png", part) for name, part in figures.items()},
        "validation.csv": frame.to_csv(index=False, lineterminator="\n").encode(),
        "validation.json": json.dumps(validation.as_dict(), indent=1, allow_nan=False).encode(),
        "validation.md": page(validation, figures).encode(),
    }
    for name, data in files.items():
        write_atomic(target / name, data)
    return [target / name for name in files]
