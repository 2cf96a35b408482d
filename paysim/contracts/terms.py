"""From YAML to contracts: the reader's models are made from the components' own dataclasses.

An amount is written as a number, or with its origin: ``{value: 11.51, year: 2023, source: "...", status:
found}``. All
amounts, with unit, source and status, stay with the contract, so that a run can report each one.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pydantic
from pydantic import create_model

import paysim.contracts
from paysim import catalog
from paysim.accounting.ledger import ORGANISATIONS
from paysim.contracts.budget_claw_back import BudgetClawBack
from paysim.contracts.contract import Contract as Contract
from paysim.contracts.contract import Part
from paysim.contracts.copayment import Copayment
from paysim.contracts.deductible import Deductible
from paysim.contracts.protocol import Component
from paysim.contracts.scope import By, Participants, Scope, both
from paysim.contracts.settlement import PAYERS
from paysim.errors import DataError, Problem, ScenarioError, nearest_name
from paysim.parameters import Distribution, Parameter, PriceLevel, SourcedNumber, sourced_problems
from paysim.reading import Document, Name, Reader, bind, read_yaml

Extra = Sequence[str | os.PathLike[str]]
Loc = tuple[str | int, ...]

_MOST_EUR = 1e12  # more than any payer has; keeps every sum finite
_NotNegative = Annotated[float, pydantic.Field(ge=0.0, le=_MOST_EUR)]
_Share = Annotated[float, pydantic.Field(ge=0.0, le=1.0)]
_Text = Annotated[str, pydantic.Field(min_length=1)]


class _Amount(SourcedNumber):
    year: int | None = None
    distribution: Distribution | None = None
    note: str = ""


class _PartReader(Reader):
    name: Name | None = None
    share: _Share = 1.0
    share_by_year: Annotated[list[_Share], pydantic.Field(max_length=100)] = []
    from_year: int | None = None
    until_year: int | None = None


class _ParticipantsReader(Reader):
    by: By = "chance"
    share: _Share | None = None
    others: bool = False
    years: list[list[_Text]] = []


class _UseReader(Reader):
    use: str
    share: _Share = 1.0
    share_by_year: Annotated[list[_Share], pydantic.Field(max_length=100)] = []
    from_year: int | None = None
    until_year: int | None = None
    participants: _ParticipantsReader | None = None
    insurers: list[str] = []
    after_exit_of: Literal[ORGANISATIONS] | None = None  # type: ignore[valid-type]
    without: Annotated[list[str], pydantic.Field(max_length=100)] = []


class _ContractReader(Reader):
    version: Annotated[Literal[1], pydantic.Field(alias="schema")] = 1
    kind: Literal["contract"] = "contract"
    name: Name
    title: _Text | None = None
    payer: Literal[(*PAYERS, "practices", *ORGANISATIONS)]  # type: ignore[valid-type]
    providers: Literal[("practices", "sectors", "insurers", *PAYERS[1:], *ORGANISATIONS)]  # type: ignore[valid-type]
    participants: _ParticipantsReader | None = None
    insurers: list[str] = []
    after_exit_of: Literal[ORGANISATIONS] | None = None  # type: ignore[valid-type]


class _TableReader(Reader):
    version: Annotated[Literal[1], pydantic.Field(alias="schema")]
    name: Name
    title: _Text | None = None


@lru_cache(maxsize=1)
def contract_schema() -> dict[str, Any]:
    """Return the JSON schema of a contract's file.

    Amounts have a ``unit``, and ``standard``, their value when they are left out, if they may be.
    """
    return _contract_reader().model_json_schema()


def read_contract(
    source: str | os.PathLike[str] | Document | Mapping[str, Any], extra: Extra = (), prices: PriceLevel | None = None
) -> Contract:
    """Read one contract.

    Parameters
    ----------
    source
        A name such as ``nl/gp_capitation``, a path, a part of a document that was read, or a plain mapping.
    extra
        Folders with further contracts, searched before the shipped ones.
    prices
        Price level to which euros of other years are brought; by default amounts stay as they are written.

    Raises
    ------
    ScenarioError
        With file, line and column of everything that is wrong.
    """
    if isinstance(source, Document):
        document = source
    elif isinstance(source, Mapping):
        document = Document(dict(source), "contract")
    else:
        path = source if isinstance(source, Path) else catalog.find("contracts", os.fspath(source), extra)
        document = read_yaml(path)
    _require_kind(document, "contract")
    read: Any = bind(_contract_reader(), document)
    builder = _Builder(document, f"contracts.{read.name}", extra, prices)
    parts = [builder.part(each, ("components", index)) for index, each in enumerate(read.components)]
    built = [part for part in parts if part is not None]
    builder.check_parts(built, read.payer, read.providers)
    if builder.problems:
        raise ScenarioError(*builder.problems)
    title = read.title or read.name.replace("_", " ")
    scope = _scope(read, document)
    _require_scope(built, scope, document)
    _require_dates(built, read.after_exit_of, document)
    named = (read.name, title, read.payer, read.providers, tuple(built), tuple(builder.amounts))
    return Contract(*named, scope, read.after_exit_of)


def use_contract(document: Document, contract: Contract) -> Contract:
    """Return a contract as an arm uses it: in part, without some components, for some years, practices or insurers.

    Parameters
    ----------
    document
        Mapping with the key ``use`` and what limits it.

    Raises
    ------
    ScenarioError
        With file, line and column of what is wrong.
    """
    read = bind(_UseReader, document)
    try:
        scope = both(contract.scope, _scope(read, document))
    except ValueError as exc:
        raise ScenarioError(document.problem(str(exc), ("use",), found=read.use)) from None
    _require_scope(contract.components, scope, document)
    _require_dates(contract.components, read.after_exit_of, document)
    names = tuple(part.name for part in contract.components)
    for index, name in enumerate(read.without):
        if name not in names:
            message, near = f"{read.use} has no such component", nearest_name(name, names)
            raise ScenarioError(
                document.problem(message, ("without", index), found=repr(name), allowed=names, nearest=near)
            )
    if set(names) <= set(read.without):
        raise ScenarioError(document.problem("nothing is left of the contract", ("without",), key=True))
    parts = []
    for part in contract.components:
        if part.name in read.without:
            continue
        if part.share_by_year and read.share_by_year:
            message = "the contract has a share_by_year of its own"
            raise ScenarioError(document.problem(message, ("share_by_year",), key=True))
        begins = [year for year in (part.from_year, read.from_year) if year is not None]
        ends = [year for year in (part.until_year, read.until_year) if year is not None]
        try:
            used = replace(
                part,
                share=part.share * read.share,
                share_by_year=part.share_by_year or tuple(read.share_by_year),
                from_year=max(begins) if begins else None,
                until_year=min(ends) if ends else None,
            )
        except ValueError as exc:
            message = f"component {part.name}: {exc}, of the contract's dates and these together"
            raise ScenarioError(document.problem(message, ("use",), found=read.use)) from None
        parts.append(used)
    waits = read.after_exit_of or contract.after_exit_of
    return replace(contract, components=tuple(parts), scope=scope, after_exit_of=waits)


def _require_scope(parts: Sequence[Part], scope: Scope, document: Document) -> None:
    """Raise ScenarioError if terms cannot be limited to some practices or insurers.

    Single persons are not known by insurer, and prices of sectors are one list for everybody: patients' deductible and
    spending by group are reckoned by it.
    """
    for part in parts:
        if not scope.everything and part.terms.payee is not None and part.services_paid():
            message = f"{part.name} pays {part.terms.payee} by the unit: it cannot be limited to some people"
            raise ScenarioError(
                document.problem(message, ("participants" if scope.participants else "insurers",), key=True)
            )
        if scope.insurers and "persons" in part.terms.reads:
            message = f"{part.name} looks at single persons: it cannot be limited to some insurers"
            raise ScenarioError(document.problem(message, ("insurers",), key=True))
        over_years = any(getattr(part.terms, name, 0) for name in ("recouped_eur_per_person", "recouped_over_years"))
        if scope.decided and (over_years or getattr(part.terms, "whole_run", False)):
            message = f"{part.name} binds its practices for several years: they cannot decide anew every year"
            raise ScenarioError(document.problem(message, ("participants", "by"), key=True))


def _require_dates(parts: Sequence[Part], after_exit_of: str | None, document: Document) -> None:
    """Raise ScenarioError if terms that must be in force throughout wait for an organisation to leave."""
    for part in parts:
        if after_exit_of is not None and getattr(part.terms, "whole_run", False):
            message = f"{part.name} pays in advance for what ends later: it must be in force throughout"
            raise ScenarioError(document.problem(message, ("after_exit_of",), key=True))


def _scope(read: Any, document: Document) -> Scope:
    who = read.participants
    if who is None:
        return Scope(None, tuple(read.insurers))
    if who.by == "chance" and who.share is None:
        message = "a share of practices is needed, or by: expected_value"
        raise ScenarioError(document.problem(message, ("participants",), key=True))
    if who.by == "chance" and who.years:
        message = "years belong to by: expected_value"
        raise ScenarioError(document.problem(message, ("participants", "years"), key=True))
    years = tuple(tuple(names) for names in who.years)
    share = 1.0 if who.share is None else who.share
    return Scope(Participants(share, who.others, who.by, years), tuple(read.insurers))


@lru_cache(maxsize=1)
def component_kinds() -> dict[str, type[Component]]:
    """Return every payment component by kind: the dataclasses whose ``kind`` is the name of their file."""
    found: dict[str, type[Component]] = {}
    for module in pkgutil.iter_modules(paysim.contracts.__path__):
        for value in vars(import_module(f"paysim.contracts.{module.name}")).values():
            if isinstance(value, type) and getattr(value, "kind", None) == module.name:
                found[module.name] = value
    return found


def practice_kinds() -> tuple[str, ...]:
    """Return the kinds of component that pay practices themselves."""
    kinds = component_kinds().items()
    return tuple(kind for kind, terms in sorted(kinds) if kind != Deductible.kind and terms.payee is None)


class _Builder:
    """Turns what was read from one document into frozen terms; collects amounts and problems."""

    def __init__(self, document: Document, prefix: str, extra: Extra, prices: PriceLevel | None = None) -> None:
        self.document, self.prefix, self.extra, self.prices = document, prefix, extra, prices
        self.amounts: list[Parameter] = []
        self.problems: list[Problem] = []

    def part(self, read: Any, loc: Loc) -> Part | None:
        """Return one component in its place, or None if something is wrong with it."""
        kind = component_kinds()[read.kind]
        terms = self.terms(kind, read, loc, f"{self.prefix}.{read.name or read.kind}")
        if terms is None:
            return None
        name = read.name or terms.payee or read.kind
        try:
            return Part(name, terms, read.share, read.from_year, read.until_year, tuple(read.share_by_year))
        except ValueError as exc:
            self._wrong(str(exc), loc)
            return None

    def check_parts(self, parts: Sequence[Part], payer: str, providers: str) -> None:
        """Note components that share a name, or whose payer or payee cannot be."""
        if payer == providers:
            self._wrong("nobody can pay themselves", ("providers",), found=providers)
        begins = {part.from_year or 0 for part in parts}
        for year in sorted(begins | {year for part in parts for year in range(len(part.share_by_year))}):
            back = [part.at(year) for part in parts if part.kind == BudgetClawBack.kind and part.in_force(year)]
            total = sum(part.share * getattr(part.terms, "claw_back_share", 0.0) for part in back)
            if total > 1.0 + 1e-9:
                message = f"more than the excess is paid back in contract year {year}: claw-back shares must not pass 1"
                self._wrong(message, ("components",), found=f"{total:g}")
                break
        for index, part in enumerate(parts):
            if any(part.name == other.name for other in parts[:index]):
                self._wrong("two components have this name: give one a name", ("components", index), found=part.name)
            to_insurers = (payer, providers) == ("patients", "insurers")
            if isinstance(part.terms, Deductible) and not to_insurers:
                self._wrong(
                    "a deductible is paid by patients to insurers, in a contract of its own",
                    ("components", index),
                )
            if to_insurers and not isinstance(part.terms, Deductible | Copayment):
                self._wrong(
                    "patients pay insurers back by a deductible or co-payments",
                    ("components", index, "kind"),
                    found=part.kind,
                    allowed=(Copayment.kind, Deductible.kind),
                )
            if isinstance(part.terms, Copayment) and part.terms.annual_ceiling_eur is not None and not to_insurers:
                self._wrong(
                    "a ceiling is reckoned on what patients pay back to insurers",
                    ("components", index, "annual_ceiling_eur"),
                )
            if providers == "sectors" and part.terms.payee is None:
                self._wrong(
                    f"a {part.kind} pays the contract's providers: name them, not sectors",
                    ("components", index),
                )

    def terms(self, cls: Any, read: Any, loc: Loc, prefix: str) -> Any:
        """Return a dataclass of terms filled from its reader, or None if something is wrong with it."""
        hints, values, indices, before = get_type_hints(cls), {}, {}, len(self.problems)
        for each in fields(cls):
            given = getattr(read, each.name) if each.name in read.model_fields_set else None
            if given is None:
                given = _default_file(each, read)
            place = (*loc, each.name)
            if isinstance(given, _Amount):
                indices[each.name] = self._index(given, each.metadata["unit"], place)
                values[each.name] = given.value * indices[each.name]
            elif given is not None:
                values[each.name] = self._value(each, hints[each.name], given, place, prefix)
            if each.metadata.get("unit", "").startswith("share") and values.get(each.name, 0.0) > 1.0:
                message = f"{each.name} must lie between 0 and 1: it is a {each.metadata['unit']}, 5% is 0.05"
                self._wrong(message, place, found=f"{values[each.name]:g}")
        if len(self.problems) > before:
            return None
        try:
            made = cls(**values)
        except ValueError as exc:
            self._wrong(str(exc), loc)
            return None
        label = f"{prefix}.{made.label}" if hasattr(made, "label") else prefix
        for each in fields(cls):
            if "unit" in each.metadata and each.name in values:
                name, given = f"{label}.{each.name}", getattr(read, each.name)
                self._amount(name, each.metadata["unit"], given, indices.get(each.name, 1.0), (*loc, each.name))
        return made

    def _value(self, each: Field[Any], hint: Any, given: Any, loc: Loc, prefix: str) -> Any:
        if "unit" in each.metadata:
            return float(given)
        if "file" in each.metadata and isinstance(given, str):
            return self._file(each.metadata["file"], _row_class(hint), given, loc)
        if isinstance(given, list):
            row = _row_class(hint)
            if is_dataclass(row):
                inner = f"{prefix}.{each.name}"
                rows = [self.terms(row, one, (*loc, index), inner) for index, one in enumerate(given)]
                return tuple(one for one in rows if one is not None)
            for index, name in enumerate(given):
                self._known(each, name, (*loc, index))
            return tuple(given)
        self._known(each, given, loc)
        return given

    def _file(self, kind: str, row: Any, name: str, loc: Loc) -> tuple[Any, ...]:
        try:
            document = read_yaml(catalog.find("contracts", name, self.extra))
            _require_kind(document, kind)
            read: Any = bind(_table_reader(kind, row), document)
        except ScenarioError as exc:
            # A file that does not exist has no place of its own: show where it was named.
            for problem in exc.problems:
                here = self.document.problem(
                    problem.message, loc, found=name, allowed=problem.allowed, nearest=problem.nearest
                )
                self.problems.append(problem if problem.file else here)
            return ()
        inner = _Builder(document, f"contracts.{read.name}", self.extra, self.prices)
        rows = [inner.terms(row, one, ("rows", index), inner.prefix) for index, one in enumerate(read.rows)]
        self.amounts += inner.amounts
        self.problems += inner.problems
        return tuple(one for one in rows if one is not None)

    def _known(self, each: Field[Any], name: Any, loc: Loc) -> None:
        """Check a name of a service: a misspelt one would silently be paid nothing."""
        of = each.metadata.get("names")
        if of not in ("services", "admissions"):
            return
        known = _service_names(admissions=of == "admissions")
        if name in known:
            return
        message = "is no admission" if name in _service_names() else "unknown service"
        self._wrong(message, loc, found=name, allowed=known, nearest=nearest_name(name, known))

    def _amount(self, name: str, unit: str, given: Any, index: float, loc: Loc) -> None:
        """Keep an amount with its origin; `index` brings it to the price level wanted."""
        if not isinstance(given, _Amount):
            source = Path(self.document.path).name  # where it lies on a machine is nobody's business
            self.amounts.append(Parameter(name, float(given), unit, None, None, None, source, "scenario"))
            return
        self.problems += sourced_problems(given, loc, self.document)
        low, high = given.range or (None, None)
        source = f"{given.source} ({given.year})" if given.year else given.source
        if index != 1.0:
            source += f"; x {index:.4g} by consumer prices"
            low, high = (None if bound is None else bound * index for bound in (low, high))
        kept = (given.distribution, source, given.status, given.note)
        self.amounts.append(Parameter(name, given.value * index, unit, low, high, *kept))

    def _index(self, given: _Amount, unit: str, loc: Loc) -> float:
        """Return what brings an amount to the price level wanted; note a problem if its year has no prices."""
        if self.prices is None or given.year is None or not unit.startswith("EUR"):
            return 1.0
        try:
            return self.prices.factor(given.year)
        except DataError as exc:
            found, allowed = exc.problems[0].found, exc.problems[0].allowed
            self._wrong("no consumer prices of this year", (*loc, "year"), found=found, allowed=allowed)
            return 1.0

    def _wrong(
        self,
        message: str,
        loc: Loc,
        found: object = None,
        allowed: Sequence[str] = (),
        nearest: str | None = None,
    ) -> None:
        self.problems.append(self.document.problem(message, loc, found=found, allowed=allowed, nearest=nearest))


@lru_cache(maxsize=1)
def _contract_reader() -> type[Reader]:
    readers = []
    for kind, cls in sorted(component_kinds().items()):
        readers.append(_model(cls.__name__, _PartReader, kind=(_literal(kind), ...), **_reader_fields(cls)))
    choice: Any = Annotated[_union(readers), pydantic.Field(discriminator="kind")]
    several = (_list_of(choice), pydantic.Field(min_length=1, max_length=100))
    return _model("Contract", _ContractReader, components=several)


@lru_cache(maxsize=32)
def _table_reader(kind: str, row: Any) -> type[Reader]:
    rows = (_list_of(_row_reader(row)), pydantic.Field(min_length=1))
    return _model(kind, _TableReader, kind=(_literal(kind), ...), rows=rows)


@lru_cache(maxsize=64)
def _row_reader(row: Any) -> type[Reader]:
    return _model(row.__name__, Reader, **_reader_fields(row))


def _reader_fields(cls: type[Any]) -> dict[str, Any]:
    """Return pydantic's fields for the fields of a dataclass of terms."""
    hints, made = get_type_hints(cls), {}
    for each in fields(cls):
        required = each.default is MISSING and each.default_factory is MISSING
        kind = _reader_type(hints[each.name], each.metadata)
        extra = _told(each)
        told = pydantic.Field(json_schema_extra=extra) if required else pydantic.Field(None, json_schema_extra=extra)
        made[each.name] = (kind if required else kind | None, told)
    return made


