"""Work that was stopped or damaged: locks, seals, going on, mending, and worlds that fail."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import paysim as ps
from paysim.analysis import resume as work
from paysim.analysis import worlds
from paysim.cli.app import app
from paysim.cli.app import run as command
from paysim.reading import files as writing
from paysim.reading.locks import locked
from paysim.reading.seals import is_whole, sealed, unsealed
from paysim.report import document
from paysim.scenario import Scenario

SAMPLE = 1500


@pytest.fixture(scope="module", autouse=True)
def undrawn() -> Iterator[None]:
    """Reports are compared to the byte; that a figure is drawn the same twice is a test of the report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "images", lambda sheet: (b"<svg/>", b"png"))
        yield


@pytest.fixture(scope="module")
def short() -> Scenario:
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("capitation"))
    return replace(scenario, base_years=1, horizon_years=1, arms=arms, compare_with=("dutch_today",), replicates=1)


@pytest.fixture(scope="module")
def own(short: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """The same from a file of one's own, as the command line reads it."""
    text = (
        "schema: 1\nname: own\nregion: achterhoek\nstart: 2021-01-01\nhorizon_years: 1\nbase_years: 1\n"
        "price_year: 2023\nseed: 3\ndiscounting: {costs: 0.03, effects: 0.015}\ndiseases: [mortality, diabetes]\ncurrent: today\narms:\n"
        "  - name: today\n    contracts: [nl/gp_segments_1_2_3, nl/hospital_tariffs, nl/long_term_care]\n"
        "  - name: changed\n    contracts: [nl/gp_segments_1_2_3, nl/hospital_tariffs, nl/long_term_care]\n"
        "    behaviour: {name: profit_altruism}\n"
    )
    file = tmp_path_factory.mktemp("own") / "own.yaml"
    file.write_text(text)
    return ps.load_scenario(file)


@pytest.fixture(scope="module")
def run(own: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    ps.write_report(ps.simulate(own, folder, sample=SAMPLE))
    return folder


@pytest.fixture(scope="module")
def study(own: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("psa") / "study"
    with ThreadPoolExecutor(1) as one:
        return ps.psa(own, folder, draws=2, sample=SAMPLE, executor=one).path


def _hashes(folder: Path) -> dict[str, bytes]:
    left_out = ("log.txt",)  # the only file with a clock in it
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in left_out
    }


def _resumed(folder: Path) -> work.Resumed:
    with ThreadPoolExecutor(1) as one:
        return work.resume(folder, executor=one)


def _repaired(folder: Path) -> work.Resumed:
    with ThreadPoolExecutor(1) as one:
        return work.repair(folder, executor=one)


# Locks and seals


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    said = pytest.raises(ps.OutputError, match=f"another process works in this folder.*process {os.getpid()}")
    with locked(tmp_path / "new"):
        with said, locked(tmp_path / "new"):
            pass
        with locked(tmp_path / "other"):
            pass
    with locked(tmp_path / "new"):
        pass
    assert not list((tmp_path / "new").iterdir())


def test_the_lock_of_a_process_that_died_is_taken_over_and_its_leavings_cleared(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from paysim.reading.locks import locked\n"
        f"with locked(Path({str(tmp_path)!r})):\n    print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ps.OutputError, match=f"process {other.pid}"), locked(tmp_path):
            pass
        other.kill()
        other.wait()
    (tmp_path / ".results.parquet.123.tmp").write_text("half")
    assert (tmp_path / ".lock").exists()
    with locked(tmp_path):
        assert not list(tmp_path.glob(".*.tmp"))
    assert not list(tmp_path.iterdir())


def test_a_run_and_a_study_refuse_a_folder_in_use(own: Scenario, tmp_path: Path) -> None:
    with locked(tmp_path / "a"), pytest.raises(ps.OutputError, match="another process"):
        ps.psa(own, tmp_path / "a", draws=1, sample=SAMPLE)
    with locked(tmp_path / "b"), pytest.raises(ps.OutputError, match="another process"):
        ps.simulate(own, tmp_path / "b", sample=SAMPLE)


def test_any_changed_bit_breaks_a_seal() -> None:
    data = sealed({"a": 1.5, "b": ["x", None], "c": {"d": "é"}})
    assert unsealed(data) == {"a": 1.5, "b": ["x", None], "c": {"d": "é"}}
    for position in range(len(data) * 8):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << (position % 8)
        assert not is_whole(bytes(changed))
    assert not is_whole(data[:-1])
    assert not is_whole(b"")
    assert not is_whole(b"[1]")


# Going on


@pytest.mark.parametrize("kind", ["run", "study"])
def test_finished_work_is_left_alone(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(kind)
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    assert _resumed(folder).was_finished
    assert _repaired(folder).was_finished
    assert work.damage(folder) == []
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_finished_work_is_known_without_loading_the_engine(study: Path) -> None:
    code = (
        "import sys; from paysim.cli.app import run\n"
        f"code = run(['resume', {str(study)!r}])\n"
        "assert not {'numpy', 'numba', 'pandas'} & set(sys.modules), 'heavy'\nsys.exit(code)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "whole: nothing to do" in ended.stdout


def test_work_goes_on_from_what_was_written(run: Path, study: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "manifest.json").unlink()
    (copy / "ledger.parquet").unlink()
    shutil.rmtree(next(iter(sorted((copy / "cells").iterdir()))))
    found = _resumed(copy)
    assert not found.was_finished
    ps.write_report(copy)
    assert _hashes(copy) == _hashes(run)

    copy = tmp_path / "study"
    shutil.copytree(study, copy)
    (copy / "psa.json").unlink()
    first = sorted((copy / "cells").glob("*.sha256"))[0]
    first.unlink()
    assert not _resumed(copy).was_finished
    assert _hashes(copy) == _hashes(study)


@pytest.mark.slow
def test_the_disk_is_full_at_any_write(
    own: Scenario, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails at the request, in each cell, at a table, the manifest and the log; each time with a message."""
    sync, left = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(writing.os, "fsync", full)
    for writes in (0, 1, 2, 6, 8, 9, 7, 8):  # what is done already is not written again
        left = 2 * writes  # a file and its folder
        with pytest.raises(ps.OutputError, match=r"cannot write [\d,]+ bytes: No space left"):
            ps.simulate(own, tmp_path / "run", sample=SAMPLE)
        assert not [file for file in (tmp_path / "run").rglob("*") if file.name.endswith(".tmp")]
    monkeypatch.undo()
    assert not work.resume(tmp_path / "run").was_finished
    ps.write_report(tmp_path / "run")
    assert _hashes(tmp_path / "run") == _hashes(run)


def test_what_changed_since_is_not_mixed(own: Scenario, study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "s")
    (tmp_path / "s" / "psa.json").unlink()
    (tmp_path / "s" / "input" / "own.yaml").write_text("changed")
    with pytest.raises(ps.DataError, match="put back the file with SHA-256"):
        _resumed(tmp_path / "s")
    changed = replace(own, seed=8, title="changed in Python")
    with ThreadPoolExecutor(1) as one:
        ps.psa(changed, tmp_path / "p", draws=1, sample=SAMPLE, executor=one)
    (tmp_path / "p" / "psa.json").unlink()
    with pytest.raises(ps.DataError, match="changed in Python"):
        _resumed(tmp_path / "p")
    with pytest.raises(ps.DataError, match="holds no work"):
        work.resume(tmp_path)
    with pytest.raises(ps.DataError, match="no such folder"):
        work.repair(tmp_path / "nowhere")


# Mending


@pytest.mark.parametrize("kind", ["run", "study"])
def test_two_hundred_flipped_bits_are_all_found(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder: Path = request.getfixturevalue(kind)
    shutil.copytree(folder, tmp_path / "copy")
    made = ("figures", "report.html", "log.txt")
    files = [
        file
        for file in sorted((tmp_path / "copy").rglob("*"))
        if file.is_file() and file.relative_to(tmp_path / "copy").parts[0] not in made
    ]
    source = random.Random(1)
    for _ in range(200):
        file = source.choice(files)
        data = file.read_bytes()
        changed = bytearray(data)
        changed[source.randrange(len(data))] ^= 1 << source.randrange(8)
        file.write_bytes(bytes(changed))
        assert work.damage(tmp_path / "copy") == [file.relative_to(tmp_path / "copy").as_posix()]
        file.write_bytes(data)
    assert work.damage(tmp_path / "copy") == []


@pytest.mark.parametrize("kind", ["run", "study"])
def test_only_what_is_damaged_is_made_again(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = request.getfixturevalue(kind)
    shutil.copytree(folder, tmp_path / "copy")
    table, name = ("results.parquet", "manifest.json") if kind == "run" else ("psa_outcomes.csv", "psa.json")
    cell = sorted((tmp_path / "copy" / "cells").rglob("*.parquet"))[-1]
    kept = {file for file in (tmp_path / "copy" / "cells").rglob("*") if file.is_file()}
    kept = {file for file in kept if file.parent != cell.parent or (file.stem != cell.stem and kind == "study")}
    before = {file: file.stat().st_mtime_ns for file in kept}
    for file in (
        cell,
        tmp_path / "copy" / table,
        tmp_path / "copy" / name,
        tmp_path / "copy" / "input" / "request.json",
    ):
        if file.name == name and kind == "run":
            continue  # the request is then known from the manifest
        if file.name == "request.json" and kind == "study":
            continue
        file.write_bytes(file.read_bytes()[:-20])
    found = _repaired(tmp_path / "copy")
    assert len(found.damaged) == (3 if kind == "run" else 1)  # without a manifest, tables are simply written again
    assert {file: file.stat().st_mtime_ns for file in kept} == before
    if kind == "run":
        ps.write_report(tmp_path / "copy")
    assert _hashes(tmp_path / "copy") == _hashes(folder)


def test_what_cannot_be_mended_is_said(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "s")
    for name in ("psa.json", "input/request.json"):
        (tmp_path / "s" / name).write_text("{}")
    with pytest.raises(ps.DataError, match="request and manifest are both damaged"):
        work.repair(tmp_path / "s")


def test_commands(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study, tmp_path / "s")
    (tmp_path / "s" / "psa_outcomes.csv").write_text("damaged")
    assert command(["cea", str(tmp_path / "s")]) == 2
    assert command(["resume", str(tmp_path / "s")]) == 2
    text = CliRunner().invoke(app, ["repair", str(tmp_path / "s"), "--workers", "1"])
    assert "damaged: psa_outcomes.csv" in text.output
    assert "1 files mended" in text.output
    assert _hashes(tmp_path / "s") == _hashes(study)
    text = CliRunner().invoke(app, ["resume", str(tmp_path / "s"), "--draw", "1"])
    assert ".parquet" in text.output


# Worlds that fail


FAILING = """
import os, time
from dataclasses import dataclass
from paysim.analysis.worlds import World

@dataclass(frozen=True)
class Failing(World):
    how: str = ""
    log: str = ""

    def drawn(self):
        if self.how:
            with open(self.log, "a") as file:
                file.write(self.how + "\\n")
        if self.how == "dies":
            os._exit(7)
        if self.how == "hangs":
            time.sleep(600)
        if self.how == "raises":
            raise ValueError("no luck")
        if self.how == "too large":
            raise MemoryError
        return super().drawn()
"""


@pytest.fixture
def failing(own: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., worlds.World]:
    """Make worlds that fail in a process of their own, or are there already."""
    import pyarrow as pa

    (tmp_path / "failing_worlds.py").write_text(FAILING)
    (tmp_path / "cells").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib

    module = importlib.import_module("failing_worlds")
    module = importlib.reload(module)

    def make(number: int, how: str = "") -> worlds.World:
        world: worlds.World = module.Failing(own, SAMPLE, number, 0, False, how, str(tmp_path / "log.txt"))
        if not how:
            worlds.write_world(tmp_path / "cells" / worlds.file_of(world), pa.table({"value": [1.0]}))
        return world

    return make


@pytest.mark.parametrize("fail", [{1: ("dies", "ended")}, {1: ("raises", "no luck"), 3: ("too large", "MemoryError")}])
def test_a_world_that_fails_is_tried_three_times_and_costs_no_other(
    failing: Callable[..., worlds.World], tmp_path: Path, fail: dict[int, tuple[str, str]]
) -> None:
    all_of = [failing(number, *fail.get(number, ())[:1]) for number in range(8)]
    found = list(worlds.simulate_worlds(all_of, tmp_path / "cells", workers=2))
    assert sorted(world.draw for world, file, _ in found if file is not None) == sorted(set(range(8)) - set(fail))
    failures = {world.draw: error for world, file, error in found if file is None}
    assert failures.keys() == fail.keys()
    for number, (_, said) in fail.items():
        assert said in failures[number]
    tried = (tmp_path / "log.txt").read_text().splitlines()
    assert sorted(tried) == sorted([how for how, _ in fail.values()] * worlds.ATTEMPTS)


def test_a_world_that_hangs_is_ended(failing: Callable[..., worlds.World], tmp_path: Path) -> None:
    started = time.monotonic()
    found = list(worlds.simulate_worlds([failing(0, "hangs")], tmp_path / "cells", workers=1, limit_s=0.5))
    assert time.monotonic() - started < 300.0
    assert [(world.draw, file) for world, file, _ in found] == [(0, None)]


_POOL = """
import os, time
from paysim.analysis.worlds import process_pool

if __name__ == "__main__":
    with process_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60.0)
"""


def test_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(_POOL, "utf-8")
    words = [sys.executable, str(tmp_path / "pool.py")]
    env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
        try:
            parent.communicate(timeout=20.0)  # the worker has the same stdout, which ends with the last that has it
        except subprocess.TimeoutExpired:
            os.kill(worker, signal.SIGKILL)
            raise


@pytest.mark.slow
def test_killed_at_random_moments_and_resumed_it_is_the_uninterrupted_study(
    own: Scenario, study: Path, tmp_path: Path
) -> None:
    source = random.Random(2)
    out = tmp_path / "study"
    words = ["psa", own.path, "--draws", "2", "--sample", str(SAMPLE), "--workers", "1", "--out", str(out)]
    for _ in range(25):
        with subprocess.Popen([sys.executable, "-m", "paysim", *words], stderr=subprocess.PIPE) as process:
            time.sleep(source.uniform(0.5, 20.0))
            process.kill()
        if (out / "input" / "request.json").exists():
            words = ["resume", str(out), "--workers", "1"]
    assert command(words) == 0
    assert _hashes(out) == _hashes(study)
