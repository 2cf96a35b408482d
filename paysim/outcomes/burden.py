"""Life years, healthy life years and disability-adjusted life years.

- *Life years*: years lived.
- *Healthy life years*: years lived without any chronic condition of the model (`HealthModel.chronic`).
  Expectancies "without limitation" or "in good perceived health", as statistical offices publish them, are another
  thing and not available.
- *DALY* = years of life lost + years lived with disability. A death costs the remaining life expectancy of the
  national life table at its age and sex, undiscounted, in the year of the death. Years with disability are utility
  lost to disease, integrated over time: disease-free utility less utility. The weights are decrements of utility
  (EQ-5D), not those of the Global Burden of Disease study, so levels are not comparable with that study's.
"""

from __future__ import annotations

from collections.abc import Iterator

from paysim.outcomes.protocol import Counted, Measure


def measures(counted: Counted) -> Iterator[Measure]:
    """Yield life years, healthy life years, years of life lost, years lived with disability, and DALYs."""
    lost, disability = counted.column("life_years_lost"), counted.column("utility_lost")
    yield Measure("life_years", "years", counted.column("person_years"), discounted="effects")
    yield Measure("healthy_life_years", "years", counted.column("healthy_years"), discounted="effects")
    yield Measure("years_of_life_lost", "years", lost)
    yield Measure("years_with_disability", "years", disability)
    yield Measure("dalys", "DALY", lost + disability)
