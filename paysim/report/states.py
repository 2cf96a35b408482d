"""A disease as a drawing: its states and what moves people between them, read from its transitions and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from paysim.kernel.spec import Transition
from paysim.report import drawing

State = frozenset[str]
"""Flags that a person holds at once; empty without the disease."""

_WITHOUT = "without"
_WIDTH, _HEIGHT = 1.55, 0.52  # inches of a box
_STEP, _ROW, _LINE = 3.25, 1.35, 0.135  # inches from box to box, from row to row, and of a line of text
_NARROWEST = 4.2  # inches, for the line below
_BOX, _DEATH = drawing.OKABE_ITO[0], drawing.OKABE_ITO[1]


@dataclass(frozen=True)
class Arrow:
    """One transition from one state.

    Attributes
    ----------
    start, end
        States; `end` is None where the person dies.
    kills
        Whether some die of it instead of reaching `end`.
    years
        After how many years it happens; 0 where chance decides.
    """

    name: str
    start: State
    end: State | None
    kills: bool = False
    years: float = 0.0

    @property
    def label(self) -> str:
        """Name, with the years of a timer and a cross where some die."""
        return self.name + (f", {self.years:g} y" if self.years else "") + (" †" if self.kills else "")


def rows_of(transitions: Sequence[Transition], flags: Sequence[str]) -> list[Transition]:
    """Return the transitions of a disease: those that change its `flags`, and events and deaths that ask for one."""
    own = set(flags)
    return [
        row
        for row in transitions
        if own & {*row.sets, *row.clears} or (row.kind in ("death", "event") and own & {*row.required})
    ]


def parts(rows: Sequence[Transition], flags: Sequence[str]) -> list[tuple[str, ...]]:
    """Return groups of flags that no transition connects, in the order of `flags`: each is a machine of its own."""
    groups = [{flag} for flag in flags]
    for row in rows:
        named = {*row.required, *row.required_any, *row.forbidden, *row.sets, *row.clears}
        joined: set[str] = set().union(*(group for group in groups if group & named))
        if joined:
            groups = [group for group in groups if not group & named] + [joined]
    found = [tuple(flag for flag in flags if flag in group) for group in groups]
    return sorted(found, key=lambda group: flags.index(group[0]))


def arrows(rows: Sequence[Transition], flags: Sequence[str]) -> list[Arrow]:
    """Return every transition from every state that can be reached from the state without the disease.

    Flags of other diseases are left out: what they ask for is taken as given. Of the timers that run in a state only
    the shortest is there, because it comes first.

    Parameters
    ----------
    rows
        Transitions of a disease, see `rows_of`.
    flags
        Its flags, or one of its `parts`.
    """
    own, found = set(flags), []
    waiting: list[State] = [frozenset()]
    seen = set(waiting)
    while waiting:
        state = waiting.pop(0)
        able = [row for row in rows if _can_happen(row, state, own)]
        first = min((row.delay_years for row in able if row.kind == "timer"), default=0.0)
        for row in able:
            if row.kind == "timer" and row.delay_years > first:
                continue
            if row.kind == "death":
                found.append(Arrow(row.name, state, None))
                continue
            after = frozenset((state | (own & {*row.sets})) - {*row.clears})
            kills = bool(np.any(row.dies_before_care) or np.any(row.dies_in_care))
            found.append(Arrow(row.name, state, after, kills, row.delay_years))
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return found


def _can_happen(row: Transition, state: State, own: set[str]) -> bool:
    named = {*row.required, *row.required_any, *row.forbidden, *row.sets, *row.clears}
    any_of = own & {*row.required_any}
    return bool(
        own & named
        and (own & {*row.required}) <= state
        and not state & {*row.forbidden}
        and (not any_of or any_of & state)
    )


def draw_states(transitions: Sequence[Transition], flags: Sequence[str], title: str) -> drawing.Figure:
    """Draw the states of a disease as boxes and its transitions as arrows with their names.

    Parameters
    ----------
    transitions
        Of a model, such as `paysim.diseases.health.HealthModel.transitions`.
    flags
        Of the disease, the name ``FLAGS`` of its module.
    title
        Above the drawing.
    """
    rows = rows_of(transitions, flags)
    machines = [_Machine(group, arrows(rows, group)) for group in parts(rows, flags)]
    width = max(_NARROWEST, *(each.width for each in machines))
    height = sum(each.height for each in machines) + 0.9
    with drawing.styled():
        figure = drawing.Figure(figsize=(width, height))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(0.0, width), ylim=(0.0, height))
        axes.axis("off")
        axes.text(0.3, height - 0.3, title, weight="bold", size=10)
        axes.text(0.3, 0.15, "† some die of it. Orange: deaths in this state.", size=7.5, color=drawing.PALE)
        base = height - 0.5
        for each in machines:
            base -= each.height
            each.draw(axes, base)
    return figure


class _Machine:
    """Where the states of one machine stand, in inches from its lower edge, and its arrows by their ends."""

    def __init__(self, flags: Sequence[str], found: Sequence[Arrow]) -> None:
        self.flags, self.place = flags, _places(found)
        self.lines: dict[State, list[tuple[str, str]]] = {}  # below a box: words and their colour
        self.labels: dict[tuple[State, State], list[str]] = {}
        for arrow in found:
            if arrow.end is None:
                self.lines.setdefault(arrow.start, []).append((arrow.label, _DEATH))
        for arrow in found:
            if arrow.end is None:
                continue
            if self.place[arrow.start][0] - self.place[arrow.end][0] > 1.5 * _STEP:
                # A line over several boxes would cross others.
                self.lines.setdefault(arrow.start, []).append((f"{arrow.label} → {self._words(arrow.end, ', ')}", _BOX))
            else:
                self.labels.setdefault((arrow.start, arrow.end), []).append(arrow.label)
        loops = [len(labels) for (start, end), labels in self.labels.items() if start == end]
        above = 0.42 + _LINE * max(loops) if loops else 0.0
        below = 0.35 + _LINE * max(len(each) for each in self.lines.values()) if self.lines else 0.0
        lowest = below + _HEIGHT / 2 + 0.1
        self.height = lowest + max(y for _, y in self.place.values()) + _HEIGHT / 2 + above
        self.place = {state: (x, y + lowest) for state, (x, y) in self.place.items()}
        ends = [x + _WIDTH / 2 for x, _ in self.place.values()]
        for state, lines in self.lines.items():
            ends += [self.place[state][0] + _long(words) for words, _ in lines]
        for (start, end), labels in self.labels.items():
            if start != end and self.place[start][0] == self.place[end][0]:
                ends += [self.place[start][0] + 0.75 + _long(label) for label in labels]
        self.width = 0.3 + max(ends)

    def _words(self, state: State, between: str) -> str:
        return between.join(flag for flag in self.flags if flag in state) or _WITHOUT

    def draw(self, axes: Axes, base: float) -> None:
        place = {state: (x, base + y) for state, (x, y) in self.place.items()}
        for (start, end), labels in self.labels.items():
            if end == start:
                _loop(axes, *place[start], labels)
            else:
                _arrow(axes, place[start], place[end], labels, both=(end, start) in self.labels)
        for state, lines in self.lines.items():
            _stub(axes, *place[state], lines)
        for state, (x, y) in place.items():
            corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
            face = "white" if not state else "#e6f0f7"
            style = "round,pad=0,rounding_size=0.08"
            axes.add_patch(FancyBboxPatch(corner, _WIDTH, _HEIGHT, style, facecolor=face, edgecolor=_BOX, zorder=3))
            words = self._words(state, "\n")
            axes.text(x, y, words, ha="center", va="center", size=8.5, linespacing=1.15, zorder=4)


def _places(found: Sequence[Arrow]) -> dict[State, tuple[float, float]]:
    """Return the middle of each state's box: as many steps to the right as it takes to get there."""
    depth: dict[State, int] = {frozenset(): 0}
    for arrow in found:
        if arrow.end is not None:
            depth.setdefault(arrow.end, depth[arrow.start] + 1)
    columns: dict[int, list[State]] = {}
    for state, steps in depth.items():
        columns.setdefault(steps, []).append(state)
    tallest = max(len(states) for states in columns.values())
    return {
        state: (0.3 + _WIDTH / 2 + _STEP * steps, _ROW * (tallest - 1 - k - (tallest - len(states)) / 2))
        for steps, states in columns.items()
        for k, state in enumerate(states)
    }


