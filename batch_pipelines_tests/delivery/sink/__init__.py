"""Tests of batch_pipelines.delivery.sink."""
