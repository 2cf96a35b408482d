"""Pilots: a design is carried out many times on paper, on simulated practices whose true effect is known.

Reads finished runs and simulates nothing itself: see `paysim.pilots.panel` for what the truth is.
"""

from paysim.pilots.load import load_pilot
from paysim.pilots.model import Pilot
from paysim.pilots.panel import Panel, panel_of, read_panel
from paysim.pilots.sizing import compare_pilots, size_pilot
from paysim.pilots.study import Outcome, Study, run_pilot

__all__ = [
    "Outcome",
    "Panel",
    "Pilot",
    "Study",
    "compare_pilots",
    "load_pilot",
    "panel_of",
    "read_panel",
    "run_pilot",
    "size_pilot",
]
