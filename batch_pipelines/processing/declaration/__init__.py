"""What a dataset's YAML says, checked: columns, partitions, source paths; and all datasets together."""
