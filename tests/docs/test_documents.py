"""What README and tutorial tell a reader to type does work: commands and Python blocks run, on a small sample."""

from __future__ import annotations

import importlib.util
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from paysim.cli.app import run as command

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    *("README.md", "docs/tutorial.md", "docs/how_to/results_elsewhere.md"),
    *(f"docs/tutorials/{name}.md" for name in ("first_comparison", "psa_to_ceac", "one_zone", "modeller")),
)
LINKED = ("README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")))
PERSONS, PATIENTS = 1_500, 30_000  # of few people a trial would take hardly anybody
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
KINDS = {"sh", "python", "yaml", "csv", "text", "r", "{toctree}"}
FILE = re.compile(r"# ([\w.]+\.(?:yaml|csv|py|R))\n")
READ_ONLY = ("shiny_app.py", "results.R")  # what they need is not installed


def blocks(page):
    return [(kind, text) for kind, text in BLOCK.findall((ROOT / page).read_text("utf-8"))]


def lines(text):
    return [part.split(" #")[0].strip() for line in text.splitlines() for part in line.split("&&")]


def small(arguments):
    """Shorten a command: few people, one year."""
    persons = {"run": PERSONS, "incentives": PERSONS, "psa": PERSONS, "validate": PERSONS, "trials": PATIENTS}
    if arguments[0] not in persons:
        return arguments
    left = list(arguments)
    for option in ("--sample", "--years", "--replicates", "--draws"):
        if option in left:
            del left[left.index(option) : left.index(option) + 2]
    left += ["--sample", str(1 if "reference" in left else persons[arguments[0]])]
    once = {"run": ["--years", "1"], "validate": ["--years", "1"], "trials": ["--replicates", "1"]}
    once["psa"] = ["--years", "1", "--draws", "4"]
    return left + once.get(arguments[0], [])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what a checkout has at hand, and a simulation that is short."""
    folder = tmp_path_factory.mktemp("reader")
    for name in ("scenarios", "tests"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def shortened(place, monkeypatch):
    import paysim.pilots.worlds  # has its own years, which a pilot needs
    from paysim.analysis import execution
    from paysim.scenario import load_scenario

    assert paysim.pilots.worlds.simulate is execution.simulate
    full = execution.simulate

    def simulate(scenario, out=None, *, sample=None, **more):
        scenario = replace(scenario, base_years=1, horizon_years=1, replicates=1)
        if more.get("engine") == "reference":  # the slow one: `current` alone
            scenario = replace(scenario, arms=scenario.arms[:1], compare_with=(scenario.current,))
        return full(scenario, out, sample=min(sample or PERSONS, PERSONS), **more)

    assert load_scenario("nl/achterhoek_four_models").base_years > 1
    monkeypatch.setattr(execution, "simulate", simulate)
    monkeypatch.setattr("paysim.cli.run.DEMO_PERSONS", PERSONS)
    monkeypatch.setattr("paysim.analysis.calibration.REFERENCE_PERSONS", PERSONS)
    monkeypatch.chdir(place)


def perform(line):
    """Run one line of a shell block, or check that what it names is there."""
    words = shlex.split(line)
    words[0] = words[0].removeprefix(".venv/bin/")
    expected = 0
    if words[0] == "paysim":
        if Path("my_scenario.yaml").exists() and "&half" in Path("my_scenario.yaml").read_text("utf-8"):
            expected = 2
        assert command(small(words[1:])) == expected, line
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text("utf-8"), re.M), line
    elif words[:4] == ["python", "-m", "pip", "install"]:
        assert (ROOT / words[words.index("--constraint") + 1]).is_file()
    else:
        known = (["git", "clone"], ["cd", "paysim"], ["python3", "-m", "venv"], ["python", "-m", "pytest"])
        assert any(words[: len(start)] == start for start in known), line


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.usefixtures("shortened")
def test_every_block_runs_in_order(page, monkeypatch):
    import matplotlib as mpl

    mpl.use("agg")
    names = {}
    monkeypatch.syspath_prepend(Path.cwd())
    Path("my_scenario.yaml").unlink(missing_ok=True)  # of another page
    for kind, text in blocks(page):
        if named := FILE.match(text):
            if named[1] not in READ_ONLY:
                Path(named[1]).write_text(text, "utf-8")
        elif kind == "sh":
            for line in filter(None, lines(text)):
                perform(line)
        elif kind == "python":
            exec(compile(text, page, "exec"), names)  # the reader would type the same


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_blocks_of_known_kinds(page):
    kinds = [kind for kind, _ in blocks(page)]
    assert set(kinds) <= KINDS
    assert {"sh", "python"} & set(kinds)
    assert (ROOT / page).read_text("utf-8").count("```") == 2 * len(kinds)  # none slipped past the pattern


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_compile(page):
    for kind, text in blocks(page):
        if kind == "python":
            compile(text, page, "exec")


def options(path):
    """Return the options of a command by its words."""
    import typer

    from paysim.cli.app import app

    found = typer.main.get_command(app)
    for word in path:
        if not hasattr(found, "commands") or word not in found.commands:
            break
        found = found.commands[word]
    return {option for parameter in found.params for option in parameter.opts} | {"--help", "--version"}


@pytest.mark.parametrize("page", LINKED)
def test_commands_and_options_named_in_pages_exist(page):
    from paysim.cli.app import app

    text = (ROOT / page).read_text("utf-8")
    if page in PAGES:
        text = "\n".join(f"`{line}`" for kind, block in blocks(page) if kind == "sh" for line in lines(block)) + re.sub(
            BLOCK, "", text
        )
    import typer

    commands = typer.main.get_command(app).commands
    for words in re.findall(r"`(?:\.venv/bin/)?paysim ([^`]+)`", text):
        path = [word for word in words.split() if not word.startswith("-")]
        if path and path[0] != "...":
            assert path[0] in commands, words
            for option in re.findall(r"--[a-z]+", words):
                assert option in options(path), words


@pytest.mark.parametrize("page", LINKED)
def test_links_lead_somewhere(page):
    text = re.sub(BLOCK, "", (ROOT / page).read_text("utf-8"))
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", LINKED)
def test_files_named_in_pages_exist(page):
    text = re.sub(BLOCK, "", (ROOT / page).read_text("utf-8"))
    for name in re.findall(r"`((?:paysim|tools|tests|contracts|populations|scenarios)/[\w./*<>-]+)`", text):
        if "<" not in name:
            assert list(ROOT.glob(name.rstrip("/"))), name


def test_readme_shows_what_a_run_prints():
    page = (ROOT / "README.md").read_text("utf-8")
    shown = page.split("<!-- output -->")[1].split("<!-- /output -->")[0]
    assert "Against Dutch funding today" in shown
    assert "95% intervals" in shown


def test_readme_counts_the_scenarios():
    named = 3  # Achterhoek, Gelderse Vallei and Middenkempen under four archetypes
    shipped = [path for path in (ROOT / "scenarios").rglob("*.yaml") if path.parent.name != "pilots"]
    assert f"[{len(shipped) - named} more](docs/library.md)" in (ROOT / "README.md").read_text("utf-8")


def test_readme_shows_a_small_figure():
    images = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "README.md").read_text("utf-8"))
    assert images
    for image in images:
        assert (ROOT / image).stat().st_size < 200_000


def test_citation_has_the_version():
    import yaml

    import paysim

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == paysim.__version__
    assert citation["license"] == "Apache-2.0"


def load_tool(name, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_validation_page_is_written_and_hides_a_table_that_may_not_be_shipped(tmp_path, monkeypatch):
    secret = tmp_path / "payments.csv"
    rows = [f"{sex},{low},{low + 4 if low < 95 else 120},87{low + 123}.4" for sex in "MF" for low in range(0, 100, 5)]
    secret.write_text("sex,age_lo,age_hi,euro_per_insured_year\n" + "\n".join(rows) + "\n", "utf-8")
    out = tmp_path / "validation.md"
    tool = load_tool("write_validation", monkeypatch)
    short = ["--years", "1", "--sample", str(PERSONS), "--targets", str(secret), "--out", str(out)]
    monkeypatch.setattr("sys.argv", ["write_validation", "achterhoek", "middenkempen", *short])
    tool.main()
    page = out.read_text("utf-8")
    assert len(re.findall(r"\*\*\d+ of \d+ targets met within their tolerance; \d+ of \d+ within chance", page)) == 2
    assert (tmp_path / "images" / "validation_middenkempen.png").is_file()
    assert "all insured care, at the region's ages" in page
    numbers = set(re.findall(r"\d+(?:\.\d+)?", page.replace(",", "")))
    assert not numbers & {f"87{low + 123}{more}" for low in range(0, 100, 5) for more in ("", ".4")}
