"""The processes that work on chunks."""
