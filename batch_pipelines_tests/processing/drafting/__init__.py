"""Tests of batch_pipelines.processing.drafting."""
