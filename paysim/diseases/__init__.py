"""Diseases as tables: each folder holds its parameters, its sources and the builder of its transitions.

`health.build_health` puts them together for a cohort, so that at base the model reproduces the published
admissions, the life table and the norms of quality of life.
"""

DISEASES = (
    *("mortality", "smoking", "diabetes", "ischaemic_heart_disease", "stroke", "peripheral_arterial_disease"),
    *("chronic_kidney_disease", "heart_failure", "copd", "depression", "cancer", "dementia"),
)
"""What a scenario can name, each a folder with a ``model.py``; see `paysim.diseases.disease` for what is in it."""

REQUIRED = ("mortality",)
"""Of `DISEASES`, those that no model can do without."""
