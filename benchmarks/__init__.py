"""What paysim costs in time and memory: `python -m benchmarks` measures it and writes RESULTS.md."""
