"""Values between steps: JSON, whole, under the run's folder, and never a pickle."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from batch_pipelines.orchestration.io_manager import JSON_IO_KEY, json_io_manager

VALUE = {"batch_ids": [1, 2], "problems": {"2013-01": "ß"}}


@dg.op(out={"value": dg.Out(dict, io_manager_key=JSON_IO_KEY), "many": dg.DynamicOut(int, io_manager_key=JSON_IO_KEY)})
def give() -> Iterator[Any]:
    yield dg.Output(VALUE, "value")
    for number in range(3):
        yield dg.DynamicOutput(number, mapping_key=str(number), output_name="many")


@dg.op(out=dg.Out(int, io_manager_key=JSON_IO_KEY))
def double(number: int) -> int:
    return number * 2


@dg.op(out=dg.Out(dict, io_manager_key=JSON_IO_KEY))
def take(value: dict[str, Any], numbers: list[int]) -> dict[str, Any]:
    return {**value, "numbers": numbers}


@dg.job(resource_defs={JSON_IO_KEY: json_io_manager})
def job() -> None:
    value, many = give()
    take(value, many.map(double).collect())


def files_of(instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    folder = Path(instance.storage_directory()) / run_id
    return {file.relative_to(folder).as_posix(): json.loads(file.read_text()) for file in folder.rglob("*.json")}


def test_values_go_from_step_to_step_as_json_files() -> None:
    with dg.instance_for_test() as instance:
        result = job.execute_in_process(instance=instance)
        assert result.output_for_node("take") == {**VALUE, "numbers": [0, 2, 4]}
        files = files_of(instance, result.run_id)
    assert files["give/value.json"] == VALUE
    assert files["give/many/1.json"] == 1


def test_what_is_no_json_is_refused() -> None:
    @dg.op(out=dg.Out(object, io_manager_key=JSON_IO_KEY))
    def bad() -> object:
        return object()

    @dg.job(resource_defs={JSON_IO_KEY: json_io_manager})
    def bad_job() -> None:
        bad()

    with dg.instance_for_test() as instance:
        assert not bad_job.execute_in_process(instance=instance, raise_on_error=False).success
        assert not list(Path(instance.storage_directory()).rglob("*.json"))
