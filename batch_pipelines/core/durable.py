"""Files and names that outlive a loss of power.

A file is durable when its bytes were synced; its name (a rename, too) when its folder was.
"""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
