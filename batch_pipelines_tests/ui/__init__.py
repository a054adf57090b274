"""Tests that drive the Dagster UI in a headless browser."""
