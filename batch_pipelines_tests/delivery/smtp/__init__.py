"""Tests of batch_pipelines.delivery.smtp."""
