"""Benchmarks: ratios against a named reference in the same run. Not collected by pytest."""
