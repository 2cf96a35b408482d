"""What is shipped for the browser: hashes, licences, sizes, and words in every language."""

from __future__ import annotations

import hashlib
import re
from string import Formatter

import pytest

from paysim.web.texts import LANGUAGES, Texts, preferred, words

MOST_BYTES = 1_500_000


def test_vendored_files_are_those_that_were_checked(root):
    folder = root / "paysim" / "web" / "static" / "vendor"
    listed = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_every_vendored_script_has_its_licence(root):
    folder = root / "paysim" / "web" / "static" / "vendor"
    for script in folder.glob("*.js"):
        licence = (folder / script.name.replace(".min.js", ".LICENSE")).read_text("utf-8")
        assert re.search("Redistribution|Zero-Clause BSD", licence)


def test_a_page_with_charts_is_small(root):
    assert sum(path.stat().st_size for path in (root / "paysim" / "web" / "static").rglob("*.*s")) < MOST_BYTES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language):
    def holes(text):
        return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)

    english, here = words("en"), words(language)
    assert set(english) - _optional(english) <= set(here)
    assert set(here) - _optional(here) <= set(english)
    assert len({*_optional(here)} - {*_optional(words("nl"))}) == 0 or language == "en"
    for key in set(english) & set(here):
        assert holes(here[key]) == holes(english[key]), key


@pytest.mark.parametrize("language", ["nl", "fr"])
def test_every_figure_has_a_title_and_a_reading_in_every_language(language):
    from paysim.web.explore import SECTIONS

    known = words(language)
    for figure in {each.name for section in SECTIONS.values() for each in section}:
        assert {f"figure.{figure}.title", f"figure.{figure}.reading"} <= set(known), figure


def _optional(keys):
    """Names of measures, units and figures fall back on the model's own English."""
    return {key for key in keys if key.startswith(("measure.", "unit.", "figure."))}


def test_every_key_that_a_template_names_has_words(root):
    known = words("en")
    sources = [*(root / "paysim" / "web" / "templates").glob("*.html"), *(root / "paysim" / "web").rglob("*.py")]
    for path in sources:
        for key in re.findall(r"\bt(?:exts)?\(['\"]([a-z_.]+)['\"][,)]", path.read_text("utf-8")):
            assert key in known, (path.name, key)


def test_languages_are_chosen_as_browsers_ask():
    assert preferred("fr", "nl") == "fr"
    assert preferred("xx", "de-DE,nl;q=0.8") == "nl"
    assert preferred(None, "") == "en"


def test_numbers_are_written_as_the_language_does():
    text = "−1,234.5 [−2,000.1,\u00a0+3.2]"
    assert Texts("en").number(text) == text
    assert Texts("nl").number(text) == "−1.234,5 [−2.000,1;\u00a0+3,2]"
    assert Texts("fr").number(text) == "−1\u202f234,5 [−2\u202f000,1;\u00a0+3,2]"
