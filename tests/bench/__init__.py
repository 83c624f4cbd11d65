"""Benchmarks: speed and memory, measured and kept as JSON, never asserted in a timed test."""
