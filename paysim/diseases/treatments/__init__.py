"""Treatments beside statins and blood-pressure drugs."""
