"""Dagster plumbing that components and commands share; they alone know both Dagster and the domains.

defs_folder    the folder of pipelines, loaded     names        which names pipelines take in Dagster
session        a domain, opened for one step       policies     retries, pools, tags, executors
partitions     our keys in Dagster's terms         io_manager   values between steps, as JSON
ticks          which window a tick asks for        readiness    whether its tables are there
progress       how far a lane is, in run and log   instance     opened by one process at a time
backfill       a run over a range, in front        step_preload what forked steps begin with
report_*       reports and the tables they read, behind one desk; what was made, checked
"""
