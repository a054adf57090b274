"""Tests of batch_pipelines.campaigns.leaving."""
