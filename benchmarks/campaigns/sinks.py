"""Where mail goes: Postfix's smtp-sink where it is installed, else our own sink; in a process of its own."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from batch_pipelines.core.clock import SystemClock
from batch_pipelines.delivery.sink.server import Sink
from batch_pipelines.delivery.sink.session import Rules
from benchmarks.measure import Json, PeerFailed

STARTS_WITHIN_S = 10.0
HOST = "127.0.0.1"


def postfix_sink() -> str | None:
    """The program, if it is here."""
    return shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/postfix/sbin")


@contextmanager
def running_sink(job: Json) -> Iterator[tuple[str, int]]:
    """Run a sink in a process of its own while the block runs; `job` may ask for `latency_s`, which ours alone has."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    program, latency_s = postfix_sink(), job.get("latency_s", 0.0)
    if program and not latency_s:
        command = [program, *(["-u", "nobody"] if os.geteuid() == 0 else []), f"{HOST}:{port}", "1000"]
    else:
        command = [sys.executable, "-m", "benchmarks.campaigns.sinks", str(port), str(latency_s)]
    process = subprocess.Popen(command, cwd=Path(__file__).parent.parent.parent)
    try:
        _await(port)
        yield HOST, port
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    clock, deadline = SystemClock(), monotonic() + STARTS_WITHIN_S
    while monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            clock.sleep(0.05)
        else:
            return
    raise PeerFailed("no sink came up")


async def _serve(port: int, latency_s: float) -> None:
    server = await Sink(lambda _mail: None, Rules(latency_s=latency_s)).start(HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
