"""The YAML type `Report`: its files, their checks, their delivery and schedule."""
