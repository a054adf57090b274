"""`bp backfill`: real runs in Dagster, in the foreground, one for each contiguous range of partitions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batch_pipelines.cli import places
from batch_pipelines.cli.cells import counted
from batch_pipelines.cli.closing import show_counts
from batch_pipelines.cli.console import command, data, say
from batch_pipelines.cli.output import JsonFlag, write_json
from batch_pipelines.cli.progress_bar import showing_meanwhile
from batch_pipelines.cli.watching import Stage, Watch
from batch_pipelines.core.errors import BatchFailed, ConfigError

if TYPE_CHECKING:
    from batch_pipelines.processing.declaration.model import DatasetDeclaration
    from batch_pipelines.processing.pipeline import Processing

SHOWN_KEYS = 10


def backfill(
    name: Annotated[str, typer.Argument(help="The dataset.")],
    first: Annotated[
        str | None, typer.Option("--from", help="First partition, e.g. 2013-01.", show_default=False)
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition, included.", show_default=False)] = None,
    missing: Annotated[bool, typer.Option("--missing", help="What is new, changed or has failed.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every partition that has files.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Process a range of partitions in Dagster: one run for each contiguous range, seen in the UI.

    Needs no daemon: it runs here and ends when the runs have ended. What is current already is left alone.
    """
    if sum((missing, every, bool(first or last))) != 1:
        raise typer.BadParameter("say which partitions: --missing, --all, or --from and --to.")
    with places.open_processing() as processing:
        declaration = places.entry_of(processing.catalog, name).declaration
        keys = _chosen(processing, declaration, first, last, missing=missing)
        if not keys:
            say(f"nothing to do: every partition of {name} that has files is current", "green")
            if as_json:
                write_json([])
            return
        runs = [_run(processing, declaration, part) for part in _ranges(processing, declaration, keys)]
        if as_json:
            write_json(runs)
        else:
            _close(processing, name, keys, runs)
        if failed := _failures(processing, name, keys, runs):
            raise BatchFailed(failed)


def _chosen(
    processing: "Processing",
    declaration: "DatasetDeclaration",
    first: str | None,
    last: str | None,
    *,
    missing: bool,
) -> list[str]:
    """The partitions that are asked for and have files; who is asked for without one is named.

    Raises:
        NotFound: None of the range has a file.
    """
    name = declaration.name
    if missing:
        return [key for key, batch in processing.current(name).items() if batch is None]
    with_files = processing.partitions(name)
    wanted = _between(declaration, with_files, first, last) if first or last else with_files
    found = [key for key in wanted if key in set(with_files)]
    if not found:
        there = f"{with_files[0]} to {with_files[-1]}" if with_files else "no partition"
        raise places.NotFound(
            f"no file in that range for {name}; {there} of it has files. See {command(f'datasets {name}')}"
        )
    if left := [key for key in wanted if key not in set(with_files)]:
        more = f" and {len(left) - SHOWN_KEYS} more" if len(left) > SHOWN_KEYS else ""
        say(f"left out, they have no file: {', '.join(left[:SHOWN_KEYS])}{more}", "yellow")
    return found


def _between(
    declaration: "DatasetDeclaration", with_files: list[str], first: str | None, last: str | None
) -> list[str]:
    """Every partition of the range: by time where the partitions are, else by name."""
    from batch_pipelines.core.declaring.partitions import between
    from batch_pipelines.processing.declaration.model import Partitions

    if declaration.partitions is None:
        raise typer.BadParameter(f"{declaration.name} has one partition only; use --all.")
    if isinstance(declaration.partitions, Partitions):
        try:
            return between(declaration.partitions, first, last, datetime.now(UTC))
        except ConfigError as error:
            raise typer.BadParameter(f"{error}.") from error
    return [key for key in with_files if (first is None or first <= key) and (last is None or key <= last)]


def _ranges(processing: "Processing", declaration: "DatasetDeclaration", keys: Sequence[str]) -> list[Sequence[str]]:
    """The partitions in ranges without a gap, in the order in which Dagster has them."""
    from batch_pipelines.orchestration.backfill import ordered_keys

    if declaration.partitions is None:
        return [[]]
    chosen = set(keys)
    ranges: list[list[str]] = [[]]
    for key in ordered_keys(processing.settings, declaration, keys):
        if key in chosen:
            ranges[-1].append(key)
        elif ranges[-1]:
            ranges.append([])
    return [part for part in ranges if part]


def _run(processing: "Processing", declaration: "DatasetDeclaration", keys: Sequence[str]) -> dict[str, Any]:
    """One run, watched."""
    from batch_pipelines.orchestration.backfill import run_range

    references = {name for name, _ in declaration.references}
    watch = Watch(processing.ledger, declaration.name, references, len(keys) or 1, begin=Stage("starting a run"))
    with showing_meanwhile(watch.look):
        run = run_range(processing.settings, declaration, keys, log_level="CRITICAL")
    ends = {"from": keys[0], "to": keys[-1]} if keys else {"from": None, "to": None}
    return {"run_id": run.run_id, **ends, "partitions": len(keys) or 1, "ok": run.ok, "failures": run.failures}


def _close(processing: "Processing", name: str, keys: list[str], runs: list[dict[str, Any]]) -> None:
    from batch_pipelines.processing.standing import standings

    out = data()
    for run in runs:
        what = (
            f"{run['from']} to {run['to']}, {counted(run['partitions'], 'partition')}" if run["from"] else "all of it"
        )
        verdict = "succeeded" if run["ok"] else "failed"
        out.print(f"run {run['run_id']} {verdict}: {name} {what}", soft_wrap=True)
    where = [each for each in standings(processing, name) if each.partition in keys]
    show_counts(processing, processing.review([each.published.id for each in where if each.published]))


def _failures(processing: "Processing", name: str, keys: list[str], runs: list[dict[str, Any]]) -> list[str]:
    """A line for each partition that is not well; what Dagster said, where the ledger knows of none."""
    from batch_pipelines.processing.standing import standings

    if all(run["ok"] for run in runs):
        return []
    bad = [each.trouble.id for each in standings(processing, name) if each.trouble and each.partition in keys]
    lines = [f"{each.dataset}/{each.partition}: {each.message}" for each in processing.review(bad)]
    said = [text.strip() for run in runs for text in run["failures"]]
    return [
        *(lines or [" ".join(text.partition("Stack Trace")[0].split()) for text in said]),
        f"{sum(not run['ok'] for run in runs)} of {len(runs)} runs failed. See {command(f'datasets {name}')}",
    ]
