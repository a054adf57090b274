"""JSON Lines and XLSX: the same rules, each against what one would write without us."""
