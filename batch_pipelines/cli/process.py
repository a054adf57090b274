"""`bp process`: a dataset, here and now, without Dagster. For trying out a declaration, and for machines without it."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.closing import show_counts, show_place
from batch_pipelines.cli.console import command, say
from batch_pipelines.cli.progress_bar import showing
from batch_pipelines.cli.watching import Stage
from batch_pipelines.core.errors import BatchFailed

if TYPE_CHECKING:
    from batch_pipelines.processing.pipeline import Processing

MISFITS_SHOWN = 20


def process(
    name: Annotated[str, typer.Argument(help="The dataset.")],
    partitions: Annotated[
        list[str] | None,
        typer.Argument(help="Its partitions; without any, all that have files.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Also what is current already.")] = False,
) -> None:
    """Process a dataset in this process: quick to start, good for trying out its YAML.

    It shares ledger and tables with Dagster, but the UI shows no run of it; `bp backfill` launches real runs.
    What is current already is left alone, what was begun is finished.
    """
    from batch_pipelines.processing.early import expect_work

    expect_work(places.settings().defs)
    from batch_pipelines.processing.export.targets import Done
    from batch_pipelines.processing.reports import failures_of

    with places.open_processing() as processing:
        places.entry_of(processing.catalog, name)
        _warn_of_misfits(processing, name)
        with showing() as show:
            show(Stage("planning"))
            planning = processing.plan(name, partitions or None, force=force)
            processing.work(
                planning.batch_ids,
                report=lambda at: show(Stage("processing", at.done, at.total, "items")),
                wait_for_others=True,
            )
        reports = processing.review(planning.batch_ids)
        done, current = len(planning.batch_ids), len(planning.current)
        if current == done and not planning.problems:
            say(f"nothing to do: {current} of {done} partitions are current", "green")
        elif current:
            say(f"{current} of {done} partitions were current already")
        if published := [report for report in reports if report.ok]:
            show_counts(processing, published)
            show_place(processing, name)
        exporting = processing.export(name, [report.partition for report in published])
        for each in exporting.done:
            if each.done is Done.WRITTEN:
                say(each.sentence)
        failures = failures_of(planning, reports)
        lines = list(_the_same_once(failures))
        if failures:
            hint = "" if len(published) == len(reports) else f". See {command(f'datasets {name}')}"
            lines.append(f"{counted(len(failures), 'partition')} failed{hint}")
        if lines := [*lines, *exporting.failures]:
            raise BatchFailed(lines)


def _the_same_once(failures: Sequence[str]) -> Iterator[str]:
    """Of lines `dataset/partition: why` that give the same reason one after the other, the first and how many."""
    for _, group in groupby(failures, lambda line: line.partition(": ")[2]):
        first, *more = group
        yield first
        if more:
            yield f"the same for {counted(len(more), 'more partition')}, up to {more[-1].partition(': ')[0]}"


def _warn_of_misfits(processing: "Processing", name: str) -> None:
    """A line for each file of the inbox that is passed over, and what its name should be."""
    found = processing.misfits(name)
    for misfit in found[:MISFITS_SHOWN]:
        say(f"warning: {misfit.name}: {misfit.reason}", "yellow")
    if len(found) > MISFITS_SHOWN:
        say(f"warning: … and {len(found) - MISFITS_SHOWN:,} more in the inbox", "yellow")
