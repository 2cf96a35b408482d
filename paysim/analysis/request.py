"""What was asked of a folder, kept in it from the first moment, so that work can go on from the folder alone.

``input/`` holds the scenario's file, people that were given, and ``request.json`` with the options and the SHA-256
of both. Contracts and regions that the scenario names are those of the library; if one of them changed since, the
identity of the work is another one and nothing is mixed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paysim import catalog
from paysim.errors import DataError, Problem
from paysim.reading import write_atomic
from paysim.reading.locks import make_folder
from paysim.reading.seals import sealed, sha256_of, unsealed

if TYPE_CHECKING:
    from paysim.population import Population
    from paysim.scenario import Scenario

INPUT = "input"
REQUEST = "request.json"
PEOPLE = "people.parquet"
_KEPT = ("seed", "replicates", "horizon_years", "base_years")


@dataclass(frozen=True)
class Request:
    """What was asked.

    Attributes
    ----------
    command
        ``run`` or ``psa``.
    identity
        Digest of all input but the number of draws and replicates.
    options
        Options of the command.
    kept
        Numbers of the scenario that may differ from its file: `_KEPT`.
    files
        SHA-256 of the files in ``input/``, by name. The scenario's is missing if there is no such file.
    """

    command: Literal["run", "psa"]
    identity: str
    options: Mapping[str, Any]
    kept: Mapping[str, int]
    files: Mapping[str, str]

    def as_mapping(self) -> dict[str, Any]:
        """Return the request as it is written."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def scenario(self, folder: Path) -> Scenario:
        """Return the scenario that was asked for.

        Raises
        ------
        DataError
            If its file is missing or damaged.
        """
        from paysim.scenario import load_scenario

        for name, sha256 in self.files.items():
            if sha256_of(folder / INPUT / name) != sha256:
                what = f"is missing or damaged: put back the file with SHA-256 {sha256}"
                raise DataError(Problem(what, file=str(folder / INPUT / name)))
        names = [name for name in self.files if name != PEOPLE]
        if not names:
            what = "was made in Python from a scenario without a file: call the same function again"
            raise DataError(Problem(what, file=str(folder)))
        kept: dict[str, Any] = dict(self.kept)
        return replace(load_scenario(folder / INPUT / names[0]), **kept)

    def population(self, folder: Path) -> Population | None:
        """Return the people that were given, if any."""
        from paysim.population import read_population

        return read_population(folder / INPUT / PEOPLE) if PEOPLE in self.files else None


def write_request(
    folder: Path,
    command: Literal["run", "psa"],
    scenario: Scenario,
    identity: str,
    options: Mapping[str, Any],
    population: Population | None = None,
) -> Request:
    """Write what is asked into the folder and return it."""
    from paysim.population import write_population

    make_folder(folder / INPUT)
    files = {}
    text = _text(scenario)
    if text is not None:
        name = Path(scenario.path).name
        write_atomic(folder / INPUT / name, text)
        files[name] = scenario.sha256
    if population is not None:
        write_population(population, folder / INPUT / PEOPLE)
        files[PEOPLE] = hashlib.sha256((folder / INPUT / PEOPLE).read_bytes()).hexdigest()
    kept = {name: getattr(scenario, name) for name in _KEPT}
    request = Request(command, identity, dict(options), kept, files)
    write_atomic(folder / INPUT / REQUEST, sealed(request.as_mapping()))
    return request


def read_request(folder: Path) -> Request:
    """Return what was asked of a folder.

    Raises
    ------
    DataError
        If the folder holds no request, or a damaged one.
    """
    file = folder / INPUT / REQUEST
    try:
        content = unsealed(file.read_bytes())
    except OSError:
        what = "holds no work to go on with: `paysim run` and `paysim psa` make such folders"
        raise DataError(Problem(what, file=str(folder))) from None
    if content is None:
        raise DataError(Problem("is damaged; `paysim repair` can restore it from a finished run", file=str(file)))
    return Request(**content)


def restore_input(folder: Path, request: Request) -> None:
    """Write a request again, and the scenario's file where the library has it."""
    make_folder(folder / INPUT)
    write_atomic(folder / INPUT / REQUEST, sealed(request.as_mapping()))
    for name, sha256 in request.files.items():
        if name == PEOPLE or sha256_of(folder / INPUT / name) == sha256:
            continue
        for shipped in catalog.names("scenarios"):
            file = catalog.find("scenarios", shipped)
            if file.name == name and sha256_of(file) == sha256:
                write_atomic(folder / INPUT / name, file.read_bytes())


def _text(scenario: Scenario) -> bytes | None:
    """Return the bytes the scenario was read from; None if they are gone or were changed."""
    try:
        data = Path(scenario.path).read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == scenario.sha256 else None