def _told(each: Field[Any]) -> dict[str, Any] | None:
    """Return what the schema says of an amount besides its bounds: its unit, and its value when it is left out."""
    if "unit" not in each.metadata:
        return None
    known = each.default is not MISSING and each.default is not None
    return {"unit": each.metadata["unit"]} | ({"standard": each.default} if known else {})


def _reader_type(hint: Any, metadata: Mapping[str, Any]) -> Any:
    if "unit" in metadata:
        return _either(_NotNegative, _Amount, dict)
    if get_origin(hint) is tuple:
        inner = _row_class(hint)
        is_row: bool = is_dataclass(inner)
        listed = _list_of(_row_reader(inner) if is_row else inner)
        return _either(_Text, listed, list) if "file" in metadata else listed
    return hint


def _either(short: Any, long: Any, container: type) -> Any:
    """Return a union that goes by the form of what is written, so that faults are those of the form meant."""

    def form(value: object) -> str:
        return "in full" if isinstance(value, container | pydantic.BaseModel) else "in short"

    full: Any = Annotated[long, pydantic.Tag("in full")]
    return Annotated[Annotated[short, pydantic.Tag("in short")] | full, pydantic.Discriminator(form)]


def _model(name: str, base: type[Reader], /, **given: Any) -> type[Reader]:
    return create_model(name, __base__=base, **given)


def _literal(value: str) -> Any:
    return Literal[value]


def _list_of(inner: Any) -> Any:
    return list[inner]


def _row_class(hint: Any) -> Any:
    return get_args(hint)[0]


def _union(types: Sequence[Any]) -> Any:
    whole = types[0]
    for each in types[1:]:
        whole = whole | each
    return whole


def _require_kind(document: Document, wanted: str) -> None:
    """Refuse a file of another kind at once, instead of key by key."""
    data = document.data
    found = data.get("kind", "contract") if isinstance(data, dict) else wanted
    if found != wanted:
        raise ScenarioError(document.problem(f"a {wanted} is wanted here", ("kind",), found=found, allowed=(wanted,)))


def _default_file(each: Field[Any], read: Any) -> str | None:
    """Return the file that a field not given falls back on, when the field that needs it was given."""
    needed = getattr(read, each.metadata["default_with"], None) if "default_with" in each.metadata else None
    return str(each.metadata["default"]) if needed else None


@lru_cache(maxsize=1)
def _service_names(*, admissions: bool = False) -> tuple[str, ...]:
    from paysim.care.catalogue import load_services

    services = load_services()
    units = zip(services.names, services.units, strict=True)
    return tuple(name for name, unit in units if not admissions or unit == "admission")
