"""Double-entry ledger in whole cents.

A posting is one bill of one component of a contract for one period: one side is a single actor that writes
the total, the other side is one actor or a group whose members each write what they received (or paid). The
two sides are rounded apart from each other, the total to the nearest cent and the split by largest remainder,
so that "the legs of a posting
sum to zero" is a test and not a definition. A positive leg is money received, a negative one money paid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paysim.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ORGANISATIONS = ("integrator", "care_group", "care_council", "reinsurer", "investor")
"""Organisations that a contract can name as payer or provider: they take part where one does."""

FIXED_ACTORS = (
    "insurers",
    "patients",
    "hospital",
    "out_of_hours",
    "pharmacy",
    "mental_health",
    "district_nursing",
    "other_care",
    "staff_and_suppliers",
    "municipalities",
    "government",
    *ORGANISATIONS,
)
"""Actors that every region has; each practice is one more, named by `practice_actor`."""

TEXT_COLUMNS = ("actor", "counterparty", "account", "contract", "component")
COLUMNS = ("arm", "draw", "replicate", "posting", "period", *TEXT_COLUMNS, "cents")

_PRACTICE = "practice:"
_MOST_CENTS = 2.0**53  # beyond this a float no longer holds every whole number
_RELATIVE_NOISE = 1e-9  # of floating-point sums taken in different orders
_NOISE_CENTS = 1e-3

Cents = NDArray[np.int64]


def practice_actor(name: str) -> str:
    """Return the actor's name of the practice called `name`."""
    return _PRACTICE + name


def is_practice(actor: str) -> bool:
    """Tell whether the actor is a practice."""
    return actor.startswith(_PRACTICE)


def split_cents(euros: NDArray[np.float64], total: int) -> Cents:
    """Split `total` cents over the entries of `euros` by largest remainder.

    Parameters
    ----------
    euros
        ``[n]`` unrounded shares, of any sign.
    total
        Cents to hand out; must be within n cents of the sum of `euros`.

    Returns
    -------
    ndarray
        ``[n]`` int64 cents that sum to `total`, each within a cent of its share; ties go to the earlier
        entry.

    Raises
    ------
    ModelError
        If the shares cannot be rounded to that total.
    """
    exact = euros * 100.0
    cents = np.floor(exact)
    left = total - int(cents.sum())
    if not 0 <= left <= len(cents):
        raise ModelError(f"ledger: shares of {math.fsum(exact):.6f} cents cannot be split into {total} cents")
    order = np.argsort(cents - exact, kind="stable")
    cents[order[:left]] += 1.0
    return cents.astype(np.int64)


