"""Load on a service: wrk for what it can take at most, and a constant rate for how long an answer takes.

The constant rate is open: requests are due at fixed moments, and waiting counts from when one was due, so that a
service that stalls cannot hide it by being asked less.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import uvloop

LUA = """
local bodies, place = {}, 0
for line in io.lines("%s") do bodies[#bodies + 1] = line end
math.randomseed(os.time())
function init() place = math.random(#bodies) end
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
  place = place %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[place])
end
function done(summary, latency, requests)
  io.write(string.format('\\nJSON{"requests":%%d,"us":%%d,"p50_us":%%d,"p99_us":%%d,"errors":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
    + summary.errors.timeout))
end
"""


@dataclass(frozen=True)
class Throughput:
    """What wrk saw; latencies in milliseconds, with all connections busy."""

    per_s: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Answered:
    """One request at a constant rate: when it was due (seconds from the start), how long it took, what came back."""

    due_s: float
    took_ms: float
    status: int
    body: bytes


@dataclass
class Steady:
    """All requests of a constant rate; status 0 where no answer came."""

    answers: list[Answered] = field(default_factory=list)

    @property
    def errors(self) -> int:
        """Return how many were not answered with 200."""
        return sum(answer.status != 200 for answer in self.answers)

    def percentiles_ms(self) -> dict[str, float]:
        """Return p50, p90 and p99 in milliseconds."""
        took = [answer.took_ms for answer in self.answers]
        return {f"p{q}_ms": round(float(np.percentile(took, q)), 2) for q in (50, 90, 99)}


def require_wrk() -> None:
    """Exit in words where wrk is missing."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install it (Debian and Ubuntu: apt-get install wrk; macOS: brew install wrk)")


def wrk(url: str, bodies: Sequence[str], connections: int, seconds: int) -> Throughput:
    """Return what a service answers at most over some connections, its bodies sent in turn."""
    with tempfile.TemporaryDirectory() as folder:
        lines, script = Path(folder) / "bodies", Path(folder) / "post.lua"
        lines.write_text("\n".join(bodies) + "\n")
        script.write_text(LUA % lines)
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s", "-s", script, url]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = json.loads(out.rpartition("JSON")[2])
    return Throughput(
        found["requests"] / found["us"] * 1e6, found["p50_us"] / 1e3, found["p99_us"] / 1e3, found["errors"]
    )


def steady(
    host: str, port: int, path: str, bodies: Sequence[str], rate: float, seconds: float, connections: int = 16
) -> Steady:
    """Ask at a constant rate for some seconds, the bodies in turn."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_steady(host, port, path, bodies, rate, seconds, connections))


async def _steady(
    host: str, port: int, path: str, bodies: Sequence[str], rate: float, seconds: float, connections: int
) -> Steady:
    found, waiting = Steady(), asyncio.Queue[tuple[float, bytes]]()
    requests = [_request(host, path, body) for body in bodies]
    start = time.perf_counter()
    workers = [asyncio.create_task(_connection(host, port, start, waiting, found)) for _ in range(connections)]
    for number in range(int(rate * seconds)):
        due = number / rate
        await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
        waiting.put_nowait((due, requests[number % len(requests)]))
    await waiting.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    return found


async def _connection(
    host: str, port: int, start: float, waiting: asyncio.Queue[tuple[float, bytes]], found: Steady
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while True:
        due, request = await waiting.get()
        try:
            writer.write(request)
            status, body = await _answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            status, body = 0, b""
            writer.close()
            reader, writer = await asyncio.open_connection(host, port)
        found.answers.append(Answered(due, 1e3 * (time.perf_counter() - start - due), status, body))
        waiting.task_done()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if b"transfer-encoding: chunked" in head:
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        return status, b"".join(parts)
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    return status, await reader.readexactly(length)


def _request(host: str, path: str, body: str) -> bytes:
    data = body.encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data
