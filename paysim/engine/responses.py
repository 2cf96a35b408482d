"""How practices answer their contracts during a run."""

from __future__ import annotations

from typing import Any

from paysim.accounting.activity import Activity
from paysim.contracts.contract import Contract
from paysim.engine.model import Model
from paysim.kernel.records import State
from paysim.scenario import Arm


def base_anchor(model: Model, contracts: tuple[Contract, ...], activity: Activity) -> None:
    return None


class Responses:
    def __init__(self, model: Model, arm: Arm, anchor: Any, replicate: int) -> None:
        self.table: list[dict[str, Any]] = []

    def at_start(self, state: State, activity: Activity) -> bool:
        return False

    def decide(self, region: Any, activity: Activity) -> bool:
        return False
