"""The kinds of files that are read, one module each; `registry` finds the one that a declaration asks for."""
