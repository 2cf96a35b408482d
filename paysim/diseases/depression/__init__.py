"""Depressive episodes."""
