"""Tests of the YAML type of reports."""
