"""Corrections and acceptances of dead letters."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make their tables."""
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("pipeline", "target", "expression")),
        sa.Column("note", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("who", "made_at")),
        sa.Column("discarded_at", sa.Text),
    )
    op.create_index("corrections_by_pipeline", "corrections", ["pipeline"])
    op.create_table(
        "corrected_records",
        sa.Column("correction_id", sa.Integer, sa.ForeignKey("corrections.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("content", sa.Text, primary_key=True),
        sa.Column("record", sa.Integer, primary_key=True),
    )
    op.create_index("corrected_records_by_content", "corrected_records", ["content"])
    op.create_table(
        "accepted_records",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("pipeline", "content")),
        sa.Column("record", sa.Integer, primary_key=True),
        sa.Column("note", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("who", "made_at")),
    )
