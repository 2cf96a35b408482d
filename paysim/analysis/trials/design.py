"""What a trial was: whom it took, what it gave them and what it found, read strictly from YAML."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from paysim.errors import DataError, Problem, nearest_name
from paysim.parameters import Status
from paysim.reading import Document, Reader, bind, read_yaml

SHIPPED = Path(__file__).parent / "trials.yaml"
FACTORS = ("sbp", "tc", "hdl", "bmi")
"""Risk factors that inclusion may ask for: mmHg, mmol/L, mmol/L and kg/m2, as they are without the trial's drugs."""
TRAITS = ("age", "women", *FACTORS)
"""What participants may be matched on beside flags: years, a share, and the means of risk factors."""

_Text = Annotated[str, Field(min_length=1)]
_Positive = Annotated[float, Field(gt=0, le=1000)]
_Pair = Annotated[list[float], Field(min_length=2, max_length=2)]
_Ages = Annotated[list[Annotated[int, Field(ge=0, le=110)]], Field(min_length=2, max_length=2)]


class _Lowers(Reader):
    ldl: Annotated[float, Field(ge=0, le=4)] = 0.0
    sbp: Annotated[float, Field(ge=0, le=60)] = 0.0


class _Cause(Reader):
    share: Annotated[float, Field(gt=0, le=1)]
    processes: Annotated[list[_Text], Field(min_length=1)]


class _Outcome(Reader):
    name: _Text
    title: _Text
    processes: list[_Text] = []
    causes: list[_Cause] = []
    ratio: _Positive
    low: _Positive
    high: _Positive
    source: _Text
    status: Status
    why: str = ""


class _Trial(Reader):
    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,64}$")]
    title: _Text
    tests: _Text
    source: _Text
    years: Annotated[float, Field(gt=0, le=20)]
    ages: _Ages
    any_of: list[_Text] = []
    none_of: list[_Text] = []
    between: dict[_Text, _Pair] = {}
    off: list[_Text] = []
    on: list[_Text] = []
    lowers: _Lowers
    lowers_source: _Text
    lowers_status: Status
    match: dict[_Text, float] = {}
    match_source: str = ""
    match_status: Status = "assumed"
    outcomes: Annotated[list[_Outcome], Field(min_length=1)]


