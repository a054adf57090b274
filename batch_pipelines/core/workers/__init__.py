"""The processes that work on chunks.

pool      the protocol: submit a task, wait for endings
entry     what runs inside a worker: soft limit, plain data back, never an exception
local     worker processes of this machine (pebble): hard limit, kill, recycle
bundles   several short tasks at a time
inline    the calling process itself: for tests and one-chunk work
guard     no orphans: a worker dies with its parent, and everything it started dies with it
preload   imported once by the fork server, so that workers start quickly and die with it
"""
