"""A server without a network, over a folder with one small finished run."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from paysim.analysis.execution import simulate
from paysim.report import document
from paysim.scenario import load_scenario
from paysim.web.app import create_app
from paysim.web.settings import Settings

ADDRESS = "http://127.0.0.1:8642"
PERSONS = 3_000


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished run: three arms, two years."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    scenario = replace(load_scenario("nl/achterhoek_four_models"), base_years=1, horizon_years=2)
    scenario = replace(scenario, arms=scenario.arms[:3], compare_with=(scenario.current,))
    with pytest.MonkeyPatch.context() as patch:  # no page shows a figure of the report
        patch.setattr(document, "images", lambda sheet: (b"<svg/>", b"png"))
        document.write_report(simulate(scenario, folder, sample=PERSONS))
    return folder


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "outputs").mkdir()
    return Settings(tmp_path / "outputs", token="t" * 24, key="k" * 24)


@pytest.fixture
def with_run(settings, finished):
    shutil.copytree(finished, settings.outputs / "small")
    return settings


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture
def client(app):
    """A browser that opened the start link; its queue works while the test runs."""
    headers = {"origin": ADDRESS, "sec-fetch-site": "same-origin", "accept-language": "en"}
    with TestClient(app, base_url=ADDRESS, headers=headers, follow_redirects=False) as made:
        assert made.get(f"/start?token={'t' * 24}").status_code == 303
        yield made
