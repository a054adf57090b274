"""What comes back: bounces and complaints, read from a maildir."""
