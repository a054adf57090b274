"""The job `generate_report`: one report of any type, on demand, with flat run config; and its result.

    {type, filters, format, period, locale}  →  {report_id, url, size, format, sha256, rows}

It shares queries, documents and files with the reports' assets: the same again is the same bytes. It delivers nothing.
"""

import json
from typing import Any, get_args

import dagster as dg
from pydantic import ConfigDict, Field

from batch_pipelines.components.jobs.flat_config import CONSOLE, flat_config, with_choice
from batch_pipelines.components.report import steps
from batch_pipelines.components.report.metadata import files_table, shown_picture
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager
from batch_pipelines.orchestration.names import step_name
from batch_pipelines.orchestration.policies import GENERATE_REPORT, INFRASTRUCTURE_RETRIES, RUN_TAGS
from batch_pipelines.orchestration.report_records import Report
from batch_pipelines.orchestration.session import open_desk
from batch_pipelines.reporting.declaration.catalog import Catalog
from batch_pipelines.reporting.declaration.delivery import FormatName

FAVOURITE = "daily_operations"


class GenerateReportConfig(dg.Config):
    """What a run of `generate_report` is asked for, besides the type. Every field has a default."""

    model_config = ConfigDict(extra="forbid")

    filters: dict[str, Any] = Field(
        default={},
        description="Values for the filters that the report declares, e.g. {origin: JFK}. Those left out have their "
        "declared defaults.",
    )
    period: str = Field(
        default="",
        description='The window to report: key of a partition, e.g. "2013-01-15". Empty: the newest whose tables are '
        "there.",
    )
    locale: str = Field(default="", description='Of numbers, dates and words, e.g. "de_DE". Empty: as declared.')


class GatherConfig(GenerateReportConfig):
    """The same, as the first step gets it."""

    type: str = Field(description="The report.")
    format: str = Field(description="The file to make.")


@dg.op(
    name=step_name(GENERATE_REPORT, "gathering_data"),
    description="Runs the report's queries once over the tables as they are now. Fails where a table has not been "
    "processed, and names the command that cures it.",
    out=dg.Out(dict, io_manager_key=JSON_IO_KEY),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=GENERATE_REPORT,
)
def gathering_data(context: dg.OpExecutionContext, config: GatherConfig) -> Json:
    """Gather."""
    with open_desk() as desk:
        return steps.gather(
            context,
            desk,
            config.type,
            [config.period] if config.period else [desk.newest(config.type)],
            filters=config.filters,
            formats=[config.format],
            locale=config.locale or None,
            burst=False,
            whole=True,
        )


@dg.op(
    name=step_name(GENERATE_REPORT, "processing"),
    description="Turns the rows into a document: title, figures against the window before, charts, tables.",
    out=dg.Out(dict, io_manager_key=JSON_IO_KEY),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=GENERATE_REPORT,
)
def processing(gathered: dict[str, Any]) -> Json:
    """Process."""
    with open_desk() as desk:
        return steps.process(desk, gathered)


@dg.op(
    name=step_name(GENERATE_REPORT, "generating"),
    description="Makes the file, whole or not at all, and says where it lies. The same again is the same bytes.",
    out=dg.Out(dict, io_manager_key=JSON_IO_KEY),
    retry_policy=INFRASTRUCTURE_RETRIES,
    pool=GENERATE_REPORT,
)
def generating(context: dg.OpExecutionContext, processed: dict[str, Any]) -> Json:
    """Generate; return the result."""
    with open_desk() as desk:
        generated = steps.generate(desk, processed)
        steps.raise_problems(generated, 1)
        (report,) = steps.reports_of(generated)
        result = result_of(report, desk.delivering.link(report.manifest))
        picture = desk.reporting.preview_png(report.manifest)
    context.add_output_metadata(
        {
            **shown_picture(picture, report.manifest.title),
            **result,
            "url": dg.MetadataValue.url(result["url"]),
            "state": ", ".join(report.states),
            "files": files_table([report]),
        }
    )
    same = " (unchanged: the same bytes as before)" if report.manifest.existing else ""
    context.log.info("%s%s: %s", report.manifest.title, same, json.dumps(result))
    return result


def result_of(report: Report, url: str) -> Json:
    """Return what a run answers: of several files, the first."""
    manifest, file = report.manifest, report.manifest.files[0]
    return {
        "report_id": manifest.report_id,
        "url": url,
        "size": file.bytes,
        "format": file.format,
        "sha256": file.sha256,
        "rows": report.rows,
    }


def generate_report_job(catalog: Catalog) -> dg.JobDefinition | None:
    """Return the job for the reports there are; None without any."""
    if not catalog.entries:
        return None
    model = run_config_model(list(catalog.entries))

    def to_steps(asked: Any) -> dict[str, Any]:
        wanted = {**asked.model_dump(), "type": asked.type.value, "format": asked.format.value}
        return {"ops": {"gathering_data": {"config": wanted}}, "loggers": CONSOLE}

    @dg.job(
        name=GENERATE_REPORT,
        description="Makes one report in one format and says where it lies: report_id, url, size, format, sha256, "
        "rows. For the same data it makes the same bytes, and says so. Delivers nothing.",
        config=flat_config(model, to_steps),
        resource_defs={JSON_IO_KEY: json_io_manager},
        executor_def=dg.in_process_executor,
        tags=RUN_TAGS,
    )
    def generate_report() -> None:
        generating.alias("generating")(processing.alias("processing")(gathering_data.alias("gathering_data")()))

    return generate_report


def run_config_model(names: list[str]) -> type[dg.Config]:
    """Return the model of the run config, with the names of reports as the allowed values of `type`."""
    name, formats = "GenerateReportRunConfig", get_args(FormatName)
    typed = with_choice(GenerateReportConfig, name, "type", names, FAVOURITE, "The report to make")
    return with_choice(typed, name, "format", formats, "pdf", "The file to make")
