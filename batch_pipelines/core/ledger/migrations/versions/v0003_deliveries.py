"""Deliveries of reports."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_KEY = ("report", "partition", "burst", "channel", "recipient", "content")


def upgrade() -> None:
    """Make their table."""
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _KEY),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("detail", sa.Text),
        sa.Column("run", sa.Text),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Text, nullable=False),
        sa.UniqueConstraint(*_KEY, name="one_delivery"),
    )
    op.create_index("deliveries_by_state", "deliveries", ["state", "owner"])
