"""Statements read from a ledger: what an actor received and paid, by period and budget line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim.accounting.ledger import is_practice
from paysim.errors import ModelError, nearest_name

if TYPE_CHECKING:
    import pandas as pd


def income_statement(ledger: pd.DataFrame, actor: str) -> pd.DataFrame:
    """Return the income statement of an actor, one row a period.

    Parameters
    ----------
    ledger
        Frame with the ledger's columns, of one arm, draw and replicate.
    actor
        Name of an actor, or ``practices`` for all practices together.

    Returns
    -------
    DataFrame
        Indexed by period: one signed column of euros per account (income positive, expenses negative), then
        ``income_eur``, ``expenses_eur`` (negative) and ``result_eur``, their sum. Exact to the cent.

    Raises
    ------
    ModelError
        If the ledger knows no such actor.
    """
    actors = ledger["actor"].astype(str)
    own = ledger[actors.map(is_practice) if actor == "practices" else actors == actor]
    if own.empty:
        known = sorted(set(actors))
        near = nearest_name(actor, known)
        raise ModelError(f"ledger: no postings of {actor!r}" + (f"; did you mean {near!r}?" if near else ""))
    own = own.assign(account=own["account"].astype(str))
    accounts = own.pivot_table(
        index="period", columns="account", values="cents", aggfunc="sum", fill_value=0, observed=True
    )
    accounts.columns.name = None
    statement = accounts / 100.0
    statement["income_eur"] = accounts.where(accounts > 0, 0).sum(axis=1) / 100.0
    statement["expenses_eur"] = accounts.where(accounts < 0, 0).sum(axis=1) / 100.0
    statement["result_eur"] = accounts.sum(axis=1) / 100.0
    return statement


def trial_balance(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return balances in cents: a row an actor, a column an account, and ``total``, which sums to zero."""
    balance = ledger.astype({"actor": str, "account": str}).pivot_table(
        index="actor", columns="account", values="cents", aggfunc="sum", fill_value=0
    )
    balance.columns.name = None
    balance["total"] = balance.sum(axis=1)
    return balance


def flows(ledger: pd.DataFrame) -> pd.DataFrame:
    """Return the net euros that flow between actors over the whole ledger, practices taken together.

    Returns
    -------
    DataFrame
        ``payer``, ``payee``, ``account``, ``eur`` (positive): one row a pair of actors and account.
    """
    frame = ledger.astype({"actor": str, "counterparty": str, "account": str})
    for side in ("actor", "counterparty"):
        frame[side] = frame[side].where(~frame[side].map(is_practice), "practices")
    net = frame.groupby(["actor", "counterparty", "account"])["cents"].sum().reset_index()
    net = net[net["cents"] < 0].set_axis(["payer", "payee", "account", "cents"], axis=1)
    return net.assign(eur=-net["cents"] / 100.0).drop(columns="cents").reset_index(drop=True)
