"""What is checked after every run of a dataset, and on request: does the table hold what the ledger says it does?

Checks look at every partition, for what went wrong in another run is wrong still.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import dagster as dg

from batch_pipelines.components.dataset.metadata import reject_rate
from batch_pipelines.components.metadata import check_result
from batch_pipelines.core.clock import SystemClock
from batch_pipelines.core.table_lease import table_lease
from batch_pipelines.lake.query import rows_by_partition
from batch_pipelines.orchestration.names import checks_name, letters_name
from batch_pipelines.orchestration.session import open_processing
from batch_pipelines.processing import standing
from batch_pipelines.processing.declaration.model import DatasetDeclaration
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines.processing.reports import BatchReport
from batch_pipelines.processing.tables.contributing import contributing

CONSERVATION, ROW_COUNT, REJECT_RATE = "conservation", "row_count", "reject_rate"
OPEN_DEAD_LETTERS = "open_dead_letters"
TRIES, TRY_EVERY_S = 40, 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to.

    Attributes:
        check: Its name.
        wrong: A row for each partition that is not as it should be.
        said: The verdict in one line.
    """

    check: str
    wrong: list[dict[str, object]]
    said: str


def dataset_checks(declaration: DatasetDeclaration) -> dg.AssetChecksDefinition:
    """Return the checks of a dataset's table and dead letters."""
    name = declaration.name

    @dg.multi_asset_check(
        name=checks_name(name),
        description=f"Compares the tables of {name} with the ledger. Changes nothing; may be run at any time.",
        specs=list(_specs(declaration)),
        can_subset=True,
    )
    def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with open_processing() as processing:
            results = check_dataset(processing, declaration)
        yield from (result for key, result in results.items() if key in context.selected_asset_check_keys)

    return checks


def check_dataset(
    processing: Processing, declaration: DatasetDeclaration
) -> dict[dg.AssetCheckKey, dg.AssetCheckResult]:
    """Check the tables of a dataset as they are now.

    Ledger and table cannot be read at one moment, and another run may publish in between. So where they differ they
    are read again while nobody publishes.
    """
    name = declaration.name
    found = _look(processing, declaration)
    if any(each.check == ROW_COUNT and each.wrong for each in found):
        found = _look_alone(processing, declaration)
    *table, letters = found
    return {_key(each, name): _result(each, name, dg.AssetCheckSeverity.ERROR) for each in table} | {
        _key(letters, letters_name(name)): _result(letters, letters_name(name), dg.AssetCheckSeverity.WARN)
    }


def _look_alone(processing: Processing, declaration: DatasetDeclaration) -> list[Finding]:
    """Look while nobody publishes; at last anyhow, if somebody is at it all the time."""
    clock = SystemClock()
    for _ in range(TRIES):
        with table_lease(processing.ledger, declaration.name, clock) as held:
            if held is not None:
                return _look(processing, declaration)
        clock.sleep(TRY_EVERY_S)
    return _look(processing, declaration)


def _look(processing: Processing, declaration: DatasetDeclaration) -> list[Finding]:
    """Make each check once; the last is that of the dead letters."""
    name = declaration.name
    there = [batch for batches in contributing(processing.ledger, name).values() for batch in batches]
    reports = processing.review([batch.id for batch in there])
    accepted = {batch.id: count for batch in there if (count := standing.accepted(processing, batch))}
    upserted = {batch.partition for batch in there if batch.plan["declaration"]["write"] == "upsert"}
    return [
        conservation(reports),
        row_count(reports, processing.settings.data, name, upserted),
        rejects(reports, declaration.max_reject_rate, accepted),
        open_dead_letters(reports, accepted),
    ]


