"""Death from causes that are not simulated as such."""
