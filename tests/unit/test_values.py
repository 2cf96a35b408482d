"""Every value of a run, once, under one name; and the tables and manifest that carry them."""

import csv
import io
import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paysim import outcomes
from paysim.accounting import ledger
from paysim.analysis import folder, runs
from paysim.analysis.cells import CELLS, Finished
from paysim.analysis.execution import population_digest
from paysim.cli.app import run as command
from paysim.errors import ModelError
from paysim.parameters import values
from paysim.scenario import Behaviour, load_scenario, resolved
from tests.toy import few_people_model

SHIPPED = "nl/achterhoek_four_models"


@pytest.fixture(scope="module")
def model():
    return few_people_model()


def cell(arm: str, replicate: int, scale: float) -> Finished:
    tables = (outcomes.COLUMNS, ledger.COLUMNS)
    results, posted = (pa.table({name: pa.array([], pa.int64()) for name in each}) for each in tables)
    return Finished(arm, replicate, scale, results, posted, [], (), (), 0, [], folder=f"{arm}-{replicate}")


def write_cells(place, model, cells):
    for each in cells:
        of_cell = place / CELLS / each.folder
        of_cell.mkdir(parents=True)
        for name, table in (("results.parquet", each.results), ("ledger.parquet", each.ledger)):
            pq.write_table(table, of_cell / name)
    folder.write_run(place, model, cells, None, "compiled", "")


def test_parameters_csv_has_what_check_prints_and_one_factor_an_arm(model, tmp_path, capsys):
    arms = [arm.name for arm in model.scenario.arms]
    cells = [cell(arm, 0, 1.25 if arm == "capitation" else 1.0) for arm in arms]
    write_cells(tmp_path, model, cells)
    assert command(["check", SHIPPED, "--json"]) == 0
    printed = [row["name"] for row in json.loads(capsys.readouterr().out)["parameters"]]
    with open(tmp_path / "parameters.csv", encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows) == [*printed, *(f"arms.{arm}.scale" for arm in arms)]
    assert rows["arms.capitation.scale"] | {"value": "1.25", "status": "derived"} == rows["arms.capitation.scale"]
    assert rows["discounting.effects"]["value"] == "0.015"
    assert json.loads(rows["diseases"]["value"]) == list(model.scenario.diseases)
    assert max(name.count("contracts.") for name in rows) == 1


def test_replicates_that_differ_show_every_factor(model):
    rows = folder.parameter_rows(model, [cell("bundled", 0, 1.1), cell("bundled", 1, 1.2), cell("mixed", 0, 1.0)])
    found = {row["name"]: row["value"] for row in rows}
    assert found["arms.bundled.scale"] == [1.1, 1.2]
    assert found["arms.mixed.scale"] == 1.0


def test_the_manifest_names_the_people(model, tmp_path):
    cells = [cell(arm.name, 0, 1.0) for arm in model.scenario.arms]
    write_cells(tmp_path, model, cells)
    manifest = runs.load_run(tmp_path).manifest
    assert manifest["population_sha256"] == population_digest(model.population)
    older = replace(model.population, age=model.population.age + 1e-9)
    assert population_digest(older) != manifest["population_sha256"]


def test_what_was_replaced_after_reading_says_so():
    read = load_scenario(SHIPPED)
    assert not [row for row in resolved(read) if row["status"] == "override"]
    arms = tuple(replace(arm, behaviour=Behaviour()) if arm.name == "mixed" else arm for arm in read.arms)
    changed = [row for row in resolved(replace(read, seed=7, arms=arms)) if row["status"] == "override"]
    assert {row["name"]: row["value"] for row in changed} == {"seed": 7, "arms.mixed.behaviour": "passive"}
    assert not any("yaml" in row["source"] for row in changed)


def test_amounts_of_one_name_that_differ_between_arms_are_both_shown(write):
    arm = """
  - name: {0}
    contracts:
      - name: mine
        payer: insurers
        providers: practices
        components: [{{kind: capitation, rate_eur_per_person_year: {1}}}]"""
    head = """\
schema: 1
name: two
region: achterhoek
start: 2021-01-01
horizon_years: 1
price_year: 2023
discounting: {costs: 0, effects: 0}
diseases: [mortality]
current: a
arms:"""
    text = head + arm.format("a", 200) + arm.format("b", 220) + "\n"
    rows = resolved(load_scenario(write("two.yaml", text)))
    assert max(Counter(row["name"] for row in rows).values()) == 1
    rates = {row["name"]: row["value"] for row in rows if row["name"].endswith("rate_eur_per_person_year")}
    assert sorted(rates.values()) == [200.0, 220.0]
    assert {name.split(".")[1] for name in rates} == {"a", "b"}


def test_a_table_has_no_formula_and_no_key_that_is_no_column():
    rows = [{"a": text, "b": -1.5} for text in ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "x=1", "plain")]
    read = list(csv.reader(io.StringIO(folder.csv_bytes(rows, ("a", "b")).decode(), newline="")))
    assert read[0] == ["a", "b"]
    assert [row[0] for row in read[1:]] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\nx", "x=1", "plain"]
    assert {row[1] for row in read[1:]} == {"-1.5"}
    assert folder.csv_bytes([{"a": None, "b": (1.0, 2.5)}], ("a", "b")) == b'a,b\n,"[1.0, 2.5]"\n'
    for wrong in ({"a": 1, "b": 2, "c": 3}, {"a": 1}):
        with pytest.raises(ModelError, match="keys"):
            folder.csv_bytes([wrong], ("a", "b"))


def test_columns_have_one_definition():
    assert runs.RESULT_COLUMNS is outcomes.COLUMNS
    assert runs.LEDGER_COLUMNS is ledger.COLUMNS
    assert runs.PARAMETER_COLUMNS is folder.PARAMETER_COLUMNS is values.COLUMNS
