"""Bulk item jobs: a Python function over a list of items, chunk by chunk, on the batch engine. No Dagster.

    processors  the function that is shipped, and how one is found by its name
    sources     items given inline or as a file → one JSON Lines file under its hash
    planning    items + function → chunks, recorded once
    tries       which items of a chunk are done already, over all its attempts
    work        what a worker does with a chunk
    workload    what the engine asks of an item job
    pipeline    the façade: plan, work, review

What lands in results.jsonl is exactly once. A function that acts on the outside world is called at least once, and may
take an idempotency key. What must not live here: rows, columns, tables (processing/).
"""
