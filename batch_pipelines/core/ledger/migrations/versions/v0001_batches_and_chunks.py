"""Batches, chunks, owners and leases."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer, primary_key=True),
        *_required(sa.Text(), "pipeline", "partition", "key"),
        *_required(sa.Integer(), "generation"),
        *_required(sa.Text(), "state", "plan"),
        *_required(sa.Integer(), "publication"),
        *_required(sa.Boolean(), "settled"),
        sa.Column("root_run", sa.Text),
        *_required(sa.Boolean(), "forced"),
        sa.Column("reason", sa.Text),
        *_required(sa.Text(), "created_at"),
        sa.Column("finished_at", sa.Text),
        sa.UniqueConstraint("pipeline", "partition", "key", "generation", name="one_generation"),
        sa.UniqueConstraint("pipeline", "partition", "publication", name="one_publication"),
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "one_open_batch",
        "batches",
        ["pipeline", "partition"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "chunks",
        sa.Column("batch_id", sa.Integer, sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("idx", sa.Integer, primary_key=True),
        *_required(sa.Text(), "state"),
        *_required(sa.Integer(), "items"),
        *_required(sa.Text(), "payload"),
        sa.Column("owner", sa.Text),
        *_required(sa.Integer(), "epoch", "attempts", "deaths"),
        *_required(sa.Float(), "due_at"),
        *_required(sa.Integer(), "revision"),
        *(sa.Column(name, sa.Integer) for name in ("written", "filtered", "dead", "warned")),
        sa.Column("detail", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("seconds", sa.Float),
    )
    op.create_index("chunks_by_state", "chunks", ["batch_id", "state", "idx"])
    op.create_index("chunks_by_owner", "chunks", ["owner"])
    op.create_table(
        "owners",
        sa.Column("id", sa.Text, primary_key=True),
        *_required(sa.Text(), "host", "boot"),
        *_required(sa.Integer(), "pid"),
        *_required(sa.Text(), "started"),
        *_required(sa.Integer(), "counter"),
        *_required(sa.Text(), "created_at"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text),
        *_required(sa.Integer(), "epoch"),
    )


def _required(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]
