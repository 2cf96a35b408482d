"""Whose money goes where under a set of contracts: read from their terms and nothing else, and drawn."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from paysim.accounting.ledger import ORGANISATIONS
from paysim.contracts.contract import PRACTICES, Contract
from paysim.contracts.settlement import LONG_TERM_CARE, PAYERS, SECTORS
from paysim.report import drawing

_ORDER = (*PAYERS, *ORGANISATIONS, PRACTICES, *SECTORS, LONG_TERM_CARE)
_BOX_WIDTH, _ROW, _GAP, _WIDTH = 1.3, 0.34, 0.12, 8.2  # inches
_LETTERS = 80  # of what is written on an arrow, in a line
_LINE = 0.135  # inches
_PAYER, _PAYEE = "#e6f0f7", "white"


@dataclass(frozen=True)
class Flow:
    """What one actor pays another under the contracts of an arm, with the components by which it does."""

    payer: str
    payee: str
    components: tuple[str, ...]


def flows(contracts: Iterable[Contract], year: int | None = None) -> list[Flow]:
    """Return who pays whom, and by which components.

    Parameters
    ----------
    contracts
        Of an arm.
    year
        Contract year, for components that come in or go out; None: all of them.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for contract in contracts:
        for part in contract.in_force(year):
            payee = part.terms.payee or contract.providers
            name = part.kind if part.name == payee else part.name  # a tariff is named after its sector
            found.setdefault((contract.payer, payee), []).append(name)
    order = sorted(found, key=lambda pair: [_ORDER.index(actor) if actor in _ORDER else len(_ORDER) for actor in pair])
    return [Flow(*pair, tuple(dict.fromkeys(found[pair]))) for pair in order]


def draw_flows(contracts: Iterable[Contract], title: str) -> drawing.Figure:
    """Draw the payers of a set of contracts on the left, whom they pay on the right, and the components on the arrows.

    Who receives and pays in turn, such as an organisation that shares out, stands on both sides.

    Parameters
    ----------
    contracts
        Of an arm, such as `paysim.scenario.Arm.contracts`.
    title
        Above the drawing.
    """
    found = flows(contracts)
    words = [textwrap.wrap(", ".join(_said(name) for name in flow.components), _LETTERS) for flow in found]
    heights = [max(_ROW, _LINE * len(lines) + 0.16) for lines in words]
    payers = list(dict.fromkeys(flow.payer for flow in found))
    height = sum(heights) + _GAP * (len(found) - 1 + len(payers)) + 0.75
    with drawing.styled():
        figure = drawing.Figure(figsize=(_WIDTH, height))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set(xlim=(0.0, _WIDTH), ylim=(0.0, height))
        axes.axis("off")
        axes.text(0.2, height - 0.3, title, weight="bold", size=10)
        top = height - 0.55
        for payer in payers:
            rows = [k for k, flow in enumerate(found) if flow.payer == payer]
            tall = sum(heights[k] for k in rows) + _GAP * (len(rows) - 1)
            _box(axes, 0.2, top - tall, tall, payer, _PAYER)
            for k in rows:
                _box(axes, _WIDTH - 0.2 - _BOX_WIDTH, top - heights[k], heights[k], found[k].payee, _PAYEE)
                _arrow(axes, top - heights[k] / 2, words[k])
                top -= heights[k] + _GAP
            top -= _GAP
    return figure


def _said(name: str) -> str:
    return name.replace("_", " ")


def _box(axes: Axes, x: float, y: float, height: float, actor: str, face: str) -> None:
    style = "round,pad=0,rounding_size=0.06"
    edge = drawing.OKABE_ITO[0]
    axes.add_patch(FancyBboxPatch((x, y), _BOX_WIDTH, height, style, facecolor=face, edgecolor=edge, zorder=3))
    axes.text(x + _BOX_WIDTH / 2, y + height / 2, _said(actor), ha="center", va="center", size=8.5, zorder=4)


def _arrow(axes: Axes, y: float, lines: Sequence[str]) -> None:
    start, end = (0.2 + _BOX_WIDTH, y), (_WIDTH - 0.2 - _BOX_WIDTH, y)
    color = drawing.OKABE_ITO[0]
    shape = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, color=color, lw=1.0, shrinkA=0, shrinkB=0)
    axes.add_patch(shape)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    middle = (start[0] + end[0]) / 2 - 0.1
    axes.text(middle, y, "\n".join(lines), ha="center", va="center", size=7.5, color=drawing.INK, bbox=paper, zorder=5)
