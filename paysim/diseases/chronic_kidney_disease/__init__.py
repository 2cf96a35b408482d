"""Chronic kidney disease by stage."""
