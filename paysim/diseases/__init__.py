"""Diseases as tables: each folder holds its parameters, its sources and the builder of its transitions.

`health.build_health` puts them together for a cohort, so that at base the model reproduces the published
admissions, the life table and the norms of quality of life.
"""
