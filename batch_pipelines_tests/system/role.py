"""One role of a deployment in a process of its own, with real workers: `role.py run|inspect HOME DATA [REFERENCE]`.

`run` plans and works until all is published. `inspect` prints, as JSON, what must hold then: the content, what is
wrong with it, how many chunks came to their end more than once.
"""

import faulthandler
import json
import signal
import sys
from pathlib import Path
from typing import Any

from batch_pipelines.core.model import ChunkState
from batch_pipelines.processing.pipeline import Processing
from batch_pipelines_tests.system import sweep_home
from batch_pipelines_tests.system.differences import differences


def run(home: Path, data: Path) -> None:
    """Be a lane with two workers."""
    sweep_home.run(home, data, None)


def inspect(home: Path, data: Path, reference: Path | None) -> dict[str, Any]:
    """Look at everything."""
    redone = _chunks_written(data) - _chunks_done(home, data)
    found = sweep_home.content(home, data)
    wrong = differences(found, json.loads(reference.read_text())) if reference else []
    swept, again = sweep_home.janitor(home, data), sweep_home.janitor(home, data)
    wrong += [f"the second janitor swept {again.files}"] if again.files else []
    wrong += [f"{name} was not swept" for name in sweep_home.unnamed_files(data)]
    wrong += [f"{what} after the janitor" for what in differences(sweep_home.content(home, data), found)]
    wrong += [] if len(sweep_home.run(home, data, None)) == len(sweep_home.MONTHS) else ["it is not current"]
    return {"content": found, "wrong": wrong, "redone": redone, "orphans": swept.files}


def _chunks_written(data: Path) -> int:
    """Chunks that came to their end in a worker, each time they did: by the epochs in the names of their files."""
    files = [*(data / "datasets").rglob("*-c*.parquet"), *(data / "dead_letters").rglob("*-c*.parquet")]
    return len({tuple(file.name.split(".")[0].split("-")[:4]) for file in files})


def _chunks_done(home: Path, data: Path) -> int:
    """Chunks that are done and have a file."""
    processing = Processing(sweep_home.settings_of(home, data))
    ledger = processing.ledger
    chunks = [
        chunk
        for name in sweep_home.DATASETS
        for batch in ledger.batches.of_pipeline(name)
        for chunk in ledger.chunks.of_batch(batch.id)
    ]
    processing.close()
    assert all(chunk.state is ChunkState.DONE for chunk in chunks)
    files = [chunk.result.detail for chunk in chunks if chunk.result]
    return sum(1 for detail in files if detail.get("part") or detail.get("dead_letters"))


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # a lane that hangs is asked where
    what, home_text, data_text, *more = sys.argv[1:]
    if what == "run":
        run(Path(home_text), Path(data_text))
    else:
        said = inspect(Path(home_text), Path(data_text), Path(more[0]) if more else None)
        print(json.dumps(said))  # noqa: T201
