"""Batch work that finishes exactly once, on Dagster."""
