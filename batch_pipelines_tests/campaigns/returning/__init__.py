"""Tests of batch_pipelines.campaigns.returning."""
