"""The pages: choosing becomes a scenario, a run becomes a verdict, and both can be taken away."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest

from paysim.errors import ScenarioError
from paysim.reading import yaml_text
from paysim.scenario import load_scenario
from paysim.web import library
from paysim.web.explore import SECTIONS
from paysim.web.methods import METHODS, method
from paysim.web.written import checked

CHOICE = {
    "region": "gelderse_vallei",
    "way": ["nl/achterhoek_four_models:capitation", "nl/achterhoek_plot:full_risk"],
    "years": "3",
    "size": "quick",
}


def test_every_way_of_paying_makes_a_scenario_in_a_region_of_its_country(tmp_path):
    for country, region in (("NL", "gelderse_vallei"), ("BE", "gent")):
        ways = [way.id for shelf in library.shelves_of(country) for way in shelf.ways if not way.is_current]
        assert len(ways) > 20
        for start in range(0, len(ways), 4):
            four = (ways[start:] + ways)[:4]
            loaded = checked(yaml_text(library.compose(region, four, 5)).encode(), tmp_path)
            assert loaded.region == region
            assert len(loaded.arms) == 5
            assert loaded.arms[0].name == loaded.current


def test_a_scenario_that_was_chosen_is_read_back_the_same(tmp_path):
    made = library.compose("achterhoek", CHOICE["way"], 3)
    shipped = load_scenario("nl/achterhoek_four_models")
    loaded = checked(yaml_text(made).encode(), tmp_path)
    assert loaded.arm("capitation").contracts[0].components == shipped.arm("capitation").contracts[0].components
    assert loaded.diseases == shipped.diseases
    assert loaded.discounting == shipped.discounting
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("region", "ways", "years", "words"),
    [
        ("nowhere", CHOICE["way"], 3, "no such region"),
        ("gelderse_valei", CHOICE["way"], 3, "gelderse_vallei"),
        ("gent", CHOICE["way"], 3, "not those of"),
        ("achterhoek", CHOICE["way"][:1], 3, "two to four"),
        ("achterhoek", [], 3, "two to four"),
        ("achterhoek", [f"nl/achterhoek_targets:{n}" for n in "abcde"], 3, "no such way"),
        ("achterhoek", CHOICE["way"], 0, "years out of range"),
        ("achterhoek", CHOICE["way"], 99, "years out of range"),
        ("achterhoek", ["nl/achterhoek_four_models:dutch_today", "nl/achterhoek_plot:today"], 3, "besides today"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(region, ways, years, words):
    with pytest.raises(ScenarioError, match=words):
        library.compose(region, ways, years)


def test_two_arms_with_one_name_are_told_apart():
    ways = ["be/middenkempen_ascvd_payment:new_deal", "be/middenkempen_gp_payment:new_deal"]
    arms = library.compose("middenkempen", ways, 3)["arms"]
    assert len({arm["name"] for arm in arms}) == len({arm["title"] for arm in arms}) == 3


def test_starting_puts_a_run_in_the_queue(client, settings, monkeypatch):
    monkeypatch.setattr("paysim.web.jobs.Jobs._launch", lambda self, job: False)
    answer = client.post("/runs", data=CHOICE)
    assert answer.status_code == 303
    where = answer.headers["location"]
    shown = client.get(where)
    assert "waiting" in shown.text
    assert 'hx-trigger="every 1s"' in client.get(f"{where}/progress").text
    given = client.get(f"{where}/scenario.yaml")
    assert "attachment" in given.headers["content-disposition"]
    assert given.text == next((settings.own / where.rpartition("/")[2]).glob("*.yaml")).read_text()
    command = json.loads((settings.own / where.rpartition("/")[2] / "command.json").read_text())
    assert command[1:4] == ["-m", "paysim", "run"]
    assert "--sample" in command
    assert client.post(f"{where}/cancel").status_code == 303
    assert "cancelled" in client.get(where).text
    assert "paysim run" in client.get(where).text


@pytest.mark.parametrize("bad", [{"years": "x"}, {"years": "9" * 30}, {"region": ""}, {"way": []}, {"years": "²"}])
def test_a_form_that_cannot_be_is_answered_with_words(client, bad):
    answer = client.post("/runs", data=CHOICE | bad)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_the_list_shows_runs_of_the_command_line(client, with_run):
    assert "/runs/small" in client.get("/runs").text
    assert client.get("/runs/small").headers["location"] == "/runs/small/verdict"


def test_the_verdict_answers_five_questions(client, with_run):
    text = client.get("/runs/small/verdict").text
    for question in ("What does it cost", "health", "practices", "How soon", "by education"):
        assert question in text
    from paysim.analysis.compare import compare
    from paysim.analysis.runs import load_run
    from paysim.report.wording import difference

    rows = compare(load_run(with_run.outputs / "small"))
    row = rows[(rows["measure"] == "spending_per_head") & (rows["arm"] == "capitation")].iloc[0]
    assert difference(row) in text
    other = client.get("/runs/small/verdict?against=capitation").text
    assert "Level under Capitation" in other
    assert client.get("/runs/small/verdict?against=nothing").status_code == 404


@pytest.mark.parametrize(("language", "words"), [("nl", "Wat kost het?"), ("fr", "Combien cela coûte-t-il ?")])
def test_the_pages_speak_the_language_that_was_chosen(client, with_run, language, words):
    answer = client.post("/language", data={"language": language, "back": "/runs/small/verdict"})
    assert answer.headers["location"] == "/runs/small/verdict"
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    text = client.get("/runs/small/verdict").text
    assert words in text
    assert f'<html lang="{language}">' in text
    for page in ("/", "/terms", "/runs", "/pilots", "/upload", "/nothing", "/runs/small/region", "/runs/small/aims"):
        assert f'<html lang="{language}">' in client.get(page).text


@pytest.mark.parametrize("back", ["//evil.example", "/\\evil.example", "http://evil.example", "evil", ""])
def test_choosing_a_language_leads_nowhere_else(client, back):
    assert client.post("/language", data={"language": "fr", "back": back}).headers["location"] == "/"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_figure_has_chart_table_data_and_method(client, with_run, section):
    text = client.get(f"/runs/small/explore/{section}").text
    names = re.findall(r'<figure id="([^"]+)"', text)
    assert names
    assert text.count("<table") == len(names)
    for name in names:
        rows = list(csv.reader(io.StringIO(client.get(f"/runs/small/data/{name}.csv").text)))
        assert len(rows) > 1


def test_charts_hold_the_numbers_of_the_tables(client, with_run):
    import html

    from paysim.analysis.runs import load_run
    from paysim.report import tables

    text = client.get("/runs/small/explore/sector").text
    spec = json.loads(html.unescape(re.search(r'data-spec="([^"]*)"', text)[1]))
    expected = tables.sectors(load_run(with_run.outputs / "small"))
    assert [row["value"] for row in spec["data"]["values"]] == pytest.approx(list(expected["value"]))


def test_a_municipality_that_grows_is_no_gain(with_run):
    """Per head is per head of each arm's own people: newcomers settle where a practice has room."""
    from paysim.analysis.measures import HORIZON
    from paysim.analysis.runs import load_run
    from paysim.report import tables

    results = load_run(with_run.outputs / "small").results
    arm = results["arm"].unique()[1]
    there = (results["arm"] == arm) & (results["dimension"] == "municipality") & (results["period"] != HORIZON)
    grown = results.assign(value=results["value"].where(~there, 1.1 * results["value"]))
    for measure in ("spending_per_head", "qalys_per_1000"):
        rows, more = (tables.practices(each, measure, "dutch_today", "municipality") for each in (results, grown))
        assert list(more["difference"]) == pytest.approx(list(rows["difference"]), nan_ok=True)


