"""A finished run, read back from its folder.

Nothing is shown from a damaged folder: every data file that ``manifest.json`` names is compared with its
SHA-256 before a number is read, because Parquet itself returns silently wrong values after most bit flips.
Figures and the report are made from the data and are not checked.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paysim import outcomes
from paysim.accounting import ledger
from paysim.care.programmes import rounds
from paysim.contracts import parties
from paysim.errors import DataError, OutputError, Problem, nearest_name
from paysim.parameters import values
from paysim.reading.seals import SEAL, is_whole, sha256_of

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.cells import Finished
    from paysim.contracts.contract import Contract

MANIFEST = "manifest.json"
PARTIES = "parties.csv"
"""File of what parties to contracts decided; a run in which nobody has a choice lacks it."""
ROUNDS = "rounds.csv"
"""File of the rounds of programmes, of the people simulated; a run without programmes lacks it."""
SCHEMA = 1
RESULT_COLUMNS = outcomes.COLUMNS
LEDGER_COLUMNS = ledger.COLUMNS
PARAMETER_COLUMNS = values.COLUMNS
PARTY_COLUMNS = ("arm", "replicate", *parties.COLUMNS)
ROUND_COLUMNS = ("arm", "replicate", *rounds.COLUMNS)
INCENTIVE_COLUMNS = (
    "arm",
    "replicate",
    "year",
    "provider",
    "lever",
    "segment",
    "unit",
    "marginal_revenue_eur",
    "marginal_cost_eur",
    "margin_eur",
    "margin_under_current_eur",
    "predicted_response",
    "lever_value",
)

_MANIFEST_BYTES = 20_000_000
_MOST_ROWS = 100_000_000  # a small Parquet file can claim to hold more than any memory
_MADE_FROM_DATA = ("figures/", "report.html", "log.txt")


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run; tables are read when they are first asked for.

    Attributes
    ----------
    path
        The run folder.
    manifest
        Content of ``manifest.json``.
    """

    path: Path
    manifest: Mapping[str, Any]
    _tables: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __repr__(self) -> str:
        """Return one line."""
        arms = ", ".join(self.arms)
        return f"Run({self.scenario['name']!r}, arms: {arms}; {self.path})"

    @property
    def scenario(self) -> Mapping[str, Any]:
        """What the manifest says about the scenario."""
        scenario: Mapping[str, Any] = self.manifest["scenario"]
        return scenario

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms, in the scenario's order."""
        return tuple(str(arm["name"]) for arm in self.scenario["arms"])

    @property
    def titles(self) -> dict[str, str]:
        """Title of each arm, by name."""
        return {str(arm["name"]): str(arm.get("title") or arm["name"]) for arm in self.scenario["arms"]}

    @property
    def current(self) -> str:
        """Name of the arm that describes the data year."""
        return str(self.scenario["current"])

    @property
    def compare_with(self) -> tuple[str, ...]:
        """Names of the arms that the others are compared with."""
        return tuple(self.scenario.get("compare_with") or (self.current,))

    @property
    def not_from_sample(self) -> frozenset[str]:
        """Names of measures that this run, being a sample, cannot tell; see `paysim.analysis.samples`."""
        from paysim.analysis.samples import marked_in

        return marked_in(self.manifest)

    @property
    def results(self) -> pd.DataFrame:
        """The tidy table of results; columns `RESULT_COLUMNS`."""
        return self._table("results.parquet", RESULT_COLUMNS)

    @property
    def ledger(self) -> pd.DataFrame:
        """The double-entry ledger; columns `LEDGER_COLUMNS`, text columns categorical."""
        return self._table("ledger.parquet", LEDGER_COLUMNS)

    @property
    def parameters(self) -> pd.DataFrame:
        """Every value that the run used, with unit, source and status."""
        return self._table("parameters.csv", PARAMETER_COLUMNS)

    @property
    def incentives(self) -> pd.DataFrame:
        """What each arm rewards; columns `INCENTIVE_COLUMNS`."""
        return self._table("incentives.csv", INCENTIVE_COLUMNS)

    @property
    def parties(self) -> pd.DataFrame:
        """Who took part in contracts of their own choice, and which organisations left; columns `PARTY_COLUMNS`."""
        import pandas as pd

        if PARTIES not in self.manifest["files"]:
            return pd.DataFrame(columns=list(PARTY_COLUMNS))
        return self._table(PARTIES, PARTY_COLUMNS)

    @property
    def rounds(self) -> pd.DataFrame:
        """The rounds of programmes by education, of the people simulated; columns `ROUND_COLUMNS`.

        See `paysim.analysis.programmes.rounds` for a table of the region.
        """
        import pandas as pd

        if ROUNDS not in self.manifest["files"]:
            return pd.DataFrame(columns=list(ROUND_COLUMNS))
        return self._table(ROUNDS, ROUND_COLUMNS)

    def contracts(self, arm: str, replicate: int = 0) -> tuple[Contract, ...]:
        """Return the contracts of an arm, before any factor of budget neutrality, with what their parties decided.

        Raises
        ------
        DataError
            If there is no such arm.
        """
        from paysim.contracts.terms import read_contract

        self.require_arm(arm)
        written = json.loads(_bytes(self.path / "contracts.json", self._expected("contracts.json")))
        return tuple(read_contract(each) for each in written.get(contracts_key(arm, replicate), written[arm]))

    def cell(self, arm: str, replicate: int = 0) -> Finished:
        """Return the finished cell of an arm and replicate, with its activity by quarter.

        Raises
        ------
        DataError
            If there is no such arm or replicate, or the cell is gone or damaged.
        """
        from paysim.analysis.cells import load

        self.require_arm(arm)
        names = next(each for each in self.scenario["arms"] if each["name"] == arm).get("cells", [])
        if not 0 <= replicate < len(names):
            allowed = (f"0 to {len(names) - 1}",)
            raise DataError(Problem("no such replicate", file=str(self.path), found=str(replicate), allowed=allowed))
        folder = self.path / "cells" / str(names[replicate])
        found = load(folder) if re.fullmatch("[0-9a-f]{32}", folder.name) else None
        if found is None:
            raise DataError(Problem("the cell is missing or damaged; `paysim repair` mends it", file=str(folder)))
        return found

    def require_arm(self, arm: str) -> None:
        """Raise DataError unless the run has an arm of that name."""
        if arm not in self.arms:
            near = nearest_name(arm, self.arms)
            raise DataError(
                Problem("no such arm", file=str(self.path), found=repr(arm), allowed=self.arms, nearest=near)
            )

    def wide(self, dimension: str) -> pd.DataFrame:
        """Return `paysim.analysis.measures.wide` of the results; made once."""
        from paysim.analysis.measures import wide

        key = f"wide:{dimension}"
        if key not in self._tables:
            self._tables[key] = wide(self.results, dimension)
        frame: pd.DataFrame = self._tables[key]
        return frame

    def some(self, dimension: str, totals: Collection[str]) -> pd.DataFrame:
        """Return `wide` with some totals only, without reading the others: a run may have hundreds of cells."""
        from paysim.analysis.measures import wide

        only = [("dimension", "==", dimension), ("measure", "in", sorted(totals))]
        file = self.path / "results.parquet"
        return wide(_read_parquet(_bytes(file, self._expected(file.name)), file, only), dimension)

    def _table(self, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
        if name not in self._tables:
            self._tables[name] = _read(self.path / name, self._expected(name), columns)
        table: pd.DataFrame = self._tables[name]
        return table

    def _expected(self, name: str) -> str:
        expected = self.manifest["files"].get(name)
        if expected is None:
            raise DataError(Problem("the manifest does not name this file", file=str(self.path / name)))
        return str(expected)


def contracts_key(arm: str, replicate: int) -> str:
    """Return under which name ``contracts.json`` holds an arm's contracts, of a replicate where parties decided."""
    return arm if replicate == 0 else f"{arm}, replicate {replicate}"


def load_run(path: str | os.PathLike[str]) -> Run:
    """Open a run folder and check every data file against the manifest.

    Parameters
    ----------
    path
        The folder given to ``paysim run --out``, or its ``manifest.json``.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        If the folder is no run folder, or a file is missing, damaged or not the one that was written.
    """
    folder = Path(path)
    if folder.name == MANIFEST:
        folder = folder.parent
    manifest = _read_manifest(folder)
    problems = []
    for name, expected in sorted(manifest["files"].items()):
        if name.startswith(_MADE_FROM_DATA):
            continue
        problem = _damage(folder, name, expected)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise DataError(*problems)
    return Run(path=folder, manifest=manifest)


def check_writable(run: Run) -> None:
    """Raise OutputError unless new files can be made in the run folder."""
    if not os.access(run.path, os.W_OK):
        raise OutputError(Problem("the run folder cannot be written to", file=str(run.path)))


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    if not folder.is_dir():
        near = nearest_name(folder.name, _folders(folder.parent))
        raise DataError(
            Problem("no such run folder", file=str(folder), nearest=str(folder.with_name(near)) if near else None)
        )
    try:
        if file.stat().st_size > _MANIFEST_BYTES:
            raise DataError(Problem(f"too large, at most {_MANIFEST_BYTES:,} bytes", file=str(file)))
        data = file.read_bytes()
        manifest = json.loads(data.decode("utf-8"))
    except FileNotFoundError:
        message = f"is not a finished run: it has no {MANIFEST}; `paysim run SCENARIO --out DIR` makes one"
        raise DataError(Problem(message, file=str(folder))) from None
    except OSError as exc:
        raise DataError(Problem(f"cannot be read: {exc.strerror or exc}", file=str(file))) from exc
    except json.JSONDecodeError as exc:
        raise DataError(Problem(f"is damaged: {exc.msg}", str(file), exc.lineno, exc.colno)) from None
    except (UnicodeDecodeError, RecursionError):
        raise DataError(Problem("is damaged: not JSON in UTF-8", file=str(file))) from None
    if isinstance(manifest, dict) and SEAL in manifest and not is_whole(data):
        raise DataError(Problem("is damaged: its seal does not fit; `paysim repair` mends it", file=str(file)))
    _check_manifest(manifest, file)
    checked: dict[str, Any] = manifest
    return checked


def _check_manifest(manifest: Any, file: Path) -> None:
    def need(good: bool, key: str, message: str) -> None:
        if not good:
            raise DataError(Problem(message, file=str(file), key=key))

    need(isinstance(manifest, dict), "", "is damaged: not an object")
    schema = manifest.get("schema")
    need(schema == SCHEMA, "schema", f"found {schema!r}; this paysim reads run folders of schema {SCHEMA}")
    files = manifest.get("files")
    need(isinstance(files, dict) and bool(files), "files", "is damaged: no list of files")
    for name, digest in files.items():
        # A run folder may come from somebody else: names must stay inside it.
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts and "\\" not in name
        need(inside, f"files.{name}", "points outside the run folder")
        whole = isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest) is not None
        need(whole, f"files.{name}", "is damaged: not a SHA-256")
    scenario = manifest.get("scenario")
    need(isinstance(scenario, dict), "scenario", "is damaged: no scenario")
    arms = scenario.get("arms")
    named = isinstance(arms, list) and all(isinstance(a, dict) and isinstance(a.get("name"), str) for a in arms)
    need(named and bool(arms), "scenario.arms", "is damaged: no list of arms with names")
    names = {arm["name"] for arm in arms}
    need(isinstance(scenario.get("name"), str), "scenario.name", "is damaged: no name")
    need(scenario.get("current") in names, "scenario.current", "is damaged: names no arm")
    against = scenario.get("compare_with") or []
    need(isinstance(against, list) and set(against) <= names, "scenario.compare_with", "names no arm")


