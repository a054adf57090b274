"""Datasets: from a source file to a published table. No Dagster anywhere below here."""
