"""The job `send_emails`: an occurrence of any campaign, or transactional mail to given people, with flat run config.

    {campaign, partition} or {recipients, template, data}  →  {sent, failed, deferred, suppressed, ambiguous, … total}

It shares occurrences with the campaigns' assets: what one has sent, the other does not send again.
"""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import ConfigDict, Field

from batch_pipelines.campaigns.declaration.catalog import Catalog
from batch_pipelines.components.campaign import steps
from batch_pipelines.components.campaign.graph import AUDIENCE_OUT, PREPARED, sends_op
from batch_pipelines.components.graphs import fan_out
from batch_pipelines.components.jobs.flat_config import CONSOLE, flat_config, with_choice
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.policies import INFRASTRUCTURE_RETRIES, RUN_TAGS, SEND_EMAILS, multiprocess_config

NONE = "none"


class SendEmailsConfig(dg.Config):
    """What a run of `send_emails` is asked for. Every field has a default."""

    model_config = ConfigDict(extra="forbid")

    partition: str = Field(
        default="", description='Partition of the campaign: which occurrence, e.g. "2013-06-03". Empty: it has none.'
    )
    recipients: list[Any] = Field(
        default=[],
        description="Transactional mail instead: addresses, or mappings with email and variables of their own, at most "
        "10,000. Needs a template.",
    )
    template: str = Field(
        default="", description="Name of the transactional campaign whose template, subject and sender are used."
    )
    data: dict[str, Any] = Field(default={}, description="Variables for all of `recipients`.")
    key: str = Field(
        default="",
        description="The same key is the same mail: whoever got it gets no second one. Empty: that of the run; its "
        "retries have the same.",
    )


class AudienceConfig(SendEmailsConfig):
    """The same, as the first step gets it."""

    campaign: str = Field(description="The campaign.")


@dg.op(
    name="send_emails_audience",
    description="Freezes who is written to, and with what. Once: a re-run goes on with what was frozen. Sends nothing.",
    out=AUDIENCE_OUT,
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=SEND_EMAILS,
)
def audience_op(
    context: dg.OpExecutionContext, config: AudienceConfig
) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
    """Prepare what the run config asks for."""
    yield from fan_out(PREPARED, *steps.prepare(context, order_of(config)))


@dg.op(
    name="send_emails_report",
    description="Sends what lanes have left, waits for what other runs send, and reports what became of everybody. "
    "Fails if the occurrence is paused, and says why.",
    ins={"lanes": dg.In(dg.Nothing)},
    out=dg.Out(dict, io_manager_key=JSON_IO_KEY),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=SEND_EMAILS,
)
def report_op(context: dg.OpExecutionContext, prepared: dict[str, Any]) -> Json:
    """Report; return the figures."""
    reviews = steps.review(context, prepared)
    steps.raise_unfinished(reviews)
    (review,) = reviews
    shown = steps.metadata_of(review)
    context.add_output_metadata(shown)
    if not prepared["direct"]:  # the same occurrence as the campaign's asset has
        asset = dg.AssetKey(review.occurrence.campaign)
        context.log_event(dg.AssetMaterialization(asset, partition=steps.partition_of(review), metadata=shown))
    context.log.info("%s: %s", review.occurrence.name, json.dumps(review.figures))
    return dict(review.figures)


def order_of(config: AudienceConfig) -> steps.Order:
    """Read a run config.

    Raises:
        dagster.Failure: It asks for two things, or for nothing.
    """
    chosen = config.campaign if config.campaign != NONE else ""
    problem = None
    if config.recipients and not config.template:
        problem = "recipients need a template: the name of a transactional campaign"
    elif config.template and not config.recipients:
        problem = "a template needs recipients"
    elif not config.recipients and not chosen:
        problem = "name a campaign, or give recipients and a template"
    elif config.recipients and config.partition:
        problem = "recipients and partition exclude each other"
    if problem:
        raise dg.Failure(description=f"run config: {problem}", allow_retries=False)
    if config.recipients:
        return steps.Order(config.template, None, tuple(config.recipients), dict(config.data), config.key)
    return steps.Order(chosen, [config.partition] if config.partition else None)


def send_emails_job(catalog: Catalog) -> dg.JobDefinition | None:
    """Return the job for the campaigns there are; None without any."""
    if not catalog.entries:
        return None
    model = run_config_model(list(catalog.entries))

    def to_steps(asked: Any) -> dict[str, Any]:
        wanted = {**asked.model_dump(), "campaign": asked.campaign.value}
        entry = catalog.entries.get(wanted["template"] if wanted["recipients"] else wanted["campaign"])
        lanes = entry.declaration.lanes if entry else 1
        executor = {"multiprocess": multiprocess_config(lanes)} if lanes > 1 else {"in_process": {}}
        return {"ops": {"audience": {"config": wanted}}, "execution": {"config": executor}, "loggers": CONSOLE}

    @dg.job(
        name=SEND_EMAILS,
        description="Sends an occurrence of a campaign, or transactional mail to given people, and says what became of "
        "everybody. Run again, it goes on where it stopped; nobody gets a second mail.",
        config=flat_config(model, to_steps),
        resource_defs={JSON_IO_KEY: json_io_manager},
        executor_def=dg.multi_or_in_process_executor,
        tags=RUN_TAGS,
    )
    def send_emails() -> None:
        prepared, lanes = audience_op.alias("audience")()
        report_op.alias("report")(prepared, lanes=lanes.map(sends_op.alias("sends")).collect())

    return send_emails


def run_config_model(names: list[str]) -> type[dg.Config]:
    """Return the model of the run config, with the names of campaigns as the allowed values of `campaign`."""
    choices = (*names, NONE)
    return with_choice(SendEmailsConfig, "SendEmailsRunConfig", "campaign", choices, NONE, "The campaign to send")
