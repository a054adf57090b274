"""Who is written to, and with what: read from tables and files once, then frozen."""
