"""Tests of batch_pipelines.processing.replaying."""
