"""Tests of the jobs that no pipeline declares."""
