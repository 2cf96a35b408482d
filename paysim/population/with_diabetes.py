"""How much more often people with diabetes have another lasting disease at base.

The sources give hazard ratios of new cases. What they leave as an odds ratio of having the disease follows from a
population whose rates never changed, see `paysim.diseases.comorbidity`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from paysim.diseases.comorbidity import log_odds_ratio
from paysim.diseases.diabetes import model as diabetes
from paysim.diseases.disease import implied_incidence
from paysim.diseases.mortality.life import faded, life_table_hazard
from paysim.parameters import Parameters


class Survival(NamedTuple):
    """Parameters that are the hazard ratios of death with a disease, their geometric mean being used.

    Attributes
    ----------
    own_deaths
        Whether these are deaths of its own, whose ratio does not fade with age, and not a multiple of others.
    """

    ratios: tuple[str, ...]
    own_deaths: bool = False


LASTING: Mapping[str, Survival] = MappingProxyType(
    {
        "prior_mi": Survival(("ischaemic_heart_disease.mortality_hr",)),
        "prior_stroke": Survival(("stroke.mortality_hr",)),
        "angina": Survival(("ischaemic_heart_disease.angina_mortality_hr",)),
        "pad": Survival(("peripheral_arterial_disease.mortality_hr",)),
        "ckd": Survival(("chronic_kidney_disease.mortality_hr_3a", "chronic_kidney_disease.mortality_hr_3b")),
        "heart_failure": Survival(("heart_failure.mortality_hr",), own_deaths=True),
        "dementia": Survival(("dementia.mortality_hr", "dementia.mortality_hr_severe"), own_deaths=True),
    }
)
"""Columns of lasting diseases that diabetes makes more likely. An episode such as depression is over before it matters
when diabetes began: its hazard ratio is used as it is."""


def log_odds(health: Parameters, column: str, prevalence: np.ndarray, ratio: np.ndarray | float) -> np.ndarray:
    """Return the log odds ratio ``[2, 111]`` of a disease of `LASTING`, with diabetes against without.

    Parameters
    ----------
    prevalence
        Share of inhabitants who have it, ``[2, 111]``.
    ratio
        Hazard ratio of new cases with diabetes.
    """
    survival, life = LASTING[column], life_table_hazard(health)
    mean = float(np.exp(np.mean([np.log(health[name]) for name in survival.ratios])))
    of_it = np.full(life.shape, mean) if survival.own_deaths else faded(health, mean)
    return log_odds_ratio(
        life,
        diabetes.onset(health).rates,
        implied_incidence(life, prevalence, of_it),
        ratio,
        (faded(health, health["diabetes.mortality_hr"]), of_it),
        own_deaths=survival.own_deaths,
    )
