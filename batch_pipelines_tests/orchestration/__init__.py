"""Tests of the plumbing between our domains and Dagster."""
