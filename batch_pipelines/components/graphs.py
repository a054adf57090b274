"""What the graphs of all kinds of pipelines share: inputs whose names are data, lanes, and the partitions asked for.

What must not live here: what any step does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from inspect import Parameter, Signature
from typing import Any

import dagster as dg

from batch_pipelines.core.declaring.declared import Declaration
from batch_pipelines.core.model import Json
from batch_pipelines.orchestration.io_manager import JSON_IO_KEY
from batch_pipelines.orchestration.names import job_name
from batch_pipelines.orchestration.partitions import requested

LANES = "lanes"
StepContext = dg.OpExecutionContext | dg.AssetExecutionContext


def graph_of(
    declaration: Declaration, compose: Callable[..., dict[str, Any]], *, inputs: Iterable[str], outputs: Iterable[str]
) -> dg.GraphDefinition:
    """Return the graph of a pipeline.

    Args:
        declaration: The pipeline.
        compose: Calls its ops; takes each input by name, returns each output by name.
        inputs: The assets that it reads, which Dagster has to see as parameters of `compose`.
        outputs: Names of what it makes.
    """
    parameters = [Parameter(name, Parameter.KEYWORD_ONLY) for name in inputs]
    compose.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    out = {name: dg.GraphOut() for name in outputs}
    made: dg.GraphDefinition = dg.graph(name=declaration.name, description=declaration.description, out=out)(compose)
    return made


def lanes_out(first: str, description: str) -> dict[str, dg.Out | dg.DynamicOut]:
    """Return the outputs of a step that lanes follow: what the last step needs, and what each lane needs."""
    return {
        first: dg.Out(dict, description=description, io_manager_key=JSON_IO_KEY),
        LANES: dg.DynamicOut(dict, description="What each lane is to do.", io_manager_key=JSON_IO_KEY),
    }


def fan_out(first: str, value: Json, lanes: Sequence[Json]) -> Iterator[dg.Output[Json] | dg.DynamicOutput[Json]]:
    """Yield the outputs of such a step."""
    yield dg.Output(value, first)
    for assigned in lanes:
        yield dg.DynamicOutput(assigned, mapping_key=str(assigned["lane"]), output_name=LANES)


def asked_partitions(
    context: StepContext, declaration: Declaration, *, partitioned: bool, instead: str
) -> list[str] | None:
    """Return the partitions that a run of a pipeline's job is for; None where the pipeline has only one.

    Args:
        context: The op's.
        declaration: The pipeline.
        partitioned: Whether it has several.
        instead: What else does it, for the message.

    Raises:
        dagster.Failure: It has several and the run is for none of them.
    """
    partitions = requested(context)
    if partitioned and partitions is None:
        raise dg.Failure(
            description=f"{job_name(declaration.name)} needs a partition: choose one in the UI, or give --tags "
            f'\'{{"dagster/partition": "…"}}\'; or use {instead}',
            allow_retries=False,
        )
    return partitions
