"""Campaigns: occurrences, recipients, their claims, suppressions, and windows of rate limits."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make their tables."""
    _occurrences()
    _recipients()
    op.create_table(
        "suppressions",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("address_key", "scope", "reason")),
        *_required(sa.Text(), "source", "created_at"),
    )
    op.create_table(
        "rate_windows",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("slot", sa.BigInteger, primary_key=True),
        *_required(sa.Integer(), "used"),
    )


def _occurrences() -> None:
    op.create_table(
        "occurrences",
        sa.Column("id", sa.Integer, primary_key=True),
        *_required(sa.Text(), "campaign", "partition", "state"),
        sa.Column("reason", sa.Text),
        sa.Column("audience", sa.Text),
        *_required(sa.Integer(), "total"),
        *_required(sa.Text(), "plan"),
        sa.Column("expires_at", sa.Float),
        *_required(sa.Text(), "created_at"),
        sa.Column("finished_at", sa.Text),
        sa.UniqueConstraint("campaign", "partition", name="one_occurrence"),
    )
    op.create_table(
        "mail_claims",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("occurrence_id", sa.Integer, sa.ForeignKey("occurrences.id", ondelete="CASCADE"), nullable=False),
        *_required(sa.Text(), "holder"),
        *_required(sa.Integer(), "epoch"),
        *_required(sa.Text(), "journal", "sender", "host", "boot"),
        *_required(sa.Integer(), "pid"),
        *_required(sa.Text(), "started"),
        sqlite_autoincrement=True,
    )


def _recipients() -> None:
    op.create_table(
        "recipients",
        sa.Column("occurrence_id", sa.Integer, sa.ForeignKey("occurrences.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        *_required(sa.Text(), "address", "address_key", "domain", "state"),
        *_required(sa.Integer(), "attempts"),
        *_required(sa.Float(), "due_at"),
        sa.Column("claim_id", sa.Integer),
        sa.Column("code", sa.Integer),
        sa.Column("enhanced", sa.Text),
        sa.Column("reply", sa.Text),
        sa.Column("done_at", sa.Float),
        sa.UniqueConstraint("occurrence_id", "address_key", name="one_recipient"),
        sqlite_with_rowid=False,
    )
    _partial("recipients_waiting", ["occurrence_id", "due_at", "seq"], "state IN ('pending', 'deferred')")
    _partial("recipients_claimed", ["claim_id"], "state = 'claimed'")


def _partial(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "recipients", columns, sqlite_where=condition, postgresql_where=condition)


def _required(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]
