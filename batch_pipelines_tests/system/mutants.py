"""Protocol errors to plant into children, each of which the sweeps must catch; and shorter patience for tests."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from sqlalchemy import bindparam, select

from batch_pipelines.campaigns.sending import recovery
from batch_pipelines.campaigns.sending.journal import Written, read_journal
from batch_pipelines.campaigns.sending.sender import Orders
from batch_pipelines.core import heartbeat, lane, owners
from batch_pipelines.core.ledger import chunks, schema
from batch_pipelines.core.ledger.recipients import Recipients
from batch_pipelines.core.mailings import MailClaim
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


def forgets_intents() -> None:
    """Recover a claim as if no final dot had been about to be written: whoever has no result is written to again."""

    def forgetful(path: Path) -> Written | None:
        written = read_journal(path)
        return None if written is None else Written(frozenset(), written.results)

    vars(recovery)["read_journal"] = forgetful


def settles_whatever_the_epoch() -> None:
    """Settle a claim that somebody else has taken over."""
    settle = Recipients.settle

    def anyhow(self: Recipients, holder: str, claim: MailClaim, *rest: Any) -> bool:
        found = [each for each in self.open_claims(claim.occurrence_id) if each.claim.id == claim.id]
        if not found:
            return settle(self, holder, claim, *rest)
        return settle(self, found[0].holder.id, replace(claim, epoch=found[0].claim.epoch), *rest)

    type.__setattr__(Recipients, "settle", anyhow)


def small_claims() -> None:
    """Claim 20 recipients instead of 200, so that a sweep comes to the ends of claims often."""
    type.__setattr__(Orders, "claimed_at_once", property(lambda _: 20))


def elsewhere() -> None:
    """Be a process of another machine, for whoever looks."""
    vars(owners)["_boot"] = lambda: "another machine"
