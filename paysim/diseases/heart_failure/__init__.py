"""Heart failure: diagnosis, admissions, deaths."""
