"""The folder of pipelines, loaded by Dagster: the package's own, or the one that `BP_DEFS` names.

What must not live here: what any YAML type means (components/).
"""

import hashlib
import sys
from pathlib import Path
from types import ModuleType

import dagster as dg

import batch_pipelines

PACKAGE = Path(batch_pipelines.__file__).parent


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