def test_a_region_can_be_looked_at_alone(client, settings):
    page = client.get("/region?region=gent").text
    assert "Gent" in page
    assert "Nothing has been run for this region yet" in page
    asked = client.post("/region", data={"region": "gent", "size": "quick"})
    assert asked.status_code == 303
    job = asked.headers["location"].rpartition("/")[2]
    client.post(f"/runs/{job}/cancel")
    written = client.get(f"/runs/{job}/scenario.yaml").text
    assert "name: gent_compared" in written
    assert written.count("behaviour") == 0
    assert client.post("/region", data={"region": "nowhere", "size": "quick"}).status_code == 422


def test_the_region_of_a_run_has_charts_of_who_carries_the_risk(client, with_run):
    assert "/runs/small/region" in client.get("/region?region=achterhoek").text
    text = client.get("/runs/small/region").text
    drawn = [json.loads(html.unescape(each)) for each in re.findall(r'data-spec="([^"]*)"', text)]
    assert len(drawn) == 4
    for spec in drawn:
        for what in ("people", "spending"):
            shares = [row["value"] for row in spec["data"]["values"] if what in row["what"]]
            assert sum(shares) == pytest.approx(100.0)


def test_switching_language_keeps_what_is_chosen(client):
    page = client.get("/terms?way=be/middenkempen_gp_payment:new_deal").text
    back = html.unescape(re.search(r'name="back" value="([^"]*)"', page)[1])
    assert back == "/terms?way=be/middenkempen_gp_payment:new_deal"
    assert client.post("/language", data={"language": "nl", "back": back}).headers["location"] == back


def test_ways_of_paying_say_what_they_hold(client):
    assert "Belgian New Deal (mixed payment)" in client.get("/ways?region=gent").text


