"""Type 2 diabetes: onset."""
