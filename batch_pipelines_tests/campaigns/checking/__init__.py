"""Tests of batch_pipelines.campaigns.checking."""
