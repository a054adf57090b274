"""The tables as everybody reads them: Delta Lake on local disk. No Dagster, no idea of who wrote them.

delta       where a table is, what it holds, whether it is sound
commits     changing that, one atomic commit at a time
parts       the Parquet files that it is made of
statements  which tables SQL reads
query       SQL over tables, locked: nothing else in reach
"""
