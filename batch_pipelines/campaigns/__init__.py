"""E-mail campaigns: audience, messages, and what became of every recipient. No Dagster."""
