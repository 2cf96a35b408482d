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
    "PaysimError": "paysim.errors",
    "Parameters": "paysim.parameters",
    "Population": "paysim.population",
    "Scenario": "paysim.scenario",
    "ScenarioError": "paysim.errors",
    "load_region": "paysim.population",
    "load_scenario": "paysim.scenario",
    "read_population": "paysim.population",
    "synthesize": "paysim.population",
    "write_population": "paysim.population",
    "simulate": "paysim.analysis.execution",
}

__all__ = [
    "DataError",
    "InputError",
    "ModelError",
    "OutputError",
    "Parameters",
    "PaysimError",
    "Population",
    "Scenario",
    "ScenarioError",
    "__version__",
    "load_region",
    "load_scenario",
    "read_population",
    "synthesize",
    "write_population",
]

if TYPE_CHECKING:
    from paysim.errors import DataError, InputError, ModelError, OutputError, PaysimError, ScenarioError
    from paysim.parameters import Parameters
    from paysim.population import Population, load_region, read_population, synthesize, write_population
    from paysim.scenario import Scenario, load_scenario


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'paysim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