def _long(words: str) -> float:
    """Return about how long words in small letters are, in inches."""
    return 0.058 * len(words)


def _label(axes: Axes, x: float, y: float, labels: Sequence[str], side: str = "center") -> None:
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    axes.text(x, y, "\n".join(labels), ha=side, va="center", size=7.5, color=drawing.INK, bbox=paper, zorder=5)


def _line(axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str, bow: float = 0.0) -> None:
    shape = FancyArrowPatch(
        start,
        end,
        connectionstyle=f"arc3,rad={bow}",
        arrowstyle="-|>",
        mutation_scale=9,
        color=color,
        lw=1.0,
        shrinkA=0,
        shrinkB=0,
    )
    axes.add_patch(shape)


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], labels: Sequence[str], *, both: bool
) -> None:
    """Draw an arrow from box to box, a little aside where another comes back."""
    (x0, y0), (x1, y1) = start, end
    if x0 == x1:
        up = 1 if y1 > y0 else -1
        x = x0 + 0.66 * up
        _line(axes, (x, y0 + up * _HEIGHT / 2), (x, y1 - up * _HEIGHT / 2), _BOX)
        _label(axes, x + 0.08 * up, (y0 + y1) / 2, labels, "left" if up > 0 else "right")
        return
    right = 1 if x1 > x0 else -1
    shift = 0.14 * right if both else 0.0
    _line(axes, (x0 + right * _WIDTH / 2, y0 + shift), (x1 - right * _WIDTH / 2, y1 + shift), _BOX)
    lift = (_LINE * len(labels) / 2 + 0.06) * right if both else 0.0
    _label(axes, (x0 + x1) / 2, (y0 + y1) / 2 + shift + lift, labels)


def _loop(axes: Axes, x: float, y: float, labels: Sequence[str]) -> None:
    top = y + _HEIGHT / 2
    _line(axes, (x + 0.3, top), (x - 0.3, top), _BOX, 1.0)
    _label(axes, x, top + 0.36 + _LINE * (len(labels) - 1) / 2, labels)


def _stub(axes: Axes, x: float, y: float, lines: Sequence[tuple[str, str]]) -> None:
    """Write what leaves a state without a line to where it leads; words that are long begin beside the arrow."""
    bottom = y - _HEIGHT / 2
    _line(axes, (x, bottom), (x, bottom - 0.28), lines[0][1])
    aside = max(_long(words) for words, _ in lines) > 1.3 * _WIDTH
    at, top, side = (x + 0.1, bottom - 0.12, "left") if aside else (x, bottom - 0.39, "center")
    for k, (words, color) in enumerate(lines):
        axes.text(at, top - _LINE * k, words, ha=side, va="center", size=7.5, color=color, zorder=5)
