"""64 clients at once against `ragkit serve` on loopback: throughput, latency, memory, errors.

    python -m bench load               # 10,000 searches, all different, in groups and one by one
    python -m bench malformed          # 10,000 requests that are wrong in all ways

Each client sends its next request when the last one is answered. They share the processor with the
server, so they do as little as they can: one process, bare sockets, requests made beforehand, and
of answers only status, length and end are looked at. What that takes is told beside the table. The
servers are processes of their own, started with the command that users type, and asked in turns:
first one, then the other. Each of the two takes four minutes at most.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.process import ragkit

CLIENTS = 64
ROUNDS = 4
# Words of a query; searches of each server; seconds they may take at most: a busy machine does
# not get through all of them, and says so in the table.
PLAN = ((3, [10_000, 4_000], [70, 40]), (9, [4_000, 2_000], [25, 25]))
DATA = Path(__file__).parents[2] / "data"


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


HEAD = (
    b"POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)
LENGTH = re.compile(rb"content-length: (\d+)")


def request(query: str) -> bytes:
    """All bytes of a search."""
    body = json.dumps({"query": query, "mode": "dense", "k": 10}).encode()
    return HEAD % len(body) + body


class Client:
    """One connection, on which one search follows the other."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer, self._size, self._started = b"", 0, 0.0

    def send(self, request: bytes) -> None:
        """The next search."""
        self._answer, self._size = b"", 0
        self._started = time.perf_counter()
        self.socket.sendall(request)

    def read(self, asked: Asked) -> bool:
        """Take what has come of the answer; whether that was its end."""
        part = self.socket.recv(1 << 18)
        self._answer += part
        if not self._size and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            self._size = end + 4 + int(LENGTH.search(self._answer, 0, end)[1])
        if part and not 0 < self._size <= len(self._answer):
            return False
        asked.times.append(time.perf_counter() - self._started)
        good = self._answer.startswith(b"HTTP/1.1 200") and self._answer.endswith(b"}]}")
        if not good or len(self._answer) != self._size:
            asked.errors.append(self._answer[-200:].decode(errors="replace"))
        return True


@dataclass
class Asked:
    """What came of the searches of one server."""

    port: int
    process: psutil.Process
    name: str
    left: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # seconds of each
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MB, before and after each round
    seconds: float = 0.0
    cpu: float = 0.0
    calls: float = 0.0
    own: float = 0.0  # seconds of the processor that the clients took

    def ask(self, count: int, limit: float) -> None:
        """A round of so many searches, of so many seconds at most."""
        requests = [self.left.pop() for _ in range(min(count, len(self.left)))]
        cpu, calls, started = self._cpu(), self._calls(), time.perf_counter()
        own = time.process_time()
        self._round(requests, started + limit)
        self.seconds += time.perf_counter() - started
        self.own += time.process_time() - own
        self.cpu += self._cpu() - cpu
        self.calls += self._calls() - calls
        self.memory.append(self.process.memory_info().rss / 1e6)

    def _round(self, requests: list[bytes], until: float) -> None:
        with selectors.DefaultSelector() as selector:
            for each in [Client(self.port) for _ in range(CLIENTS)]:
                selector.register(each.socket, selectors.EVENT_READ, each)
                each.send(requests.pop())
            while selector.get_map():
                for key, _ in selector.select():
                    if not key.data.read(self):
                        continue
                    if requests and time.perf_counter() < until:
                        key.data.send(requests.pop())
                    else:
                        selector.unregister(key.fileobj)
                        key.data.socket.close()

    def _cpu(self) -> float:
        return sum(self.process.cpu_times()[:2])

    def _calls(self) -> float:
        answer = urllib.request.urlopen(f"http://localhost:{self.port}/metrics").read().decode()
        return float(re.search(r"search_calls_total\S* (\d+)", answer)[1])

    def row(self, words: int) -> str:
        """Of the table."""
        times, count = sorted(self.times), len(self.times)
        p50, p99 = (1000 * times[int(part * count)] for part in (0.5, 0.99))
        return (
            f"| {words} | {self.name} | {count:,} | {len(self.errors)} | {count / self.seconds:.0f}"
            f" | {1000 * self.cpu / count:.2f} | {p50:.0f} | {p99:.0f} | {count / self.calls:.1f} |"
            f" {' '.join(f'{each:.0f}' for each in self.memory)} |"
        )


def compare(servers: list[Asked], words: int, counts: list[int], seconds: list[float]) -> None:
    """Ask the servers in turns, so that whatever else runs here slows each of them; two rows.

    `counts` are their searches, `seconds` the most they may take.
    """
    texts = iter(questions(sum(counts) + 500 * len(servers), words))
    for each, count in zip(servers, counts, strict=True):
        requests = [request(text) for text in itertools.islice(texts, count + 500)]
        each.left = requests
        each.ask(500, 10)  # warm
        each.times, each.errors, each.memory = [], [], each.memory[-1:]
        each.seconds = each.cpu = each.calls = each.own = 0.0
        each.left = requests[:count]
    for _ in range(ROUNDS):
        for each, count, limit in zip(servers, counts, seconds, strict=True):
            each.ask(count // ROUNDS, limit / ROUNDS)
    for each in servers:
        print(each.row(words), flush=True)
        for error in each.errors[:3]:
            print(error, file=sys.stderr)


def ratio(servers: list[Asked], words: int) -> str:
    """What the first server gains over the second."""
    rates = [len(each.times) / each.seconds for each in servers]
    costs = [each.cpu / len(each.times) for each in servers]
    clients = sum(each.own for each in servers) / sum(len(each.times) for each in servers)
    return (
        f"{words} words: {rates[0] / rates[1]:.2f} times as many a second, for "
        f"1/{costs[1] / costs[0]:.2f} of the processor time each; {1000 * clients:.2f} ms of the "
        "clients beside it"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(ragkit("-c", folder, "index", str(DATA)), check=True, stdout=2)
        with serving(folder) as one, serving(folder, "--batch", "1") as other:
            servers = [Asked(*one, "in groups"), Asked(*other, "`--batch 1`")]
            print(
                "| words | server | searches | errors | a second | CPU, ms | p50, ms | p99, ms "
                "| in one call | MB, before and after each round |\n|" + "---|" * 10
            )
            found = []
            for words, counts, seconds in PLAN:
                compare(servers, words, counts, seconds)
                found.append(ratio(servers, words))
    print("\n" + "\n".join(found))
