"""Published partitions outside of the tables: rows → CSV, Parquet (files.py) or a SQL table (sql_table.py), once."""
