"""Tests of batch_pipelines.processing.planning."""
