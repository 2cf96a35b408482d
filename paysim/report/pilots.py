"""Figures and report of pilots."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from paysim import __version__
from paysim.reading import write_atomic
from paysim.reading.locks import make_folder
from paysim.report import drawing
from paysim.report.document import FIGURE_FOLDER, REPORT, Picture, Section, Table, html, images, keep, shown

if TYPE_CHECKING:
    import pandas as pd

    from paysim.pilots import Study
    from paysim.pilots.money import Cash
    from paysim.pilots.verdict import Verdict

Rows = Sequence[Mapping[str, Any]]

_FOUND = ("true_effect", "estimate", "bias", "rmse", "coverage", "type_1", "power", "wrong_sign", "unit")
_SIZED = ("unit", "mean", "detectable", "detectable_formula", "detectable_floor", "cv", "correlation")
_PAID = ("chance_bonus", "chance_penalty", "bonus_without_effect", "bonus", "loss", "payer_loss", "insolvent")
_MONEY = {
    "chance_bonus": "Share of trials with a bonus when the contract does nothing",
    "chance_penalty": "Share of trials with a repayment when it does nothing",
    "bonus_without_effect": "Paid when it does nothing, EUR per head",
    "bonus": "Paid with the true effect, EUR per head",
    "granted": "Paid to the organisation whatever is measured, EUR per head",
    "own_savings": "Paid as savings by the arm's own contracts, to organisation and practices, EUR per head",
    "result": "What the organisation gets and keeps, less investment and running costs, EUR per head",
    "loss": "Share of trials in which whoever invests gets back less than was put in",
    "loss_without_effect": "The same when the contract does nothing",
    "payer_loss": "Share of trials in which the payer pays more than it truly saves",
}
_LIMITS = (
    (
        "In each arm all sites have the contract: what a few do to others through shared clinics, beds and staff is a "
        "share of the effect (contamination), and nothing else of it is seen."
    ),
    "Sites are synthetic; how they vary from year to year was fitted to nothing, and drift is an assumption.",
    "The true effect is that of the model, with whatever the model leaves out.",
    "Who takes part is not chosen anew where one term of the payment is changed.",
)


def power_curves(rows: Rows, unit: str, wanted: float, sites: str = "practices") -> drawing.Figure:
    """Draw the minimum detectable effect by number of sites, a line for each length.

    Parameters
    ----------
    rows
        As `paysim.pilots.size_pilot` returns them. Lines are simulated; crosses are the closed form.
    unit
        Of the outcome.
    wanted
        Power at which an effect counts as detectable.
    sites
        What they are called.
    """
    with drawing.styled():
        ax = drawing.new_axes(7.0, 4.2)
        lengths = sorted({row["years"] for row in rows})
        crossed = False
        for shade, years in zip(_shades(len(lengths)), lengths, strict=True):
            mine = [row for row in rows if row["years"] == years]
            sizes = [row["treated"] + row["controls"] for row in mine]
            label = f"{years} year{'s' if years > 1 else ''}"
            ax.plot(sizes, [row["detectable"] for row in mine], marker="o", color=shade, label=label)
            formula = [(size, row["detectable_formula"]) for size, row in zip(sizes, mine, strict=True)]
            known = [pair for pair in formula if pair[1] is not None]
            ax.plot([x for x, _ in known], [y for _, y in known], "x", color=shade)
            crossed = crossed or bool(known)
        truth = abs(rows[-1]["true_effect"])
        ax.axhline(truth, color="0.3", linestyle="--", linewidth=1.0, label="true effect")
        ax.set_ylim(bottom=0.0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set_xlabel(f"{sites}, treated and controls")
        ax.set_ylabel(f"detectable with power {wanted:g}\n({unit})")
        ax.legend(frameon=False, title="length (x: closed form)" if crossed else "length")
    return _sheet(ax)


def cash_fan(parties: Sequence[Cash]) -> drawing.Figure:
    """Draw cash so far by year, a panel for each party: the median as a line, 10% to 90% of trials as a band."""
    with drawing.styled():
        columns = min(3 if len(parties) > 4 else 2, len(parties))
        lines = -(-len(parties) // columns)
        sheet = drawing.Figure(figsize=(3.7 * columns, 2.7 * lines), layout="constrained")
        panels = sheet.subplots(lines, columns, squeeze=False, sharex=True)
        for ax in panels.flat[len(parties) :]:
            ax.set_axis_off()
        for each, ax, shade in zip(parties, panels.flat, drawing.OKABE_ITO, strict=False):
            years = [0, *(int(row["year"]) + 1 for row in each.fan)]
            low, median, high = ([0.0, *(row[name] for row in each.fan)] for name in ("low", "median", "high"))
            ax.fill_between(years, low, high, color=shade, alpha=0.2, linewidth=0.0)
            ax.plot(years, median, marker="o", color=shade)
            ax.axhline(0.0, color="0.3", linewidth=1.0)
            ax.set_xticks(years)
            ax.set_title(each.party)
            drawing.plain_ticks(ax.yaxis)
        sheet.supxlabel("years since the start of the pilot", fontsize=9.0)
        sheet.supylabel("cash so far, EUR per head", fontsize=9.0)
    return sheet


def write_report(study: Study, judged: Verdict, sizes: Rows, swept: Rows, folder: str | os.PathLike[str]) -> Path:
    """Write ``report.html`` and ``figures/`` of a pilot into a folder.

    Parameters
    ----------
    sizes, swept
        As `paysim.pilots.size_pilot` and `paysim.pilots.study.sweep` return them.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    target = Path(folder)
    make_folder(target)
    figures = target / FIGURE_FOLDER
    make_folder(figures)
    pilot = study.pilot
    subtitle = (
        f"{study.trials:,} trials of {pilot.treated} treated and {pilot.controls} control of {study.practices} "
        f"{pilot.level}s, {study.worlds} simulated world{'s' if study.worlds > 1 else ''}"
    )
    text = html(pilot.title, subtitle, __version__, list(_sections(study, judged, sizes, swept, figures)))
    write_atomic(target / REPORT, text.encode("utf-8"))
    return target / REPORT


