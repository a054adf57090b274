"""What the YAML of a report says, checked when it is read: one declaration, all of them together, the brand."""
