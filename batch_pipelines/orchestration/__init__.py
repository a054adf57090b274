"""Dagster plumbing that all components share: sessions, policies, partitions, progress, the instance, backfills."""
