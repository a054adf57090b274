"""From a partition to its files, and from their bytes to rows."""
