"""What the YAML of a campaign says, and whether it makes sense on its own.

Plain frozen pydantic models that survive a trip through JSON. What must not live here: other campaigns (catalog.py),
templates and SQL (checking.py), the disk.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.campaigns.declaration.options import (
    Audience,
    Data,
    Limits,
    OneOrMore,
    Schedule,
    Seconds,
    Unsubscribe,
)
from batch_pipelines.core.declaring.declared import SETTINGS
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.declaring.owners import check_owners
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.mailings import Reason
from batch_pipelines.delivery.addresses import read_address
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.formats import check_locale
from batch_pipelines.presentation.words import title_of

NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}", re.ASCII)
GIVEN = ("start", "end", "partition", "unsubscribe_url", "charts")


def _schedule(value: Any) -> Any:
    return {"cron": value} if isinstance(value, str) else value


def _unsubscribe(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


def _titled(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        name: {"title": title_of(str(name)), **chart} if isinstance(chart, dict) else chart
        for name, chart in value.items()
    }


class CampaignDeclaration(BaseModel):
    """A campaign as declared.

    Attributes:
        name: Lower-case name; the YAML's folder gives it where the YAML doesn't.
        description: Shown wherever the campaign is.
        owners: E-mail addresses, or `team:name`.
        tags: Labels, shown in the UI.
        group: Group of the assets in the UI.
        kind: `marketing` needs a way to unsubscribe; `transactional` does not.
        sender: `from` in YAML: name and address, or the address alone.
        reply_to: Address for answers.
        subject: Template.
        preheader: Template: what inboxes show behind the subject.
        template: MJML or HTML file beside the YAML.
        text: Template file of the text part; made from `template` where None.
        locale: Of numbers and dates.
        partitions: An occurrence each; None: one, called `all`.
        schedule: When occurrences are sent.
        list_name: `list` in YAML: which list people unsubscribe from; the campaign's name where None.
        audience: Who is written to; a transactional one may leave that to each run.
        data: Figures for each recipient, by the name that templates have for them.
        charts: Pictures in the mail, drawn once for each key of their data.
        on_missing_data: What becomes of a recipient for whom `data` has nothing.
        relay: Name of the relay; `default` is .eml files under data/mail unless BP_RELAY_DEFAULT is set.
        limits: How fast.
        lanes: Processes that send an occurrence side by side, each with its connections.
        attempts: Tries for each recipient, the first included.
        max_age: How long a deferred mail is tried.
        ambiguous: What becomes of a mail that may have been accepted: `hold` it (never sent twice), `resend`
            (never lost), or `assume_sent`.
        unsubscribe: https address of the unsubscribe page, or `{url, mailto}`.
        bounces: Address that takes bounces, each with its recipient's mark; the sender's, unmarked, where None.
        attachments: Files beside the YAML, for everybody.
    """

    model_config = SETTINGS

    name: str
    description: str | None = None
    owners: OneOrMore = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    group: str | None = None
    kind: Literal["marketing", "transactional"] = "marketing"
    sender: str = Field(validation_alias="from")
    reply_to: str | None = None
    subject: str
    preheader: str = ""
    template: str
    text: str | None = None
    locale: str = "en_US"
    partitions: Partitions | None = None
    schedule: Annotated[Schedule | None, BeforeValidator(_schedule)] = None
    list_name: str | None = Field(default=None, validation_alias="list")
    audience: Audience | None = None
    data: dict[str, Data] = Field(default_factory=dict)
    charts: Annotated[dict[str, Chart], BeforeValidator(_titled)] = Field(default_factory=dict)
    on_missing_data: Literal["skip", "fail", "send"] = "skip"
    relay: str = "default"
    limits: Limits = Field(default_factory=Limits)
    lanes: int = Field(default=1, ge=1, le=64)
    attempts: int = Field(default=6, ge=1, le=100)
    max_age: Seconds = 86_400.0
    ambiguous: Literal["hold", "resend", "assume_sent"] = "hold"
    unsubscribe: Annotated[Unsubscribe | None, BeforeValidator(_unsubscribe)] = None
    bounces: str | None = None
    attachments: OneOrMore = Field(default_factory=list)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not NAME.fullmatch(value):
            raise ValueError(f"{value!r} is not a name; allowed: a-z, 0-9 and _, not first, at most 64 characters")
        return value

    @field_validator("owners")
    @classmethod
    def _known_owners(cls, value: list[str]) -> list[str]:
        return check_owners(value)

    @field_validator("sender", "reply_to", "bounces")
    @classmethod
    def _one_address(cls, value: str | None) -> str | None:
        if value is not None:
            read_address(value)
        return value

    @field_validator("subject")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or "\n" in value.strip():
            raise ValueError("a subject is one line of text")
        return value.strip()

    @field_validator("template", "text")
    @classmethod
    def _beside(cls, value: str | None) -> str | None:
        if value is not None:
            _check_beside(value)
        return value

    @field_validator("attachments")
    @classmethod
    def _all_beside(cls, value: list[str]) -> list[str]:
        for name in value:
            _check_beside(name)
        return value

    @field_validator("locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        return check_locale(value)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems = [*self._name_problems(), *self._unsubscribe_problems(), *self._schedule_problems()]
        if problems:
            raise KeyProblems(problems)
        return self

    @property
    def zone(self) -> str:
        """The time zone of its windows, dates and times."""
        return self.partitions.timezone if self.partitions else "UTC"

    @property
    def scope(self) -> str:
        """The list that people unsubscribe from."""
        return self.list_name or self.name

    @property
    def exclude(self) -> tuple[Reason, ...]:
        """For which reasons addresses are left out."""
        if self.audience is not None and self.audience.exclude is not None:
            return tuple(self.audience.exclude)
        return tuple(Reason) if self.kind == "marketing" else (Reason.BOUNCED, Reason.MANUAL)

    def _name_problems(self) -> Iterator[Problem]:
        for key in ("data", "charts"):
            for name in getattr(self, key):
                if not NAME.fullmatch(name) or name in GIVEN:
                    yield (key, name), f"{name!r} is not a name for {key}; allowed: a-z, 0-9 and _; taken: {GIVEN}"
        for name, chart in self.charts.items():
            if chart.data not in self.data:
                known = ", ".join(self.data) or "there is none"
                yield ("charts", name, "data"), f"there is no data {chart.data!r}; {known}"
            elif not self.data[chart.data].many:
                yield ("charts", name, "data"), f"a chart needs rows: give data {chart.data!r} many: true"

    def _unsubscribe_problems(self) -> Iterator[Problem]:
        if self.kind != "marketing":
            return
        if self.unsubscribe is None:
            yield (), "key 'unsubscribe' is missing: a marketing campaign needs one, or kind: transactional"
        if self.audience is None:
            yield (), "key 'audience' is missing: who is written to?"
        if Reason.UNSUBSCRIBED not in self.exclude:
            yield ("audience", "exclude"), "a marketing campaign leaves out who has unsubscribed; add unsubscribed"

    def _schedule_problems(self) -> Iterator[Problem]:
        if self.schedule is not None and self.partitions is None:
            yield ("schedule",), "a schedule needs partitions: each of its ticks sends the window that has just ended"


def _check_beside(name: str) -> None:
    if "/" in name or "\\" in name or name.startswith("."):
        raise ValueError(f"{name!r} is not the name of a file beside the YAML")
