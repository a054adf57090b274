"""The durable record: what was planned, who holds it, what came of it.

    schema      the tables                 store     connections, transactions, migrations
    batches     plan, resume, supersede, finish
    chunks      claim, commit, fail, split, settle: every write carries an epoch; chunk_reading: what became of them
    holders     owners and their named leases
    ledger      all of it behind one name

References and counts only: never a row per good item, never more than 64 KiB of anything. Two back ends,
SQLite and PostgreSQL, pass one suite (batch_pipelines_tests/contracts/test_ledger.py).
"""
