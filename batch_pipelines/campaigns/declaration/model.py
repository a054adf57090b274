"""What the YAML of a campaign says, and whether it makes sense on its own.

Plain frozen pydantic models that survive a trip through JSON. What must not live here: other campaigns (catalog.py),
templates and SQL (checking/), the disk.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from batch_pipelines.campaigns.declaration.options import (
    Audience,
    Data,
    Limits,
    Schedule,
    Unsubscribe,
)
from batch_pipelines.core.declaring.declared import Declaration
from batch_pipelines.core.declaring.fields import FileBeside, Seconds, one_or_more
from batch_pipelines.core.declaring.key_problems import KeyProblems, Problem
from batch_pipelines.core.declaring.names import is_name
from batch_pipelines.core.declaring.partitions import Partitions
from batch_pipelines.core.mailings import Reason
from batch_pipelines.delivery.addresses import read_address
from batch_pipelines.presentation.chart_keys import Chart
from batch_pipelines.presentation.formats import check_locale
from batch_pipelines.presentation.words import title_of

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


class CampaignDeclaration(Declaration):
    """A campaign as declared.

    `name`, `description`, `owners`, `tags` and `group` are those of every pipeline: core/declaring/declared.py.

    Attributes:
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

    kind: Literal["marketing", "transactional"] = "marketing"
    sender: str = Field(validation_alias="from")
    reply_to: str | None = None
    subject: str
    preheader: str = ""
    template: FileBeside
    text: FileBeside | None = None
    locale: Annotated[str, AfterValidator(check_locale)] = "en_US"
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
    attachments: Annotated[list[FileBeside], BeforeValidator(one_or_more)] = Field(default_factory=list)

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
                if name in GIVEN:
                    yield (key, name), f"templates have {name!r} already; give it another name"
                elif not is_name(name):
                    yield (key, name), f"{name!r} is not a name; allowed: a-z, 0-9 and _, a letter first"
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
