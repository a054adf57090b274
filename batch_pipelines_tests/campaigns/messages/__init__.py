"""Tests of one message, from template to bytes."""