_WORDS = (
    "Bias is the mean estimate less the truth, rmse the usual size of an estimate's error, coverage the share of "
    "trials whose 95% interval holds the truth, type 1 the share that find something when the contract does nothing, "
    "power the share that find the true effect, detectable the smallest effect found with the wanted power; cv and "
    "correlation are those of sites, between each other and between the years before and after."
)
_OTHER = "Tried in another number of trials than the design itself, so that truth and errors differ a little by chance."


def _sections(study: Study, judged: Verdict, sizes: Rows, swept: Rows, figures: Path) -> Iterator[Section]:
    from paysim.pilots.model import resolved
    from paysim.pilots.parts import SOURCES

    pilot, first = study.pilot, study.outcomes[0]
    every = [asdict(each) for each in study.outcomes]
    yield Section(f"Verdict: {judged.what}", points=judged.reasons)
    found = [_table(every, ("label", *_FOUND), "What the pilot would find, beside what is true")]
    found.append(_table(every, ("label", *_SIZED), "What it can show"))
    if study.inferences:
        found.append(_table(study.inferences, ("inference", "type_1", "finds_effect"), "By way of judging, few sites"))
    if study.by_year:
        caption = "Year by year (event study): year 1 is the first of the pilot, year 0 the one compared with"
        found.append(_table(study.by_year, (), caption))
    if study.withdrawn:
        found.append(_table([asdict(each) for each in study.withdrawn], (), "After the contract was withdrawn"))
    stayed = f"Treated sites kept to the contract in {study.stayed:.0%} of the years meant."
    willing = [] if study.willing is None else [f"It is worth something to {study.willing:.0%} who come forward."]
    yield Section("What it would find", [_WORDS, stayed, *willing], found)
    sources = [
        {"source": text, "bias": first.bias_by_source[key], "sd_between_trials": first.variance_by_source[key] ** 0.5}
        for key, text in SOURCES.items()
    ]
    why = [_table([row for row in sources if row["bias"] or row["sd_between_trials"]], (), f"Error of: {first.label}")]
    if swept:
        why.append(_table(swept, (), "With one setting changed"))
    yield Section("Why it errs", ["The parts of the error add up to it.", *([_OTHER] if swept else [])], why)
    scaled = [{key: value for key, value in row.items() if key != "name"} for row in study.scaled_up()]
    yield Section(
        "If the whole region took part",
        [
            "What a mean trial would say, with its interval, beside the truth if all took part and nobody left.",
            f"Millions are million EUR a year of all {study.people:,.0f} people.",
        ],
        [_table(scaled, (), "Scaled up")],
    )
    if study.money is not None:
        yield _money(study, figures)
    unit = f"{first.label}, {first.unit}"
    sheet = power_curves(sizes, first.unit, pilot.power, f"{pilot.level}s")
    reading = "The smallest effect that a pilot of this size and length shows; below the dashes it shows the true one."
    drawn = _keep(figures, "power", f"Detectable effect: {unit}", reading, sizes, sheet)
    yield Section("How large it must be", [_OTHER], tables=(), pictures=[drawn])
    columns = ("name", "value", "low", "high", "unit", "status", "source")
    settled = [{key: _plain(row.get(key)) for key in columns} for row in resolved(pilot)]
    yield Section("The design", tables=[_table(settled, columns, "Every value of the pilot")])
    yield Section("Limits of use", notes=_LIMITS)