class _Labels:
    """Text by code, in order of first use."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._code: dict[str, int] = {}
        self._group: dict[tuple[str, ...], NDArray[np.int32]] = {}

    def code(self, name: str) -> int:
        if name not in self._code:
            self._code[name] = len(self.names)
            self.names.append(name)
        return self._code[name]

    def codes(self, names: Sequence[str]) -> NDArray[np.int32]:
        key = tuple(names)
        if key not in self._group:
            self._group[key] = np.array([self.code(name) for name in key], dtype=np.int32)
        return self._group[key]


class Ledger:
    """The postings of one arm, draw and replicate.

    Parameters
    ----------
    arm, draw, replicate
        Which run this is; copied into every row.
    """

    def __init__(self, arm: str = "", draw: int = 0, replicate: int = 0) -> None:
        self.arm, self.draw, self.replicate = arm, draw, replicate
        self._labels = _Labels()
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS[3:]}
        self._postings = 0

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts["cents"])

    def post(
        self,
        *,
        period: int,
        contract: str,
        component: str,
        account: str,
        payer: str | Sequence[str],
        payee: str | Sequence[str],
        euros: ArrayLike,
        total_eur: float | None = None,
        group: str = "practices",
    ) -> int | None:
        """Post one bill; a bill of nothing posts nothing.

        Parameters
        ----------
        period
            Quarter since the start; negative in the base years.
        contract, component, account
            What the money is for; `account` is the budget line, such as ``general_practice`` or ``wages``.
        payer, payee
            Actors. One of the two may be a group: a sequence of names, in the order of `euros`.
        euros
            ``[n]`` unrounded euros per member of the group (a number if there is no group), from payer to
            payee.
        total_eur
            The total as the single side reckons it; by default the exact sum of `euros`.
        group
            What the single side calls the group, as its counterparty.

        Returns
        -------
        int or None
            Number of the posting.

        Raises
        ------
        ModelError
            If amounts are not finite, do not fit the actors, or the two sides disagree by more than rounding.
        """
        where = f"posting {self._postings} (period {period}, {contract}, {component})"
        many, one, sign = self._sides(payer, payee, where)
        amounts = np.atleast_1d(np.asarray(euros, dtype=np.float64))
        if amounts.shape != (len(many),):
            raise ModelError(f"ledger: {where}: {amounts.shape} amounts for {len(many)} actors")
        own_sum = math.fsum(amounts) * 100.0
        total = own_sum if total_eur is None else total_eur * 100.0
        if not (math.isfinite(own_sum) and math.isfinite(total) and abs(own_sum) < _MOST_CENTS):
            raise ModelError(f"ledger: {where}: amounts must be finite and below {_MOST_CENTS:.0f} cents")
        if abs(total - own_sum) > _NOISE_CENTS + _RELATIVE_NOISE * float(np.abs(amounts).sum()) * 100.0:
            raise ModelError(f"ledger: {where}: one side reckons {total:.2f} cents, the other {own_sum:.2f}")
        split = split_cents(amounts, round(total))
        if not split.any():
            return None
        used = np.flatnonzero(split)
        actor = np.append(self._labels.codes(many)[used], np.int32(self._labels.code(one)))
        other = self._labels.code(many[0] if len(many) == 1 else group)
        counterparty = np.full(len(actor), self._labels.code(one), dtype=np.int32)
        counterparty[-1] = other
        self._append(period, contract, component, account, actor, counterparty)
        self._parts["cents"].append(np.append(sign * split[used], np.int64(-sign * round(total))))
        self._postings += 1
        return self._postings - 1

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the ledger column by column; text columns are arrays of strings."""
        names = np.array(self._labels.names, dtype=object)
        table: dict[str, NDArray[Any]] = {
            "arm": np.full(len(self), self.arm, dtype=object),
            "draw": np.full(len(self), self.draw, dtype=np.int32),
            "replicate": np.full(len(self), self.replicate, dtype=np.int32),
        }
        for name, dtype in (("posting", np.int64), ("period", np.int32), ("cents", np.int64)):
            table[name] = self._whole(name, dtype)
        for name in TEXT_COLUMNS:
            codes = self._whole(name, np.int32)
            table[name] = names[codes] if len(names) else np.empty(0, dtype=object)
        return {name: table[name] for name in COLUMNS}

    def frame(self) -> pd.DataFrame:
        """Return the ledger as a pandas frame with the columns of `COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self.columns())

    def to_arrow(self) -> pa.Table:
        """Return the ledger as an Arrow table; text columns are dictionary-encoded."""
        import pyarrow as pa

        def encoded(codes: NDArray[np.int32], names: list[str]) -> pa.DictionaryArray:
            return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))

        rows = len(self)
        data: dict[str, Any] = {
            "arm": encoded(np.zeros(rows, dtype=np.int32), [self.arm]),
            "draw": pa.array(np.full(rows, self.draw, dtype=np.int32)),
            "replicate": pa.array(np.full(rows, self.replicate, dtype=np.int32)),
            "posting": pa.array(self._whole("posting", np.int64)),
            "period": pa.array(self._whole("period", np.int32)),
            "cents": pa.array(self._whole("cents", np.int64)),
        }
        for name in TEXT_COLUMNS:
            used, codes = np.unique(self._whole(name, np.int32), return_inverse=True)
            data[name] = encoded(codes.astype(np.int32), [self._labels.names[code] for code in used])
        return pa.table({name: data[name] for name in COLUMNS})

    def trial_balance(self) -> dict[str, int]:
        """Return each actor's balance in cents, by name; they sum to zero."""
        actors = self._whole("actor", np.int32)
        balance: Cents = np.zeros(len(self._labels.names), dtype=np.int64)
        np.add.at(balance, actors, self._whole("cents", np.int64))
        return {self._labels.names[code]: int(balance[code]) for code in np.unique(actors)}

    def net_eur(self, actor: str, periods: range) -> float:
        """Return what an actor received less what it paid in some periods, in euro; 0 for who has no postings."""
        if actor not in self._labels.names:
            return 0.0
        period = self._whole("period", np.int32)
        mine = self._whole("actor", np.int32) == self._labels.code(actor)
        mine &= (period >= periods.start) & (period < periods.stop)
        return int(self._whole("cents", np.int64)[mine].sum()) / 100.0

    def income_statement(self, actor: str) -> pd.DataFrame:
        """Return `paysim.accounting.statements.income_statement` of this ledger."""
        from paysim.accounting.statements import income_statement

        return income_statement(self.frame(), actor)

    def check(self) -> None:
        """Raise ModelError unless the ledger obeys the laws, see `check_laws`."""
        check_laws(self.columns())

    def _sides(
        self, payer: str | Sequence[str], payee: str | Sequence[str], where: str
    ) -> tuple[Sequence[str], str, int]:
        """Return the side written member by member, the single side, and the sign of the first."""
        if isinstance(payer, str):
            return ([payee] if isinstance(payee, str) else payee), payer, 1
        if isinstance(payee, str):
            return payer, payee, -1
        raise ModelError(f"ledger: {where}: payer and payee cannot both be groups")

    def _append(
        self,
        period: int,
        contract: str,
        component: str,
        account: str,
        actor: NDArray[np.int32],
        counterparty: NDArray[np.int32],
    ) -> None:
        legs = len(actor)
        self._parts["posting"].append(np.full(legs, self._postings, dtype=np.int64))
        self._parts["period"].append(np.full(legs, period, dtype=np.int32))
        self._parts["actor"].append(actor)
        self._parts["counterparty"].append(counterparty)
        for column, text in (("account", account), ("contract", contract), ("component", component)):
            self._parts[column].append(np.full(legs, self._labels.code(text), dtype=np.int32))

    def _whole(self, column: str, dtype: type[np.generic]) -> NDArray[Any]:
        parts = self._parts[column]
        return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def check_laws(table: Mapping[str, Any] | pd.DataFrame) -> None:
    """Raise ModelError unless the table is a double-entry ledger of one run.

    Checked: whole cents; every posting has two legs or more and sums to zero; so do each contract, each
    period and the whole.

    Parameters
    ----------
    table
        Columns of a ledger, as `Ledger.columns`, `Ledger.frame` or a file read back gives them.

    Raises
    ------
    ModelError
        With the number of the first offending posting, its period, contract and component.
    """
    cents = np.asarray(table["cents"])
    if not np.issubdtype(cents.dtype, np.integer):
        raise ModelError(f"ledger: cents are {cents.dtype}, expected whole numbers")
    if not len(cents):
        return
    posting, leg_of = np.unique(np.asarray(table["posting"]), return_inverse=True)
    sums = _sums(leg_of, cents, len(posting))
    legs = np.bincount(leg_of, minlength=len(posting))
    wrong = np.flatnonzero((sums != 0) | (legs < 2))
    if len(wrong):
        first = wrong[0]
        row = int(np.flatnonzero(leg_of == first)[0])
        what = ", ".join(str(np.asarray(table[name])[row]) for name in ("contract", "component"))
        raise ModelError(
            f"ledger: posting {posting[first]} (period {np.asarray(table['period'])[row]}, {what}): "
            f"{legs[first]} legs sum to {sums[first]} cents, expected two or more that sum to 0 "
            f"({len(wrong)} such postings)"
        )
    for column in ("contract", "period"):
        names, of = np.unique(np.asarray(table[column]), return_inverse=True)
        totals = _sums(of, cents, len(names))
        if totals.any():
            worst = np.flatnonzero(totals)[0]
            raise ModelError(f"ledger: {column} {names[worst]} sums to {totals[worst]} cents, expected 0")


def _sums(group: NDArray[np.int64], cents: Cents, groups: int) -> Cents:
    totals = np.zeros(groups, dtype=np.int64)
    np.add.at(totals, group, cents)
    return totals
