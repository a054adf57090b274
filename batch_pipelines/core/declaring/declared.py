"""What every pipeline's YAML has in common: where it stands, and the keys that say what and whose it is.

What must not live here: other keys (each domain's declaration), reading the folder (catalog.py).
"""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from batch_pipelines.core.declaring.fields import Name, Owners

FILE_NAME = "defs.yaml"
ATTRIBUTES = ("attributes",)
SETTINGS = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
"""Of every pydantic model that YAML is read into."""

_GROUP = re.compile(r"[A-Za-z0-9_]+", re.ASCII)


class Declaration(BaseModel):
    """The keys that every pipeline has.

    Attributes:
        name: Lower-case name; the YAML's folder gives it where the YAML doesn't.
        description: Shown wherever the pipeline is.
        owners: E-mail addresses, or `team:name`.
        tags: Labels, shown in the UI.
        group: Group of the assets in the UI.
    """

    model_config = SETTINGS

    name: Name
    description: str | None = None
    owners: Owners = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    group: str | None = None

    @field_validator("group")
    @classmethod
    def _plain_group(cls, value: str | None) -> str | None:
        if value is not None and not _GROUP.fullmatch(value):
            raise ValueError(f"{value!r} is not a group; allowed: letters, digits and _")
        return value
