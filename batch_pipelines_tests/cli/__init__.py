"""Tests of the `bp` command."""
