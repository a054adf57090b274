"""Tests of batch_pipelines.campaigns.sending."""
