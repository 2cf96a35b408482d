"""Dementia and the need for a nursing home."""
