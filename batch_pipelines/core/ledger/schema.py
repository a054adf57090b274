"""The ledger's tables. Their history is in migrations/; a test keeps the two alike."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

HEAD = "0004"
WORDS_CHARS = 8000


def storable(text: str | None) -> str | None:
    """Return text that came from anywhere, cut, with NUL and lone surrogates escaped, which databases refuse."""
    if text is None or (len(text) <= WORDS_CHARS and text.isascii() and "\0" not in text):
        return text
    return text[:WORDS_CHARS].replace("\0", "\\0").encode(errors="backslashreplace").decode()


class Words(TypeDecorator[str]):
    """Text that came from anywhere (an exception, a file name), made `storable`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """See `storable`."""
        del dialect
        return storable(value)


metadata = MetaData()

batches = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pipeline", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("publication", Integer, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("root_run", Text),
    Column("forced", Boolean, nullable=False),
    Column("reason", Words),
    Column("created_at", Text, nullable=False),
    Column("finished_at", Text),
    UniqueConstraint("pipeline", "partition", "key", "generation", name="one_generation"),
    UniqueConstraint("pipeline", "partition", "publication", name="one_publication"),
    Index(
        "one_open_batch",
        "pipeline",
        "partition",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

chunks = Table(
    "chunks",
    metadata,
    Column("batch_id", Integer, ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True),
    Column("idx", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("items", Integer, nullable=False),
    Column("payload", Text, nullable=False),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("due_at", Float, nullable=False),  # seconds since 1970: when the next attempt may begin
    Column("revision", Integer, nullable=False),
    Column("written", Integer),
    Column("filtered", Integer),
    Column("dead", Integer),
    Column("warned", Integer),
    Column("detail", Text),
    Column("error", Words),
    Column("seconds", Float),
    Index("chunks_by_state", "batch_id", "state", "idx"),
    Index("chunks_by_owner", "owner"),
)

owners = Table(
    "owners",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),
    Column("counter", Integer, nullable=False),
    Column("created_at", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("epoch", Integer, nullable=False),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pipeline", Text, nullable=False),
    Column("target", Text, nullable=False),  # the column
    Column("expression", Text, nullable=False),
    Column("note", Words),
    Column("who", Text, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("discarded_at", Text),
    Index("corrections_by_pipeline", "pipeline"),
)

corrected_records = Table(
    "corrected_records",
    metadata,
    Column("correction_id", Integer, ForeignKey("corrections.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, primary_key=True),  # SHA-256 of the source
    Column("record", Integer, primary_key=True),
    Index("corrected_records_by_content", "content"),
)

accepted_records = Table(
    "accepted_records",
    metadata,
    Column("pipeline", Text, primary_key=True),
    Column("content", Text, primary_key=True),
    Column("record", Integer, primary_key=True),
    Column("note", Words),
    Column("who", Text, nullable=False),
    Column("made_at", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("report", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("burst", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("attempts", Integer, nullable=False),
    Column("detail", Words),
    Column("run", Text),
    Column("created_at", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
    UniqueConstraint("report", "partition", "burst", "channel", "recipient", "content", name="one_delivery"),
    Index("deliveries_by_state", "state", "owner"),
)

occurrences = Table(
    "occurrences",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("partition", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Words),
    Column("audience", Text),
    Column("total", Integer, nullable=False),
    Column("plan", Text, nullable=False),
    Column("expires_at", Float),
    Column("created_at", Text, nullable=False),
    Column("finished_at", Text),
    UniqueConstraint("campaign", "partition", name="one_occurrence"),
)

_WAITING, _CLAIMED = text("state IN ('pending', 'deferred')"), text("state = 'claimed'")

recipients = Table(
    "recipients",
    metadata,
    Column("occurrence_id", Integer, ForeignKey("occurrences.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("address", Text, nullable=False),
    Column("address_key", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("claim_id", Integer),
    Column("code", Integer),
    Column("enhanced", Text),
    Column("reply", Words),
    Column("done_at", Float),
    UniqueConstraint("occurrence_id", "address_key", name="one_recipient"),
    # Partial: who is done leaves them, so that a claim costs the same however many are.
    Index("recipients_waiting", "occurrence_id", "due_at", "seq", sqlite_where=_WAITING, postgresql_where=_WAITING),
    Index("recipients_claimed", "claim_id", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    sqlite_with_rowid=False,
)

mail_claims = Table(
    "mail_claims",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("occurrence_id", Integer, ForeignKey("occurrences.id", ondelete="CASCADE"), nullable=False),
    Column("holder", Text, nullable=False),  # who may settle it now
    Column("epoch", Integer, nullable=False),
    Column("journal", Text, nullable=False),
    Column("sender", Text, nullable=False),  # who wrote the journal: an owner, kept after its own row is gone
    Column("host", Text, nullable=False),
    Column("boot", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False),
    sqlite_autoincrement=True,  # an id must never come back: it is in rows and in names of journals
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_key", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

rate_windows = Table(
    "rate_windows",
    metadata,
    Column("key", Text, primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("used", Integer, nullable=False),
)
