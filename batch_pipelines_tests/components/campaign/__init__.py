"""Tests of the YAML type of campaigns."""
