"""Tests of batch_pipelines.core.declaring."""
