"""Tests of processing/tables."""
