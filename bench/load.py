"""64 clients at once against `ragkit serve` on loopback: throughput, latency, memory, errors.

    python -m bench load               # 10,000 searches, all different, batched and one by one
    python -m bench malformed          # 10,000 requests that are wrong in all ways

Each client sends its next request when the last one is answered. The server is a process of its
own, started with the command that users type; so is the program that asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from bench.process import ragkit

CLIENTS = 64
SEARCHES = 10_000
DATA = Path(__file__).parent.parent / "data"


def questions(count: int, words: int, seed: int = 1) -> list[str]:
    """Different queries of so many words, from those of the labelled questions."""
    rows = (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    known = re.findall(r"\w+", " ".join(json.loads(row)["question"] for row in rows))
    chosen = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(chosen.sample(known, words))] = None
    return list(found)


@contextlib.contextmanager
def serving(folder: str, *options: str):
    """The address and process of a server of this collection."""
    command = [*ragkit("-c", folder, "serve", "--port", "0"), *options]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stderr=said)
        try:
            while (found := re.search(r":(\d+);", _all_of(said))) is None:
                time.sleep(0.05)
            yield int(found[1]), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)
            lines = _all_of(said).splitlines()
            print(f"{len(lines)} lines on stderr, such as {lines[-1]!r}", file=sys.stderr)


def _all_of(file) -> str:
    file.seek(0)
    return file.read()


async def client(port: int, bodies: list[bytes], times: list[float], errors: list[str]) -> None:
    """One after the other over one connection, until there are no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while bodies:
        body = bodies.pop()
        started = time.perf_counter()
        writer.write(
            b"POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        answer = await reader.readexactly(length)
        times.append(time.perf_counter() - started)
        if not head.startswith(b"HTTP/1.1 200") or not answer.startswith(b'{"collection"'):
            errors.append(answer.decode()[:200])
    writer.close()


async def ask(port: int, bodies: list[bytes]) -> tuple[float, list[float], list[str]]:
    """Seconds, seconds of each, and what was no answer."""
    times: list[float] = []
    errors: list[str] = []
    left = bodies[::-1]
    started = time.perf_counter()
    await asyncio.gather(*(client(port, left, times, errors) for _ in range(CLIENTS)))
    return time.perf_counter() - started, sorted(times), errors


def measure(folder: str, words: int, count: int, *options: str, mode: str = "dense") -> float:
    """Print one row; returns searches a second."""
    bodies = [
        json.dumps({"query": text, "mode": mode, "k": 10}).encode()
        for text in questions(count + 500, words)
    ]
    with serving(folder, *options) as (port, process):
        asyncio.run(ask(port, bodies[count:]))  # warm
        memory = [process.memory_info().rss / 1e6]
        before = sum(process.cpu_times()[:2])
        parts = [bodies[n * count // 4 : (n + 1) * count // 4] for n in range(4)]
        seconds, times, errors = 0.0, [], []
        for part in parts:
            took, each, wrong = asyncio.run(ask(port, part))
            seconds, times, errors = seconds + took, times + each, errors + wrong
            memory.append(process.memory_info().rss / 1e6)
        cpu = 1000 * (sum(process.cpu_times()[:2]) - before) / count
        calls = urllib.request.urlopen(f"http://localhost:{port}/metrics").read().decode()
        grouped = float(re.search(r"search_calls_total\S* (\d+)", calls)[1])
    times.sort()
    rate = len(times) / seconds
    print(
        f"| {words} | {mode} | {' '.join(options) or 'as it is'} | {len(times):,} | "
        f"{len(errors)} | {rate:.0f} | {cpu:.2f} | {1000 * times[len(times) // 2]:.0f} | "
        f"{1000 * times[int(0.99 * len(times))]:.0f} | {(count + 500) / grouped:.1f} | "
        f"{' '.join(f'{each:.0f}' for each in memory)} |",
        flush=True,
    )
    for error in errors[:3]:
        print(error, file=sys.stderr)
    return rate


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(ragkit("-c", folder, "index", str(DATA)), check=True, stdout=2)
        print(
            "| words | mode | server | searches | errors | a second | CPU, ms | p50, ms | p99, ms "
            "| in one call | MB, before and after each quarter |\n|" + "---|" * 11
        )
        for words in (3, 9):
            batched = measure(folder, words, SEARCHES)
            alone = measure(folder, words, SEARCHES, "--batch", "1")
            print(f"\n{words} words: {batched / alone:.2f} times as many\n")
