"""Who took part in contracts of their own choice, by year, and which organisations left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paysim.accounting.ledger import is_practice
from paysim.analysis.runs import Run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "arm",
    "party",
    "year",
    "asked",
    "taking_part",
    "joined",
    "left",
    "expected_eur",
    "risk_eur",
    "worth_eur",
    "position_eur",
)


def parties_by_year(run: Run) -> pd.DataFrame:
    """Return one row for each arm, contract year, and organisation or all practices together.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: numbers of practices simulated (of organisations: 1 or 0) that are asked, take part, joined
        and left, the mean of the replicates; of those asked the mean of what is expected, of its risk and of its worth,
        in euro per listed person-year; of organisations what is left of the reserve, in euro per person.
    """
    import pandas as pd

    table = run.parties
    rows = []
    whose = table["party"].astype(str).map(lambda name: "practices" if is_practice(name) else name)
    for (arm, party), mine in table.groupby([table["arm"].astype(str), whose], sort=False):
        before = None
        for year, now in mine.groupby("year"):
            inside = now.set_index(["replicate", "party"])["takes_part"].astype(bool)
            was = inside & False if before is None else before.reindex(inside.index, fill_value=False)
            asked = now["expected_eur"].notna() if party == "practices" else now["party"].notna()
            counts = (asked.sum(), inside.sum(), (inside & ~was).sum(), (was & ~inside).sum())
            means = (now[name].mean() for name in COLUMNS[7:])
            rows.append((arm, party, year, *(each / now["replicate"].nunique() for each in counts), *means))
            before = inside
    return pd.DataFrame(rows, columns=list(COLUMNS))
