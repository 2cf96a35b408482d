"""docs/contracts.md says what the code does: its reference is the components' own, and its examples work."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from paysim.accounting.activity import Activity
from paysim.accounting.book import Book
from paysim.contracts.cases import run_case
from paysim.contracts.terms import component_kinds, read_contract

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/contracts.md").read_text("utf-8")
BLOCKS = {
    text.partition("\n")[0].removeprefix("# "): text for text in re.findall(r"^```\w+\n(.*?)^```$", PAGE, re.M | re.S)
}


def _module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_that_of_the_components():
    assert _module("write_components", ROOT / "tools/write_components.py").written(PAGE) == PAGE


@pytest.mark.parametrize("kind", sorted(component_kinds()))
def test_every_term_is_on_the_page_in_words(kind):
    section = PAGE.split(f"### `{kind}`\n")[1].split("\n### ")[0]
    for each in fields(component_kinds()[kind]):
        row = next(line for line in section.splitlines() if line.startswith(f"| `{each.name}` |"))
        assert row.split("|")[4].strip(), f"{kind}.{each.name} is not explained in its class"


def test_the_contract_is_one(tmp_path):
    path = tmp_path / "my_contract.yaml"
    path.write_text(BLOCKS["my_contract.yaml"], "utf-8")
    contract = read_contract(path)
    assert [part.at(0).share for part in contract.components] == [0.5, 0.25]


def test_the_case_is_met(tmp_path):
    path = tmp_path / "my_case.yaml"
    path.write_text(BLOCKS["my_case.yaml"], "utf-8")
    case = run_case(path)
    assert case.met
    assert len(case.outcomes) == 2


def test_the_component_pays_beyond_the_size(tmp_path):
    path = tmp_path / "list_bonus.py"
    path.write_text(BLOCKS["paysim/contracts/list_bonus.py"], "utf-8")
    terms = _module("list_bonus", path).ListBonus(10.0, beyond_persons=100.0)
    activity = Activity.empty(("gp_consult",), ("small", "large"), 0.5)
    activity.person_years[:, 0] = 40.0, 80.0  # lists of 80 and 160 people
    paid = terms.settle(Book(activity))
    np.testing.assert_allclose(paid.sum(axis=1), [0.0, 10.0 * 30.0])
