"""Tests of batch_pipelines.presentation."""
