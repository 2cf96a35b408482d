"""Symptomatic peripheral arterial disease."""
