"""Reading of finished runs: run folders, measures, differences between arms."""
