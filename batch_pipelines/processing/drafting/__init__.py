"""A first declaration of a dataset, from the looks of one of its files."""
