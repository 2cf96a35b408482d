"""The laboratory: published payment experiments replicated, and classic models of payment solved.

Physicians here choose from tables of profit and benefit; they share with the practices of a region the
distribution of altruism, and nothing is written back.
"""

from paysim.lab.choice import Physicians, choices, linear_quantities, linear_thresholds
from paysim.lab.experiment import Experiment, load_experiments, read_experiment
from paysim.lab.findings import Means, means
from paysim.lab.laboratory import Laboratory, lab_parameters, run_lab

__all__ = [
    "Experiment",
    "Laboratory",
    "Means",
    "Physicians",
    "choices",
    "lab_parameters",
    "linear_quantities",
    "linear_thresholds",
    "load_experiments",
    "means",
    "read_experiment",
    "run_lab",
]
