"""Behaviour: what contracts reward, derived from them, and what providers then do; one file a behaviour."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from paysim.behaviour.protocol import Behaviour
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.parameters import Parameters
from paysim.parameters.calibrated import with_calibrated
from paysim.reading.tables import read_table

__all__ = ["Behaviour", "behaviour_correlations", "behaviour_parameters", "behaviours", "load_behaviour"]


@lru_cache(maxsize=1)
def behaviours() -> dict[str, type[Behaviour]]:
    """Return every behaviour by name: the classes whose ``name`` is that of their file."""
    found: dict[str, type[Behaviour]] = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and getattr(value, "name", None) == module.name:
                found[module.name] = value
    return found


FITTED = Path(__file__).parent / "calibration"
"""What ``paysim calibrate-behaviour`` wrote."""


def behaviour_parameters(*, calibrated: bool = True) -> Parameters:
    """Return what providers are like, named ``behaviour.<name>``.

    Parameters
    ----------
    calibrated
        With the values fitted to observed responses in place; False: those before any fit.
    """
    before = Parameters.load(Path(__file__).parent / "parameters.yaml", "behaviour")
    fitted = FITTED / "calibration.yaml"
    return with_calibrated(before, fitted) if calibrated and fitted.is_file() else before


def behaviour_correlations() -> dict[tuple[str, str], float]:
    """Return the correlations of the logarithms of fitted parameters, by pair of names; of no pair without a fit."""
    file = FITTED / "correlations.csv"
    if not file.is_file():
        return {}
    table = read_table(file, {"first": str, "second": str, "correlation": float})
    pairs = zip(table["first"], table["second"], table["correlation"], strict=True)
    return {(first, second): float(value) for first, second, value in pairs}


def load_behaviour(name: str, settings: Iterable[tuple[str, float]], parameters: Parameters) -> Behaviour:
    """Return a behaviour by the name of its file.

    Parameters
    ----------
    settings
        Numbers that an arm sets, in place of parameters of the same name.
    parameters
        Groups ``behaviour`` (`behaviour_parameters`) and ``care``.

    Raises
    ------
    ScenarioError
        The behaviour or a setting is unknown, with the nearest name, or a setting comes twice or has a
        value it cannot have.
    """
    known = behaviours()
    if name not in known:
        near = nearest_name(name, known)
        raise ScenarioError(Problem("unknown behaviour", found=name, allowed=tuple(sorted(known)), nearest=near))
    allowed = known[name].settings
    given: dict[str, float] = {}
    problems = []
    for key, value in settings:
        if key not in allowed:
            near = nearest_name(key, allowed)
            problems.append(Problem(f"{name} has no such setting", key=key, allowed=allowed, nearest=near))
        if key in given:
            problems.append(Problem("setting comes twice", key=key))
        given[key] = float(value)
    if problems:
        raise ScenarioError(*problems)
    return known[name].build(given, parameters)
