"""Tests of batch_pipelines.processing.settling."""
