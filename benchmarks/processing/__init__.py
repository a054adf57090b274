"""The same CSV processed by us and by peers: same rules, same rows, same dead letters."""
