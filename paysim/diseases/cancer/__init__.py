"""Cancer, grouped by prognosis."""
