"""The folder of pipelines, loaded by Dagster: the package's own, or the one that `BP_DEFS` names.

What must not live here: what any YAML type means (components/).
"""

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import dagster as dg

import batch_pipelines
from batch_pipelines.core.settings import Settings

PACKAGE = Path(batch_pipelines.__file__).parent
_loaded: dict[Hashable, dg.Definitions] = {}


def load_once(settings: Settings, load: Callable[[Settings], dg.Definitions]) -> dg.Definitions:
    """Load definitions; give the same again as long as neither the folder nor the environment has changed.

    One `dagster job execute` asks five times, at a second each.

    Args:
        settings: Where everything is.
        load: Loads them. What it raises is not kept.
    """
    key = (str(settings.home), str(settings.defs), _state(settings.defs), frozenset(os.environ.items()))
    if key not in _loaded:
        loaded = load(settings)
        _loaded.clear()  # of one state only
        _loaded[key] = loaded
    return _loaded[key]


def _state(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Name, time of change and size of every file; what Python writes beside them, and what is just going, left out."""
    found = set()
    for file in folder.rglob("*"):
        if "__pycache__" not in file.parts and file.is_file():
            with suppress(FileNotFoundError):
                at = file.stat()
                found.add((str(file), at.st_mtime_ns, at.st_size))
    return frozenset(found)


def load_defs_folder(folder: Path, home: Path) -> dg.Definitions:
    """Load every YAML and Python file of a folder of pipelines.

    Args:
        folder: The folder.
        home: The project's home, which has dg.toml where the folder is the package's own.
    """
    if not _has_pipelines(folder):
        return dg.Definitions()
    if folder == PACKAGE / "defs":
        return dg.load_from_defs_folder(path_within_project=PACKAGE)
    with warnings.catch_warnings():  # of what Dagster uses of itself; load_from_defs_folder does the same
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.ComponentTree.from_module(defs_module=_as_module(folder), project_root=home).build_defs()


def _has_pipelines(folder: Path) -> bool:
    """Whether there is anything to load: Dagster takes an empty folder for a mistake."""
    return any(file.suffix in {".py", ".yaml"} and file.name != "__init__.py" for file in folder.rglob("*"))


def _as_module(folder: Path) -> ModuleType:
    """Return a package whose code lies in `folder`, so that Python beside the YAML can be imported."""
    name = f"bp_defs_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        module.__file__ = None
        sys.modules[name] = module
    return sys.modules[name]
