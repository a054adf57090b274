"""Tables: parts and dead letters as Parquet, the Delta log, settling, publishing, sweeping, querying."""
