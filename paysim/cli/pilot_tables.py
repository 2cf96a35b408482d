"""What `paysim pilot` prints of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from paysim.cli import show

if TYPE_CHECKING:
    from paysim.pilots import Pilot
    from paysim.pilots.money import Money
    from paysim.pilots.study import Study
    from paysim.pilots.verdict import Verdict

_OUTCOMES = ("true_effect", "estimate", "bias", "rmse", "coverage", "type_1", "power", "wrong_sign")
_MILLION = ("million_low", "million_estimate", "million_high", "million_truth")
FEWEST_TRIALS = 200
"""Trials below which a share has a standard error of 3.5 percentage points or more."""
_SIZES = ("mean", "detectable", "detectable_formula", "cv", "correlation")
_PAID = ("chance_bonus", "chance_penalty", "bonus_without_effect", "bonus", "loss", "payer_loss", "insolvent")


def rows(found: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows with four digits; nothing where nothing is known."""
    show.table([{name: _short(row.get(name)) for name in columns} for row in found], columns)


def plain(found: Study) -> dict[str, Any]:
    """Return a study as plain data, without its pilot."""
    return {
        name: _plain(getattr(found, name)) for name in found.__dataclass_fields__ if name not in ("pilot", "trials")
    }


def study(found: Study, judged: Verdict) -> None:
    """Print the verdict, what the pilot would find beside the truth, why, and whose money it is."""
    from paysim.pilots.parts import SOURCES
    from paysim.pilots.study import FEW

    pilot, first = found.pilot, found.outcomes[0]
    typer.echo(f"{pilot.title}: {judged.what}")
    for reason in judged.reasons:
        typer.echo(f"- {reason}")
    typer.echo(
        f"\n{found.trials:,} trials, {pilot.treated} treated and {pilot.controls} control of {found.practices} "
        f"{pilot.level}s, {found.worlds} simulated world(s); {pilot.estimator}, {pilot.inference}; "
        f"under the contract in {found.stayed:.0%} of the years meant\n"
    )
    if found.willing is not None:
        typer.echo(f"Taking part is worth something to {found.willing:.0%} of those who come forward.\n")
    if found.worlds == 1 and pilot.sites > 0.9 * found.practices:
        typer.echo(
            f"One simulated world, and nearly all its {pilot.level}s take part in every trial: how they differ and "
            "change is of that world alone; simulate more to draw from (--replicates).\n"
        )
    if pilot.sites_are_regions and found.weight > 1.0:
        typer.echo(
            f"Each {pilot.level} is a sample, up to {found.weight:.0f} people for one simulated: chance between "
            f"them is up to {found.weight**0.5:.1f} times too large.\n"
        )
    every = [asdict(each) for each in found.outcomes]
    rows(every, ["name", *_OUTCOMES, "unit"])
    typer.echo("")
    rows(every, ["name", *_SIZES])
    if found.inferences:
        typer.echo(f"\nfewer than {FEW} {pilot.level}s: errors of the first kind and effects found, by inference")
        rows(found.inferences, ["inference", "type_1", "finds_effect"])
    if found.by_year:
        text = "1 is the first of the pilot; 0, the last before it, is what the others are compared with"
        typer.echo(f"\nthe first outcome year by year (event study): {text}")
        rows(found.by_year, list(found.by_year[0]))
    typer.echo("\nwhere the error of the first outcome comes from")
    sources = [
        {"source": key, "bias": first.bias_by_source[key], "sd": first.variance_by_source[key] ** 0.5, "what": text}
        for key, text in SOURCES.items()
    ]
    rows([row for row in sources if row["bias"] or row["sd"]], ["source", "bias", "sd", "what"])
    if found.withdrawn:
        typer.echo("\nin the years after the contract is withdrawn")
        rows([asdict(each) for each in found.withdrawn], ["name", "left", "estimate", "finds_something"])
    typer.echo(
        f"\nfor the whole region ({found.people:,.0f} people), if all took part and nobody left: what a pilot would "
        "say, and the truth; in million EUR a year where named so"
    )
    scaled = found.scaled_up()
    money = _MILLION if any(_MILLION[0] in row for row in scaled) else ()
    rows(scaled, ["name", "low", "estimate", "high", "truth", "unit", *money])
    if found.money is not None:
        _money(found.money, found)


def notes(pilot: Pilot, trials: int) -> list[str]:
    """Return what a reader must know of a pilot carried out so: too few trials, and sites that all drop out."""
    said = []
    if trials < FEWEST_TRIALS:
        error = 0.5 / trials**0.5
        text = f"{trials} trials are few: a share has a standard error of up to {100.0 * error:.0f} percentage points"
        said.append(f"{text}; take {FEWEST_TRIALS} or more (--trials)")
    drop_out = pilot.settings.get("drop_out")
    if drop_out is not None and drop_out.value >= 1.0:
        said.append(
            "drop_out is 1: all sites leave after their first year, so there is no contract to speak of after it"
        )
    return said


def _money(money: Money, found: Study) -> None:
    typer.echo("\nmoney: probabilities, and EUR per head over the whole pilot")
    rows(
        [{"what": key, "value": value} for key, value in asdict(money).items() if key not in ("cash", "variants")],
        ["what", "value"],
    )
    typer.echo("\nwith one term changed")
    rows(money.variants, ["term", "value", *_PAID])
    typer.echo("\ncash so far at the end of each year, EUR per head: one trial in ten lower, median, one in ten higher")
    fan = [
        {"party": each.party, **_cents(row), "year": int(row["year"]) + 1} for each in money.cash for row in each.fan
    ]
    rows(fan, ["party", "year", "low", "median", "high"])
    typer.echo("")
    rows(
        [asdict(each) for each in money.cash],
        ["party", "reserve_needed", "insolvent", "breaks_even", "break_even_year"],
    )
    if found.parties:
        typer.echo("\nwhat the contract does to the money of others, EUR per head a year of treated sites")
        rows(found.parties, ["party", "mean", "low", "high", "loses", "measure"])


def _cents(row: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 2) for key, value in row.items()}


def _short(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return float(f"{value:.4g}") + 0.0 if isinstance(value, float) else value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value
