"""What tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# The same examples on every machine; no deadline, because machines differ in speed.
settings.register_profile(
    "paysim",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("paysim")


@pytest.fixture
def root() -> Path:
    """Folder of the checkout."""
    return ROOT


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file below the test's own folder and return its path."""

    def put(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return put


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    """What is printed does not depend on the terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "150")


# Values that nobody needs to make people; `_people_are_made_once` looks that it is so.
_NO_VALUES_OF_PEOPLE = (
    "behaviour",
    "births",
    "care",
    "delegation",
    "disease_costs",
    "migration",
    "outcomes",
    "services",
)


@pytest.fixture(autouse=True, scope="session")
def _people_are_made_once():
    """Make a sample of a shipped region once for each set of values: it takes longer than many a run of it."""
    from paysim.engine import model

    make, kept = model.synthesize, {}

    def values(parameters: Any) -> frozenset[tuple[str, Any]]:
        names = (name for name in parameters.names() if name.split(".")[0] not in _NO_VALUES_OF_PEOPLE)
        return frozenset((name, parameters.row(name).value) for name in names)

    def once(region: Any, seed: int, sample: int | None, health_values: Any) -> Any:
        files = frozenset(table.path for table in region._tables.values())
        if sample is None or not all(Path(file).is_relative_to(ROOT) for file in files):
            return make(region, seed=seed, sample=sample, health_values=health_values)
        key = (region.name, seed, sample, files, values(region.parameters), values(health_values))
        reads = region.parameters._read, health_values._read
        if key not in kept:
            before = [set(read) for read in reads]
            for read in reads:
                read.clear()
            people = make(region, seed=seed, sample=sample, health_values=health_values)
            kept[key] = people, [set(read) for read in reads]
            assert not {name.split(".")[0] for read in reads for name in read} & set(_NO_VALUES_OF_PEOPLE)
            for read, earlier in zip(reads, before, strict=True):
                read |= earlier
        people, read_then = kept[key]
        for read, names in zip(reads, read_then, strict=True):
            read |= names
        return people

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "synthesize", once)
        yield
