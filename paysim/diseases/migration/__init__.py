"""Who comes to the region, who leaves it, and who changes practice or insurer."""
