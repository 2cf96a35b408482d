"""paysim: discrete-event microsimulation of how providers of health care are paid.

Names are imported when they are first used, so that ``import paysim`` stays quick.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "DataError": "paysim.errors",
    "InputError": "paysim.errors",
    "ModelError": "paysim.errors",
    "OutputError": "paysim.errors",
    "Parameters": "paysim.parameters",
    "PaysimError": "paysim.errors",
    "Population": "paysim.population",
    "Run": "paysim.analysis.runs",
    "Scenario": "paysim.scenario",
    "ScenarioError": "paysim.errors",
    "calibrate": "paysim.analysis.calibration",
    "cash": "paysim.analysis.money",
    "compare": "paysim.analysis.compare",
    "compare_pilots": "paysim.pilots",
    "decompose": "paysim.analysis.decomposition",
    "distributional": "paysim.analysis.distributional",
    "episodes": "paysim.analysis.episodes",
    "equally_distributed": "paysim.analysis.equity",
    "explain": "paysim.analysis.explain",
    "gaming_audit": "paysim.analysis.audit",
    "import_population": "paysim.population",
    "incentive_map": "paysim.analysis.incentives",
    "load_psa": "paysim.analysis.psa",
    "monte_carlo": "paysim.analysis.precision",
    "load_organisations": "paysim.accounting.organisations",
    "load_pilot": "paysim.pilots",
    "load_region": "paysim.population",
    "load_run": "paysim.analysis.runs",
    "load_scenario": "paysim.scenario",
    "one_way": "paysim.analysis.one_way",
    "panel_of": "paysim.pilots",
    "perspectives": "paysim.analysis.money",
    "psa": "paysim.analysis.psa",
    "pockets": "paysim.analysis.money",
    "read_population": "paysim.population",
    "regions": "paysim.analysis.regions",
    "repair": "paysim.analysis.resume",
    "replicate_trials": "paysim.analysis.trials",
    "resume": "paysim.analysis.resume",
    "run_lab": "paysim.lab",
    "run_pilot": "paysim.pilots",
    "scorecard": "paysim.analysis.scorecard",
    "simulate": "paysim.analysis.execution",
    "simulate_to_precision": "paysim.analysis.precision",
    "size_pilot": "paysim.pilots",
    "statement": "paysim.analysis.money",
    "subgroups": "paysim.analysis.subgroups",
    "synthesize": "paysim.population",
    "validate": "paysim.analysis.validation",
    "verify": "paysim.analysis.verification",
    "write_omop": "paysim.analysis.omop",
    "write_people": "paysim.population",
    "write_population": "paysim.population",
    "write_report": "paysim.report.document",
}

__all__ = [
    "DataError",
    "InputError",
    "ModelError",
    "OutputError",
    "Parameters",
    "PaysimError",
    "Population",
    "Run",
    "Scenario",
    "ScenarioError",
    "__version__",
    "calibrate",
    "cash",
    "compare",
    "compare_pilots",
    "decompose",
    "distributional",
    "episodes",
    "equally_distributed",
    "explain",
    "gaming_audit",
    "import_population",
    "incentive_map",
    "load_organisations",
    "load_pilot",
    "load_psa",
    "load_region",
    "load_run",
    "load_scenario",
    "monte_carlo",
    "one_way",
    "panel_of",
    "perspectives",
    "plot",
    "pockets",
    "psa",
    "read_population",
    "regions",
    "repair",
    "replicate_trials",
    "resume",
    "run_lab",
    "run_pilot",
    "scorecard",
    "simulate",
    "simulate_to_precision",
    "size_pilot",
    "statement",
    "subgroups",
    "synthesize",
    "validate",
    "verify",
    "write_omop",
    "write_people",
    "write_population",
    "write_report",
]

if TYPE_CHECKING:
    from paysim.accounting.organisations import load_organisations
    from paysim.analysis.audit import gaming_audit
    from paysim.analysis.calibration import calibrate
    from paysim.analysis.compare import compare
    from paysim.analysis.decomposition import decompose
    from paysim.analysis.distributional import distributional
    from paysim.analysis.episodes import episodes
    from paysim.analysis.equity import equally_distributed
    from paysim.analysis.execution import simulate
    from paysim.analysis.explain import explain
    from paysim.analysis.incentives import incentive_map
    from paysim.analysis.money import cash, perspectives, pockets, statement
    from paysim.analysis.omop import write_omop
    from paysim.analysis.one_way import one_way
    from paysim.analysis.precision import monte_carlo, simulate_to_precision
    from paysim.analysis.psa import load_psa, psa
    from paysim.analysis.regions import regions
    from paysim.analysis.resume import repair, resume
    from paysim.analysis.runs import Run, load_run
    from paysim.analysis.scorecard import scorecard
    from paysim.analysis.subgroups import subgroups
    from paysim.analysis.trials import replicate_trials
    from paysim.analysis.validation import validate
    from paysim.analysis.verification import verify
    from paysim.errors import DataError, InputError, ModelError, OutputError, PaysimError, ScenarioError
    from paysim.lab import run_lab
    from paysim.parameters import Parameters
    from paysim.pilots import compare_pilots, load_pilot, panel_of, run_pilot, size_pilot
    from paysim.population import (
        Population,
        import_population,
        load_region,
        read_population,
        synthesize,
        write_people,
        write_population,
    )
    from paysim.report import figures as plot
    from paysim.report.document import write_report
    from paysim.scenario import Scenario, load_scenario


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "plot":
        return import_module("paysim.report.figures")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'paysim' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
