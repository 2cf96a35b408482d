"""Who is a party to an arm's contracts: decided at the start of every contract year, before providers respond.

Practices decide by `paysim.behaviour.participation`, on as many years as there are base years, the latest ones;
organisations leave by their own rule (`paysim.accounting.organisations.Exit`), on what the ledger says of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from paysim.accounting.ledger import practice_actor
from paysim.behaviour.participation import prospect, weighing
from paysim.contracts.parties import Decision, as_decided, decides, is_party
from paysim.engine.accounts import Accounts
from paysim.engine.model import Model
from paysim.engine.responses import Responses
from paysim.kernel.records import PERIODS_PER_YEAR
from paysim.scenario import Arm


class Parties:
    """The parties of one arm.

    Attributes
    ----------
    decisions
        What was decided so far, in the order of years.
    """

    def __init__(self, model: Model, arm: Arm, responses: Responses) -> None:
        self.written, self.responses = arm.contracts, responses
        self.years, self.known = model.scenario.horizon_years, model.scenario.base_years
        self.weighing = weighing(model.parameters)
        self.voluntary = decides(arm.contracts)
        rules = arm.organisations.settled(model.parameters) if arm.organisations else {}
        parts = [(each, part) for each in arm.contracts for part in each.components]
        self.exits = {name: rule for name, rule in rules.items() if any(is_party(*each, name) for each in parts)}
        self.gone: set[str] = set()
        self.inside = np.zeros(len(model.population.practices), bool)
        self.decisions: list[Decision] = []

    def year_begins(self, accounts: Accounts) -> None:
        """Let everybody decide about the contract year that begins now, and put contracts as decided in place."""
        year = accounts.year
        if not (self.voluntary or self.exits) or year >= self.years:
            return
        self.decisions += self._organisations(accounts, year)
        contracts = as_decided(self.written, self.decisions)
        if self.voluntary:
            found = prospect(contracts, year, accounts.past, accounts.years[-self.known :])
            worth = self.weighing.worth(found.expected, found.risk)
            self.inside = found.willing(self.weighing, self.inside)
            values = np.column_stack([found.expected, found.risk, worth])
            rows = zip(accounts.practice_names, found.asked, self.inside, values.tolist(), strict=True)
            self.decisions += [
                Decision(year, practice_actor(name), bool(now), *(reckoned if asked else ()))
                for name, asked, now, reckoned in rows
            ]
            contracts = as_decided(self.written, self.decisions)
        accounts.contracts = contracts
        self.responses.arm = replace(self.responses.arm, contracts=contracts)

    def _organisations(self, accounts: Accounts, year: int) -> list[Decision]:
        """Return what organisations do that have a rule of exit."""
        persons = accounts.people_at_start
        found = []
        for name, rule in self.exits.items():
            if name in self.gone:
                continue
            quarters = (range(k * PERIODS_PER_YEAR, (k + 1) * PERIODS_PER_YEAR) for k in range(year))
            received = [accounts.ledger.net_eur(name, each) / persons for each in quarters]
            if year and rule.leaves(received):
                self.gone.add(name)
            position = rule.position(received)
            found.append(Decision(year, name, name not in self.gone, position_eur=position))
        return found
