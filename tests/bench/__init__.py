"""Benchmarks: ours beside the best hand-written equivalent, on the same tables, in the same run."""
