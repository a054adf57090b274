"""A process of its own that does one thing after another to ledgers when told to, for races.

It reads a line `ACT URL`, says `ready`, waits for another line, acts, prints what came of it as JSON.
"""

import json
import sys
from collections.abc import Callable

from batch_pipelines.core.ledger.ledger import Ledger, open_ledger
from batch_pipelines_tests.contracts.acts import claimed, committed, entered, opened


def opens_key(ledger: Ledger) -> object:
    """Open the same key as all the others."""
    batch = opened(ledger, "r", items=(1,) * 40)
    return [batch.id, batch.publication]


def opens_another(ledger: Ledger) -> object:
    """Open ten keys of one's own in the one partition."""
    return [opened(ledger, str(entered(ledger)[:3] + str(n))).publication for n in range(10)]


def works(ledger: Ledger) -> object:
    """Claim and commit, two at a time, until nothing waits."""
    owner, mine = entered(ledger), list[int]()
    batch = opened(ledger, "r", items=(1,) * 40)
    while claims := claimed(ledger, owner, batch, limit=2):
        mine += committed(ledger, owner, claims)
    ledger.holders.leave(owner)
    return mine


def leases(ledger: Ledger) -> object:
    """Take the one lease, again and again: the epochs that were mine."""
    owner, mine = entered(ledger), list[int]()
    for _ in range(20):
        if epoch := ledger.holders.acquire("table:flights", owner):
            mine.append(epoch)
            ledger.holders.give_back("table:flights", owner, epoch)
    return mine


ACTS: dict[str, Callable[[Ledger], object]] = {act.__name__: act for act in (opens_key, opens_another, works, leases)}

if __name__ == "__main__":
    for asked in sys.stdin:
        name, url = asked.split()
        print("ready", flush=True)  # noqa: T201
        sys.stdin.readline()
        ledger = open_ledger(url)
        print(json.dumps(ACTS[name](ledger)), flush=True)  # noqa: T201
        ledger.close()