def _damage(folder: Path, name: str, expected: str) -> Problem | None:
    file = folder / name
    if not file.exists():
        return Problem("missing, though the manifest names it", file=str(file))
    found = sha256_of(file)
    if found is None:
        return Problem("cannot be read", file=str(file))
    return None if found == expected else _not_the_file(file)


def _not_the_file(file: Path) -> Problem:
    return Problem(
        "is damaged or was changed: its SHA-256 is not the manifest's; `paysim repair` mends it", file=str(file)
    )


def _read(file: Path, expected: str, columns: tuple[str, ...]) -> pd.DataFrame:
    data = _bytes(file, expected)
    frame = _read_parquet(data, file) if file.suffix == ".parquet" else _read_csv(data, file)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(
            *(Problem("column missing", file=str(file), key=name, nearest=_near(name, frame)) for name in missing)
        )
    return frame


def _bytes(file: Path, expected: str) -> bytes:
    """Return the bytes of a file whose hash was checked, so that nothing can change in between."""
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise DataError(Problem(f"cannot be read: {exc.strerror or exc}", file=str(file))) from exc
    if hashlib.sha256(data).hexdigest() != expected:
        raise DataError(_not_the_file(file))
    return data


def _read_parquet(data: bytes, file: Path, only: list[tuple[str, str, Any]] | None = None) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        stored = pq.ParquetFile(pa.BufferReader(data))
        if stored.metadata.num_rows > _MOST_ROWS:
            message = f"too many rows: {stored.metadata.num_rows:,}, at most {_MOST_ROWS:,}"
            raise DataError(Problem(message, file=str(file)))
        found = stored.read() if only is None else pq.read_table(pa.BufferReader(data), filters=only)
        table: pd.DataFrame = found.to_pandas()
    except (pa.ArrowException, OSError) as exc:
        raise DataError(Problem(f"is not a Parquet table: {exc}", file=str(file))) from exc
    return table


def _read_csv(data: bytes, file: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        # A condition is called "none" in some tables; only an empty field is missing.
        return pd.read_csv(io.BytesIO(data), comment=None, keep_default_na=False, na_values=[""])
    except (ValueError, pd.errors.ParserError) as exc:
        raise DataError(Problem(f"is not a CSV table: {exc}", file=str(file))) from exc


def _near(name: str, frame: pd.DataFrame) -> str | None:
    return nearest_name(name, [str(column) for column in frame.columns])


def _folders(parent: Path) -> list[str]:
    try:
        return [entry.name for entry in parent.iterdir() if entry.is_dir()]
    except OSError:
        return []
