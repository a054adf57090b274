"""Files with every kind of damage, by format: each a name, the bytes, and what is to come of it."""
