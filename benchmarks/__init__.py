"""Measurements, each one file `bench_*.py` with a `main()`; `python -m benchmarks` runs them.

Absolute numbers belong to the machine they were taken on; each benchmark
measures its alternatives in one run and prints ratios.
"""