def evaluation(key: dg.AssetCheckKey, result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Return the event that says what a check came to, for a run that has no step for it."""
    return dg.AssetCheckEvaluation(
        asset_key=key.asset_key,
        check_name=key.name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
        blocking=result.severity is dg.AssetCheckSeverity.ERROR,
    )


def conservation(reports: Sequence[BatchReport]) -> Finding:
    """Check that every record read was written, filtered or dead-lettered."""
    lost: list[dict[str, object]] = [
        {"partition": each.partition, "read": counts.items, "accounted for": kept}
        for each in reports
        if (kept := (counts := each.counts).written + counts.filtered + counts.dead) != counts.items
    ]
    return Finding(CONSERVATION, lost, "every record read was written, filtered or dead-lettered")


def row_count(
    reports: Sequence[BatchReport], data: Path, name: str, upserted: Collection[str] = frozenset()
) -> Finding:
    """Check that the table has as many rows as the ledger says were written.

    Args:
        reports: Every batch that is in the table.
        data: The data folder.
        name: The dataset.
        upserted: Partitions whose rows were replaced by key: at most what was written, at least what was written last.
    """
    written: dict[str, list[int]] = {}
    for each in sorted(reports, key=lambda report: report.publication):
        written.setdefault(each.partition, []).append(each.rows)
    table = rows_by_partition(data, name)
    wrong: list[dict[str, object]] = [
        {"partition": partition, "ledger": sum(rows), "table": found}
        for partition, rows in sorted(written.items())
        if not (rows[-1] if partition in upserted else sum(rows)) <= (found := table.get(partition, 0)) <= sum(rows)
    ]
    foreign = sum(rows for partition, rows in table.items() if partition not in written)
    if foreign:
        wrong.append({"partition": "of none of the ledger's", "ledger": 0, "table": foreign})
    return Finding(
        ROW_COUNT,
        wrong,
        f"{sum(map(sum, written.values())):,} rows were written, the table has {sum(table.values()):,}",
    )


def rejects(
    reports: Sequence[BatchReport], limit: float | None, accepted: Mapping[int, int] = MappingProxyType({})
) -> Finding:
    """Check that no partition has more dead letters than the dataset allows now.

    Args:
        reports: Every batch that is in the table.
        limit: Share of dead letters that is allowed.
        accepted: Dead letters that don't count, by batch.
    """
    shares = [(each, reject_rate(each, accepted.get(each.batch_id, 0))) for each in reports]
    over: list[dict[str, object]] = [
        {"partition": each.partition, "dead letters": each.dead_letters, "share": f"{share:.2%}"}
        for each, share in shares
        if limit is not None and share > limit
    ]
    highest = max((share for _, share in shares), default=0.0)
    allowed = "no limit is declared" if limit is None else f"{limit:.2%} are allowed"
    return Finding(REJECT_RATE, over, f"at most {highest:.2%} of a partition are dead letters; {allowed}")


def open_dead_letters(reports: Sequence[BatchReport], accepted: Mapping[int, int] = MappingProxyType({})) -> Finding:
    """Warn of dead letters that nobody has dealt with; those that are accepted are told apart."""
    left = [(each, each.dead_letters - accepted.get(each.batch_id, 0)) for each in reports]
    there: list[dict[str, object]] = [
        {"partition": each.partition, "dead letters": count} for each, count in left if count
    ]
    total = sum(count for _, count in left)
    known = sum(accepted.get(each.batch_id, 0) for each in reports)
    said = f"{total:,} dead letters are open" if total else "there are none"
    return Finding(OPEN_DEAD_LETTERS, there, f"{said}; {known:,} are accepted" if known else said)


def _specs(declaration: DatasetDeclaration) -> Iterator[dg.AssetCheckSpec]:
    about = {
        CONSERVATION: "Records read = rows written + filtered + dead-lettered, in every published batch.",
        ROW_COUNT: "The table has exactly the rows that the ledger says were written.",
        REJECT_RATE: "No partition has a larger share of dead letters than max_reject_rate.",
    }
    for check, description in about.items():
        yield dg.AssetCheckSpec(check, asset=declaration.name, description=description, blocking=True)
    yield dg.AssetCheckSpec(
        OPEN_DEAD_LETTERS,
        asset=letters_name(declaration.name),
        description="Warns while there are dead letters. `bp dead-letters` shows them.",
    )


def _key(finding: Finding, asset: str) -> dg.AssetCheckKey:
    return dg.AssetCheckKey(dg.AssetKey(asset), finding.check)


def _result(finding: Finding, asset: str, severity: dg.AssetCheckSeverity) -> dg.AssetCheckResult:
    blocking = severity is dg.AssetCheckSeverity.ERROR
    return check_result(asset, finding.check, finding.wrong, finding.said, blocking=blocking, title="partitions")
