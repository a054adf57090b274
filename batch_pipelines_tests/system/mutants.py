"""Protocol errors to plant into children, each of which the sweeps must catch; and shorter patience for tests."""

from collections.abc import Callable
from typing import Any

from deltalake import DeltaTable
from sqlalchemy import bindparam, select

from batch_pipelines.core import heartbeat, lane, owners
from batch_pipelines.core.ledger import chunks, schema
from batch_pipelines.core.model import BatchState, ChunkState
from batch_pipelines.lake import commits
from batch_pipelines.processing import workload
from batch_pipelines.processing.tables import publish


def impatience() -> None:
    """Take over from an owner after 0.4 s of silence instead of 30; renew and look accordingly."""
    owners.STILL_S = 0.4
    vars(heartbeat)["RENEW_EVERY_S"] = 0.1
    lane.POLL_S = 0.05


def stops_itself() -> None:
    """Notice one's own silence after 0.3 s instead of 20."""
    vars(heartbeat)["STOP_AFTER_S"] = 0.3
    vars(heartbeat)["RENEW_EVERY_S"] = 0.05


def no_epoch_check() -> None:
    """Commit whatever comes back to an open batch, whoever holds the chunk by now."""
    at_claim = chunks._at_claim()  # noqa: SLF001
    is_open = schema.chunks.c.batch_id.in_(select(schema.batches.c.id).where(schema.batches.c.state == BatchState.OPEN))
    chunks._DONE = at_claim.where(is_open).values(  # noqa: SLF001
        state=ChunkState.DONE,
        owner=None,
        error=None,
        seconds=bindparam("s"),
        **chunks._RESULT_BINDS,  # noqa: SLF001
    )


def no_number_check() -> None:
    """Publish without looking which publication the table holds."""
    type.__setattr__(DeltaTable, "transaction_version", lambda _table, _app: None)


def commits_on_a_fresh_handle() -> None:
    """Decide on one handle and commit on another, which has loaded what came between."""
    commit_parts: Callable[..., bool] = commits.commit_parts

    def afresh(table: DeltaTable, *rest: Any, **named: Any) -> bool:
        return commit_parts(DeltaTable(table.table_uri), *rest, **named)

    vars(publish)["commit_parts"] = afresh


def no_settle() -> None:
    """Leave duplicate keys where they are."""
    workload.DatasetWorkload.settle = lambda *_: []  # type: ignore[method-assign]
