"""Chronic obstructive pulmonary disease."""
