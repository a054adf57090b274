"""The batch engine: work in chunks that is done exactly once, whatever dies.

    model      the values that travel: batch, chunk, claim, task, result
    errors     every error type            clock      time as an argument
    faults     named crash points          settings   where home, data and ledger are
    owners     who holds a lease, and whether that process still lives
    retry      attempts and their delays   progress   done, failed, rate, ETA
    ledger/    the durable record of all of it (SQLite or PostgreSQL); the only SQL on it
    workers/   the processes that do chunks: one protocol, a local pool, an inline one
    heartbeat  keeps a lane's leases alive
    verdicts   what the ending of a task means for its chunk
    workload   what a domain tells the engine about its batches
    lane       the loop: claim, work, commit, close
    closing    settle and publish a batch whose chunks are all done
    declaring/ what all YAML declarations have in common

A domain gives the engine a `Workload` and gets exactly-once effects. Nothing here knows what a row,
a report or a mail is, and nothing imports Dagster.
"""
