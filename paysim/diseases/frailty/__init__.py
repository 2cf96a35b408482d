"""Frailty that changes from year to year."""
