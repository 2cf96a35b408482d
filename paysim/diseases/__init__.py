"""Diseases as tables: each folder holds its parameters, its sources and the builder of its transitions.

`health.build_health` puts them together for a cohort, so that at base the model reproduces the published
admissions, the life table and the norms of quality of life.
"""

DISEASES = ("mortality", "ischaemic_heart_disease", "stroke", "diabetes")
"""What a scenario can name; the other folders are part of every model."""

REQUIRED = ("mortality",)
"""Of `DISEASES`, those that no model can do without."""
