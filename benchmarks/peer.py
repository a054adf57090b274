"""The child process of one peer: `python -m benchmarks.peer FOLDER`, which holds the job and gets the result."""

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Run the function that the job names."""
    folder = Path(sys.argv[1])
    asked = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    module, _, name = asked["function"].partition(":")
    result = getattr(importlib.import_module(module), name)(asked["job"])
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
