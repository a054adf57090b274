"""The YAML of campaigns: what it may say, and all of them together."""
