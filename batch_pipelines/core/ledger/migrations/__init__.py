"""The history of the ledger's tables, one file a change; Alembic applies what is missing when a ledger is opened."""
