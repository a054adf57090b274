"""The pipelines of this deployment: one folder each, with its defs.yaml and what that names. Yours go here."""
