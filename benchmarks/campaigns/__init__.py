"""Mail: written, and put on the wire; by us and by the standard library."""
