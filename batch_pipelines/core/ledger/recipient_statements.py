"""The statements of claims and settlements, built once: that costs more than running them."""

from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, Update, bindparam, case, literal, null, select, update

from batch_pipelines.core.ledger.schema import occurrences, recipients, suppressions
from batch_pipelines.core.mailings import EVERY_LIST, WAITING, OccurrenceState, RecipientState, Screen


@lru_cache(maxsize=64)  # building it costs more than running it
def taking(screen: Screen) -> Any:
    """The one statement of a claim. Its picked rows are locked, so that two claims never wait for each other."""
    bound: BindParameter[int] = bindparam("o")
    is_sending = select(occurrences.c.id).where(
        occurrences.c.id == bound, occurrences.c.state == OccurrenceState.SENDING
    )
    picked = (
        select(recipients.c.seq)
        .where(
            recipients.c.occurrence_id == bound,
            recipients.c.state.in_([literal(state.value, literal_execute=True) for state in WAITING]),
            recipients.c.due_at <= bindparam("now"),
            is_sending.exists(),
        )
        .order_by(recipients.c.due_at, recipients.c.seq)
        .limit(bindparam("n"))
        .with_for_update(skip_locked=True, of=recipients)
        .cte("picked")
    )
    suppressed = (
        select(suppressions.c.reason)
        .where(
            suppressions.c.address_key == recipients.c.address_key,
            suppressions.c.scope.in_([EVERY_LIST, bindparam("scope")]),
            suppressions.c.reason.in_([reason.value for reason in screen.reasons]),
        )
        .limit(1)
        .correlate(recipients)
        .scalar_subquery()
    )
    return (
        update(recipients)
        .where(recipients.c.occurrence_id == bound, recipients.c.seq.in_(select(picked.c.seq)))
        .values(
            state=case((suppressed.is_(None), RecipientState.CLAIMED), else_=RecipientState.SUPPRESSED),
            claim_id=case((suppressed.is_(None), bindparam("c"))),
            reply=case((suppressed.is_(None), recipients.c.reply), else_=suppressed),
            done_at=case((suppressed.is_(None), None), else_=bindparam("now")),
        )
        .returning(
            recipients.c.seq,
            recipients.c.address,
            recipients.c.domain,
            recipients.c.attempts,
            recipients.c.state,
        )
    )


SETTLED = (
    update(recipients)
    .where(
        recipients.c.occurrence_id == bindparam("o"),
        recipients.c.seq == bindparam("q"),
        recipients.c.claim_id == bindparam("c"),
    )
    .values(
        state=bindparam("s"),
        claim_id=null(),
        attempts=bindparam("a"),
        due_at=bindparam("d"),
        code=bindparam("v_code"),
        enhanced=bindparam("v_enhanced"),
        reply=bindparam("v_reply"),
        done_at=bindparam("v_done"),
    )
)
RELEASED = (
    update(recipients)
    .where(recipients.c.claim_id == bindparam("c"), recipients.c.state == literal("claimed", literal_execute=True))
    .values(state=RecipientState.PENDING, claim_id=None)
)


def run_many(connection: Connection, statement: Update, rows: Sequence[dict[str, Any]]) -> None:
    """Run an update for many rows of plain values: SQLAlchemy's types are passed over, which halves the cost."""
    text, order = _compiled(statement, connection.dialect)
    connection.exec_driver_sql(text, list(map(itemgetter(*order), rows)) if order else list(rows))


@lru_cache(maxsize=8)
def _compiled(statement: Update, dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """A statement's SQL, and the order of its parameters where the driver wants them by position."""
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(getattr(compiled, "positiontup", None) or ())
