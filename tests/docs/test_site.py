"""The site: every page has one place in it, every public name is described, and Sphinx builds it without a warning."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from matplotlib.mathtext import MathTextParser

import paysim

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TREE = re.compile(r"^```\{toctree\}\n(.*?)^```$", re.M | re.S)
PAGES = [path for path in sorted(DOCS.rglob("*.*")) if path.suffix == ".md" and "_build" not in path.parts]


CODE = re.compile(r"^```.*?^```$|`[^`]+`", re.M | re.S)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$\w])\$(?=\S)((?:[^$\n]|\n(?!\n))+?)(?<=[^\s\\])\$(?!\d)", re.S)


def entries(page):
    """Return the pages that the tables of contents of a page name."""
    lines = [line for tree in TREE.findall(page.read_text("utf-8")) for line in tree.splitlines()]
    for name in lines:
        if name and not name.startswith(":"):
            found = list(page.parent.glob(f"{name}.md"))
            assert found, f"{page}: {name}"
            yield from (path.resolve() for path in found)


def test_every_page_stands_in_one_table_of_contents():
    found = Counter(path for page in PAGES for path in entries(page))
    assert not [str(page) for page in PAGES if page != DOCS / "index.md" and found[page] != 1]


def test_every_public_name_is_described():
    page = (DOCS / "reference/api.md").read_text("utf-8")
    named = set(re.findall(r"^\.\. auto\w+:: paysim\.(\w+)$", page, re.M))
    assert named == set(paysim.__all__) - {"__version__", "plot"}
    assert ".. automodule:: paysim.report.figures" in page


def test_every_formula_can_be_drawn():
    """As `make docs` draws it, without Sphinx."""
    spec = importlib.util.spec_from_file_location("conf", DOCS / "conf.py")
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    parser, formulas, wrong = MathTextParser("path"), 0, []
    for page in PAGES:
        text = CODE.sub("", page.read_text("utf-8"))
        assert "$" not in FORMULA.sub("", text), page  # none slipped past the pattern
        for block, inline in FORMULA.findall(text):
            formulas += 1
            try:
                parser.parse(f"${conf.drawable(block or inline)}$")
            except ValueError as exc:
                wrong.append(f"{page.relative_to(DOCS)}: {block or inline}: {str(exc).splitlines()[-1]}")
    assert formulas > 200
    assert wrong == []


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="`make docs` and `make test-all` install what builds the site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    model = (tmp_path / "model.html").read_text("utf-8")
    assert "<svg" in model  # formulas are drawn
    outside = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["'](?:https?:)?//""")
    assert not [page.name for page in tmp_path.rglob("*.html") if outside.search(page.read_text("utf-8"))]
