"""A Dask cluster with two workers on loopback gives the bytes that processes of our own give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import paysim as ps
from paysim.analysis.cluster import dask_executor
from paysim.cli.app import run as command

SAMPLE = 1500


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


@pytest.mark.slow
def test_two_workers_of_a_cluster_give_the_same_files(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    scenario = ps.load_scenario("nl/achterhoek_four_models")
    arms = (scenario.arms[0], scenario.arm("capitation"))
    short = replace(scenario, base_years=1, horizon_years=1, arms=arms, compare_with=("dutch_today",))
    ps.psa(short, tmp_path / "own", draws=3, sample=SAMPLE, workers=2)
    here = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": None}
    with distributed.LocalCluster(**here) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tcp://127.0.0.1:")
        with dask_executor(address) as executor:
            ps.psa(short, tmp_path / "dask", draws=2, sample=SAMPLE, executor=executor)
            ps.psa(short, tmp_path / "dask", draws=3, sample=SAMPLE, executor=executor)
        assert _files(tmp_path / "dask") == _files(tmp_path / "own")
        assert command(["resume", str(tmp_path / "dask"), "--dask", address]) == 0


def test_no_cluster_is_said_plainly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["psa", "nl/achterhoek_four_models", "--draws", "1", "--dask", "tcp://127.0.0.1:1", "--out", str(tmp_path)]
    assert command(words) == 2
    said = capsys.readouterr().err
    assert "pip install 'paysim[cluster]'" in said or "no Dask scheduler answers" in said
