"""Tests of the YAML types and the operations, on Dagster instances of their own."""
