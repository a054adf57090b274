"""Tests of batch_pipelines.campaigns.audience."""