def _money(study: Study, figures: Path) -> Section:
    assert study.money is not None
    plain = asdict(study.money)
    numbers = [{"what": words, "value": plain[key]} for key, words in _MONEY.items()]
    tables = [
        _table(numbers, (), "Over the whole pilot"),
        _table(plain["variants"], ("term", "value", *_PAID), "With one term changed"),
        _table(
            plain["cash"], ("party", "reserve_needed", "insolvent", "breaks_even", "break_even_year"), "Cash by party"
        ),
    ]
    if study.parties:
        tables.append(_table(study.parties, (), "Money of others, EUR per head a year of treated sites"))
    fan = [{"party": each.party, **row, "year": int(row["year"]) + 1} for each in study.money.cash for row in each.fan]
    reading = "The line is the median of trials; a tenth lies below the band, and a tenth above."
    drawn = _keep(figures, "cash", "Cash so far", reading, fan, cash_fan(study.money.cash))
    return Section("Whose money it is", tables=tables, pictures=[drawn])


def _keep(figures: Path, name: str, title: str, reading: str, rows: Rows, sheet: drawing.Figure) -> Picture:
    return keep(figures, name, title, reading, _frame(rows), *images(sheet), wide=True)


def _table(rows: Rows, columns: Sequence[str], caption: str) -> Table:
    return shown(_frame(rows, columns), caption)


def _frame(rows: Rows, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return rows as a frame; what is unknown everywhere is left out, and words and numbers in one column are text."""
    import pandas as pd

    frame = pd.DataFrame([dict(row) for row in rows])
    frame = frame[list(columns)] if columns else frame
    frame = frame.dropna(axis="columns", how="all")
    for name in frame.columns:
        if frame[name].dtype == object or frame[name].dtype == bool:
            frame[name] = pd.Series([_plain(value) for value in frame[name]], index=frame.index)
    return frame


def _plain(value: object) -> object:
    """Return a value as it is read; numbers stay numbers."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return "" if value is None else value


def _sheet(ax: Any) -> drawing.Figure:
    sheet = ax.figure
    assert isinstance(sheet, drawing.Figure)
    return sheet


def _shades(count: int) -> list[str]:
    """Return blues from light to dark."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["Blues"](0.4 + 0.55 * k / max(1, count - 1))) for k in range(count)]
