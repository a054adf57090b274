"""The tables as everybody reads them: Delta Lake on local disk. No Dagster, no idea of who wrote them.

delta   where a table is, what it holds, one atomic commit
parts   the Parquet files that it is made of
query   SQL over tables, locked: nothing else in reach
"""
