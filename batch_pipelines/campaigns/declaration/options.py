"""The parts of a campaign's YAML that have keys of their own: audience, data, schedule, limits.

What must not live here: the campaign as a whole (model.py).
"""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.fields import Cron, OneOrMore, Seconds, TimeZone
from batch_pipelines.core.declaring.key_problems import KeyProblems
from batch_pipelines.core.declaring.rates import Rate, read_rate
from batch_pipelines.core.mailings import Reason

FILES = (".csv", ".parquet", ".jsonl")


def _rate_text(value: object) -> str:
    rate = read_rate(value)
    return f"{rate.limit}/{rate.window_s:g}s"


RateText = Annotated[str, BeforeValidator(_rate_text)]


class Audience(BaseModel):
    """Who is written to. Every column is a variable of the templates.

    Attributes:
        table: A dataset.
        file: A CSV, JSON Lines or Parquet file, from the project's folder.
        sql: A query over tables; `$start` and `$end` are bound, as in `data`.
        email: The column of the addresses.
        name: The column of people's names, shown beside the address; None for none.
        where: SQL condition on the columns.
        exclude: For which reasons suppressed addresses are left out.
    """

    model_config = SETTINGS

    table: str | None = None
    file: str | None = None
    sql: str | None = None
    email: str = "email"
    name: str | None = None
    where: str | None = None
    exclude: list[Reason] | None = None

    @field_validator("exclude", mode="before")
    @classmethod
    def _reasons(cls, value: Any) -> Any:
        if value is None:
            return None
        names = [value] if isinstance(value, str) else value
        known = [reason.value for reason in Reason]
        for name in names if isinstance(names, list) else []:
            if name not in known:
                raise ValueError(f"{name!r} is not a reason; allowed: {', '.join(known)}")
        return [Reason(name) for name in names] if isinstance(names, list) else names

    @field_validator("file")
    @classmethod
    def _within_the_project(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith("/") or ".." in value.split("/")):
            raise ValueError(f"{value!r} leaves the project's folder; write a path from there")
        if value is not None and not value.endswith(FILES):
            raise ValueError(f"{value!r}: of what kind is it? It should end in {', '.join(FILES)}")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in ("table", "file", "sql") if getattr(self, name) is not None]
        if len(given) != 1:
            what = f"{' and '.join(given)} exclude each other" if given else "table, file or sql is missing"
            raise KeyProblems([((), f"an audience comes from one place: {what}")])
        return self


class Data(BaseModel):
    """Figures for each recipient: a query that is run once and joined by some columns.

    Attributes:
        by: Columns that both the audience and the query have.
        many: Whether templates get a list of rows instead of one row.
        query: SQL over tables; `$start`, `$end` (exclusive) and `$partition` are bound.
    """

    model_config = SETTINGS

    by: OneOrMore = Field(min_length=1)
    many: bool = False
    query: str


class Unsubscribe(BaseModel):
    """How people leave.

    Attributes:
        url: https address of the page; each recipient's own token is put behind it.
        mailto: Address that takes "unsubscribe" mails; None for none.
    """

    model_config = SETTINGS

    url: str
    mailto: str | None = None

    @field_validator("url")
    @classmethod
    def _secure(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{value!r} is not an https address without ? and #")
        return value


class Schedule(BaseModel):
    """When an occurrence is sent.

    Attributes:
        cron: Five fields.
        timezone: IANA name; the partitions' where None.
        expires: Time after the tick at which what is not sent is left out; None for never.
        missed: What is sent of ticks that passed while nobody was there: the `last`, `all` (oldest first), or `none`.
    """

    model_config = SETTINGS

    cron: Cron
    timezone: TimeZone | None = None
    expires: Seconds | None = None
    missed: Literal["last", "all", "none"] = "last"


class Limits(BaseModel):
    """How fast is sent, by all senders together. Never above a limit in any window of its length.

    Attributes:
        per_second: Messages of this campaign in any second.
        per_minute: Likewise.
        per_hour: Likewise.
        per_day: Likewise.
        rates: Further ones, e.g. `50000/24h`.
        per_domain: `5/s` for each domain, or by domain, `*` for each of the others.
        connections: Connections side by side; None for as many as the relay allows.
    """

    model_config = SETTINGS

    per_second: int | None = Field(default=None, ge=1)
    per_minute: int | None = Field(default=None, ge=1)
    per_hour: int | None = Field(default=None, ge=1)
    per_day: int | None = Field(default=None, ge=1)
    rates: Annotated[list[RateText], BeforeValidator(lambda v: v if isinstance(v, list) else [v])] = Field(
        default_factory=list
    )
    per_domain: dict[str, RateText] = Field(default_factory=dict)
    connections: int | None = Field(default=None, ge=1, le=64)

    @field_validator("per_domain", mode="before")
    @classmethod
    def _for_each(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"*": value}

    @field_validator("per_domain")
    @classmethod
    def _lower(cls, value: dict[str, str]) -> dict[str, str]:
        return {domain.lower(): rate for domain, rate in value.items()}

    @property
    def campaign(self) -> list[Rate]:
        """All limits of the campaign as a whole."""
        windows_s = ((self.per_second, 1), (self.per_minute, 60), (self.per_hour, 3600), (self.per_day, 86_400))
        plain = [Rate(limit, float(window_s)) for limit, window_s in windows_s if limit is not None]
        return [*plain, *map(read_rate, self.rates)]
