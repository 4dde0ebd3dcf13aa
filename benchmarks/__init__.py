"""Ours beside others, in one run: `python -m benchmarks.recurrent`."""
