"""Time limits as YAML gives them: a soft and a hard one, or the hard one alone."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.fields import Seconds
from batch_pipelines.core.declaring.key_problems import KeyProblems
from batch_pipelines.core.declaring.quantities import seconds

SOFT_SHARE = 0.9


class Timeout(BaseModel):
    """Time limits of one chunk. `timeout: 5m` in YAML is the hard limit; the soft one is then 90 % of it.

    Attributes:
        soft_s: Seconds after which the work is asked to stop; `soft` in YAML.
        hard_s: Seconds after which its worker is killed; `hard` in YAML.
    """

    model_config = SETTINGS

    soft_s: Seconds = Field(default=270.0, validation_alias="soft")
    hard_s: Seconds = Field(default=300.0, validation_alias="hard")

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, value: object) -> object:
        if not isinstance(value, dict):
            return {"soft": seconds(value) * SOFT_SHARE, "hard": value}
        soft, hard = value.get("soft", value.get("soft_s")), value.get("hard", value.get("hard_s"))
        if hard is not None and soft is None:
            return {**value, "soft": seconds(hard) * SOFT_SHARE}
        if soft is not None and hard is None:
            return {**value, "hard": seconds(soft) / SOFT_SHARE}
        return value

    @model_validator(mode="after")
    def _soft_first(self) -> Self:
        if self.soft_s > self.hard_s:
            msg = f"the soft limit ({self.soft_s:g} s) is longer than the hard one ({self.hard_s:g} s)"
            raise KeyProblems([(("soft",), msg)])
        return self
