"""Stroke of any kind and the years after it."""
