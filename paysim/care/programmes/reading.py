"""From a file of `programmes/` to a programme; every number states unit, source and status."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from paysim import catalog
from paysim.care.programmes.model import (
    AIMS,
    EDUCATION,
    PAYERS,
    PROFESSIONS,
    PROVIDERS,
    ROUNDS,
    SCORES,
    Deliver,
    Effects,
    Identify,
    Improve,
    Invite,
    Prices,
    Programme,
    Tier,
)
from paysim.errors import Problem, ScenarioError
from paysim.parameters import Distribution, Parameter, Parameters, Status
from paysim.parameters.reader import range_problems
from paysim.reading import Document, Name, Reader, bind, read_yaml

Extra = Sequence[str | os.PathLike[str]]
Loc = tuple[str | int, ...]

GROUP = "programmes"
STAFF = "programme_staff"
ASSESSMENT = "programme_assessment"

_Text = Annotated[str, Field(min_length=1)]


class Number(Reader):
    """A number with all that must be known of it."""

    value: float
    unit: _Text
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    distribution: Distribution | None = None
    source: _Text
    status: Status
    note: str = ""


class Amount(Number):
    """Not negative."""

    value: Annotated[float, Field(ge=0.0, le=1e9)]


class Share(Number):
    """From 0 to 1."""

    value: Annotated[float, Field(ge=0.0, le=1.0)]


class Ratio(Number):
    """Above 0."""

    value: Annotated[float, Field(gt=0.0, le=1e3)]


class Part(Number):
    """From 0 and below 1."""

    value: Annotated[float, Field(ge=0.0, lt=1.0)]


class _IdentifyReader(Reader):
    any_of: list[Name] = []
    all_of: list[Name] = []
    none_of: list[Name] = []
    age: Annotated[list[int], Field(min_length=2, max_length=2)] = [0, 110]
    deprived: bool | None = None
    bmi_from: Amount | None = None
    non_hdl_from: Amount | None = None
    sensitivity: Share


class _EffectsReader(Reader):
    hazard_ratios: dict[Name, Ratio] = {}
    ldl_fall: Part | None = None
    sbp_fall: Amount | None = None
    starts: dict[Name, Amount] = {}
    until_leaving: list[Name] = []


class _PricesReader(Reader):
    eur_per_invitee: Amount | None = None
    eur_per_start: Amount | None = None
    eur_per_year: Amount | None = None


_Minutes = dict[Literal[PROFESSIONS], Amount]  # type: ignore[valid-type]


class _TierReader(Reader):
    name: Name
    least: Annotated[Amount | None, Field(alias="from")] = None
    or_any_of: list[Name] = []
    eur_per_start: Amount | None = None
    eur_per_year: Amount | None = None
    minutes_at_start: _Minutes = {}
    minutes_per_year: _Minutes = {}
    effects: _EffectsReader = _EffectsReader()


class _StratifyReader(Reader):
    by: Literal[SCORES]  # type: ignore[valid-type]
    top_share: Share | None = None
    tiers: Annotated[list[_TierReader], Field(min_length=1, max_length=8)]


class _InviteReader(Reader):
    every: Literal[tuple(ROUNDS)]  # type: ignore[valid-type]
    uptake: Share
    odds_ratio_low_education: Ratio | None = None
    odds_ratio_high_education: Ratio | None = None
    resident_involvement: Ratio | None = None
    again_after_years: Amount | None = None
    eur_per_invitee: Amount | None = None


class _DeliverReader(Reader):
    practices: Share | None = None
    places_per_1000: Amount | None = None
    dropout: Amount
    duration_years: Ratio | None = None
    fixed_eur_per_100000: Amount | None = None


class _ImproveReader(Reader):
    restratify: bool = True
    registration_gain: Share | None = None
    practices_joining: Share | None = None


class ProgrammeReader(Reader):
    """The whole file."""

    version: Annotated[Literal[1], Field(alias="schema")]
    kind: Literal["programme"]
    name: Name
    title: _Text
    about: _Text
    provider: Literal[PROVIDERS]  # type: ignore[valid-type]
    payer: Literal[PAYERS] | None = None  # type: ignore[valid-type]
    payment: _PricesReader | None = None
    identify: _IdentifyReader
    stratify: _StratifyReader
    invite: _InviteReader
    deliver: _DeliverReader
    improve: _ImproveReader = _ImproveReader()
    evaluate: dict[Literal[AIMS], Annotated[list[_Text], Field(min_length=1)]]  # type: ignore[valid-type]


def read_programme(name_or_path: str | os.PathLike[str], extra: Extra = ()) -> Programme:
    """Read one programme.

    Parameters
    ----------
    name_or_path
        A name such as ``copd_self_management``, or the path of a YAML file.
    extra
        Folders with further programmes, searched before the shipped ones.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong.
    """
    path = catalog.find("programmes", os.fspath(name_or_path), extra)
    document = read_yaml(path)
    read = bind(ProgrammeReader, document)
    problems = [*_number_problems(document), *_contradictions(read, document)]
    if problems:
        raise ScenarioError(*sorted(problems, key=lambda p: (p.line or 0, p.column or 0)))
    return _programme(read, document)


def programme_parameters(programmes: Iterable[Programme]) -> Parameters:
    """Return every number of some programmes and, if there are any, wages of staff and what assessment assumes."""
    found = list(programmes)
    if not found:
        return Parameters()
    return Parameters(row for each in found for row in each.numbers) | _common()


def settled(programme: Programme, parameters: Parameters) -> Programme:
    """Return a programme with the values of `parameters`, where a scenario may have replaced some.

    Raises
    ------
    ScenarioError
        A value that was put in its place is out of bounds, such as a share above one.
    """
    data = copy.deepcopy(programme.document.data)
    for loc, number in _numbers(data):
        number["value"] = parameters[_name(programme.name, data, loc)]
    document = replace(programme.document, data=data)
    read = bind(ProgrammeReader, document)
    problems = list(_contradictions(read, document))
    if problems:
        raise ScenarioError(*problems)
    return _programme(read, document)


@lru_cache(maxsize=1)
def _common() -> Parameters:
    files = {STAFF: "staff.yaml", ASSESSMENT: "assessment.yaml"}
    each = [Parameters.load(Path(__file__).with_name(file), group) for group, file in files.items()]
    return each[0] | each[1]


def _numbers(data: Any, loc: Loc = ()) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """Find every number of a file with its place."""
    if isinstance(data, dict) and "value" in data and "status" in data:
        yield loc, data
    elif isinstance(data, dict | list):
        for key, each in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _numbers(each, (*loc, key))


def _name(programme: str, data: Any, loc: Loc) -> str:
    """Return the name of a number: its place in the file, with the names of tiers for their numbers."""
    parts = []
    for key in loc:
        data = data[key]
        parts.append(data["name"] if isinstance(key, int) else key)
    return ".".join([GROUP, programme, *parts])


def _number_problems(document: Document) -> Iterator[Problem]:
    for loc, _ in _numbers(document.data):
        read = bind(Number, document.at(*loc))
        if read.range is not None:
            yield from range_problems(read, read.range, [read.value], loc, document)
        elif read.status in ("recalled", "assumed"):
            yield document.problem(f"a number that is {read.status} needs a range [low, high]", (*loc, "status"))


def _contradictions(read: ProgrammeReader, document: Document) -> Iterator[Problem]:
    """Find what no programme can be: tiers out of order, ages upside down, sections that do not fit."""
    tiers, first, last = read.stratify.tiers, *read.identify.age
    if not 0 <= first <= last <= 110:
        yield document.problem(
            "two ages from 0 to 110 expected, the lower first", ("identify", "age"), found=[first, last]
        )
    if not (
        read.identify.any_of or read.identify.all_of or first > 0 or read.identify.deprived or read.identify.bmi_from
    ):
        yield document.problem("says of nobody in particular that it is for them", ("identify",))
    for k, tier in enumerate(tiers):
        here: Loc = ("stratify", "tiers", k)
        if tier.name in [other.name for other in tiers[:k]]:
            yield document.problem("name of a tier comes twice", (*here, "name"), found=tier.name)
        if tier.least is not None and read.stratify.by == "none":
            yield document.problem("a threshold needs a score to reach it", (*here, "from"), allowed=SCORES[1:])
        if k and tier.least is None:
            yield document.problem("a tier above the first begins at a score", here)
        below = tiers[k - 1].least if k else None
        if tier.least and below and tier.least.value <= below.value:
            yield document.problem(
                "tiers rise: begins at or below the one before", (*here, "from"), found=tier.least.value
            )
        for flag in tier.effects.until_leaving:
            if flag not in tier.effects.starts:
                yield document.problem(
                    "ends with the programme but is not begun by it",
                    (*here, "effects", "until_leaving"),
                    found=flag,
                    allowed=list(tier.effects.starts),
                )
    if read.stratify.top_share is not None and read.stratify.by == "none":
        yield document.problem("a top share needs a score", ("stratify", "top_share"), allowed=SCORES[1:])
    if read.payment is not None and read.payer is None:
        yield document.problem("a payment needs a payer", ("payment",), key=True, allowed=PAYERS)


def _programme(read: ProgrammeReader, document: Document) -> Programme:
    rows = []
    for loc, number in _numbers(document.data):
        low, high = number.get("range") or (None, None)
        rows.append(
            Parameter(
                _name(read.name, document.data, loc),
                float(number["value"]),
                number["unit"],
                low,
                high,
                number.get("distribution"),
                number["source"],
                number["status"],
                number.get("note", ""),
            )
        )
    found, invite, deliver, improve = read.identify, read.invite, read.deliver, read.improve
    return Programme(
        name=read.name,
        title=read.title,
        about=read.about,
        provider=read.provider,
        payer=read.payer,
        payment=None if read.payment is None else _prices(read.payment),
        identify=Identify(
            any_of=tuple(found.any_of),
            all_of=tuple(found.all_of),
            none_of=tuple(found.none_of),
            age=(found.age[0], found.age[1]),
            deprived=found.deprived,
            bmi_from=_optional(found.bmi_from),
            non_hdl_from=_optional(found.non_hdl_from),
            sensitivity=found.sensitivity.value,
        ),
        score=read.stratify.by,
        top_share=_optional(read.stratify.top_share),
        tiers=tuple(_tier(each) for each in read.stratify.tiers),
        invite=Invite(
            ROUNDS[invite.every], _uptake(invite), _optional(invite.again_after_years), _or(invite.eur_per_invitee, 0.0)
        ),
        deliver=Deliver(
            practices=_or(deliver.practices, 1.0),
            places_per_1000=_optional(deliver.places_per_1000),
            dropout=deliver.dropout.value,
            duration_years=_optional(deliver.duration_years),
            fixed_eur_per_100000=_or(deliver.fixed_eur_per_100000, 0.0),
        ),
        improve=Improve(improve.restratify, _or(improve.registration_gain, 0.0), _or(improve.practices_joining, 0.0)),
        evaluate={aim: tuple(names) for aim, names in read.evaluate.items()},
        numbers=tuple(rows),
        document=document,
    )


def _tier(read: _TierReader) -> Tier:
    effects = read.effects
    return Tier(
        name=read.name,
        least=_optional(read.least),
        or_any_of=tuple(read.or_any_of),
        eur_per_start=_or(read.eur_per_start, 0.0),
        eur_per_year=_or(read.eur_per_year, 0.0),
        minutes_at_start=_values(read.minutes_at_start),
        minutes_per_year=_values(read.minutes_per_year),
        effects=Effects(
            hazard_ratios=_values(effects.hazard_ratios),
            ldl_fall=_or(effects.ldl_fall, 0.0),
            sbp_fall=_or(effects.sbp_fall, 0.0),
            starts=_values(effects.starts),
            until_leaving=tuple(effects.until_leaving),
        ),
    )


def _uptake(read: _InviteReader) -> dict[str, float]:
    """Return the share of invitees who take part, by education: odds of the middle times odds ratios."""
    share = read.uptake.value
    ratios = (_or(read.odds_ratio_low_education, 1.0), 1.0, _or(read.odds_ratio_high_education, 1.0))
    involved = _or(read.resident_involvement, 1.0)
    if share in (0.0, 1.0):
        return dict.fromkeys(EDUCATION, share)
    odds = share / (1.0 - share) * involved
    return {name: odds * ratio / (1.0 + odds * ratio) for name, ratio in zip(EDUCATION, ratios, strict=True)}


def _prices(read: _PricesReader) -> Prices:
    return Prices(_or(read.eur_per_invitee, 0.0), _or(read.eur_per_start, 0.0), _or(read.eur_per_year, 0.0))


def _values(read: Mapping[str, Number]) -> dict[str, float]:
    return {name: number.value for name, number in read.items()}


def _optional(number: Number | None) -> float | None:
    return None if number is None else number.value


def _or(number: Number | None, otherwise: float) -> float:
    return otherwise if number is None else number.value
