"""`bp replay`: dead letters tried again, here and now, corrected if need be."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.console import command, data, say, talk
from batch_pipelines.cli.output import JsonFlag, write_json
from batch_pipelines.cli.progress_bar import showing
from batch_pipelines.cli.users import user
from batch_pipelines.cli.watching import Stage
from batch_pipelines.core.errors import BatchFailed

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing
    from batch_pipelines.processing.replaying.replay import Replay, Replaying
    from batch_pipelines.processing.reports import BatchReport


def replay(  # noqa: PLR0913  a flag each
    name: Annotated[str, typer.Argument(help="The dataset.")],
    *,
    partitions: Annotated[
        list[str] | None,
        typer.Option("--partition", "-p", help="Only of this partition; may be given again.", show_default=False),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", "-r", help="Only where a reason contains this, e.g. 'in: dest'.", show_default=False),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "--where",
            help="Only where this SQL holds. It sees source, line, record, raw, reasons, partition, and the columns "
            "of the record as text.",
            show_default=False,
        ),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="COLUMN=SQL",
            help="Correct a column first: SQL over the columns of the record as text, or a bare value. Remembered for "
            "this content. May be given again.",
            show_default=False,
        ),
    ] = None,
    accepted: Annotated[bool, typer.Option("--accepted", help="Also letters that are accepted.")] = False,
    note: Annotated[str | None, typer.Option("--note", help="Why; kept with corrections.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be tried.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Try dead letters again: against the newest tables they refer to, corrected with --set if need be.

    Rows that are there stay; letters that come out well join them, in one publication a partition. What is still bad
    stays a dead letter. The job replay_dead_letters does the same in the UI.
    """
    from batch_pipelines.processing.dead_letters.selection import Wanted
    from batch_pipelines.processing.replaying import replay as replays

    wanted = Wanted(reason, condition, accepted)
    asked = replays.Replay(name, partitions or None, wanted, _changes(changes or []), note, user())
    with places.open_processing() as processing:
        places.entry_of(processing.catalog, name)
        found = replays.look(processing, asked)
        _tell(name, found)
        if found.tried and not dry_run and (yes or as_json or _confirmed(asked)):
            _run(processing, asked, as_json=as_json)
        elif as_json:
            write_json([{"dataset": name, "letters": found.letters, "meant": found.tried, "reasons": found.reasons}])
        if found.planning.problems and (dry_run or not found.tried):
            raise BatchFailed([f"{name}/{partition}: {why}" for partition, why in found.planning.problems.items()])


def _changes(texts: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        column, equals, expression = text.partition("=")
        if not equals or not column.strip() or not expression.strip():
            raise typer.BadParameter(f"--set {text!r} is not column=expression, for example dest=SJU.")
        found[column.strip()] = expression.strip()
    return found


def _confirmed(asked: "Replay") -> bool:
    """Ask on a terminal; anywhere else, whoever wrote the command meant it."""
    if not talk().is_terminal:
        return True
    corrected = f", with {', '.join(f'{name} = {sql}' for name, sql in asked.changes.items())}" if asked.changes else ""
    return typer.confirm(f"Try them again{corrected}?", default=True, err=True)


def _tell(name: str, found: "Replaying") -> None:
    if found.older:
        say(f"{counted(found.older, 'dead letter')} of older batches stay: only the newest one's are tried", "yellow")
    if not found.tried:
        say(f"nothing to do: none of the {found.letters:,} dead letters of {name} is meant", "green")
        return
    partitions = sum(1 for look in found.looks.values() if look.tried)
    say(f"{found.tried:,} of {found.letters:,} dead letters of {name}, in {counted(partitions, 'partition')}:")
    for reason, count in found.reasons.items():
        say(f"{count:>11,}  {reason}")
    if found.unreadable:
        say(f"{counted(found.unreadable, 'letter')} cannot be tried: their content was not kept", "yellow")


def _run(processing: "Processing", asked: "Replay", *, as_json: bool) -> None:
    from batch_pipelines.processing.replaying import replay as replays
    from batch_pipelines.processing.reports import failures_of

    with showing() as show:
        show(Stage("planning"))
        planning = replays.plan(processing, asked).planning
        processing.work(
            planning.batch_ids,
            report=lambda at: show(Stage("replaying", at.done, at.total, "items")),
            wait_for_others=True,
        )
    reports = processing.review(planning.batch_ids)
    if as_json:
        write_json(_as_json(report) for report in reports)
    else:
        _close(reports)
    exporting = processing.export(asked.dataset, [report.partition for report in reports if report.ok])
    if lines := [*failures_of(planning, reports), *exporting.failures]:
        raise BatchFailed(lines)


def _close(reports: Sequence["BatchReport"]) -> None:
    from batch_pipelines.processing.replay_reports import NOTHING

    out, total = data(), NOTHING
    for report in reports:
        total += report.became if report.ok and report.became else NOTHING
    out.print(f"{total.tried:>11,}  tried")
    out.print(f"{total.written:>11,}  written", style="green" if total.written else "")
    if total.filtered:
        out.print(f"{total.filtered:>11,}  filtered, as the dataset's YAML says")
    out.print(f"{total.dead:>11,}  still dead", style="red" if total.dead else "")
    for reason, count in total.reasons.items():
        out.print(f"{'':>11}  {reason} {count:,}", soft_wrap=True)
    if total.dead and reports:
        say(f"they are shown by {command(f'dead-letters {reports[0].dataset}')}", "dim")


def _as_json(report: "BatchReport") -> dict[str, object]:
    became = report.became
    return {
        "partition": report.partition,
        "ok": report.ok,
        "message": report.message,
        "tried": became and became.tried,
        "written": became and became.written,
        "filtered": became and became.filtered,
        "dead": became and became.dead,
        "reasons": became and became.reasons,
    }
