"""Several processes on one ledger at the same time."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from batch_pipelines.core.ledger.ledger import open_ledger
from batch_pipelines.core.model import BatchState

RACERS = 4
Race = Callable[[str, str], list[Any]]


@pytest.fixture(scope="module")
def racers() -> "Iterator[list[subprocess.Popen[str]]]":
    """Processes that wait for what to do."""
    argv = [sys.executable, "-m", "batch_pipelines_tests.contracts.racer"]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(RACERS)
        ]
        yield started
        for racer in started:
            assert racer.stdin
            racer.stdin.close()
            assert racer.wait(30) == 0


@pytest.fixture
def race(racers: "list[subprocess.Popen[str]]") -> Race:
    """Lets all of them do something to a ledger at the same moment; what each of them says."""

    def run(act: str, url: str) -> list[Any]:
        for racer in racers:
            tell(racer, f"{act} {url}")
        assert [answer(racer) for racer in racers] == ["ready"] * RACERS
        for racer in racers:
            tell(racer, "go")
        return [json.loads(answer(racer)) for racer in racers]

    return run


def tell(racer: "subprocess.Popen[str]", line: str) -> None:
    assert racer.stdin
    racer.stdin.write(f"{line}\n")
    racer.stdin.flush()


def answer(racer: "subprocess.Popen[str]") -> str:
    assert racer.stdout
    return racer.stdout.readline().rstrip("\n")


def test_a_ledger_that_is_new_to_all_of_them_is_made_once(fresh_url: str, race: Race) -> None:
    batches = race("opens_key", fresh_url)
    assert batches == [[1, 1]] * RACERS


def test_the_same_key_opened_by_all_of_them_is_one_batch(url: str, race: Race) -> None:
    batches = race("opens_key", url)
    assert len({batch_id for batch_id, _ in batches}) == 1
    ledger = open_ledger(url)
    assert ledger.chunks.counts([batches[0][0]]).chunks == 40
    ledger.close()


def test_one_open_batch_and_unique_numbers_are_left_of_many_keys(url: str, race: Race) -> None:
    numbers = [number for racer in race("opens_another", url) for number in racer]
    assert sorted(numbers) == list(range(1, 10 * RACERS + 1))
    ledger = open_ledger(url)
    states = [batch.state for batch in ledger.batches.of_pipeline("flights")]
    ledger.close()
    assert states.count(BatchState.OPEN) == 1
    assert states.count(BatchState.SUPERSEDED) == 10 * RACERS - 1


def test_every_chunk_is_worked_by_one_of_them(url: str, race: Race) -> None:
    mine = race("works", url)
    assert sorted(index for racer in mine for index in racer) == list(range(40))


def test_a_lease_is_never_two_owners_at_a_time(url: str, race: Race) -> None:
    epochs = [epoch for racer in race("leases", url) for epoch in racer]
    assert sorted(epochs) == list(range(1, len(epochs) + 1))
