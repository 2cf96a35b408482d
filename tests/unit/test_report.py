"""The report: complete, self-contained, escaped, the same bytes for the same run."""

import dataclasses
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from paysim.analysis.compare import compare
from paysim.analysis.measures import MARGIN_PER_GP, VERDICT
from paysim.analysis.runs import load_run
from paysim.analysis.verified import Check, Verification, keep_verification
from paysim.cli import app
from paysim.errors import DataError, OutputError
from paysim.report import caveats, checklists, contents, document, drawing, equity, figures, method, tables, wording
from paysim.report.document import csv_bytes, write_report
from paysim.report.findings import findings
from paysim.report.wording import headline_rows, number


@pytest.fixture(scope="module")
def written(make_run, tmp_path_factory):
    """Folder of a run with its report; tests must not change it."""
    folder = make_run(tmp_path_factory.mktemp("written") / "run")
    write_report(folder)
    return folder


class Skeleton(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.headings, self.open = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open = tag

    def handle_data(self, data):
        if self.open == "h2" and data.strip():
            self.headings.append(data.strip())
            self.open = None


def test_sections_stand_in_order(written):
    page = Skeleton((written / "report.html").read_text(encoding="utf-8"))
    assert page.headings == [
        "1. Verdict",
        "2. Scorecard on five aims",
        "3. Winners and losers",
        "4. Spending by sector and over time",
        "5. Health and treatment",
        "6. What each arm rewards",
        "7. Flows of money",
        "8. Equity by education",
        "9. Access and workload",
        "10. Programmes",
        "11. Method",
        "12. Indicators",
        "13. Reporting checklists",
        "14. Limits of use",
    ]


def test_every_figure_has_its_files_its_data_and_a_sentence(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    page = Skeleton(text)
    assert sum(tag == "img" for tag, _ in page.tags) == len(contents.FIGURES)
    assert sum(tag == "details" for tag, _ in page.tags) == len(contents.FIGURES)
    for figure in contents.FIGURES:
        for kind in ("svg", "png", "csv"):
            assert (written / "figures" / f"{figure.name}.{kind}").stat().st_size > 100
        assert f"figures/{figure.name}.csv" in text
        data = pd.read_csv(written / "figures" / f"{figure.name}.csv")
        assert len(data) > 0
    assert all(attrs["alt"] for tag, attrs in page.tags if tag == "img")
    assert len({figure.name for figure in contents.FIGURES}) == len(contents.FIGURES)


def test_the_page_asks_nothing_of_the_network(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    page = Skeleton(text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe", "object", "embed")]
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action"):
            assert attrs.get(name, "#").startswith(("#", "data:image/svg+xml;base64,"))
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_no_place_of_this_machine_gets_out(written):
    for file in [written / "report.html", *(written / "figures").iterdir()]:
        data = file.read_bytes()
        assert str(written).encode() not in data
        assert b"<dc:date>" not in data


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_the_same_run_gives_the_same_bytes(written, tmp_path, monkeypatch, every):
    """Every so many figures are drawn once more, of the others their tables are made again."""
    draw, redrawn = document._draw, {figure.name for figure in contents.FIGURES[::every]}

    def drawn(run, figure):
        if figure.name in redrawn:
            return draw(run, figure)
        svg, png = ((written / "figures" / f"{figure.name}.{kind}").read_bytes() for kind in ("svg", "png"))
        return figure.data(run), svg, png

    monkeypatch.setattr(document, "_draw", drawn)
    again = shutil.copytree(written, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("figures"))
    (again / "report.html").unlink()
    write_report(load_run(again))
    for file in [written / "report.html", *sorted((written / "figures").iterdir())]:
        assert (again / file.relative_to(written)).read_bytes() == file.read_bytes(), file.name
    load_run(again)  # neither report nor figures count as damage


def test_names_are_escaped(written, tmp_path, undrawn):
    folder = shutil.copytree(written, tmp_path / "bad", ignore=shutil.ignore_patterns("figures"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["scenario"]["title"] = "<script>alert(1)</script>"
    manifest["scenario"]["arms"][1]["title"] = '"><img src=x onerror=alert(2)>'
    manifest["checks"][0] = {"id": "<b>", "what": "&", "passed": False}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    text = write_report(folder).read_text(encoding="utf-8")
    page = Skeleton(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert "NOT passed: &lt;b&gt;" in text


def test_the_verdict_says_what_the_interval_holds(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    assert "chance only, not parameter uncertainty" in text
    assert "Against Dutch funding today" in text
    assert "Against Fee for service" in text


def test_weakest_numbers_and_statuses(written):
    text = (written / "report.html").read_text(encoding="utf-8")
    for word in ("behaviour.altruism", "behaviour.inertia", "Weakest numbers", "recalled", "1,234,567"):
        assert word in text


def test_one_arm_alone_still_gives_a_report(make_run, tmp_path, undrawn):
    folder = make_run(tmp_path / "one", arms=("dutch_today",))
    text = write_report(folder).read_text(encoding="utf-8")
    assert "nothing to compare" in text


def test_a_damaged_run_gives_no_report(make_run, tmp_path):
    folder = make_run(tmp_path / "run", arms=("dutch_today", "mixed"))
    (folder / "results.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError):
        write_report(folder)
    assert not (folder / "report.html").exists()
    assert not (folder / "figures").exists()


@pytest.mark.slow
def test_command(written, capsys):
    assert app.run(["report", str(written), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["report"].endswith("report.html")


def test_figures_draw_on_given_axes_and_on_bare_results(written):
    run = load_run(written)
    for name in figures.__all__:
        if name in ("incentive_map", "over_time"):
            continue
        ax = drawing.new_axes(6, 4)
        assert getattr(figures, name)(run.results, ax) is ax
    assert figures.incentive_map(run.incentives).get_yticklabels()


def test_a_lever_that_earns_the_same_of_everybody_has_one_row_with_its_unit():
    kinds, arms, levers = ("none", "vascular", "diabetes"), ("a", "b"), ("referral", "delegation", "coding")
    rows = [
        (arm, "practices", lever, kind, f"EUR per {lever}", 0.0, 0.0, value, 0.0, 0.0)
        for arm in arms
        for lever in levers
        for kind in kinds
        for value in ({"referral": 9.5, "delegation": 1.0 + len(kind), "coding": 0.0}[lever],)
        if (lever, kind) != ("coding", "none")  # what is not known of some kind is not said of all
    ]
    columns = ["arm", "provider", "lever", "segment", "unit", "marginal_revenue_eur", "marginal_cost_eur"]
    frame = pd.DataFrame(rows, columns=[*columns, "margin_eur", "margin_under_current_eur", "predicted_response"])
    ax = figures.incentive_map(frame)
    named = [tick.get_text() for tick in ax.get_yticklabels()]
    assert named[:2] == ["Referral: EUR per referral", tables.ALL_SEGMENTS]
    assert named[2:6] == ["Delegation: EUR per delegation", *kinds]
    assert named[6:] == ["Coding: EUR per coding", *kinds[1:]]
    frame.loc[(frame["arm"] == "b") & (frame["segment"] == "none") & (frame["lever"] == "referral"), "margin_eur"] = 9.0
    assert tables.ALL_SEGMENTS not in set(tables.alike_as_one(tables.incentives(frame))["segment"])


def test_svg_holds_no_raster_and_no_date(written):
    for file in (written / "figures").glob("*.svg"):
        text = file.read_text(encoding="utf-8")
        assert "<image" not in text, file.name
        assert not re.search(r"20\d\d-\d\d-\d\dT", text), file.name


def test_flows_come_from_the_ledger_without_base_years(written):
    table = tables.flows(load_run(written)).set_index(["payer", "payee"])
    people = 61_470
    assert table.loc[("patients", "insurers"), "dutch_today"] == pytest.approx(people * 171 * 10 / 1e6, rel=1e-6)
    assert table.loc[("insurers", "practices"), "dutch_today"] == pytest.approx(people * 271 * 10 / 1e6, rel=1e-6)


def test_gains_turn_payments_round():
    row = {"arm": "b", "baseline": "a", "interval": "x", "difference": 2.0, "low": 1.0, "high": 3.0}
    frame = pd.DataFrame([{**row, "measure": "insurer_payments_per_head"}])
    (gain,) = wording.gains(frame).to_dict("records")
    assert (gain["difference"], gain["low"], gain["high"]) == (-2.0, -3.0, -1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.8, "+1,234,568"),
        (-27.04, "−27.0"),
        (1.654, "+1.65"),
        (0.0951, "+0.095"),
        (-0.00612, "−0.0061"),
        (float("nan"), ""),
    ],
)
def test_numbers_in_words(value, text):
    assert wording.number(value, signed=True) == text


def test_labels_are_spread_in_order_without_overlap():
    places = {"a": 0.50, "b": 0.51, "c": 0.52, "d": 0.9}
    moved = drawing.spread(places, dict.fromkeys(places, 0.06))
    assert moved["d"] == pytest.approx(0.9)
    gaps = np.diff([moved["a"], moved["b"], moved["c"], moved["d"]])
    assert (gaps >= 0.06 - 1e-9).all()
    assert moved["b"] == pytest.approx(0.51)


def test_csv_holds_no_formula():
    frame = pd.DataFrame({"name": ["=1+1", "@x", "-y", "plain"], "value": [-1.5, 2.0, 3.0, 4.0]})
    text = csv_bytes(frame).decode()
    assert text.splitlines()[1:] == ["'=1+1,-1.5", "'@x,2", "'-y,3", "plain,4"]


def test_a_figure_is_left_out_when_the_run_lacks_it_and_not_when_its_measure_is_misspelt(run_folder):
    run = load_run(run_folder)
    by_year = {"name": "x", "title": "x", "reading": "x", "draw": figures.over_time, "table": tables.by_year}
    lacking = contents.Figure(**by_year, options={"measure": "needs_dropped_per_1000"})
    results = run.results
    fewer = dataclasses.replace(run, _tables={"results.parquet": results[results["measure"] != "needs_dropped"]})
    assert document._draw(run, lacking) is not None
    assert document._draw(fewer, lacking) is None
    for name in ("needs_droped_per_1000", "lever_preventoin"):
        with pytest.raises(DataError, match="unknown measure"):
            document._draw(run, contents.Figure(**by_year, options={"measure": name}))


def test_results_that_are_wrong_are_no_results_without_practices(run_folder):
    results = load_run(run_folder).results
    practice = results["dimension"] == "practice"
    without = compare(results[~practice])
    assert without["low"].isna().any()
    with pytest.raises(DataError, match="a value twice in dimension practice"):
        compare(pd.concat([results, results[practice].head(1)]))


def test_a_folder_that_cannot_be_written(run_folder, monkeypatch):
    run = load_run(run_folder)
    monkeypatch.setattr("paysim.analysis.runs.os.access", lambda *_: False)
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(run)
    assert not (run_folder / "report.html").exists()


def page(written, tmp_path, *, manifest=None, parameters=None):
    """Text of the report of a copy of a run with another manifest or other parameters."""
    folder = shutil.copytree(written, tmp_path / "again", ignore=shutil.ignore_patterns("figures"))
    held = json.loads((folder / "manifest.json").read_text())
    if parameters is not None:
        frame = pd.concat([pd.read_csv(folder / "parameters.csv"), pd.DataFrame(parameters)])
        frame.to_csv(folder / "parameters.csv", index=False)
        held["files"]["parameters.csv"] = hashlib.sha256((folder / "parameters.csv").read_bytes()).hexdigest()
    if manifest is not None:
        manifest(held)
    (folder / "manifest.json").write_text(json.dumps(held))
    return document.render(load_run(folder), {})


def parameter(name, value, unit="", status="assumed", low=None, high=None):
    return {
        "name": name, "value": value, "unit": unit, "low": low, "high": high, "source": "ours", "status": status
    }  # fmt: skip


def test_the_verdict_says_what_it_rests_on(written, tmp_path):
    text = page(written, tmp_path, manifest=lambda m: m.update(practices=110))
    verdict = text[text.index('id="s1"') : text.index('id="s2"')]
    assert "2 of 5 values are assumed, among them how strongly practices respond" in verdict
    assert "too narrow as a statement about the world" in verdict
    assert "waiting and dropped needs do no harm in the model" in verdict
    assert "left for the owners before their own pay" in verdict
    assert "Fee for service: rates of general practice × 0.99 of the written rates" in verdict
    assert "pure archetypes" in verdict
    assert "Dutch funding today shows no response by construction" in verdict
    assert "too small" not in verdict
    assert "beyond chance" in verdict
    assert "learly" not in text


def test_how_far_levers_move_is_measured(written):
    (sentence,) = caveats.hospital(load_run(written))
    frame = load_run(written).results.query("dimension == 'all' and period == -1")
    moved = {
        name: (frame.loc[frame["measure"] == f"lever_{name}", "value"] - 1).abs().max()
        for name in ("visit_intensity", "referral")
    }
    assert f"up to {100 * moved['visit_intensity']:.0f}% from base" in sentence
    assert f"{100 * moved['referral']:.1f}%" in sentence or f"{100 * moved['referral']:.0f}%" in sentence


def test_hospital_spending_follows_no_visits_that_stand_still(written):
    run = load_run(written)
    results = run.results
    still = results.assign(value=results["value"].mask(results["measure"].str.startswith("lever_"), 1.0))
    assert caveats.hospital(run)
    assert caveats.hospital(dataclasses.replace(run, _tables={"results.parquet": still})) == []


def test_a_small_sample_says_so_instead_of_who_gains(written, tmp_path):
    note = "4 of 110 practices in Berkelland"
    text = page(written, tmp_path, manifest=lambda m: m.update(practices=19, sample={"note": note}))
    verdict = text[text.index('id="s1"') : text.index('id="s2"')]
    assert note in verdict
    assert "this sample is too small to say who gains or loses" in verdict
    assert "ose beyond chance" not in verdict
    assert "Gain beyond chance" not in verdict


def test_margin_per_full_time_gp(written, tmp_path):
    """One definition in the table and in the sentences: per full-time GP whom practices have."""
    text = (written / "report.html").read_text(encoding="utf-8")
    assert "Practice margin per full-time GP, EUR per full-time GP per year" in text
    run = load_run(written)
    rows = headline_rows(compare(run, "dutch_today")).query("arm == 'mixed'").set_index("measure")
    per_1000, per_gp = (rows.loc[name] for name in ("practice_margin_per_1000", MARGIN_PER_GP))
    for column in ("baseline_value", "difference", "low", "high"):
        assert per_gp[column] == pytest.approx(2.0 * per_1000[column], rel=0.01)
    assert list(rows.index) == [name for name in VERDICT if name in rows.index]
    told = [each for each in findings(run, "dutch_today")["mixed"] if each.startswith("Margin per full-time GP")]
    assert all(number(per_gp["difference"], signed=True) in each for each in told)


def test_counts_of_the_region_stand_in_the_verdict(written):
    run = load_run(written)
    rows = compare(run, "dutch_today").query("arm == 'bundled'").set_index("measure")
    totals = run.results.query("dimension == 'all' and period == -1 and measure == 'deaths'").set_index("arm")["value"]
    row = rows.loc["deaths_in_region"]
    assert row["difference"] == pytest.approx(totals["bundled"] - totals["dutch_today"])
    assert row["low"] < row["difference"] < row["high"]
    assert "." not in wording.difference(row)
    text = (written / "report.html").read_text(encoding="utf-8")
    assert "Infarctions admitted, in the whole region over the horizon" in text


def row_of(difference, low, high, **more):
    return {"difference": difference, "low": low, "high": high, "relative": 0.01, **more}


def test_numbers_that_say_nothing_are_not_printed():
    head = {"unit": "EUR per head per year", "measure": "x"}
    assert wording.difference(row_of(-0.3, -0.4, -0.2, **head)) == "about 0"
    assert wording.difference(row_of(0.3, -2.0, 2.6, **head)) == "about 0 [−2.00,\u00a0+2.60]"
    assert wording.difference(row_of(0.6, 0.5, 0.7, **head)).startswith("+0.6")
    qaly = {"unit": "per 1,000 persons per year", "measure": "qalys_per_1000"}
    assert wording.difference(row_of(0.00291, 0.0011, 0.0047, **qaly)) == "+0.003 [+0.001,\u00a0+0.005]"
    assert wording.percent(0.00099) == ""
    assert wording.percent(-0.0024) == "−0.2%"
    assert wording.percent(0.171) == "+17%"


def test_patients_stand_among_winners_and_losers(written):
    gains = tables.actor_balance(load_run(written), "dutch_today").set_index(["actor", "arm"])
    wait = gains.loc[("Patients (shorter planned GP wait, days)", "fee_for_service")]
    assert wait["difference"] < 0  # waits grow by a third there
    assert gains.loc[("Patients (shorter clinic wait, weeks)", "capitation"), "difference"] < 0
    assert gains.loc[("Patients (health, QALYs per 1,000 persons)", "bundled"), "difference"] > 0
    text = (written / "report.html").read_text(encoding="utf-8")
    assert "Patients (fewer dropped needs, per 1,000 needs)" in text


def test_behaviour_leads_the_weakest_numbers(written, tmp_path):
    wide = [parameter(f"care.guess_{i}", 1.0, low=0.1, high=90.0) for i in range(20)]
    eta = parameter("behaviour.eta", 0.5, "elasticity of the marginal utility of income", low=0.49, high=0.51)
    page(written, tmp_path, parameters=[*wide, eta])
    _, _, rows = method.facts(load_run(tmp_path / "again"))[2]
    names = [row[0] for row in rows]
    assert names[:2] == ["behaviour.altruism", "behaviour.eta"]
    assert names[2:] == [f"care.guess_{i}" for i in sorted(range(20), key=lambda i: f"care.guess_{i}")[:12]]


@pytest.mark.parametrize("country", ["BE", "NL"])
def test_a_belgian_region_is_no_belgian_payment(written, tmp_path, country):
    text = page(written, tmp_path, manifest=lambda m: m["scenario"].update(country=country))
    assert ("Dutch contracts" in text and "Belgian payment" in text) == (country == "BE")


@pytest.mark.parametrize(("level", "other", "word"), [(-50, -60, "widens"), (-50, -40, "narrows"), (50, 60, "widens")])
def test_the_gap_by_education_in_words(level, other, word):
    what = {"measure": "Spending", "unit": "EUR per head per year"}
    rows = [{**what, "arm": arm, "slope": slope} for arm, slope in (("a", level), ("b", other), ("c", level + 0.1))]
    text = equity.gap(rows, {"a": "A", "b": "B", "c": "C"}, "a")
    assert f"{'lowest' if level < 0 else 'highest'} educated have 50.0 more" in text
    assert f"The gap between low and high education {word} under B (by 10.0)" in text
    assert "stays the same under C" in text


def test_a_level_of_zero_has_no_relative_index_and_the_table_is_made_all_the_same(written):
    """Without heart failure and COPD nobody has an avoidable admission."""
    from paysim.report.aims import inequality_indices

    results = load_run(written).results
    measures = ["standardised_spending_per_head_slope_index", "standardised_spending_per_head_concentration_index"]
    keys = ["arm", "replicate", "dimension", "group", "period"]
    parts = [results]
    for education in ("low", "mid", "high"):
        rows = results[(results["dimension"] == "all") & (results["period"] == -1)].drop_duplicates(keys)
        parts.append(
            rows.assign(dimension="education", group=education, measure="standardised_spending_per_head", value=0.0)
        )
    for measure in measures:
        rows = results[(results["dimension"] == "all") & (results["period"] == -1)].drop_duplicates(keys)
        parts.append(rows.assign(measure=measure, value=0.0))
    kept = pd.concat(parts)
    kept = kept[~kept["measure"].str.startswith("standardised_") | kept["measure"].str.contains("spending_per_head")]
    kept = kept[kept["measure"] != "standardised_spending_per_head_relative_index"]
    kept = kept.drop_duplicates([*keys, "measure"], keep="last")
    found = inequality_indices(kept)
    spending = found[found["measure"] == "Spending"]
    assert spending["slope_index"].eq(0.0).all()
    assert spending["relative_index"].isna().all()


def test_checklists_are_filled_from_the_run(written):
    run = load_run(written)
    assert {name: len(checklists.rows(run, name)) for name in checklists.CHECKLISTS} == {
        "CHEERS 2022": 28,
        "STRESS-DES": 24,
    }
    for name in checklists.CHECKLISTS:
        for item, topic, text in checklists.rows(run, name):
            assert item
            assert topic
            assert text
            assert "{" not in text
            assert "None" not in text
    said = {topic: text for _, topic, text in checklists.rows(run, "CHEERS 2022")}
    assert said["Title"] == run.scenario["title"]
    assert f"{run.scenario['horizon_years']} years" in said["Time horizon"]
    assert str(run.scenario["price_year"]) in said["Currency, price date and conversion"]
    assert "Payers" in said["Perspective"]


@pytest.mark.slow
def test_a_verification_stands_in_the_report_of_its_own_run_only(written, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(written, copy)
    manifest = json.loads((copy / "manifest.json").read_bytes())
    (copy / "manifest.json").write_text(json.dumps(manifest | {"identity": "mine"}))
    run = load_run(copy)
    checks = (Check("a", "money", "all is paid", True, "0 cents"), Check("b", "inputs", "<b>", False, "seen"))
    keep_verification(run, Verification("toy", 1500, checks))
    text = write_report(run).read_text("utf-8")
    assert "tried on 1,500 people of this scenario; 1 failed" in text
    assert "all is paid" in text
    assert "&lt;b&gt;" in text
    (copy / "manifest.json").write_text(json.dumps(manifest | {"identity": "another"}))
    assert "tried on 1,500" not in write_report(load_run(copy)).read_text("utf-8")
