"""Item functions that take their worker down, or never come back."""

from batch_pipelines_tests.items.workshop import Workshop, letters_of, results_of


def test_an_item_that_kills_its_worker_is_found_and_the_others_are_called_once(busy_workshop: Workshop) -> None:
    name = busy_workshop.define(
        "def work(item):\n    called(item)\n    if item == 5:\n        os.kill(os.getpid(), 9)\n    return item\n"
    )
    report = busy_workshop.run(list(range(12)), name, chunk_size=12)
    assert results_of(report) == [number for number in range(12) if number != 5]
    assert "worker died" in letters_of(report)[5]
    calls = busy_workshop.calls()
    assert sorted(set(calls), key=int) == [str(number) for number in range(12)]
    assert [item for item in calls if calls.count(item) > 1 and item != "5"] == []


def test_an_item_that_never_comes_back_is_a_dead_letter_and_the_others_are_called_once(
    busy_workshop: Workshop,
) -> None:
    name = busy_workshop.define(
        "def work(item):\n    called(item)\n    while item == 1:\n        time.sleep(1)\n    return item\n"
    )
    report = busy_workshop.run([0, 1, 2], name, attempts=2, soft_s=60, hard_s=1)
    assert results_of(report) == [0, 2]
    assert "did not come back" in letters_of(report)[1]
    assert busy_workshop.calls() == ["0", "1", "2"]
