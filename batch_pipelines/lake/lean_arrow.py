"""pyarrow without pandas, for processes that only need the one.

What must not live here: anything that reads or writes.
"""

import sys
from importlib.abc import MetaPathFinder

import pyarrow as pa


def spare_pandas() -> None:
    """Keep pyarrow from loading pandas (a second, 45 MB) only to ask whether a list is a pandas Series.

    pyarrow asks once; that once, pandas is hidden. It asks again when it really needs pandas (`to_pandas`).
    """
    if "pandas" in sys.modules:
        return
    hide = _Hidden()
    sys.meta_path.insert(0, hide)
    try:
        pa.scalar(0)
    finally:
        sys.meta_path.remove(hide)


class _Hidden(MetaPathFinder):
    """Makes an import of pandas fail."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)
