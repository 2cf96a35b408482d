"""The command line with bad input: exit code 2, a message on stderr, nothing on stdout, nothing written."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest

import paysim
from paysim.cli.app import run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chek", "x"], "Did you mean 'check'?"),
        (["check"], "Missing argument"),
        (["check", "no_such"], "no such scenario; found 'no_such'"),
        (["check", "achterhoek_four_model"], "did you mean 'nl/achterhoek_four_models'?"),
        (["check", "missing.yaml"], "no such file; found 'missing.yaml'"),
        (["check", "x", "--jason"], "--json"),
        (["population", "build", "achterhok"], "did you mean 'achterhoek'?"),
        (["population", "build", "achterhoek", "--sample", "0"], "--sample"),
        (["population", "build", "achterhoek", "--sample", "many"], "--sample"),
        (["population", "build", "achterhoek", "--seed", "-1"], "--seed"),
        (["population", "build", "achterhoek", "--out", "p.xlsx"], "unknown kind of file; found '.xlsx'"),
        (["population", "build", "achterhoek", "--out", "no/p.csv"], "the folder does not exist"),
        (["population", "describe", "no.parquet"], "no.parquet"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_input_ends_with_2_and_writes_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []
    assert "Traceback" not in captured.err


def test_the_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"paysim {paysim.__version__}\n"


def test_check_prints_every_value_as_a_table_and_as_json(capsys):
    assert run(["check", "nl/achterhoek_four_models"]) == 0
    text = capsys.readouterr().out
    assert run(["check", "nl/achterhoek_four_models", "--json"]) == 0
    parsed = json.loads(capsys.readouterr().out)
    assert parsed["scenario"] == "achterhoek_four_models"
    for row in parsed["parameters"]:
        assert row["name"] in text
        assert row["unit"]
        assert row["source"]
        assert row["status"]
    assert "next: paysim run nl/achterhoek_four_models" in text


PAID = """\
schema: 1
name: odd
region: achterhoek
start: 2021-01-01
horizon_years: 3
price_year: 2023
discounting: {costs: 0, effects: 0}
diseases: [mortality]
current: today
arms:
  - {name: today, contracts: [nl/gp_segments_1_2_3, nl/hospital_tariffs, nl/long_term_care]}
  - name: odd
    contracts:
      - nl/hospital_tariffs
      - name: mine
        payer: insurers
        providers: practices
        components:
          - {kind: fee_for_service, schedule: [{service: gp_consult, price_eur: 10}]}
          - {kind: fee_for_service, name: bonus, from_year: 1, schedule: [{service: gp_consult, price_eur: 1}]}
"""


def test_check_warns_of_services_paid_twice_or_never(write, capsys):
    path = str(write("odd.yaml", PAID))
    assert run(["check", path, "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert {warning["arm"] for warning in warnings} == {"odd"}
    messages = [warning["message"] for warning in warnings]
    assert "service gp_phone is paid never: no component names it" in messages
    (twice,) = [message for message in messages if "twice" in message]
    assert twice == ("service gp_consult is paid twice: by mine/fee_for_service, mine/bonus, from contract year 1")
    assert run(["check", path]) == 0
    shown = capsys.readouterr()
    assert f"warning: arm odd: {twice}" in shown.err
    assert f"{len(warnings)} warnings" in shown.out
    assert run(["check", "nl/achterhoek_four_models"]) == 0
    (only,) = capsys.readouterr().err.strip().splitlines()
    assert only.startswith("warning: arm dutch_today: arms that respond are compared with dutch_today, which does not")


def test_a_region_of_ones_own_is_described_against_its_own_file(root, tmp_path, capsys):
    shutil.copytree(root / "populations" / "tables", tmp_path / "tables")
    text = (root / "populations" / "middenkempen.yaml").read_text("utf-8")
    own = tmp_path / "my_region.yaml"
    own.write_text(text.replace("name: middenkempen", "name: my_region"), "utf-8")
    assert run(["population", "describe", str(own), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["region"] == "my_region"
    assert described["margins"][0]["target"] == described["persons"]


def _run(code, **more):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False, **more
    )


def test_a_broken_model_ends_with_1_and_a_bug_shows_where_it_is():
    code = """
        from paysim.cli import app, check
        from paysim.errors import ModelError
        import paysim.scenario
        def broken(name): raise {0}("cents were lost")
        paysim.scenario.load_scenario = broken
        app.main(["check", "x"])
    """
    ended = _run(code.format("ModelError"))
    assert (ended.returncode, ended.stderr) == (1, "cents were lost\n")
    ended = _run(code.format("ZeroDivisionError"))
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_with_3(number):
    code = f"""
        import signal
        from paysim.cli import app
        import paysim.scenario
        signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background are born deaf to it
        paysim.scenario.load_scenario = lambda name: signal.raise_signal({int(number)})
        app.main(["check", "x"])
    """
    ended = _run(code)
    assert ended.returncode == 3
    assert "Traceback" not in ended.stderr


def test_a_reader_that_stops_reading_is_no_error():
    code = "from paysim.cli import main; main(['check', 'nl/achterhoek_four_models'])"
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert b"Traceback" not in ended.stderr
    assert ended.returncode == 0


def test_calibrate_looks_at_its_folder_before_it_fits(monkeypatch, tmp_path, capsys):
    def fitted(*_, **__):
        raise AssertionError("fitted first")

    monkeypatch.setattr("paysim.analysis.calibration.calibrate", fitted)
    file = tmp_path / "file"
    file.touch()
    assert run(["calibrate", "netherlands", "--out", str(file)]) == 2
    assert "is a file" in capsys.readouterr().err
    monkeypatch.setattr("os.access", lambda *_: False)
    assert run(["calibrate", "netherlands", "--out", str(tmp_path / "new")]) == 2
    assert "cannot be written to" in capsys.readouterr().err
