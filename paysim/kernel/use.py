"""What each person used in a period, in units of the catalogue's services.

Background care arises as episodes. Of a person who is expected to cost ``m`` euros a year of a service, a number N of
episodes begin in a block of D quarters, Poisson with mean ``m D / 4 / size``; each costs a log-normal amount with mean
`size`, spread evenly over the block. So the expected cost is ``m`` whatever the size and the spread. Everything is
keyed by (person, service, block): the blocks of one person begin at a quarter of their own.
"""

from __future__ import annotations

import math

from numba import njit

from paysim.kernel import records as rec
from paysim.kernel.hazards import choose, occurrence_key
from paysim.kernel.transitions import normal

_COUNT, _SIZE, _STRIDE = 0, 16, 16
"""Choices of a block: how many episodes begin, and from `_SIZE` on twelve for the size of each."""
_EARLIER = 1 << 20
"""Added to the number of a quarter, so that those of the base run are no negative ones."""
_MANY = 60.0
"""With more episodes expected in a block, their sum is near its mean and is taken to be it."""
TICKS_PER_PERIOD = rec.WEEKS_PER_PERIOD * rec.TICKS_PER_WEEK


@njit(cache=True, nogil=True)
def episode_rate(key, stream, period: int, expected: float, size: float, sigma: float, mean: float, quarters: int):  # type: ignore[no-untyped-def]
    """Return euros per year of a person's episodes in quarter `period`.

    Parameters
    ----------
    key, stream
        Keys of the person and of the service.
    expected
        Expected euros per year.
    size
        Mean euros of an episode; 0: no episodes, care is spread evenly.
    sigma, mean
        Standard deviation of the logarithm of an episode's cost, and the mean of ``exp(sigma z)``.
    quarters
        Length of a block.
    """
    count = expected * quarters / (rec.PERIODS_PER_YEAR * size) if size > 0.0 else 0.0
    if count <= 0.0 or count > _MANY:
        return expected
    at = period + _EARLIER
    if quarters > 1:
        at = (at + int(quarters * choose(occurrence_key(key, stream, 0), _COUNT))) // quarters
    block = occurrence_key(key, stream, at)
    left = choose(block, _COUNT)
    chance, n, total = math.exp(-count), 0, 0.0
    while left > chance and chance > 0.0:
        left -= chance
        n += 1
        chance *= count / n
        total += math.exp(sigma * normal(block, _SIZE + _STRIDE * n)) if sigma > 0.0 else 1.0
    return total * size / mean * rec.PERIODS_PER_YEAR / quarters


@njit(cache=True, nogil=True)
def quantities(  # type: ignore[no-untyped-def]
    people,
    practices,
    start: int,
    counted: int,
    timed_mask,
    timed_service,
    background,
    exponent: float,
    scale: float,
    flag_mask,
    flag_extra,
    episodes,
    at_death,
    out,
) -> None:
    """Fill `out` [n, S] with what each person used in the period that began at tick `start`.

    The first `counted` services are events. `timed_service` are years with the flags `timed_mask`, as held at the end
    of the period or at death. Then follow euros of background care, for which are expected per person-year `background`
    [B, 2, AGES] times scale x frailty ** exponent, and `flag_extra` [K, B] for the flags `flag_mask`; they arise as
    `episodes` [B], see `EPISODES`. Last are euros when a person dies, `at_death` [2, AGES].
    """
    last = out.shape[1] - 1
    first_background = last - background.shape[0]
    period = start // TICKS_PER_PERIOD
    for k in range(practices.size):
        for row in range(practices[k].first, practices[k].first + practices[k].used):
            person = people[row]
            life = person.life
            for s in range(counted):
                out[row, s] = person.counts[s]
            for s in range(counted, first_background):
                out[row, s] = 0.0
            for f in range(timed_mask.size):
                if person.flags & timed_mask[f] != 0:
                    out[row, timed_service[f]] += life
            weight = scale * math.exp(exponent * person.covariates[9])
            for b in range(background.shape[0]):
                out[row, first_background + b] = weight * background[b, person.sex, person.age] if life > 0.0 else 0.0
            if life > 0.0:
                for f in range(flag_mask.size):
                    if person.flags & flag_mask[f] != 0:
                        for b in range(background.shape[0]):
                            out[row, first_background + b] += flag_extra[f, b]
                for b in range(background.shape[0]):
                    each, expected = episodes[b], out[row, first_background + b]
                    out[row, first_background + b] = life * episode_rate(
                        person.key, each.stream, period, expected, each.size, each.sigma, each.mean, each.quarters
                    )
            died = start <= person.death < rec.NEVER
            out[row, last] = at_death[person.sex, person.age] if died else 0.0


