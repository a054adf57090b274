"""`bp report`: list reports, make one here and now, look at it, check its YAML, see who got it.

What must not live here: how a report looks (reporting/), when it is made by itself (components/).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.output import JsonFlag, write_json, write_table
from batch_pipelines.core.errors import BatchFailed, ConfigError

if TYPE_CHECKING:
    from batch_pipelines.orchestration.report_desk import ReportDesk
    from batch_pipelines.orchestration.report_records import Report

report = typer.Typer(help="Reports: list, run, preview, lint, who got them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The report.")]
Partition = Annotated[
    str | None,
    typer.Option("--partition", "-p", help="Its window, e.g. 2013-01-15. Default: the newest whose tables are there."),
]
Filters = Annotated[
    list[str] | None, typer.Option("--filter", "-f", help="A filter's value, e.g. origin=JFK. May be repeated.")
]
Formats = Annotated[list[str] | None, typer.Option("--format", help="Instead of the declared ones. May be repeated.")]
Locale = Annotated[str | None, typer.Option("--locale", help="Of numbers, dates and words, e.g. de_DE.")]


@report.command("list")
def list_reports(as_json: JsonFlag = False) -> None:
    """List the reports: windows, formats, schedule, what was made last."""
    with open_desk() as desk:
        rows = [_row(desk, name) for name in desk.reporting.catalog.entries]
    if as_json:
        write_json(rows)
    elif rows:
        write_table(list(rows[0]), rows, squeezed="description")
    else:
        say("no reports: no defs.yaml declares one")


@report.command()
def run(
    name: Name,
    partition: Partition = None,
    filters: Filters = None,
    formats: Formats = None,
    locale: Locale = None,
    to: Annotated[list[str] | None, typer.Option("--to", help="Mail it to this address and nobody else.")] = None,
    deliver: Annotated[
        bool, typer.Option("--deliver", help="Deliver it as its YAML says, each recipient once.")
    ] = False,
) -> None:
    """Make a report in this process, check it, and say where its files lie. The same again is the same bytes."""
    with open_desk() as desk:
        key, made = _make(desk, name, partition, filters, formats, locale)
        if not (filters or formats or locale):  # as Dagster would make it: then its checks and deliveries know it
            from batch_pipelines.orchestration.report_records import record

            record(desk.settings.data, name, key, made)
        show(desk, made)
        _check(desk, name, made)
        for each in made if to or deliver else ():
            outcomes = (
                [desk.delivering.deliver_to(desk.entry(name), each.made, to)]
                if to
                else desk.delivering.deliver(desk.entry(name), [each.made])
            )
            for outcome in outcomes:
                if outcome.held_back:
                    say(f"not delivered: {outcome.held_back}", "yellow")
                for row in outcome.deliveries:
                    say(f"{row.state.value}: {row.key.channel} to {row.key.recipient} ({row.detail})")
                if outcome.failures:
                    raise BatchFailed(outcome.failures)


@report.command()
def preview(
    name: Name,
    partition: Partition = None,
    filters: Filters = None,
    formats: Formats = None,
    locale: Locale = None,
) -> None:
    """Make a report to look at, in data/reports/.preview: nothing is recorded, nobody gets it."""
    with open_desk() as desk:
        _, made = _make(desk, name, partition, filters, formats, locale, preview=True)
        show(desk, made)
        _check(desk, name, made)


@report.command()
def lint(
    name: Annotated[str | None, typer.Argument(help="The report. Default: all.", show_default=False)] = None,
) -> None:
    """Find what would fail before it does: YAML, SQL, templates, letters of the font, relays, recipients."""
    with open_desk() as desk:
        names = [name] if name else list(desk.reporting.catalog.entries)
        problems = [line for each in names for line in desk.lint(each)]
    for line in problems:
        say(line, "red")
    if problems:
        raise BatchFailed([f"{counted(len(problems), 'problem')} in {counted(len(names), 'report')}"])
    say(f"{counted(len(names), 'report')}: nothing to find fault with", "green")


@report.command()
def deliveries(name: Name, partition: Partition = None, as_json: JsonFlag = False) -> None:
    """Show who got a report, who did not, and of whom nobody knows (`ambiguous`: held until you say `resend`)."""
    with open_desk() as desk:
        desk.entry(name)
        rows = [
            {
                "id": row.id,
                "partition": row.key.partition,
                **({"key": row.key.burst} if row.key.burst else {}),
                "channel": row.key.channel,
                "recipient": row.key.recipient.partition("?")[0],
                "state": row.state.value,
                "attempts": row.attempts,
                "changed_at": row.changed_at,
                "said": row.detail or "",
            }
            for row in desk.ledger.deliveries.of_report(name, partition)
        ]
    if as_json:
        write_json(rows)
    elif rows:
        write_table(list(rows[0]), rows, squeezed="said")
    else:
        say(f"{name} was delivered to nobody yet")


@report.command()
def resend(
    name: Name, ids: Annotated[list[int], typer.Argument(help="Deliveries, as `bp report deliveries` numbers them.")]
) -> None:
    """Deliver again, whatever became of it: for mails of which nobody knows whether they arrived."""
    from batch_pipelines.orchestration.report_records import recorded

    with open_desk() as desk:
        rows = [row for row in desk.ledger.deliveries.get(ids) if row.key.report == name]
        if unknown := sorted(set(ids) - {row.id for row in rows}):
            raise places.NotFound(f"{name} has no delivery {', '.join(map(str, unknown))}")
        for key in dict.fromkeys(row.key.partition for row in rows):
            chosen = [row for row in rows if row.key.partition == key]
            made = recorded(desk.settings.data, name, key)
            for burst in dict.fromkeys(row.key.burst for row in chosen):
                reports = [each.made for each in made if (each.manifest.key or "") == burst]
                if not reports:
                    raise ConfigError(f"{name}/{key} is no longer there; {command(f'report run {name} -p {key}')}")
                desk.ledger.deliveries.reopen([row.id for row in chosen if row.key.burst == burst])
                for outcome in desk.delivering.deliver(desk.entry(name), reports):
                    for row in outcome.deliveries:
                        if row.id in ids:
                            say(f"{row.state.value}: {row.key.channel} to {row.key.recipient} ({row.detail})")


@contextmanager
def open_desk() -> Iterator["ReportDesk"]:
    """Open reports, their tables and their deliveries for a command."""
    from batch_pipelines.orchestration.report_desk import ReportDesk

    desk = ReportDesk(places.settings())
    try:
        yield desk
    finally:
        desk.close()


def show(desk: "ReportDesk", made: list["Report"]) -> None:
    """Print each file's path on stdout, and in words what it is on stderr."""
    for each in made:
        say(f"{each.manifest.title} ({', '.join(each.states)})", "green" if each.states[0] == "ready" else "yellow")
        for line in (*each.manifest.truncated, *each.manifest.warnings):
            say(f"  {line}", "dim")
        for file in each.manifest.files:
            path = desk.settings.data / each.manifest.folder / file.name
            data().print(places.shown_path(path), soft_wrap=True)


