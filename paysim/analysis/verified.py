"""What a verification found, and how it is kept with a run.

Apart from `verification`, which brings the engine along, so that a report can show checks without loading it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from paysim.reading import write_atomic
from paysim.reading.seals import sealed, unsealed

if TYPE_CHECKING:
    import pandas as pd

    from paysim.analysis.runs import Run

DOMAINS = ("inputs", "events and states", "money", "results", "chance and program")
KEPT = "verification.json"
"""File in a run folder."""


@dataclass(frozen=True)
class Check:
    """One thing that was verified.

    Attributes
    ----------
    id
        Name, the same for every scenario.
    domain
        One of `DOMAINS`.
    what
        What must hold.
    passed
        Whether it does.
    found
        What was seen.
    """

    id: str
    domain: str
    what: str
    passed: bool
    found: str


@dataclass(frozen=True, eq=False)
class Verification:
    """All checks of a scenario."""

    scenario: str
    persons: int
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return all(each.passed for each in self.checks)

    def frame(self) -> pd.DataFrame:
        """Return one row a check: ``id``, ``domain``, ``what``, ``passed``, ``found``."""
        import pandas as pd

        return pd.DataFrame([vars(each) for each in self.checks])


def keep_verification(run: Run, found: Verification) -> None:
    """Write what was found on a run's scenario into its folder, for the report.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    checks = [asdict(each) for each in found.checks]
    content = {"scenario": found.scenario, "persons": found.persons, "identity": run.manifest["identity"]}
    write_atomic(run.path / KEPT, sealed({**content, "checks": checks}))


def kept_verification(run: Run) -> Verification | None:
    """Return the verification kept with a run; None if there is none, or it is damaged or of another run."""
    try:
        content = unsealed((run.path / KEPT).read_bytes())
    except OSError:
        return None
    if content is None or content["identity"] != run.manifest.get("identity"):
        return None
    checks = tuple(Check(**each) for each in content["checks"])
    return Verification(content["scenario"], content["persons"], checks)
