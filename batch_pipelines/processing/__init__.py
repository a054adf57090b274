"""Datasets: from a source file to a published table. No Dagster anywhere below here.

declaration/   what the YAML says          drafting/     a first YAML, from the looks of a file
sources/       files, objects, queries: found, cut at record ends, read, one protocol a format
rows/          casts, rules, references, expressions, transform: Arrow in, Arrow and rejects out
planning/      a partition → a batch of chunks, its identity, what it is bound to
working/       a chunk → a part, dead letters, counts that add up
settling/      keys that occur twice
tables/        publishing, upserting, compacting, sweeping
export/        published partitions to files and databases
dead_letters/  what is known of them       replaying/    how they come back
workload       what the engine asks of a dataset
pipeline       all of it behind one name, `Processing`
reports, replay_reports, standing          what came of it, as values for people
declared_sql   whether the SQL of declarations is right
early          the process that workers come from, begun first
"""
