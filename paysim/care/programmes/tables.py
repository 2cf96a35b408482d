"""What programmes add to the tables of a model: a flag for every tier, and what it does to processes.

All arms of a run share these tables; in an arm without the programme nobody holds its flags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from paysim.care.programmes.model import Programme
from paysim.errors import Problem, ScenarioError, nearest_name
from paysim.kernel.records import MAX_FLAGS, MAX_PROCESSES
from paysim.kernel.spec import AGES, Transition


@dataclass(frozen=True)
class Added:
    """A model's vocabulary with programmes in it.

    Attributes
    ----------
    transitions
        Those given, with the hazard ratios of participants, and the starts of treatment that programmes bring.
    flags
        Of participants only.
    treatment_effects
        Flag -> (share of LDL it takes away, fall of systolic pressure in mmHg).
    """

    transitions: tuple[Transition, ...]
    flags: tuple[str, ...]
    treatment_effects: dict[str, tuple[float, float]]


def with_programmes(
    programmes: Sequence[Programme], transitions: Sequence[Transition], flags: Sequence[str], processes: int = 0
) -> Added:
    """Return the tables with the effects of programmes.

    A hazard ratio multiplies the hazard of a named process for participants, on top of everything else; of two
    programmes both count. A treatment that a programme starts is asked for at the practice's nurse like any other.

    Parameters
    ----------
    flags
        Of the model.
    processes
        Calendar entries besides `transitions`.

    Raises
    ------
    ScenarioError
        A programme names a flag, process or treatment that the model does not have, or needs more flags or processes
        than the engine's rows hold.
    """
    problems = [problem for each in programmes for problem in _unknown(each, transitions, flags)]
    if problems:
        raise ScenarioError(*problems)
    rows = {row.name: row for row in transitions}
    added: list[Transition] = []
    lowers: dict[str, tuple[float, float]] = {}
    for each in programmes:
        for tier in each.tiers:
            flag, effects = each.flag(tier), tier.effects
            for name, ratio in effects.hazard_ratios.items():
                rows[name] = replace(rows[name], log_hr={**rows[name].log_hr, flag: float(np.log(ratio))})
            if effects.ldl_fall or effects.sbp_fall:
                lowers[flag] = effects.ldl_fall, effects.sbp_fall
        added += _starts(each, rows)
    own = tuple(flag for each in programmes for flag in each.flags)
    room, wanted = MAX_FLAGS - len(flags), processes + len(rows) + len(added)
    if programmes and (len(own) > room or wanted > MAX_PROCESSES):
        message = (
            f"programmes need {len(own)} flags and {len(added)} processes; there is room for {room} and "
            f"{MAX_PROCESSES - processes - len(rows)}: name fewer, or programmes with fewer tiers"
        )
        raise ScenarioError(Problem(message, key="programmes", found=", ".join(each.name for each in programmes)))
    return Added((*rows.values(), *added), own, lowers)


def _starts(programme: Programme, rows: dict[str, Transition]) -> Iterator[Transition]:
    names = dict.fromkeys(name for tier in programme.tiers for name in tier.effects.starts)
    for name in names:
        rates = {programme.flag(tier): tier.effects.starts.get(name, 0.0) for tier in programme.tiers}
        rates = {flag: rate for flag, rate in rates.items() if rate > 0.0}
        if not rates:
            continue
        usual = rows[f"start_{name}"]
        yield Transition(
            name=f"start_{name}_in_{programme.name}",
            kind="treatment_start",
            log_hazard=np.zeros((2, AGES)),  # once a year; the ratios hold the rates
            required=usual.required,
            required_any=tuple(rates),
            forbidden=usual.forbidden,
            log_hr={flag: float(np.log(rate)) for flag, rate in rates.items()},
            sets=usual.sets,
            source=f"programme {programme.name}",
        )


def _unknown(programme: Programme, transitions: Sequence[Transition], flags: Sequence[str]) -> Iterator[Problem]:
    document, processes = programme.document, [row.name for row in transitions]
    treatments = [name.removeprefix("start_") for name in processes if name.startswith("start_")]
    found = programme.identify
    for key, names in (("any_of", found.any_of), ("all_of", found.all_of), ("none_of", found.none_of)):
        for index, name in enumerate(names):
            if name not in flags:
                near = nearest_name(name, flags)
                yield document.problem(
                    "no such condition or treatment", ("identify", key, index), found=name, nearest=near
                )
    for k, tier in enumerate(programme.tiers):
        here = ("stratify", "tiers", k)
        for index, name in enumerate(tier.or_any_of):
            if name not in flags:
                near = nearest_name(name, flags)
                yield document.problem(
                    "no such condition or treatment", (*here, "or_any_of", index), found=name, nearest=near
                )
        for name in tier.effects.hazard_ratios:
            if name not in processes:
                message = "no such process among those of the diseases that the scenario names"
                near = nearest_name(name, processes)
                yield document.problem(
                    message, (*here, "effects", "hazard_ratios", name), key=True, found=name, nearest=near
                )
        for name in tier.effects.starts:
            if name not in treatments:
                near = nearest_name(name, treatments)
                yield document.problem(
                    "no such treatment", (*here, "effects", "starts", name), key=True, found=name, nearest=near
                )
