"""`paysim serve`: what it refuses before it listens."""

from __future__ import annotations

import socket

import pytest

from paysim.cli.app import run
from paysim.cli.serve import DEFAULT_PORT
from paysim.web import settings


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "--allow-remote"),
        (["--host", "0.0.0.0", "--allow-remote"], "needs a token"),
        (["--host", "0.0.0.0", "--allow-remote", "--token", "short"], "needs a token"),
        (["--host", "0.0.0.0", "--token", "t" * 24], "--allow-remote"),
        (["--port", "0"], "--port"),
        (["--port", "70000"], "--port"),
        (["--outputs", "a_file"], "cannot be written to"),
    ],
)
def test_bad_arguments_leave_with_2(arguments, message, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PAYSIM_TOKEN", raising=False)
    (tmp_path / "a_file").write_text("")
    assert run(["serve", "--no-browser", *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "outputs" / ".app").exists()


def test_a_port_that_is_taken_is_said(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["serve", "--no-browser", "--port", str(taken.getsockname()[1])]) == 2
    assert "another --port" in capsys.readouterr().err


def test_the_command_and_the_server_mean_the_same_port():
    assert DEFAULT_PORT == settings.DEFAULT_PORT


def test_progress_is_written_for_who_looks_on(tmp_path):
    import json

    from paysim.cli.progress import Bars

    with Bars(quiet=True, file=tmp_path / "progress.json") as bars:
        bars.tick("base years", 1, 4)
        bars.tick("arm", 2, 2)
        bars.tick("base years", 4, 4)
    assert json.loads((tmp_path / "progress.json").read_text()) == {"base years": [4, 4], "arm": [2, 2]}
