"""A child process that shows incentives at once: it keeps the simulated base year between questions.

``python -m paysim.web.previewer`` reads a JSON object a line, ``{"scenario": file, "sample": persons}``, and answers
with one. It ends when nobody has asked for a while, and then takes no memory.
"""

from __future__ import annotations

from typing import Any

from paysim.web.child import answer_each

IDLE_S = 900.0


def main() -> None:
    """Answer until the other side ends, or nobody asks."""
    kept: dict[str, Any] = {}
    answer_each(lambda question: answer(question, kept), IDLE_S)


def answer(question: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    """Return incentives and payments of a scenario, or what is wrong with it; `kept` holds the last ground."""
    from paysim.analysis.incentives import ground, ground_key, incentives_on, payments_on
    from paysim.analysis.measures import records
    from paysim.errors import PaysimError
    from paysim.scenario import load_scenario

    try:
        scenario = load_scenario(question["scenario"])
        key = ground_key(scenario, question["sample"])
        if key not in kept:
            kept.clear()
            kept[key] = ground(scenario, question["sample"])
        return {"rows": records(incentives_on(kept[key], scenario)), "paid": payments_on(kept[key], scenario)}
    except PaysimError as exc:
        return {"problem": str(exc)}


if __name__ == "__main__":
    main()
