"""Temporary folders that go when the process goes that made them, however it goes: killed, too.

What must not live here: what is put into them.
"""

import os
import subprocess
import tempfile
from pathlib import Path

# Waits until nobody holds the other end of its standard input; what dies with us may be writing still, so it insists.
_REMOVE = """
exec 3<&0
( read -r _ <&3; n=0; until rm -rf -- "$1" || [ $n -gt 60 ]; do n=$((n + 1)); sleep 1; done ) >/dev/null 2>&1 &
"""


def disposable_folder(prefix: str, parent: Path | None = None) -> Path:
    """Make a folder for the life of this process, and of those forked from it.

    Args:
        prefix: Of its name.
        parent: Where; by default where temporary files are.
    """
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    reading, _never_closed = os.pipe()
    subprocess.run(["/bin/sh", "-c", _REMOVE, "sh", str(made)], stdin=reading, start_new_session=True, check=True)
    os.close(reading)
    return made
