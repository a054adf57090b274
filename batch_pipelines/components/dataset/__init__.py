"""The YAML type `Dataset`: a table and its dead letters, their checks, exports, inbox and schedule."""
