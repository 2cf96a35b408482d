"""Contracts written down as plain values, so that a run folder holds the very terms that it was settled by."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from paysim.contracts.contract import Contract, Part


def as_mapping(contract: Contract) -> dict[str, Any]:
    """Return a contract as a mapping that `read_contract` makes the same contract of, origins of amounts apart."""
    return {
        "schema": 1,
        "name": contract.name,
        "title": contract.title,
        "payer": contract.payer,
        "providers": contract.providers,
        **_plain(contract.scope),
        **({} if contract.after_exit_of is None else {"after_exit_of": contract.after_exit_of}),
        "components": [_component(part) for part in contract.components],
    }


def _component(part: Part) -> dict[str, Any]:
    place = {"from_year": part.from_year, "until_year": part.until_year}
    known: dict[str, Any] = {name: year for name, year in place.items() if year is not None}
    if part.share_by_year:
        known["share_by_year"] = list(part.share_by_year)
    return {"kind": part.kind, "name": part.name, "share": part.share, **known, **_plain(part.terms)}


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {name: _plain(found) for name, found in pairs if found is not None and found != ()}
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
