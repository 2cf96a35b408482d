"""How Sphinx builds the site: `make docs` writes it to docs/_build and treats every warning as an error.

Pages are written for the plain view of the repository. What differs here: files outside docs are pages of `project/`,
and formulas are drawn, so that the site works without a network.
"""

from __future__ import annotations

import re
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image
from pygments.lexers.special import TextLexer

import paysim

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "paysim"
author = "the paysim authors"
project_copyright = "the paysim authors; Apache-2.0"
version = release = paysim.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "code"

html_theme = "furo"
html_title = f"paysim {version}"
html_copy_source = False
html_math_renderer = "drawn"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # links to headings, as the plain view has them

napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

_ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "benchmarks/RESULTS.md": "project/benchmarks.md",
}
_OUTSIDE = re.compile(rf"\]\((?:\.\./)+({'|'.join(map(re.escape, _ELSEWHERE))})")
_FOLDER = re.compile(r"\]\(((?:[\w.]+/)*decisions)/\)")


def _links(app: Sphinx, name: str, source: list[str]) -> None:
    """Lead links out of docs, and to folders, to the pages that the site has instead."""
    text = _OUTSIDE.sub(lambda found: f"](/{_ELSEWHERE[found[1]]}", source[0])
    source[0] = _FOLDER.sub(r"](\1/index.md)", text)


def drawable(formula: str) -> str:
    """Return a formula without what matplotlib does not know of LaTeX."""
    text = re.sub(r"\\tfrac\s*(\d)(\d)", r"\\frac{\1}{\2}", " ".join(formula.split()))
    return re.sub(r"\\[bB]ig(?![a-z])", "", text).replace(r"\tfrac", r"\frac")


def _formula(self: Any, node: Any) -> None:
    """Draw a formula as SVG within the text."""
    text, drawn = " ".join(node.astext().split()), BytesIO()
    with rc_context({"mathtext.fontset": "cm", "svg.fonttype": "path", "svg.hashsalt": "paysim"}):
        depth = math_to_image(f"${drawable(text)}$", drawn, prop=FontProperties(size=13), dpi=72, format="svg")
    svg = drawn.getvalue().decode("utf-8")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    label = escape(text, quote=True)
    begin = f'<svg role="img" aria-label="{label}" style="fill: currentColor; vertical-align: -{depth:.2f}pt"'
    self.body.append(svg.replace("<svg", begin, 1))


def _inline(self: Any, node: Any) -> None:
    _formula(self, node)
    raise _skip()


def _block(self: Any, node: Any) -> None:
    self.body.append('<div class="formula">')
    _formula(self, node)
    self.body.append("</div>")
    raise _skip()


def _skip() -> Exception:
    from docutils.nodes import SkipNode

    return SkipNode()


def setup(app: Sphinx) -> None:
    """Tell Sphinx of what differs."""
    app.connect("source-read", _links)
    app.add_html_math_renderer("drawn", (_inline, None), (_block, None))
    app.add_lexer("csv", TextLexer)
