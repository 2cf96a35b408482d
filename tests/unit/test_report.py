"""The report: complete, self-contained, escaped, the same bytes for the same run."""

import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from paysim.analysis.compare import compare
from paysim.analysis.runs import load_run
from paysim.cli import app
from paysim.errors import DataError, OutputError
from paysim.report import contents, document, drawing, figures, tables, wording
from paysim.report.document import csv_bytes, write_report


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
        "2. Winners and losers",
        "3. Spending by sector and over time",
        "4. Health and treatment",
        "5. What each arm rewards",
        "6. Flows of money",
        "7. Equity by education",
        "8. Access and workload",
        "9. Method",
        "10. Limits of use",
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


def test_the_same_run_gives_the_same_bytes(written, tmp_path):
    again = shutil.copytree(written, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("figures"))
    (again / "report.html").unlink()
    write_report(load_run(again))
    for file in [written / "report.html", *sorted((written / "figures").iterdir())]:
        assert (again / file.relative_to(written)).read_bytes() == file.read_bytes(), file.name
    load_run(again)  # neither report nor figures count as damage


def test_names_are_escaped(written, tmp_path):
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


def test_one_arm_alone_still_gives_a_report(make_run, tmp_path):
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


def test_svg_holds_no_raster_and_no_date(written):
    for file in (written / "figures").glob("*.svg"):
        text = file.read_text(encoding="utf-8")
        assert "<image" not in text, file.name
        assert not re.search(r"20\d\d-\d\d-\d\dT", text), file.name


def test_flows_come_from_the_ledger_without_base_years(written):
    table = tables.flows(load_run(written)).set_index(["payer", "payee"])
    people = 20_490
    assert table.loc[("patients", "insurers"), "dutch_today"] == pytest.approx(
        people * 171 * 10 / 1e6, rel=1e-6
    )
    assert table.loc[("insurers", "practices"), "dutch_today"] == pytest.approx(
        people * 271 * 10 / 1e6, rel=1e-6
    )


def test_slope_index():
    # Ranks .1, .4, .8 of shares .2, .4, .4: a straight line of slope 5 is found again.
    ranks = np.array([0.1, 0.4, 0.8])
    assert tables.slope_index(3 + 5 * ranks, [20, 40, 40]) == pytest.approx(5.0)
    assert tables.slope_index([7.0, 7.0, 7.0], [1, 2, 3]) == pytest.approx(0.0)


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
