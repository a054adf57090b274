"""Tests of batch_pipelines.reporting.declaration."""
