"""Bulk item jobs: a Python function over a list of items, chunk by chunk. No Dagster."""
