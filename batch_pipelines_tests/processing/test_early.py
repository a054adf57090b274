"""Workers are begun before the program has loaded: with what its declarations need, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from batch_pipelines.processing.early import expect_work
expect_work(Path(sys.argv[1]))
print(sorted({"pyarrow", "numpy", "sqlalchemy", "pydantic", "pandas"} & sys.modules.keys()))
from batch_pipelines.core.model import Task
from batch_pipelines.core.workers.local import LocalPool
pool = LocalPool(1)
pool.submit(1, Task("batch_pipelines_tests.core.workers.tasks:loaded", {"modules": ["pyarrow", "pandas"]}, None, 60))
print(pool.wait(60)[0][1].value["loaded"])
pool.stop()
"""


@pytest.mark.parametrize(
    ("declared", "loaded"),
    [("columns: {id: int}\n", ["pyarrow"]), ("columns: {id: int}\nderive: {b: id}\n", ["pyarrow", "pandas"])],
)
def test_workers_load_before_the_program_has_loaded_anything(tmp_path: Path, declared: str, loaded: list[str]) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "defs.yaml").write_text(declared)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.splitlines() == ["[]", str(loaded)]
