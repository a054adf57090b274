"""What the YAML types have in common: a component is made of one document, with the lines of its keys.

Dagster checks attributes before a component can; its complaints know neither our units nor the nearest key. So our
attributes let everything pass, and `load` has the declaration check the document itself. What must not live here: what
Dagster has of a pipeline (`component.py` of each type).
"""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import dagster as dg
from pydantic import BaseModel, ConfigDict

from batch_pipelines.core.declaring.catalog import Entry
from batch_pipelines.core.declaring.declared import FILE_NAME, Declaration
from batch_pipelines.core.declaring.yaml_files import Document, read_documents

E = TypeVar("E", bound=Entry[Any])


class Attributes(BaseModel):
    """Whatever stands below `attributes`, with the schema of its declaration for editors."""

    model_config = ConfigDict(extra="allow")

    declaration: ClassVar[type[Declaration]]
    given: ClassVar[Sequence[str]] = ("name",)
    """Keys that need not be there: others give them."""
    as_text_too: ClassVar[Sequence[tuple[str | None, str]]]
    """Keys that may be one text instead of what they are: the model (None: the declaration itself) and the key."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the declaration as YAML may write it: with units, scalars for lists and mappings."""
        schema = cls.declaration.model_json_schema(*args, **kwargs)
        models = {None: schema, **schema["$defs"]}
        schema["required"] = [name for name in schema["required"] if name not in cls.given]
        for model, key in ((None, "owners"), *cls.as_text_too):
            models[model]["properties"][key] = or_text(models[model]["properties"][key])
        for bound in ("start", "end"):
            models["Partitions"]["properties"][bound] = {}  # YAML has dates
        if "Timeout" in models:
            schema["properties"]["timeout"] = either({"type": "number"}, or_text(schema["properties"]["timeout"]))
            for limit in ("soft", "hard"):
                models["Timeout"]["properties"][limit] = or_text(models["Timeout"]["properties"][limit])
        return schema


class Pipeline(dg.Component, Generic[E]):
    """One pipeline, declared by one YAML document.

    Args:
        entry: What the YAML says, and where it lies.
    """

    type_name: ClassVar[str]
    """As the YAML names it."""
    attributes: ClassVar[type[Attributes]]
    spec: ClassVar[dg.ComponentTypeSpec]
    """What `dg` lists of this type."""

    def __init__(self, entry: E) -> None:
        self.entry = entry

    @classmethod
    @abstractmethod
    def read(cls, document: Document, folder: Path) -> E:
        """Check a document, which lies in that folder.

        Raises:
            ConfigError: It cannot work; the message has file, line, key and the nearest allowed key.
        """

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """Return the model of the attributes; its schema is the declaration's."""
        return cls.attributes

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """Return what `dg` lists of this type."""
        return cls.spec

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:
        """Check the YAML document that `context` stands for.

        Raises:
            ConfigError: It cannot work; the message has file, line, key and the nearest allowed key.
        """
        return cls(cls.read(_document(cls.type_name, attributes, context), context.path))


def or_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what is this, or a text."""
    return either({"type": "string"}, schema)


def either(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of what is one or the other."""
    return {"anyOf": [one, other]}


def _document(type_name: str, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Document:
    """Return the document with the lines of its keys; without a file (`from_attributes_dict`), without lines."""
    file: Path = context.path / FILE_NAME
    number = context.component_path.instance_key
    if file.is_file():
        documents = read_documents(file)
        if isinstance(number, int) and number < len(documents):
            return documents[number]
    given = dict(attributes.model_extra or {}) if isinstance(attributes, Attributes) else {}
    return Document("attributes", 0, {"type": type_name, "attributes": given}, {})
