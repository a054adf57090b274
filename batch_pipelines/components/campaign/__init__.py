"""The YAML type `Campaign`: its occurrences, their checks and schedule, and what keeps them going."""
