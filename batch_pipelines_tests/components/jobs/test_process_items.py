"""The job `process_data` with items instead of a dataset."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from batch_pipelines_tests.components.shop import Shop, failure_text, materialised


def outcome(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """What the publish step says of its output."""
    events = [event for event in result.all_events if event.is_successful_output and event.step_key == "publish"]
    return {name: value.value for name, value in events[0].step_output_data.metadata.items()}


def lines(path: str) -> list[Any]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_items_are_processed_and_their_results_given_by_reference(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    items = [{"id": 1}, {"id": 2}, {"id": 3}]
    came_to = outcome(shop.process(instance, items=items))
    assert (came_to["processed"], came_to["success"]) == (3, True)
    assert [line["result"] for line in lines(came_to["results"])] == [{**item, "processed": True} for item in items]


def test_the_same_items_again_are_nothing_to_do(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    first = outcome(shop.process(instance, items=[{"id": 1}]))
    again = shop.process(instance, items=[{"id": 1}])
    assert outcome(again) == first
    assert len({batch.id for batch in shop.batches("items:batch_pipelines.items.processors:mark_processed")}) == 1


def test_a_file_of_items_goes_through_a_processor_of_ones_own(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    shop.write("shop_prices.py", "def double(item):\n    return item['price'] * 2\n")
    shop.write("prices.jsonl", '{"price": 1}\n{"cost": 2}\n{"price": 3}\n')
    came_to = outcome(
        shop.process(instance, items="prices.jsonl", processor="shop_prices:double", attempts=1, items_per_chunk=2)
    )
    assert [line["result"] for line in lines(came_to["results"])] == [2, 6]
    assert (came_to["processed"], came_to["success"]) == (3, False)
    (letter,) = lines(came_to["dead_letters"])
    assert (letter["index"], letter["item"]) == (1, {"cost": 2})
    assert letter["error"].startswith("KeyError: 'price' (shop_prices.py:2)")


def test_what_cannot_be_items_fails_the_plan_in_one_line(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    for config, why in (
        ({"items": "gone.jsonl"}, "gone.jsonl: cannot be read: No such file or directory"),
        ({"items": 3}, "items: int is neither a list of items nor the path of a file"),
        ({"items": [1], "processor": "nobody:work"}, "nobody cannot be imported"),
    ):
        result = shop.process(instance, raises=False, **config)
        assert not result.success
        assert why in failure_text(result)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"dataset": "sales"}, "dataset: items come without; leave dataset out, or items"),
        ({"partitions": ["2013-01"]}, "partitions: items come without; leave partitions out, or items"),
        ({"dataset": "sales", "partitions": ["2013-01"]}, "dataset and partitions: items come without"),
    ],
)
def test_items_beside_a_dataset_are_refused_before_there_is_a_run(
    shop: Shop, instance: dg.DagsterInstance, beside: dict[str, Any], said: str
) -> None:
    shop.declare_sales()
    with pytest.raises(dg.DagsterInvalidConfigError, match=f"^run config: {said}"):
        shop.process(instance, items=[1], **beside)
    assert instance.get_runs() == []


def test_keys_that_say_nothing_may_stand_beside_each_other(shop: Shop, instance: dg.DagsterInstance) -> None:
    shop.declare_sales()
    assert outcome(shop.process(instance, items=[{"id": 1}], partitions=[]))["success"]
    shop.sell("2013-01")
    assert set(materialised(shop.process(instance, dataset="sales", items=None), "sales")) == {"2013-01"}