def test_groups_of_municipalities_add_up_as_the_region_does(with_run):
    from paysim.analysis.runs import load_run
    from paysim.report import tables

    run = load_run(with_run.outputs / "small")
    whole = tables.differences(run, ["spending_per_head"]).set_index("arm")["difference"]
    rows = tables.practices(run, "spending_per_head", dimension="municipality")
    for arm, part in rows.groupby("arm"):
        weighted = (part["difference"] * part["person_years"]).sum() / part["person_years"].sum()
        assert weighted == pytest.approx(whole[arm], abs=1.0)  # people who move differ a little between arms


def test_the_report_can_be_seen_and_kept(client, with_run):
    seen, kept = client.get("/runs/small/report"), client.get("/runs/small/report?keep")
    assert seen.content == kept.content == (with_run.outputs / "small" / "report.html").read_bytes()
    assert "sandbox" in seen.headers["content-security-policy"]
    assert "attachment" in kept.headers["content-disposition"]


@pytest.mark.parametrize("language", ["en", "nl", "fr"])
def test_every_chart_leads_to_its_method(client, with_run, language):
    client.cookies.set("paysim_language", language)
    text = client.get("/methods").text
    known = dict(re.findall(r'<section id="(\w+)">\s*<h2>(.+?)</h2>', text))
    assert len(set(known.values())) == len(known) == text.count("<h2>")
    assert text.count("#interval") == 4  # differences; the others say why they have none
    parts = [f"explore/{section}" for section in SECTIONS] if language == "en" else ["explore/payer"]
    for part in (*parts, "region", "aims", "verdict"):
        shown = client.get(f"/runs/small/{part}").text
        led = re.findall(r'href="/methods#(\w+)"', shown)
        assert set(led) <= set(known)
        assert len(led) == max(shown.count("<figure id="), shown.count('class="chart"'), 1)


def test_every_figure_has_a_method():
    found = {each.name: method(each) for section in SECTIONS.values() for each in section}
    assert set(found.values()) | {"run", "interval", "shares", "scorecard"} == set(METHODS)
    assert found["lever_prevention"] == "lever"
    assert found["municipality_qalys"] == "place"
    assert found["practice_differences"] == "practices"


def test_a_damaged_run_shows_no_number(client, with_run):
    file = with_run.outputs / "small" / "results.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    answer = client.get("/runs/small/verdict")
    assert answer.status_code == 404
    assert "SHA-256" in answer.text


def test_an_address_that_is_not_there(client):
    assert client.get("/runs/nothing/verdict").status_code == 404
    assert client.get("/runs/small/explore/nothing").status_code == 404


def test_yaml_that_is_written_is_read_back(tmp_path):
    from paysim.reading import read_yaml

    shared = {"value": 0.25, "text": "1:30"}
    data = {
        "a": [1, 2.5, 1e-7, 1e300, -3, 0.1],
        "b": {"yes": "no", "no": "NO", "t": True, "n": None, "s": "012", "d": "2021-01-01", "p": "3%"},
        "c": [shared, shared],
        "e": "line\nbreak: 'quoted' \"twice\" # no comment",
        "f": [],
        "g": "é…−",
        "h": " lead",
    }
    (tmp_path / "x.yaml").write_text(yaml_text(data), "utf-8")
    assert read_yaml(tmp_path / "x.yaml").data == data


def test_python_on_the_page_repeats_the_run(tmp_path, monkeypatch):
    """The code is executed as it stands, on few people, and gives the same run as the command."""
    from paysim.web.views.results import python_of

    monkeypatch.setattr("paysim.report.document.images", lambda sheet: (b"<svg/>", b"png"))  # not what is compared
    chosen = library.way("nl/achterhoek_four_models:mixed")
    made, _ = library.varied("achterhoek", chosen, 1, {"0/components/1/schedule/1/price_eur": "40"}, neutral=True)
    made["base_years"] = 1
    (tmp_path / "elsewhere").mkdir()
    for folder in (tmp_path, tmp_path / "elsewhere"):  # downloaded, and in the app's own folder
        (folder / "some-run.yaml").write_text(yaml_text(made), "utf-8")
    monkeypatch.chdir(tmp_path)
    code = python_of("some-run", 1_000, None)
    from paysim.cli.app import run as command

    assert command(["run", "elsewhere/some-run.yaml", "--sample", "1000", "--out", "by-command"]) == 0
    exec(compile(code, "page", "exec"), {})
    by_hand, by_command = (json.loads((tmp_path / n / "manifest.json").read_text()) for n in ("some-run", "by-command"))
    assert by_hand["identity"] == by_command["identity"]
    assert by_hand["files"] == by_command["files"]
    assert str(tmp_path) not in (tmp_path / "some-run" / "parameters.csv").read_text("utf-8")
