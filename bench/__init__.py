"""Benchmarks: `python -m bench` runs all, `python -m bench NAME` one. Figures: RESULTS.md."""
