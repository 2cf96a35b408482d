"""What is installed, and that an installed package finds its library."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile

import pytest

import paysim
from paysim import catalog


def pyproject(root):
    with open(root / "pyproject.toml", "rb") as file:
        return tomllib.load(file)["project"]


def test_the_version_is_written_alike_everywhere(root):
    assert pyproject(root)["version"] == paysim.__version__


def test_constraints_are_plain_pins_and_cover_every_dependency(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines}
    project = pyproject(root)
    wanted = project["dependencies"] + [each for extra in project["optional-dependencies"].values() for each in extra]
    names = {re.match(r"[A-Za-z0-9._-]+", each)[0].lower().replace("_", "-") for each in wanted}
    assert names <= pinned
    assert "paysim" not in pinned


def test_nothing_that_is_shipped_names_a_folder_of_a_developer(root):
    places = re.compile(r"/(home|root|Users|work)/\w")
    for folder in ("paysim", "scenarios", "populations", "contracts"):
        for path in (root / folder).rglob("*"):
            if path.suffix in (".py", ".yaml", ".csv", ".md"):
                assert not places.search(path.read_text(encoding="utf-8")), path


@pytest.mark.slow
def test_a_wheel_brings_its_library_and_works_elsewhere(root, tmp_path):
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(root),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("paysim-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for kind in catalog.KINDS:
        for name in catalog.names(kind):
            assert f"paysim/library/{catalog.find(kind, name).relative_to(root).as_posix()}" in inside
    assert "paysim/py.typed" in inside
    kinds = ("csv", "html", "j2", "yaml", "js", "css", "svg", "LICENSE")
    shipped = {path.relative_to(root).as_posix() for kind in kinds for path in (root / "paysim").rglob(f"*.{kind}")}
    assert shipped <= inside
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    code = "import paysim; print(paysim.__file__); from paysim.cli import main; main(['check', 'nl/achterhoek_four_models'])"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(str(tmp_path))
