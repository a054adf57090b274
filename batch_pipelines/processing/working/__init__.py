"""What workers do: a chunk of a file, or of dead letters, becomes a part, dead letters and counts."""
