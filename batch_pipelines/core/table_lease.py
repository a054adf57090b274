"""The lease on a pipeline's table, for whoever writes to it without being a lane: one writer a table."""

from collections.abc import Iterator
from contextlib import contextmanager

from batch_pipelines.core.clock import Clock
from batch_pipelines.core.heartbeat import Heartbeat
from batch_pipelines.core.ledger.ledger import Ledger
from batch_pipelines.core.owners import LeaseWatch, new_owner


@contextmanager
def table_lease(ledger: Ledger, pipeline: str, clock: Clock) -> Iterator[Heartbeat | None]:
    """Hold the lease on the table of `pipeline`; None if somebody else has it.

    Call `check` of what it yields before each commit: it raises `LeaseLost` if others may have taken over.
    """
    owner, holders, name = new_owner(), ledger.holders, f"table:{pipeline}"
    holders.enter(owner)
    try:
        with Heartbeat(ledger, owner.id, clock).beating() as heartbeat:
            epoch = holders.acquire(name, owner.id)
            if epoch is None and (other := holders.holder(name)):
                gone = LeaseWatch(clock).gone([other])
                epoch = holders.acquire(name, owner.id, gone=gone) if gone else None
            yield None if epoch is None else heartbeat
    finally:
        holders.leave(owner.id)
