"""pyarrow asks for pandas once; hidden that once, it is not loaded, and works as ever where it is wanted."""

import subprocess
import sys

SCRIPT = """
import sys
import pyarrow as pa
from batch_pipelines.lake.lean_arrow import spare_pandas
spare_pandas()
assert pa.array([1, 2]).take(pa.array([1])).to_pylist() == [2]
assert "pandas" not in sys.modules
assert list(pa.table({"n": [1, 2]}).to_pandas()["n"]) == [1, 2]
assert "pandas" in sys.modules
"""


def test_pandas_is_loaded_only_where_it_is_wanted() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
