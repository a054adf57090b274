"""One module a change of the ledger's tables."""