class _TrialsFile(Reader):
    version: Annotated[Literal[1], Field(alias="schema")]
    trials: Annotated[list[_Trial], Field(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Cause:
    """A group of deaths: its share of the deaths in a trial's control arm, and the model's processes it stands for."""

    share: float
    processes: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What a trial found of one outcome.

    Attributes
    ----------
    processes
        The first of any of these is the event; none of them means death from any cause.
    causes
        For deaths: causes as they were in the trial's control arm; the rest are all other deaths. The simulated ratio
        is then that of each cause, weighted by these shares.
    ratio, low, high
        Published ratio of hazards, rates or risks, treated to control, with its 95% interval.
    why
        Why the model may miss it, as `paysim.analysis.comparison.reason` takes it: ``above: ...`` why the simulated
        effect may be weaker, ``below: ...`` why it may be stronger.
    """

    name: str
    title: str
    processes: tuple[str, ...]
    causes: tuple[Cause, ...]
    ratio: float
    low: float
    high: float
    source: str
    status: str
    why: str


@dataclass(frozen=True)
class Trial:
    """A trial with two arms.

    Attributes
    ----------
    years
        Follow-up of everybody alive.
    ages
        Completed ages of those taken, both included.
    any_of, none_of
        Flags: at least one of the first (if any are named), none of the second.
    between
        Risk factor -> limits, the upper one not included.
    off
        Treatments that nobody takes beside the trial's.
    on
        Treatments that the treated arm is on throughout, for their side effects.
    ldl, sbp
        By how much less LDL cholesterol (mmol/L) and systolic pressure (mmHg) the treated arm has than the control
        arm, as allocated: what was not taken is in it.
    match
        Means of the participants, by trait or flag.
    """

    name: str
    title: str
    tests: str
    source: str
    years: float
    ages: tuple[int, int]
    any_of: tuple[str, ...]
    none_of: tuple[str, ...]
    between: Mapping[str, tuple[float, float]]
    off: tuple[str, ...]
    on: tuple[str, ...]
    ldl: float
    sbp: float
    match: Mapping[str, float]
    outcomes: tuple[Outcome, ...]


def read_trials(
    path: str | os.PathLike[str] = SHIPPED, flags: Collection[str] = (), processes: Collection[str] = ()
) -> tuple[Trial, ...]:
    """Read trials from a YAML file.

    Parameters
    ----------
    path
        By default the shipped trials.
    flags, processes
        Names that the model knows; when none are given, names are not checked.

    Raises
    ------
    DataError
        With file, line and column: unknown key, flag, risk factor or process (with the nearest name), a name that comes
        twice, limits that hold nobody.
    """
    document = read_yaml(path, error=DataError)
    file = bind(_TrialsFile, document, DataError)
    problems = list(_twice(document, ("trials",), [each.name for each in file.trials]))
    for k, each in enumerate(file.trials):
        problems += _problems(each, document, ("trials", k), flags, processes)
    if problems:
        raise DataError(*problems)
    return tuple(_trial(each) for each in file.trials)


def _problems(
    read: _Trial, document: Document, loc: tuple[str | int, ...], flags: Collection[str], processes: Collection[str]
) -> Iterator[Problem]:
    yield from _twice(document, (*loc, "outcomes"), [each.name for each in read.outcomes])
    if read.ages[0] > read.ages[1]:
        yield document.problem("the first age is above the second", (*loc, "ages"), found=read.ages)
    for name in ("any_of", "none_of", "off", "on"):
        yield from _unknown(document, (*loc, name), getattr(read, name), flags, "flag")
    yield from _unknown(document, (*loc, "between"), read.between, FACTORS, "risk factor")
    for name, (low, high) in read.between.items():
        if not low < high:
            yield document.problem("limits hold nobody", (*loc, "between", name), found=[low, high])
    if flags:
        yield from _unknown(document, (*loc, "match"), read.match, (*TRAITS, *flags), "trait or flag")
    for k, outcome in enumerate(read.outcomes):
        here = (*loc, "outcomes", k)
        yield from _unknown(document, (*here, "processes"), outcome.processes, processes, "process")
        for n, cause in enumerate(outcome.causes):
            yield from _unknown(document, (*here, "causes", n, "processes"), cause.processes, processes, "process")
        if outcome.causes and outcome.processes:
            yield document.problem("causes are of deaths: name no processes beside them", here)
        if sum(cause.share for cause in outcome.causes) >= 1.0:
            yield document.problem("shares leave nothing for other causes", (*here, "causes"))
        if not outcome.low <= outcome.ratio <= outcome.high:
            yield document.problem("the ratio lies outside of its interval", (*here, "ratio"), found=outcome.ratio)


def _unknown(
    document: Document,
    loc: tuple[str | int, ...],
    names: list[str] | Mapping[str, object],
    known: Collection[str],
    what: str,
) -> Iterator[Problem]:
    for k, name in enumerate(names):
        if known and name not in known:
            mapping = isinstance(names, Mapping)
            place = (*loc, name if mapping else k)
            near = nearest_name(name, known)
            yield document.problem(f"unknown {what}", place, key=mapping, found=name, nearest=near)


def _twice(document: Document, loc: tuple[str | int, ...], names: list[str]) -> Iterator[Problem]:
    for k, name in enumerate(names):
        if name in names[:k]:
            yield document.problem("comes twice", (*loc, k, "name"), found=name)


def _trial(read: _Trial) -> Trial:
    return Trial(
        name=read.name,
        title=read.title,
        tests=read.tests,
        source=read.source,
        years=read.years,
        ages=(read.ages[0], read.ages[1]),
        any_of=tuple(read.any_of),
        none_of=tuple(read.none_of),
        between={name: (low, high) for name, (low, high) in read.between.items()},
        off=tuple(read.off),
        on=tuple(read.on),
        ldl=read.lowers.ldl,
        sbp=read.lowers.sbp,
        match=dict(read.match),
        outcomes=tuple(map(_outcome, read.outcomes)),
    )


def _outcome(read: _Outcome) -> Outcome:
    causes = tuple(Cause(each.share, tuple(each.processes)) for each in read.causes)
    plain = read.model_dump(exclude={"processes", "causes"})
    return Outcome(processes=tuple(read.processes), causes=causes, **plain)
