"""When a report runs, and where it goes: schedule, burst, deliveries, checks. Keys only; others act on them."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.fields import Cron, OneOrMore, Seconds, TimeZone
from batch_pipelines.core.declaring.key_problems import KeyProblems
from batch_pipelines.core.declaring.quantities import MB, size_bytes

FormatName = Literal["pdf", "xlsx", "html", "csv", "parquet", "json"]
_CHANNELS = ("folder", "email", "webhook")
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")


def pdf_alone() -> list[FormatName]:
    """What is made, and attached, where nothing is said."""
    return ["pdf"]


Bytes = Annotated[int, BeforeValidator(size_bytes)]


class Schedule(BaseModel):
    """When the window that has just ended is reported. In YAML a cron text will do.

    Attributes:
        cron: Five fields.
        timezone: Of the cron; the partitions' where None.
        wait_for: Tables that have to be complete; those that the queries read where None.
        deadline: How long after its tick a report may wait for data before its owners are told.
    """

    model_config = SETTINGS

    cron: Cron
    timezone: TimeZone | None = None
    wait_for: OneOrMore | None = None
    deadline: Seconds | None = None

    @model_validator(mode="before")
    @classmethod
    def _cron_alone(cls, value: object) -> object:
        return {"cron": value} if isinstance(value, str) else value


class Burst(BaseModel):
    """One report a line of a query.

    Attributes:
        query: SQL; one row a report.
        key: Its column that names the report; letters, digits, `-`, `_`, `.` become part of the path.
        filters: Which column fills which filter.
        email: Its column with the recipient's address, if mails go there.
    """

    model_config = SETTINGS

    query: str
    key: str
    filters: dict[str, str] = Field(min_length=1)
    email: str | None = None


class Email(BaseModel):
    """A mail with the report.

    Attributes:
        to: Addresses; none where `burst.email` tells them.
        cc: Addresses.
        bcc: Addresses.
        subject: Template; the report's title where None.
        body: Template of a short text.
        attach: Formats that go along; the others are linked.
        max_size: Attachments beyond this become links.
        relay: Name of the relay; `default` is a folder of .eml files until BP_RELAY_DEFAULT says otherwise.
        sender: Address of the From header, in YAML `from`; BP_MAIL_FROM where None.
    """

    model_config = SETTINGS

    to: OneOrMore = Field(default_factory=list)
    cc: OneOrMore = Field(default_factory=list)
    bcc: OneOrMore = Field(default_factory=list)
    subject: str | None = None
    body: str | None = None
    attach: list[FormatName] = Field(default_factory=pdf_alone)
    max_size: Bytes = 10 * MB
    relay: str = "default"
    sender: str | None = Field(default=None, alias="from")

    @field_validator("to", "cc", "bcc")
    @classmethod
    def _addresses(cls, value: list[str]) -> list[str]:
        bad = [
            ((index,), f"{each!r} is not an e-mail address")
            for index, each in enumerate(value)
            if not _ADDRESS.fullmatch(each)
        ]
        if bad:
            raise KeyProblems(bad)
        return value


class Webhook(BaseModel):
    """A POST with the manifest.

    Attributes:
        url: Address.
        headers: Further headers.
        secret_env: Environment variable with the key that signs the body.
    """

    model_config = SETTINGS

    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    secret_env: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _url_alone(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _over_http(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s]+(?:/\S*)?", value):
            raise ValueError(f"{value!r} is no address to POST to; write https://example.com/hook")
        return value


class Deliver(BaseModel):
    """One destination: exactly one of its keys is given.

    Attributes:
        folder: Folder from the project's home, or `s3://bucket/prefix`.
        email: A mail.
        webhook: A POST.
    """

    model_config = SETTINGS

    folder: str | None = Field(default=None, min_length=1)
    email: Email | None = None
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in _CHANNELS if getattr(self, name) is not None]
        if len(given) != 1:
            raise KeyProblems([((), f"a delivery is one of {', '.join(_CHANNELS)}")])
        return self

    @property
    def channel(self) -> str:
        """Which of them it is."""
        return next(name for name in _CHANNELS if getattr(self, name) is not None)


class Check(BaseModel):
    """A condition on the report's queries. In YAML the SQL alone will do.

    Attributes:
        sql: One value, true if all is well.
        name: As the UI shows it.
        severity: `error` keeps the report from being delivered.
    """

    model_config = SETTINGS

    sql: str
    name: str | None = None
    severity: Literal["error", "warn"] = "error"

    @model_validator(mode="before")
    @classmethod
    def _sql_alone(cls, value: Any) -> Any:
        return {"sql": value} if isinstance(value, str) else value