def values_of(filters: list[str] | None) -> dict[str, str]:
    """Read `name=value` pairs.

    Raises:
        typer.BadParameter: One is none.
    """
    if wrong := [each for each in filters or [] if "=" not in each]:
        raise typer.BadParameter(f"{wrong[0]!r} is not name=value, for example origin=JFK")
    return dict(each.split("=", 1) for each in filters or [])


def _make(
    desk: "ReportDesk",
    name: str,
    partition: str | None,
    filters: list[str] | None,
    formats: list[str] | None,
    locale: str | None,
    *,
    preview: bool = False,
) -> tuple[str | None, list["Report"]]:
    desk.check_tables(name)
    key = partition or desk.newest(name)
    return key, desk.make(name, key, preview=preview, filters=values_of(filters), formats=formats, locale=locale)


def _check(desk: "ReportDesk", name: str, made: list["Report"]) -> None:
    """Check what was made.

    Raises:
        BatchFailed: Something that keeps it from going out.
    """
    from batch_pipelines.orchestration.report_checking import check_reports

    findings = check_reports(made, desk.settings.data)
    wrong = [finding for finding in findings if finding.wrong]
    for finding in wrong:
        say(f"{finding.check}: {finding}", "red" if finding.blocking else "yellow")
    if failed := [f"{finding.check}: {finding}" for finding in wrong if finding.blocking]:
        raise BatchFailed([f"{counted(len(failed), 'check')} of {name} failed; it goes to nobody"])


def _row(desk: "ReportDesk", name: str) -> dict[str, Any]:
    from batch_pipelines.orchestration.report_records import recorded_partitions

    declaration = desk.entry(name).declaration
    windows = declaration.partitions
    last = recorded_partitions(desk.settings.data, name)[-1:]
    return {
        "report": name,
        "every": windows.every if windows else "",
        "from": windows.start if windows else "",
        "to": (windows.end or "") if windows else "",
        "formats": ", ".join(declaration.formats),
        "schedule": declaration.schedule.cron if declaration.schedule else "",
        "made last": last[0] if last else "",
        "description": declaration.description or "",
    }
