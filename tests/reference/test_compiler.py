"""The compiler changes no bit, its cache never serves an old answer, and the source keeps to what both engines share."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import paysim.kernel

KERNEL = Path(paysim.kernel.__file__).parent
ANSWER = """
import numpy as np
from paysim.kernel import hazards
print(hazards.exponential(np.uint64(1), np.uint64(2), 3))
"""


def _python(folder: Path, *arguments: str, **environment: str) -> str:
    """Run Python where `folder` is the checkout; return what it prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "PAYSIM_"))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with a copy of the package."""
    shutil.copytree(KERNEL.parent, tmp_path / "paysim", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_the_interpreter_gives_the_same_bytes_as_the_compiler(root: Path) -> None:
    program = str(root / "tests" / "reference" / "interpreted.py")
    compiled = _python(root, program, **_cache_of_this_process())
    interpreted = _python(root, program, NUMBA_DISABLE_JIT="1")
    assert int(compiled.split()[0]) > 400
    assert interpreted == compiled


def _cache_of_this_process() -> dict[str, str]:
    return {name: os.environ[name] for name in ("NUMBA_CACHE_DIR", "PAYSIM_CACHE") if name in os.environ}


@pytest.mark.parametrize("before", ["", "import numba\n"], ids=["paysim first", "numba first"])
def test_an_edited_callee_gives_the_new_answer(copy: Path, before: str) -> None:
    """Numba's cache looks only at the file of the function that is called; ours at every file of the kernel."""
    cache = str(copy / "cache")
    program = before + ANSWER
    first = _python(copy, "-c", program, PAYSIM_CACHE=cache)
    compiled = sorted((copy / "cache").rglob("*.nbc"))
    assert compiled, "nothing was cached"
    assert _python(copy, "-c", program, PAYSIM_CACHE=cache) == first
    assert sorted((copy / "cache").rglob("*.nbc")) == compiled, "the second start compiled again"
    _edit(copy / "paysim" / "kernel" / "streams.py", "0x94D049BB133111EB", "0x94D049BB133111ED")
    second = _python(copy, "-c", program, PAYSIM_CACHE=cache)
    assert second != first
    assert second == _python(copy, "-c", program, NUMBA_DISABLE_JIT="1", PAYSIM_CACHE=str(copy / "none"))
    assert not list((copy / "paysim").rglob("*.nbc")), "compiled code beside the sources outlives an edit"


def test_the_cache_folder_depends_on_every_file_of_the_kernel(copy: Path) -> None:
    program = "from paysim.kernel import cache_folder; print(cache_folder())"
    seen = {_python(copy, "-c", program)}
    files = sorted((copy / "paysim" / "kernel").glob("*.py"))
    assert len(files) > 6
    for file in files:
        file.write_text(file.read_text() + "\n# edited\n")
        seen.add(_python(copy, "-c", program))
    assert len(seen) == len(files) + 1
    assert _python(copy, "-c", program, PAYSIM_CACHE="/elsewhere").startswith("/elsewhere/paysim/")


# --- What is bit-equal compiled and interpreted, and what is not -------------------------------------------------

RULES = ("hazards.py", "queue.py", "transitions.py", "advance.py")
"""Files whose functions both engines call."""

ALLOWED_OF_NUMPY = {"uint64", "int64", "float64"}


@pytest.mark.parametrize("name", RULES)
def test_rules_use_only_arithmetic_that_is_equal_in_both_engines(name: str) -> None:
    """No power, and nothing of numpy but casts: their last bits differ from the compiler's."""
    tree = ast.parse((KERNEL / name).read_text())
    for node in ast.walk(tree):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.BinOp | ast.AugAssign):
            assert not isinstance(node.op, ast.Pow | ast.MatMult), f"{where}: a power"
        if isinstance(node, ast.Attribute):
            module = ast.unparse(node.value)
            if module == "np" or module.endswith(".np"):
                assert node.attr in ALLOWED_OF_NUMPY, f"{where}: np.{node.attr}"
            if module == "math":
                assert node.attr in {"exp", "log", "log1p", "sqrt", "ceil", "floor", "inf"}, (
                    f"{where}: math.{node.attr}"
                )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"sum", "pow"}, f"{where}: {node.func.id}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name for alias in node.names}
            assert not names & {"random", "time"}, where


@pytest.mark.parametrize("name", RULES)
def test_no_function_is_compiled_in_parallel_or_with_fast_math(name: str) -> None:
    """Both could change bytes; a serial build of a parallel function may also be served from the cache."""
    for node in ast.walk(ast.parse((KERNEL / name).read_text())):
        if isinstance(node, ast.keyword):
            assert node.arg not in {"parallel", "fastmath"}, f"{name}:{node.value.lineno}"


def test_the_test_above_can_fail() -> None:
    tree = ast.parse("x = y ** 0.5")
    assert any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) for node in ast.walk(tree))


def test_rows_and_streams_need_no_compiler(root: Path) -> None:
    program = "import sys; import paysim.kernel.records, paysim.kernel.streams, paysim.kernel.spec; print('numba' in sys.modules)"
    assert _python(root, "-c", program) == "False"
