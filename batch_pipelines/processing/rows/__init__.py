"""Rows of one chunk: casts, rules, references, expressions, transform. Arrow in, Arrow and rejects out."""
