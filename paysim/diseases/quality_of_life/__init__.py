"""Quality of life: population norms and decrements of conditions."""
