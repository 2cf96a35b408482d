"""A child process that answers questions: it does not outlive who asks, and is not brought back by a question."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from paysim.errors import ModelError
from paysim.web.child import Child

_ANSWERS = """
import sys
from pathlib import Path
from paysim.web.child import answer_each
answer_each(lambda question: {"twice": 2 * question["number"]}, 30.0)
Path(__file__).with_name("ended").touch()
"""
_ANSWERS_HALF = "import sys; sys.stdin.readline(); sys.stdout.write('{\"tw'); sys.stdout.flush()"
_NEVER_ANSWERS = "import sys, time; sys.stdin.readline(); time.sleep(60)"
_PARENT = """
import time
from paysim.web.child import Child
child = Child("answers")
print(child.ask({"number": 1})["twice"], flush=True)
time.sleep(60)
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Return who makes a child that runs some code."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path.cwd()), str(tmp_path)]))

    def make(code: str) -> Child:
        (tmp_path / "answers.py").write_text(code, encoding="utf-8")
        return Child("answers")

    return make


def test_questions_are_answered_and_another_child_takes_over(made):
    child = made(_ANSWERS)
    assert child.ask({"number": 4}) == {"twice": 8}
    child._process.kill()
    assert child.ask({"number": 5}) == {"twice": 10}
    child.stop()


def test_half_an_answer_is_none(made):
    with pytest.raises(ModelError, match="ended without an answer"):
        made(_ANSWERS_HALF).ask({"number": 4})


def test_a_child_that_is_stopped_while_it_answers_is_not_started_again(made):
    child, failed = made(_NEVER_ANSWERS), []

    def ask() -> None:
        try:
            child.ask({"number": 4})
        except ModelError as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    while child._process is None:
        time.sleep(0.01)
    child.stop()
    asking.join(20.0)
    assert failed
    child.warm()
    assert child._process.poll() is not None


def test_a_child_ends_with_who_asks_even_if_that_is_killed(made, tmp_path):
    made(_ANSWERS)
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "2\n"
        parent.kill()
    for _ in range(500):
        if (tmp_path / "ended").exists():
            break
        time.sleep(0.02)
    assert (tmp_path / "ended").exists()
