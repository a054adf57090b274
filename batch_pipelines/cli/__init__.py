"""The `bp` command: one module a command, `main.py` puts them together; what several share has its own room.

start: its first moments · main: the commands and what becomes of errors · console: where to speak, and how · cells:
values as people read them · output: tables, JSON, CSV · places: settings and datasets by name · watching: the ledger as
progress · progress_bar: progress on a terminal or in a log · dagster_job: a Dagster job in a process of its own ·
closing: what a run came to.
"""
