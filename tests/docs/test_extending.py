"""What docs/extending.md and docs/model.md say of the code holds: the examples work, and no transition is forgotten."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from paysim.cli.app import run as command
from paysim.diseases.health import build_health, cohort_from_population, health_parameters
from paysim.population import synthesize
from paysim.scenario import load_scenario

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
PAGE = BLOCK.findall((ROOT / "docs/extending.md").read_text("utf-8"))


def named(kinds):
    """Blocks that begin with the name of a file: (file, text)."""
    found = [(text.partition("\n")[0].removeprefix("# "), text) for kind, text in PAGE if kind in kinds]
    return [(name, text) for name, text in found if re.fullmatch(r"[\w/.]+", name)]


DIFFS = named(["diff"])


def apply(text, change):
    """Insert the lines that a change adds after those that it shows."""
    lines = change.splitlines()[1:]
    shown = "\n".join(line[1:] for line in lines if line.startswith(" ")) + "\n"
    added = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
    assert text.count(f"\n{shown}") == 1, shown
    return text.replace(f"\n{shown}", f"\n{shown}{added}")


@pytest.mark.parametrize(("name", "change"), DIFFS)
def test_changes_apply_to_the_files_they_name(name, change):
    text = (ROOT / name).read_text("utf-8")
    assert len(apply(text, change)) > len(text)


def test_there_is_an_example_of_each_kind():
    files = {name for name, _ in named(["yaml", "csv", "python"])}
    assert {"my_town.csv", "my_targets.csv", "my_programme.yaml", "paysim/diseases/gout/model.py"} <= files
    assert len(DIFFS) >= 8


def test_the_programme_is_one(tmp_path):
    ((name, text),) = [each for each in named(["yaml"]) if each[0] == "my_programme.yaml"]
    (tmp_path / name).write_text(text, "utf-8")
    scenario = (ROOT / "scenarios/nl/achterhoek_programmes.yaml").read_text("utf-8")
    changed = scenario.replace("programmes: [community_prevention]", f"programmes: [{name}]")
    (tmp_path / "my_scenario.yaml").write_text(changed, "utf-8")
    assert command(["check", str(tmp_path / "my_scenario.yaml")]) == 0


@pytest.mark.slow
def test_a_disease_and_a_treatment_as_described_work(tmp_path):
    """Apply the page to a copy of the package and run its last block, and what it promises, there."""
    shutil.copytree(ROOT / "paysim", tmp_path / "paysim", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("populations", "delegation"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for name, text in named(["yaml", "csv", "python"]):
        if name.startswith("paysim/"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(text, "utf-8")
    for name, change in DIFFS:
        path = tmp_path / name
        path.write_text(apply(path.read_text("utf-8"), change), "utf-8")
    (last,) = (text for kind, text in PAGE if kind == "python" and text.startswith("import paysim as ps"))
    promised = """
import numpy as np
import paysim
assert paysim.__file__.startswith({place!r})
start = model.transition("start_colchicine")
assert start.required_any == ("prior_mi",)
assert model.transition("mi_first").log_hr["colchicine"] < 0
assert 0.001 < cohort.has("gout").mean() < 0.2
assert model.decrement["gout"] < 0 and "gout" in model.chronic
assert picture.startswith(b"\\x89PNG")
from paysim.diseases.cohort import hazards
onset = hazards(model.transition("gout_onset"), cohort).sum()
assert np.isclose(onset, (cohort.by_age() * model.reference["gout"]).sum(), rtol=0.02)
"""
    script = last + promised.format(place=str(tmp_path))
    there = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=there, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_region_and_a_target_as_described_work(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in named(["csv"]):
        if "/" not in name:
            Path(name).write_text(text, "utf-8")
    lines = [line for kind, text in PAGE if kind == "sh" for line in text.splitlines()]
    assert len(lines) == 3
    for line in lines:
        words = line.split()[1:]
        assert command([*words, "--years", "1"] if words[0] == "validate" else words) == 0, line
    shown = capsys.readouterr().out
    assert "my_diabetes" in shown
    assert "my_strokes" in shown


def test_processes_of_ones_own_as_described_work(tmp_path, monkeypatch):
    """Run the page's closure and winter wave, and look at what it says can be looked at."""
    text = "".join(block for name, block in named(["python"]) if name == "winter.py")
    (tmp_path / "winter.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    winter = importlib.import_module("winter")
    whole = load_scenario("nl/achterhoek_four_models")
    one = whole.arm(whole.current)
    short = replace(whole, base_years=1, horizon_years=1, arms=(one,), compare_with=())
    run = winter.run(short, tmp_path / "run", sample=1500)
    beds = winter.beds_in_winter(run)
    assert list(beds["group"]) == [f"acute_medical Q{k}" for k in (1, 2, 3, 4)]
    assert beds["value"].iloc[0] > beds["value"].iloc[2] + 0.05
    rows = run.results[(run.results["dimension"] == "specialty") & (run.results["period"] == 0)]
    served = rows[rows["measure"] == "clinic_served"].set_index("group")["value"]
    assert served["cardiology"] == 0
    assert served["neurology"] > 0


@pytest.fixture(scope="module")
def transitions():
    params = health_parameters("BE")
    cohort = cohort_from_population(synthesize("middenkempen", sample=2_000), params)
    return {row.name for row in build_health(params, cohort, "BE").transitions}


def test_the_model_page_names_every_transition_and_no_other(transitions):
    page = (ROOT / "docs/model.md").read_text("utf-8")
    health = page[page.index("### The diseases") : page.index("### Quality of life")]
    rows = [line.split("|")[1] for line in health.splitlines() if line.startswith("| `")]
    shown = {name for cell in rows for name in re.findall(r"`(\w+)`", cell)} | {"death_background"}
    assert "`death_background`" in health
    assert shown == transitions
