"""Whatever the model itself says in the app has words in Dutch and French; what lacks them fails here."""

from __future__ import annotations

import csv
from string import Formatter

import pytest

from paysim.analysis.indicators import INDICATORS
from paysim.analysis.measures import MEASURES
from paysim.analysis.runs import load_run
from paysim.outcomes.indicators import indicators
from paysim.report import aims, caveats, wording
from paysim.report.document import shown
from paysim.web import charts, dashboard, explore, library, terms
from paysim.web.texts import LANGUAGES, Texts
from paysim.web.texts.phrases import FILE, phrase

OTHERS = [each for each in LANGUAGES if each != "en"]
NAMES = ("arm", "baseline", "measure", "municipality", "practice")  # columns that hold names, which nobody translates


def wordless(said):
    """Return what is not in the book, of everything with a word in it."""
    named = {str(text) for text in said if any(letter.isalpha() for letter in str(text))}
    return sorted({text for text in named for language in OTHERS if phrase(text, language) is None})


@pytest.fixture(scope="module")
def run(finished):
    return load_run(finished)


@pytest.fixture(scope="module")
def tables(run):
    """Every table of the app, as it is shown: frame, table."""
    frames = [explore.data(run, figure) for section in explore.SECTIONS.values() for figure in section]
    frames += [dashboard.needs(run), *(dashboard.strata(run, name) for name in dashboard.STRATA)]
    return [
        (frame, shown(frame.rename(columns=run.titles), "")) for frame in frames if frame is not None and len(frame)
    ]


def test_every_phrase_has_words_with_the_same_holes():
    def holes(text):
        return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)

    with FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len({row["en"] for row in rows}) == len(rows)
    for row in rows:
        for language in OTHERS:
            assert row[language].strip(), row
            assert holes(row[language]) == holes(row["en"]), row


def test_measures_and_indicators():
    said = {text for each in (*MEASURES, *INDICATORS) for text in (each.label, each.unit)}
    said |= {text for each in wording.ACTORS for text in (each.label, each.unit)}
    said |= {text for each in indicators() if each.measure for text in (each.aim, each.indicator, each.unit)}
    assert not wordless(said)


def test_terms_of_every_way_of_paying():
    said = set()
    for way in (way for shelf in library.shelves() for way in shelf.ways):
        for contract in terms.contracts(way.data):
            said |= {contract.payer, contract.providers} - {""}
            for part in contract.components:
                said |= {part.title, *(text for term in part.terms for text in (term.label, term.unit))}
    assert len(said) > 150
    assert not wordless(said)


def test_columns_and_cells_of_tables(run, tables):
    titles = set(run.titles.values())
    said = {name for _, table in tables for name in table.columns} | {table.note for _, table in tables} - {""}
    for frame, table in tables:
        for place, column in enumerate(frame.columns):
            if table.left(place) and column not in NAMES and column != "Group":
                said |= {row[place] for row in table.rows}
    assert not wordless(said - {title.capitalize() for title in titles} - titles)


def test_caveats_and_reading(run):
    comparison = wording_of(run)
    said = [*caveats.before(run, comparison), wording.uncertainty(comparison, 1), *caveats.after(run)]
    said += [wording.uncertainty(comparison.assign(interval="95%"), 5), aims.READING, *aims.sentences()]
    said += [row[0] for _, _, rows in aims.scorecard_rows(run) for row in rows]
    assert not wordless(each for each in said if each)


def wording_of(run):
    from paysim.analysis.compare import compare

    return compare(run, run.compare_with[0])


def test_axes_and_groups_of_charts(run):
    said = set()

    def heard(text):
        said.add(text)
        return text

    for figure in {each.name: each for section in explore.SECTIONS.values() for each in section}.values():
        frame = explore.data(run, figure)
        chart = None if frame is None else charts.spec(run, figure, frame)
        if chart is not None:
            assert charts.in_words(chart, heard)["data"] == chart["data"]
    assert "contract year" in said
    assert not wordless(said - set(run.titles.values()))


@pytest.mark.parametrize(
    ("english", "dutch", "french"),
    [
        ("Spending: hospital, EUR per head per year", "Uitgaven: ziekenhuis", "Dépenses\u00a0: hôpital"),
        (
            "ASCVD: slope (not from a sample)",
            "helling naar opleiding (niet uit een steekproef)",
            "pas d'un échantillon",
        ),
        ("+1,234.5 better", "+1.234,5 beter", "+1\u202f234,5 mieux"),
        ("mental_health", "geestelijke gezondheidszorg", "santé mentale"),
    ],
)
def test_phrases_are_put_together(english, dutch, french):
    assert dutch in Texts("nl").said(english)
    assert french in Texts("fr").said(english)
    assert Texts("en").said(english) == english


def test_what_is_not_in_the_book_stays():
    assert phrase("A contract of my own", "nl") is None
    assert Texts("nl").said("A contract of my own") == "A contract of my own"


@pytest.mark.parametrize(("language", "words"), [("nl", "Uitgaven"), ("fr", "Dépenses")])
@pytest.mark.parametrize("page", ["verdict", "explore/sector", "aims", "region"])
def test_pages_show_them(client, with_run, language, words, page):
    client.cookies.set("paysim_language", language)
    text = client.get(f"/runs/small/{page}", headers={"accept-language": language}).text
    assert words in text
    for english in ("Health effects come only", "EUR per head per year", "Share of spending", "Not shown to be right"):
        assert english not in text, english
