"""Dagster and nothing else: every asset reads, calls a core function, attaches metadata and returns."""
