"""Keys that occur twice in a partition: the first record wins, the others become dead letters."""
