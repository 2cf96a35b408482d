"""Outcomes: what a run means, computed from what it counted. One file a family of measures, found by scanning."""

from pathlib import Path

from paysim.outcomes.protocol import COLUMNS, Apart, Counted, Measure, OwnMeasures, tabulate
from paysim.parameters import Parameters

__all__ = ["COLUMNS", "Apart", "Counted", "Measure", "OwnMeasures", "outcome_parameters", "tabulate"]


def outcome_parameters() -> Parameters:
    """Return targets and the aversion to inequality, named ``outcomes.<name>``, and the terms of `society`."""
    here = Path(__file__).parent
    return Parameters.load(here / "parameters.yaml", "outcomes") | Parameters.load(here / "society.yaml", "society")
