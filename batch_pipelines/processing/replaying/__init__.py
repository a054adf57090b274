"""Dead letters that come back: a new generation of their partition, planned from what it holds."""
