"""Tests of batch_pipelines.items."""
