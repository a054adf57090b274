"""Several processes on one ledger at the same time."""

import json
import subprocess
import sys
from typing import Any

from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines.core.model import BatchState

RACERS = 4


def race(act: str, url: str) -> list[Any]:
    """Let `RACERS` processes do `act` at the same moment; what each of them says."""
    argv = [sys.executable, "-m", "batch_pipelines_tests.contracts.racer", act, url]
    racers = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(RACERS)
    ]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * RACERS, [errors for _, errors in said]
    return [json.loads(answer) for answer, _ in said]


def test_a_ledger_that_is_new_to_all_of_them_is_made_once(fresh_url: str) -> None:
    batches = race("opens_key", fresh_url)
    assert batches == [[1, 1]] * RACERS


def test_the_same_key_opened_by_all_of_them_is_one_batch(url: str) -> None:
    batches = race("opens_key", url)
    assert len({batch_id for batch_id, _ in batches}) == 1
    ledger = open_ledger(url)
    assert ledger.chunks.counts([batches[0][0]]).chunks == 40
    ledger.close()


def test_one_open_batch_and_unique_numbers_are_left_of_many_keys(url: str) -> None:
    numbers = [number for racer in race("opens_another", url) for number in racer]
    assert sorted(numbers) == list(range(1, 10 * RACERS + 1))
    ledger = open_ledger(url)
    states = [batch.state for batch in ledger.batches.of_pipeline("flights")]
    ledger.close()
    assert states.count(BatchState.OPEN) == 1
    assert states.count(BatchState.SUPERSEDED) == 10 * RACERS - 1


def test_every_chunk_is_worked_by_one_of_them(url: str) -> None:
    mine = race("works", url)
    assert sorted(index for racer in mine for index in racer) == list(range(40))


def test_a_lease_is_never_two_owners_at_a_time(url: str) -> None:
    epochs = [epoch for racer in race("leases", url) for epoch in racer]
    assert sorted(epochs) == list(range(1, len(epochs) + 1))
