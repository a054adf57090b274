"""Declarations for tests, written the way users write them."""

from pathlib import Path

from batch_pipelines.core.declaring.declared import ATTRIBUTES
from batch_pipelines.core.declaring.yaml_files import read_documents, validate
from batch_pipelines.processing.declaration.catalog import DATASET_TYPE
from batch_pipelines.processing.declaration.model import DatasetDeclaration


def write_dataset(defs: Path, name: str, attributes: str) -> Path:
    """Write `defs/name/defs.yaml`; attributes begin on its third line."""
    (defs / name).mkdir(parents=True, exist_ok=True)
    file = defs / name / "defs.yaml"
    indented = "".join(f"  {line}\n" for line in attributes.strip("\n").splitlines())
    file.write_text(f"type: {DATASET_TYPE}\nattributes:\n{indented}")
    return file


def declare(folder: Path, attributes: str, name: str = "shop") -> DatasetDeclaration:
    """Read a declaration from attributes as YAML."""
    (document,) = read_documents(write_dataset(folder, name, attributes))
    return validate(DatasetDeclaration, document, at=ATTRIBUTES, given={"name": name})