YEARLY = (
    "person_years",
    "healthy_years",
    "qalys",
    "utility_lost",
    "deaths",
    "expected_deaths",
    "births",
    "arrivals",
    "departures",
    "programme_years",
)
"""What `add_to_year` adds up besides services, in this order."""


@njit(cache=True, nogil=True)
def add_to_year(  # type: ignore[no-untyped-def]
    people,
    start: int,
    end: int,
    enrolled: int,
    used,
    life_table,
    columns,
    year,
    seen,
) -> None:
    """Add the period from tick `start` to `end` to each person's year.

    Each person is read once, because a record is kilobytes long. To `year` [n, S + K] are added `used` [n, S] and, in
    the `columns` of the names of `YEARLY`, what the period was to the person. In `seen` [n], see `records.SEEN`, is
    noted what else is looked at.
    """
    middle = start + (end - start) // 2
    for row in range(people.size):
        person = people[row]
        lived = person.life
        age = min(max((middle - person.birth) // rec.TICKS_PER_YEAR, 0), life_table.shape[1] - 1)
        died = person.alive == 0 and start <= person.death < end
        for s in range(used.shape[1]):
            year[row, s] += used[row, s]
        year[row, columns[0]] += lived
        year[row, columns[1]] += person.healthy
        year[row, columns[2]] += person.qaly
        year[row, columns[3]] += person.lost
        year[row, columns[4]] += 1.0 if died else 0.0
        year[row, columns[5]] += lived * life_table[person.sex, age]
        year[row, columns[6]] += 1.0 if rec.NEWBORN <= person.id < rec.ARRIVAL and person.birth >= start else 0.0
        year[row, columns[7]] += 1.0 if person.id >= rec.ARRIVAL and person.entered > start else 0.0
        year[row, columns[8]] += 1.0 if person.departed == 1 and person.since >= start else 0.0
        year[row, columns[9]] += lived if person.flags & enrolled != 0 else 0.0
        seen[row].flags = person.flags
        seen[row].lived = lived
        seen[row].listed = lived if person.unlisted == 0 else 0.0
        seen[row].practice = person.practice
        seen[row].segment = person.segment
        seen[row].age = age
        seen[row].died = died


MONEY = ("gp_payments", "standing_costs", "staff_lent", "patient_payments", "payments_by_others")
"""What `add_money` adds up, in this order."""


@njit(cache=True, nogil=True)
def add_money(  # type: ignore[no-untyped-def]
    seen,
    gp_eur_per_year,
    standing_eur_per_year,
    lent_eur_per_year,
    own_eur_per_year,
    others_eur_per_year,
    settled_eur_per_year,
    patient_eur,
    columns,
    settled_columns,
    year,
) -> None:
    """Add to each person's `year`, in the `columns` of the names of `MONEY`, what was paid for the period.

    Of their practice, per person-year on the list, are `gp_eur_per_year`, `own_eur_per_year` (by patients, part of what
    was paid) and `others_eur_per_year` (by others than insurers) [P, G], `standing_eur_per_year` and
    `lent_eur_per_year` [P], and `settled_eur_per_year` [P, G, K], which goes to the K `settled_columns`; `patient_eur`
    [n] they paid back to insurers.
    """
    for row in range(seen.size):
        person = seen[row]
        listed, practice, segment = person.listed, person.practice, person.segment
        year[row, columns[0]] += listed * gp_eur_per_year[practice, segment]
        year[row, columns[1]] += listed * standing_eur_per_year[practice]
        year[row, columns[2]] += listed * lent_eur_per_year[practice]
        year[row, columns[3]] += listed * own_eur_per_year[practice, segment] + patient_eur[row]
        year[row, columns[4]] += listed * others_eur_per_year[practice, segment]
        for k in range(settled_columns.size):
            year[row, settled_columns[k]] += listed * settled_eur_per_year[practice, segment, k]
