"""Outcomes: what a run means, computed from what it counted. One file a family of measures, found by scanning."""

from paysim.outcomes.protocol import COLUMNS, Counted, Measure, tabulate

__all__ = ["COLUMNS", "Counted", "Measure", "tabulate"]
