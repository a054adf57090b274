"""Tests of batch_pipelines.lake."""
