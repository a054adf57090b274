"""From a declaration and a partition to a batch: its files, known by content, cut into chunks."""
