"""Tests with real Dagster processes: `dagster dev`, the command line, a deployment on PostgreSQL."""
