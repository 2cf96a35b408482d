"""Write docs/reference/scenarios.md: every scenario and contract of the library, from its own file.

python tools/write_library.py
"""

from __future__ import annotations

from pathlib import Path

from paysim import catalog
from paysim.contracts.terms import Contract, read_contract
from paysim.parameters import Parameter
from paysim.reading import read_yaml
from paysim.scenario import Arm, Scenario, load_scenario

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reference/scenarios.md"
HEAD = """# Scenarios and their terms

What each scenario of the [library](../library.md) is, which contracts its arms have, and what is assumed in them, from
the files themselves (`python tools/write_library.py`). Amounts are as written, in the price year of their source; a run
brings them to its own. No result is part of a scenario.
"""
CONTRACTS = """
## Contracts

Each amount with its range, status and source. *found*: read in the source; *derived*: by arithmetic from what was
found; *recalled*: from memory of the literature, to be checked; *assumed*: a choice, to be swept over its range.
"""


def page() -> str:
    """Return the page."""
    scenarios = [name for name in catalog.names("scenarios") if not name.startswith("pilots/")]
    contracts = [name for name in catalog.names("contracts") if _is_contract(name)]
    of = {read_contract(name).name: name for name in contracts}
    parts = [HEAD, *(_scenario(name, of) for name in scenarios), CONTRACTS, *(_contract(name) for name in contracts)]
    return "\n".join(parts)


def _is_contract(name: str) -> bool:
    return read_yaml(catalog.find("contracts", name)).data.get("kind", "contract") == "contract"


def _scenario(name: str, of: dict[str, str]) -> str:
    scenario = load_scenario(name)
    rows = [f"| `{arm.name}` | {_arm(arm.contracts, of)} | {_more(arm)} |" for arm in scenario.arms]
    about = f"`{name}`: {scenario.region}, {scenario.horizon_years} years after {scenario.base_years} base years."
    table = ["| arm | contracts | behaviour and programmes |", "|---|---|---|", *rows]
    return "\n".join([f"\n## {scenario.title}\n", _told("scenarios", name), "", about, "", *table, *_assumed(scenario)])


def _arm(contracts: tuple[Contract, ...], of: dict[str, str]) -> str:
    return ", ".join(f"[{each.name}](#{each.name})" if each.name in of else each.name for each in contracts)


def _more(arm: Arm) -> str:
    return ", ".join([arm.behaviour.name, *(each.name for each in arm.programmes)])


def _assumed(scenario: Scenario) -> list[str]:
    """Return what is assumed in other arms than the current one."""
    own = {each.name for contract in scenario.arm(scenario.current).contracts for each in contract.amounts}
    amounts = {each.name: each for arm in scenario.arms for contract in arm.contracts for each in contract.amounts}
    weak = [each for name, each in amounts.items() if each.status == "assumed" and name not in own]
    if not weak:
        return []
    named = [f"`{each.name.removeprefix('contracts.')}` {_value(each)} ({_range(each)})" for each in weak]
    return ["", f"Assumed in its terms, with ranges: {'; '.join(named)}."]


def _contract(name: str) -> str:
    contract = read_contract(name)
    rows = [
        f"| {each.name.partition(contract.name + '.')[2] or each.name.removeprefix('contracts.')} | {_value(each)} | "
        f"{each.unit} | {_range(each)} | {each.status} | {each.source} |".replace("  ", " ")
        for each in contract.amounts
    ]
    kinds = ", ".join(dict.fromkeys(f"`{part.kind}`" for part in contract.components))
    about = f"*{contract.title}.* `{name}`, from {contract.payer} to {contract.providers}: {kinds}."
    table = ["| amount | value | unit | range | status | source |", "|---|---|---|---|---|---|", *rows] if rows else []
    return "\n".join([f"\n### {contract.name}\n", about, "", _told("contracts", name), "", *table])


def _told(part: str, name: str) -> str:
    """Return the comment at the head of a file."""
    lines = catalog.find(part, name).read_text("utf-8").splitlines()
    head = [line.removeprefix("#").strip() for line in lines[: next(k for k, x in enumerate(lines) if x[:1] != "#")]]
    return " ".join(head)


def _value(each: Parameter) -> str:
    return f"{each.value:,.6g}" if isinstance(each.value, int | float) else str(each.value)


def _range(each: Parameter) -> str:
    return "" if each.low is None or each.high is None else f"{each.low:,.6g} to {each.high:,.6g}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} written")
