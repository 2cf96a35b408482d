"""The verdict of a run on five questions; every number comes from `paysim.analysis` and is only put in place here."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from paysim.analysis.compare import compare
from paysim.analysis.measures import MARGIN_PER_GP, records
from paysim.analysis.measures import measure as find_measure
from paysim.analysis.runs import Run
from paysim.analysis.scorecard import meaning, scorecard
from paysim.errors import NotInResults
from paysim.report import caveats, wording
from paysim.report.findings import changes, findings
from paysim.web.texts import DEFAULT, Texts

if TYPE_CHECKING:
    import pandas as pd

QUESTIONS: dict[str, tuple[str, ...]] = {
    "cost": ("spending_per_head", "resource_cost_per_head", "patient_payments_per_head"),
    "health": ("qalys_per_1000", "deaths_in_region", "mi_admissions_in_region", "stroke_admissions_in_region"),
    "providers": (MARGIN_PER_GP, "gp_hours_per_1000", "nurse_hours_per_1000"),
    "access": ("wait_gp_planned_days", "needs_dropped_per_1000", "clinic_wait_weeks"),
    "equity": ("quality_adjusted_life_expectancy_slope", "ascvd_slope", "spending_concentration"),
}
"""What a reader asks first, and the measures that answer it."""


@dataclass(frozen=True)
class Cell:
    """A difference in numbers, in words, and what it means."""

    numbers: str
    words: str
    meaning: str


@dataclass(frozen=True)
class Line:
    """A measure: its level in the arm compared with, and the difference of each other arm."""

    label: str
    unit: str
    base: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Answer:
    """To one question."""

    question: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Verdict:
    """Of a run against one of its arms.

    Attributes
    ----------
    base
        Title of the arm compared with.
    arms
        Titles of the others.
    answers
        To `QUESTIONS`, in order.
    sentences
        In English the findings as `paysim compare` prints them, in another language in short: what is better, what
        is worse, what cannot be told, and what providers change most; an arm each.
    before, after
        What a reader must know.
    """

    base: str
    arms: tuple[str, ...]
    answers: tuple[Answer, ...]
    sentences: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]


def verdict(run: Run, texts: Texts, baseline: str | None = None) -> Verdict:
    """Return the verdict of a run against one of its arms, by default the first it is compared with."""
    base = baseline or run.compare_with[0]
    run.require_arm(base)
    whole = compare(run, base)
    rows = _rows(run, base, whole)
    arms = [arm for arm in run.arms if arm != base]
    answers = []
    for question, names in QUESTIONS.items():
        lines = [_line(texts, name, rows[name], arms) for name in names if name in rows]
        answers.append(Answer(question, tuple(lines)))
    titles = [run.titles[arm] for arm in arms]
    if texts.language != DEFAULT:
        moved = changes(run, base)
        said = _told(texts, titles, answers, [moved[arm] for arm in arms])
    else:
        said = wording.verdict(whole, run.titles, caveats.is_small(run), findings(run, base)) if arms else []
    before = [*caveats.before(run, whole), wording.uncertainty(whole, int(run.manifest.get("replicates", 1)))]
    return Verdict(
        base=run.titles[base],
        arms=tuple(titles),
        answers=tuple(answers),
        sentences=tuple(said),
        before=tuple(texts.said(each) for each in before if each),
        after=tuple(texts.said(each) for each in caveats.after(run)),
    )


_TOLD = ("better", "worse", "may_be_chance", "same", "no_interval")
"""What differences are sorted by when they are told in short; the first two with their numbers."""


def _told(texts: Texts, titles: list[str], answers: list[Answer], moved: list[dict[str, float]]) -> list[str]:
    """Return in short, an arm each and in the reader's language, what is better, worse, untold, and done otherwise."""
    lines = [line for answer in answers for line in answer.lines]
    said = []
    for k, (title, changed) in enumerate(zip(titles, moved, strict=True)):
        sentences = [_sorted(texts, lines, k, each) for each in _TOLD]
        acts = [f"{texts.said(act)} {texts.number(wording.percent(change))}" for act, change in changed.items()]
        if acts:
            sentences.append(texts("words.changes", said=texts("words.list").join(acts)))
        said.append(texts("words.of", what=title, said=" ".join(filter(None, sentences))))
    return said


def _sorted(texts: Texts, lines: list[Line], arm: int, what: str) -> str:
    """Return a sentence on the measures whose difference means this; empty where there are none."""
    found = []
    for line in lines:
        cell = line.cells[arm]
        if cell.meaning == what:
            numbers = f" ({cell.numbers} {line.unit})" if what in _TOLD[:2] else ""
            found.append(line.label + numbers)
    if not found:
        return ""
    words = texts(f"words.{what}")
    return texts("words.of", what=words[0].upper() + words[1:], said=texts("words.list").join(found)) + "."


def _rows(run: Run, base: str, whole: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Return measure -> arm -> row, of the comparison and of the scorecard."""
    frames = [whole]
    with contextlib.suppress(NotInResults):
        frames.append(scorecard(run, base))
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in (row for frame in frames for row in records(frame)):
        found.setdefault(str(row["measure"]), {})[str(row["arm"])] = row
    return found


def _line(texts: Texts, name: str, rows: Mapping[str, Mapping[str, Any]], arms: list[str]) -> Line:
    first = next(iter(rows.values()))
    label, unit = str(first["label"]), str(first["unit"])
    cells = [cell(texts, name, rows[arm]) for arm in arms]
    return Line(texts.said(label), texts.said(unit), texts.number(wording.baseline_value(first)), tuple(cells))


def cell(texts: Texts, name: str, row: Mapping[str, Any]) -> Cell:
    """Return a difference in numbers and words; beyond chance means that the interval leaves zero out."""
    what = find_measure(name)
    meant = meaning(what, row)
    share = wording.percent(row["relative"]) if row["difference"] else ""
    numbers = wording.difference(row) + (f" ({share})" if share else "")
    word = meant.replace(" ", "_")
    if row["difference"] == 0 or meant == "same":
        words = texts("words.same")
    else:
        way = "more" if row["difference"] > 0 else "less"
        words = f"{texts(f'words.{way}')}; {texts(f'words.{word}')}"
    return Cell(texts.number(numbers), words, word)
