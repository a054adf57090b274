"""Tests of batch_pipelines.reporting.render."""
