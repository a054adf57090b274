"""Tests of processing/export/."""
