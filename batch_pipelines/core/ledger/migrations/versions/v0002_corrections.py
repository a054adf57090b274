"""Corrections of dead letters."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make their tables."""
