"""Tests of processing/rows."""
