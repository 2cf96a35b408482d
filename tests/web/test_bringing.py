"""Uploads: the same checks and messages as on the command line, and nothing of this machine is read for them."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

from paysim.analysis.compare import compare
from paysim.analysis.runs import load_run
from paysim.errors import InputError
from paysim.population import load_region, synthesize, write_population
from paysim.scenario import load_scenario
from paysim.web.uploads import ending

SHIPPED = "nl/achterhoek_four_models"


@pytest.fixture
def shipped(root):
    return (root / "scenarios" / f"{SHIPPED}.yaml").read_bytes()


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    file = tmp_path_factory.mktemp("people") / "people.parquet"
    write_population(synthesize(load_region("achterhoek"), sample=1_500), file)
    return file.read_bytes()


def brought(client, do="check", scenario=None, people=None, **more):
    files = {}
    if scenario is not None:
        files["scenario"] = (more.pop("name", "own.yaml"), scenario)
    if people is not None:
        files["people"] = (more.pop("people_name", "people.parquet"), people)
    files = files or {"scenario": ("", b"")}
    return client.post(
        "/upload", data={"do": do, "kind": "written", "library": SHIPPED, "size": "quick"} | more, files=files
    )


def test_a_scenario_is_checked(client, shipped):
    answer = brought(client, scenario=shipped)
    assert answer.status_code == 200
    assert "Achterhoek under four ways" in answer.text


def test_a_scenario_is_run_as_it_was_brought(client, settings, shipped, monkeypatch):
    monkeypatch.setattr("paysim.web.jobs.Jobs._launch", lambda self, job: False)
    where = brought(client, "run", shipped).headers["location"]
    assert client.get(f"{where}/scenario.yaml").content == shipped


def test_messages_are_those_of_the_command_line(client, shipped, tmp_path, monkeypatch):
    bad = shipped.replace(b"horizon_years", b"horizon_year").replace(b"region: achterhoek", b"region: achterhook")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenario.yaml").write_bytes(bad)
    with pytest.raises(InputError) as refused:
        load_scenario("scenario.yaml")
    answer = brought(client, scenario=bad)
    import html

    assert answer.status_code == 422
    for line in str(refused.value).splitlines():
        assert line in html.unescape(answer.text)
    assert str(tmp_path) not in answer.text


@pytest.mark.parametrize("name", ["/etc/hosts.yaml", "../secret.yaml", "secret.YAML", "nl/gp_capitation.yaml", "x.yml"])
@pytest.mark.parametrize("place", [b"nl/gp_capitation,", b"region: achterhoek"])
def test_a_scenario_from_elsewhere_names_no_files(client, shipped, name, place):
    put = name.encode() + b"," if place.endswith(b",") else b"region: " + name.encode()
    answer = brought(client, scenario=shipped.replace(place, put))
    assert answer.status_code == 422
    assert "names things of the library" in answer.text


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff", b"a: &x [1]\nb: *x", b"!!python/object:os.system x", b"[" * 5_000, b"- 1"]
)
def test_what_is_no_scenario_is_refused(client, data):
    assert brought(client, scenario=data).status_code == 422


@pytest.mark.parametrize("name", ["x.xlsx", "x", "x.yaml.exe", "..", "x.csv", "\u202eyaml"])
def test_other_kinds_of_files_are_refused(client, shipped, name):
    assert brought(client, scenario=shipped, name=name).status_code in (404, 422)


def test_an_ending_is_all_that_is_used_of_a_name():
    assert ending("C:\\a\\..\\b.YAML", (".yaml",), "x") == ".yaml"


def test_people_are_checked_and_run(client, settings, people, monkeypatch):
    monkeypatch.setattr("paysim.web.jobs.Jobs._launch", lambda self, job: False)
    answer = brought(client, people=people)
    assert "people in" in answer.text
    where = brought(client, "run", people=people).headers["location"]
    job = settings.own / where.rpartition("/")[2]
    assert (job / "population.parquet").read_bytes() == people
    command = json.loads((job / "command.json").read_text())
    assert command[command.index("--population") + 1] == str(job / "population.parquet")
    assert "--sample" not in command


def test_people_of_another_region_are_refused(client, people):
    answer = brought(client, people=people, library="nl/gelderse_vallei_plot")
    assert "another region" in answer.text


def test_people_that_are_none_are_refused(client):
    assert "Parquet" in brought(client, people=b"PAR1xxxxPAR1").text
    assert brought(client, people=b"a,b\n1,2\n", people_name="x.csv").status_code in (404, 422)
    assert brought(client, people=b"a,b\n1,2\n", people_name="x.csv", kind="own").status_code in (404, 422)


@pytest.mark.parametrize("name", ["../../etc/passwd", "nothing", "", "/etc/hosts.yaml"])
def test_the_library_is_all_that_can_be_named(client, name):
    assert brought(client, library=name).status_code == 422


def test_nothing_is_left_behind(client, settings, shipped, people):
    brought(client, scenario=shipped)
    brought(client, scenario=b"x: [")
    brought(client, people=people)
    assert [path.name for path in settings.own.iterdir()] == [] if settings.own.exists() else True


def test_the_region_page_adds_up(client, with_run):
    from paysim.analysis.runs import load_run
    from paysim.web.dashboard import STRATA, strata

    run = load_run(with_run.outputs / "small")
    for name in STRATA:
        frame = strata(run, name)
        assert frame["Share of people, %"].sum() == pytest.approx(100)
        assert frame["Share of spending, %"].sum() == pytest.approx(100)
    assert strata(run, "nothing") is None
    text = client.get("/runs/small/region").text
    assert "Who carries the risk" in text
    assert "results.parquet" in text


@pytest.mark.parametrize("name", ["results.parquet", "ledger.parquet", "parameters.csv"])
def test_tables_of_a_run_are_given_as_they_stand(client, with_run, name):
    assert client.get(f"/runs/small/files/{name}").content == (with_run.outputs / "small" / name).read_bytes()


def test_the_page_for_r_names_files_columns_and_measures_that_are_there(root, finished):
    """What its lines do, done here: R is not installed where the tests run."""
    page = (root / "docs/how_to/results_elsewhere.md").read_text("utf-8")
    script = page.split("# results.R\n")[1].split("```")[0]
    (file,) = re.findall(r'file.path\(folder, "([^"]+)"\)', script)
    table = pd.read_parquet(finished / file)
    kept, named = re.search(r"filter\((.+)\) \|>\n *select\((.+?)\)", script).groups()
    measures = re.findall(r'"(\w+)"', kept.split("%in%")[1])
    assert {"period == -1", 'dimension == "all"'} < set(kept.split(", "))
    assert set(re.findall(r"(\w+) (?:==|%in%)", kept)) | set(named.split(", ")) <= set(table.columns)
    assert re.findall(r"(\w+) = (\w+) / (\w+)\[arm == first\]", script) == [("eur_per_head", *measures)]
    assert "difference = eur_per_head - eur_per_head[arm == first]" in script
    whole = table[(table["period"] == -1) & (table["dimension"] == "all") & table["measure"].isin(measures)]
    wide = whole.pivot(index="arm", columns="measure", values="value")  # one value a cell, or it fails
    first = str(whole["arm"].iloc[0])
    head = wide["spending_total"] / wide.loc[first, "person_years"]
    found = compare(load_run(finished), first).set_index(["measure", "arm"]).loc["spending_per_head"]
    assert len(found) == len(head) - 1
    for arm, row in found.iterrows():
        assert head[arm] - head[first] == pytest.approx(row["difference"])


@pytest.mark.parametrize("name", ["manifest.json", "log.txt", "report.html", "%2e%2e", "..%2fsecret.txt", "cells"])
def test_other_files_are_not_given(client, with_run, name):
    assert client.get(f"/runs/small/files/{name}").status_code == 404


def test_pilots_are_shown_and_their_run_is_asked_for(client, settings, monkeypatch):
    monkeypatch.setattr("paysim.web.jobs.Jobs._launch", lambda self, job: False)
    from paysim import catalog
    from paysim.pilots import load_pilot
    from paysim.web.written import checked

    assert "/pilots/plot_acceleration_achterhoek" in client.get("/pilots").text
    for name in catalog.names("pilots"):
        text = client.get(f"/pilots/{name}").text
        pilot = load_pilot(name)
        sites = {"practice": "practices", "zone": "primary care zones", "region": "regions"}[pilot.level]
        who = f"{sites} with the new contract, {pilot.controls} without"
        who = who if pilot.controls else f"{sites}, all of which get the new contract"
        assert f"{pilot.treated} {who}" in text
        assert (f"in {pilot.waves} waves" in text) == (pilot.waves > 1)
        if pilot.sites_are_regions:
            assert f"paysim pilot simulate {name}" in text
            assert client.post(f"/pilots/{name}/run", data={"size": "full"}).status_code == 404
            continue
        short = client.post(f"/pilots/{name}/run", data={"size": "quick"})  # no shipped pilot has so few sites
        assert (short.status_code, 'value="quick"' in text) == (422, False)
        assert f"and the pilot {pilot.sites} sites" in short.text
        where = client.post(f"/pilots/{name}/run", data={"size": "full"}).headers["location"]
        loaded = checked(next((settings.own / where.rpartition("/")[2]).glob("*.yaml")).read_bytes(), settings.own)
        assert (loaded.horizon_years, loaded.region) == (pilot.end_year, pilot.scenario.region)
        assert {pilot.trial_arm, pilot.comparator_arm} <= {arm.name for arm in loaded.arms}
    assert client.get("/pilots/nothing").status_code == 404
    assert client.get("/pilots/plot_acceleration_achterhoek?run=nothing").status_code == 404


def test_a_pilot_of_zones_is_judged_on_runs_of_each(client, settings, monkeypatch):
    """A folder that holds a run of every zone is offered; the panel stands in for what these hold."""
    from paysim.pilots import load_pilot
    from tests.pilots import panel

    pilot = load_pilot("ascvd_six_zones")
    made = panel(-20.0, practices=len(pilot.regions), years=pilot.end_year)
    for part in (made.without, made.effect):
        part.update(dict.fromkeys(pilot.outcomes, part["care_payments_per_head"]))
    monkeypatch.setattr("paysim.pilots.panel_of", lambda runs, pilot: made)
    monkeypatch.setattr("paysim.pilots.worlds.load_worlds", lambda pilot, folder: None)
    for name in pilot.regions:
        assert client.get("/pilots/ascvd_six_zones?run=zones").status_code == 404
        (settings.outputs / "zones" / name).mkdir(parents=True)
        (settings.outputs / "zones" / name / "manifest.json").write_text("{}")
    assert f"{len(pilot.regions)} zones or regions)" in client.get("/pilots/ascvd_six_zones").text
    text = client.get("/pilots/ascvd_six_zones?run=zones").text
    assert "Verdict" in text
    assert "Truth if all took part" in text


def test_a_pilot_is_judged_on_a_run(client, settings, monkeypatch):
    """The page shows what `run_pilot` finds; the panel stands in for that of a whole region."""
    import numpy as np

    from paysim.pilots import load_pilot, run_pilot
    from paysim.pilots.panel import Panel
    from paysim.report.wording import number
    from paysim.web.views import piloting

    pilot = load_pilot("plot_acceleration_achterhoek")
    practices, years = 60, pilot.end_year + 1
    noise = np.random.Generator(np.random.PCG64(1))
    without = {name: 1000 + noise.normal(0, 30, (1, practices, years)) for name in pilot.outcomes}
    effect = {name: np.full((1, practices, years), -20.0) for name in pilot.outcomes}
    people = np.full((1, practices), 2500.0)
    names = tuple(f"p{i}" for i in range(practices))
    lived = np.full((2, 1, practices, years), 2500.0)
    units = dict.fromkeys(pilot.outcomes, "unit")
    panel = Panel(names, people, without, effect, units, person_years=lived)
    monkeypatch.setattr(piloting, "require_run", lambda request, name: None)
    monkeypatch.setattr(piloting, "load_run", lambda folder: None)
    monkeypatch.setattr("paysim.pilots.panel_of", lambda run, pilot: panel)
    text = client.get("/pilots/plot_acceleration_achterhoek?run=some").text
    first = run_pilot(pilot, panel, piloting.TRIALS).outcomes[0]
    assert f">{number(first.true_effect)}<" in text
    assert f">{100 * first.power:.1f}%<" in text
    assert "Verdict" in text
    assert "Reserve needed" in text
