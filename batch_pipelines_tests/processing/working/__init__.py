"""Tests of batch_pipelines.processing.working."""
