"""The folder of pipelines, loaded by Dagster: the package's own, or the one that `BP_DEFS` names.

What must not live here: what any YAML type means (components/).
"""

import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Hashable
from importlib import import_module
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
    files = sorted(file for file in settings.defs.rglob("*") if file.suffix != ".pyc" and file.is_file())
    states = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    key = (str(settings.home), str(settings.defs), states, frozenset(os.environ.items()))
    if key not in _loaded:
        loaded = load(settings)
        _loaded.clear()  # of one state only
        _loaded[key] = loaded
    return _loaded[key]


def load_defs_folder(folder: Path, home: Path) -> dg.Definitions:
    """Load every YAML and Python file of a folder of pipelines.

    Args:
        folder: The folder.
        home: The project's home, which has dg.toml where the folder is the package's own.
    """
    if not _has_pipelines(folder):
        return dg.Definitions()
    module = import_module("batch_pipelines.defs") if folder == PACKAGE / "defs" else _as_module(folder)
    # not load_from_defs_folder: it adds the schemas of all of Dagster's own YAML types, at a third of a second
    with warnings.catch_warnings():  # about what Dagster and we use of it, as load_from_defs_folder does
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.ComponentTree.from_module(defs_module=module, project_root=home).build_defs()


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
