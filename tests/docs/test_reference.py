"""Pages of the reference are those of the code and the data: written anew, they are the same."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs/reference"


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def keys():
    return tool("write_keys")


@pytest.fixture(scope="module")
def numbers():
    module = tool("write_numbers")
    return module, module.numbers()


def test_pages_are_up_to_date(keys, numbers):
    """If not: ``make reference``."""
    module, rows = numbers
    pages = {
        "cli.md": tool("write_cli").page(),
        "scenarios.md": tool("write_library").page(),
        "keys.md": keys.page(),
        "parameters.md": module.parameters_page(rows),
        "provenance.md": module.provenance_page(rows),
    }
    stale = [name for name, page in pages.items() if (REFERENCE / name).read_text("utf-8") != page]
    assert not stale, f"make reference: {stale}"


def test_every_key_is_explained(keys):
    said = {(file, key.path): keys.meaning(key) for file in keys.FILES for key in keys.keys(file)}
    assert not [key for key, (_, words) in said.items() if not words]


def test_no_key_is_explained_that_is_none(keys):
    paths = {file: {key.path for key in keys.keys(file)} for file in keys.FILES}
    for file, name in keys.meanings():
        of_files = paths.values() if file == "*" else [paths[file]]
        assert any(path == name or path.endswith((f".{name}", f"[].{name}")) for each in of_files for path in each), (
            name
        )


def test_bounds_and_defaults_are_the_models(keys):
    rows = {key.path: key for key in keys.keys("scenario")}
    assert rows["horizon_years"].form == "whole number, at least 1, at most 100"
    assert rows["base_years"].default == "`3`"
    assert rows["region"].default == "needed"
    regions = {key.path: key for key in keys.keys("region")}
    assert "at least 1000" in regions["represented_by"].form  # also within a union


def test_numbers_are_those_of_the_model(numbers):
    """The scan of files finds each parameter that the loaders find, with its value and status."""
    from paysim.behaviour import behaviour_parameters
    from paysim.care.model import care_parameters
    from paysim.diseases.health import health_parameters
    from paysim.outcomes import outcome_parameters

    module, rows = numbers
    found = {(row.name.rpartition(".")[2], row.value, row.status) for row in rows}
    loaded = health_parameters("NL", calibrated=False) | behaviour_parameters(calibrated=False) | outcome_parameters()
    loaded |= care_parameters("BE")
    named = [loaded.row(name) for name in loaded if not name.startswith(("delegation.", "services."))]
    assert len(named) > 400
    missing = [
        row.name
        for row in named
        if (row.name.partition(".")[2], module._shown(_plain(row.value)), row.status) not in found
    ]
    assert not missing


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def test_every_weak_number_is_listed(numbers):
    _, rows = numbers
    page = (REFERENCE / "provenance.md").read_text("utf-8")
    weak = [row for row in rows if row.status in ("assumed", "recalled")]
    assert len(re.findall(r"\| (?:assumed|recalled) \|", page)) == len(weak) + 1  # and the head of the counts
    assert "| **all** |" in page


def test_every_option_is_on_the_page_of_commands():
    page = (REFERENCE / "cli.md").read_text("utf-8")
    for words, command in tool("write_cli").commands():
        section = page.split(f"## `{words}`\n")[1].split("\n## ")[0]
        for each in command.params:
            for option in each.opts if each.param_type_name == "option" else ():
                assert f"`{option}`" in section, (words, option)


@pytest.fixture(scope="module")
def diagrams():
    module = tool("draw_diagrams")
    return module, module.transitions()


@pytest.mark.slow
def test_diagrams_page_is_up_to_date(diagrams):
    """If not: ``make reference``, which draws them again too."""
    module, rows = diagrams
    page = module.page(rows)
    assert module.PAGE.read_text("utf-8") == page
    for image in re.findall(r"\]\(\.\./(images/[\w.]+)\)", page):
        assert (ROOT / "docs" / image).is_file(), image


def test_every_disease_with_states_is_drawn():
    module = tool("draw_diagrams")
    assert {f"states_{name}" for name in module.drawn()} == {path.stem for path in module.IMAGES.glob("states_*.png")}


@pytest.mark.slow
def test_pictures_are_those_of_the_tables(diagrams):
    from paysim.report.drawing import save

    module, rows = diagrams
    for name in module.drawn():
        kept = (module.IMAGES / f"states_{name}.png").read_bytes()
        assert save(module.states_figure(rows, name), "png") == kept, f"make reference: {name}"
