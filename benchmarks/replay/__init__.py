"""What it takes to bring back one row in a hundred: a replay, beside processing the whole partition again."""
