"""Who may import what, beyond the order of layers that import-linter checks."""

import ast
import subprocess
import sys
import tomllib

import pytest

import paysim

HEAVY = ("numpy", "numba", "pandas", "matplotlib", "scipy", "pyarrow", "simpy", "starlette", "uvicorn")
ONLY_IN = {
    "typer": "cli",
    "matplotlib": "report",
    "starlette": "web",
    "uvicorn": "web",
    "yaml": "reading",
    "simpy": "engine",
    "numba": "kernel",
}
NEVER = {
    "pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "socket", "urllib", "http", "requests", "ftplib",
    "random", "secrets", "uuid",
}  # fmt: skip


def sources(root):
    return sorted((root / "paysim").rglob("*.py"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("code", ["import paysim", "from paysim.cli.app import run; run(['--help'])"])
def test_starting_imports_nothing_heavy(code):
    check = f"{code}\nimport sys; print('heavy:', [m for m in {HEAVY!r} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "heavy: []"


def test_checking_a_scenario_does_not_compile():
    code = "from paysim.scenario import load_scenario; load_scenario('nl/achterhoek_four_models')"
    check = f"{code}\nimport sys; print([m for m in ('numba', 'pandas', 'matplotlib') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("package", "home"), ONLY_IN.items())
def test_a_package_is_imported_in_one_place_only(root, package, home):
    for path in sources(root):
        if path.relative_to(root / "paysim").parts[0] in (home, f"{home}.py"):
            continue
        assert package not in set(imported(ast.parse(path.read_text()))), path


def test_html_is_made_by_the_report_and_the_app_only(root):
    for path in sources(root):
        if path.relative_to(root / "paysim").parts[0] not in ("report", "web"):
            assert "jinja2" not in set(imported(ast.parse(path.read_text()))), path


def test_nothing_imports_what_is_unsafe_or_irreproducible(root):
    for path in sources(root):
        assert not NEVER & set(imported(ast.parse(path.read_text()))), path


def test_nothing_evaluates_text_or_keeps_random_state(root):
    forbidden = {"eval", "exec", "compile", "__import__"}
    attributes = {"default_rng", "RandomState", "seed", "allow_pickle", "unsafe_load", "full_load"}
    for path in sources(root):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno}"
            if isinstance(node, ast.Attribute) and node.attr in attributes - {"seed"}:
                raise AssertionError(f"{path}:{node.lineno}: {node.attr}")
            if isinstance(node, ast.Attribute) and node.attr == "random" and ast.unparse(node) == "np.random":
                raise AssertionError(f"{path}:{node.lineno}: np.random")
            if isinstance(node, ast.keyword) and node.arg in ("shell", "allow_pickle"):
                raise AssertionError(f"{path}:{node.value.lineno}: {node.arg}")


def test_every_part_of_the_package_has_a_layer(root):
    with open(root / "pyproject.toml", "rb") as file:
        layers = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]["layers"]
    known = {name.strip(" ()").removeprefix("paysim.") for layer in layers for name in layer.split("|")}
    parts = {path.relative_to(root / "paysim").parts[0].removesuffix(".py") for path in sources(root)}
    assert parts - known == {"__init__", "__main__"}


def test_the_names_that_a_notebook_sees():
    assert sorted([*paysim._HOMES, "plot", "__version__"]) == sorted(paysim.__all__)
    for name in paysim.__all__:
        assert getattr(paysim, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        paysim.nothing  # noqa: B018
