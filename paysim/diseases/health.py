"""The health side of a model: transitions, utilities and risk-factor tables, levelled on a cohort.

At base, by sex and age: infarctions and strokes equal published admissions net of transfers, deaths equal the
life table, mean utility equals the norm, and treatment keeps its coverage. `expected_at_base` shows how well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paysim.diseases import diabetes, ischaemic_heart_disease, mortality, quality_of_life, stroke  # noqa: F401
from paysim.diseases.ages import TEN_YEARS, Bands
from paysim.diseases.cohort import Cohort, check_length, hazards, keyed_share
from paysim.diseases.diabetes import model as diabetes_model
from paysim.diseases.ischaemic_heart_disease import model as ihd_model
from paysim.diseases.mortality import model as mortality_model
from paysim.diseases.quality_of_life import model as quality_model
from paysim.diseases.risk.factors import RiskFactorTables, load_risk_factors
from paysim.diseases.risk.score2 import load_score2, needs_treatment
from paysim.diseases.stroke import model as stroke_model
from paysim.diseases.vascular_events import VascularEvents, Words, load_published
from paysim.diseases.vascular_prevention import model as prevention_model
from paysim.errors import ScenarioError
from paysim.kernel.spec import AGES, COVARIATES, Transition
from paysim.parameters import Parameters

COUNTRIES = ("NL", "BE")
DISEASES = ("mortality", "ischaemic_heart_disease", "stroke", "diabetes")
FLAGS = (
    "diabetes",
    "prior_mi",
    "recent_mi",
    "prior_stroke",
    "recent_stroke",
    "high_risk",
    "enrolled",
    "statin",
    "bp_drug_1",
    "bp_drug_2",
)
