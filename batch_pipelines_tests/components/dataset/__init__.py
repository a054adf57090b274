"""Tests of the YAML type of datasets."""
