"""64 concurrent clients of `ragkit serve` on loopback: throughput, latency, memory, errors.

    python -m bench load               # 10,000 different searches, in groups and one by one
    python -m bench malformed          # 10,000 malformed requests

Each client sends its next request when the previous one is answered. The clients share the
processor with the server, so they do little: one process, plain sockets, prepared requests, and
only status, length and end of a response are checked. Their CPU time is printed below the table.
The servers are separate processes, started with the command that users type, and are measured in
turns.
Each table takes four minutes at most.
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
# Words per query; searches of each server; limits in seconds. A busy machine does not complete all
# searches; the table shows how many it did.
PLAN = ((3, [10_000, 4_000], [70, 40]), (9, [4_000, 2_000], [25, 25]))
DATA = Path(__file__).parents[2] / "data"


def generate_queries(count: int, words: int, seed: int = 1) -> list[str]:
    """Return `count` different queries of `words` words each, from those of the questions."""
    rows = (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    vocabulary = re.findall(r"\w+", " ".join(json.loads(row)["question"] for row in rows))
    rng = random.Random(seed)
    queries: dict[str, None] = {}
    while len(queries) < count:
        queries[" ".join(rng.sample(vocabulary, words))] = None
    return list(queries)


@contextlib.contextmanager
def start_server(folder: str, *options: str):
    """Start a server of this collection; yield its port and process."""
    command = [*ragkit("-c", folder, "serve", "--port", "0"), *options]
    with tempfile.TemporaryFile("w+") as stderr_file:
        process = subprocess.Popen(command, stderr=stderr_file)
        try:
            while (address := re.search(r":(\d+);", _read_all(stderr_file))) is None:
                time.sleep(0.05)
            yield int(address[1]), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(30)
            lines = _read_all(stderr_file).splitlines()
            print(f"{len(lines)} lines on stderr, such as {lines[-1]!r}", file=sys.stderr)


def _read_all(file) -> str:
    file.seek(0)
    return file.read()


HEAD = (
    b"POST /v1/search HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\n\r\n"
)
LENGTH = re.compile(rb"content-length: (\d+)")


def request(query: str) -> bytes:
    """Return the complete HTTP request of a search."""
    body = json.dumps({"query": query, "mode": "dense", "k": 10}).encode()
    return HEAD % len(body) + body


class Client:
    """One connection, which sends one search after the other."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer, self._size, self._started = b"", 0, 0.0

    def send(self, request: bytes) -> None:
        """Send the next search."""
        self._answer, self._size = b"", 0
        self._started = time.perf_counter()
        self.socket.sendall(request)

    def read(self, run: ServerRun) -> bool:
        """Read a part of the response; return whether it is complete."""
        part = self.socket.recv(1 << 18)
        self._answer += part
        if not self._size and (end := self._answer.find(b"\r\n\r\n")) >= 0:
            self._size = end + 4 + int(LENGTH.search(self._answer, 0, end)[1])
        if part and not 0 < self._size <= len(self._answer):
            return False
        run.times.append(time.perf_counter() - self._started)
        good = self._answer.startswith(b"HTTP/1.1 200") and self._answer.endswith(b"}]}")
        if not good or len(self._answer) != self._size:
            run.errors.append(self._answer[-200:].decode(errors="replace"))
        return True


@dataclass
class ServerRun:
    """The searches of one server and their results."""

    port: int
    process: psutil.Process
    name: str
    pending: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # seconds per search
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)  # MB, before and after each round
    seconds: float = 0.0
    cpu: float = 0.0
    calls: float = 0.0
    client_cpu: float = 0.0  # CPU seconds of the clients

    def run_round(self, count: int, limit: float) -> None:
        """Run `count` searches, for at most `limit` seconds."""
        requests = [self.pending.pop() for _ in range(min(count, len(self.pending)))]
        cpu, calls, started = self._cpu(), self._calls(), time.perf_counter()
        client_cpu = time.process_time()
        self._exchange(requests, started + limit)
        self.seconds += time.perf_counter() - started
        self.client_cpu += time.process_time() - client_cpu
        self.cpu += self._cpu() - cpu
        self.calls += self._calls() - calls
        self.memory.append(self.process.memory_info().rss / 1e6)

    def _exchange(self, requests: list[bytes], until: float) -> None:
        with selectors.DefaultSelector() as selector:
            for client in [Client(self.port) for _ in range(CLIENTS)]:
                selector.register(client.socket, selectors.EVENT_READ, client)
                client.send(requests.pop())
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
        """Return the row of the table."""
        times, count = sorted(self.times), len(self.times)
        p50, p99 = (1000 * times[int(part * count)] for part in (0.5, 0.99))
        return (
            f"| {words} | {self.name} | {count:,} | {len(self.errors)} | {count / self.seconds:.0f}"
            f" | {1000 * self.cpu / count:.2f} | {p50:.0f} | {p99:.0f} | {count / self.calls:.1f} |"
            f" {' '.join(f'{megabytes:.0f}' for megabytes in self.memory)} |"
        )


def compare(servers: list[ServerRun], words: int, counts: list[int], seconds: list[float]) -> None:
    """Measure the servers in turns, so that other load affects all of them; print a row for each.

    `counts` and `seconds` are the number of searches of each server and their time limit.
    """
    queries = iter(generate_queries(sum(counts) + 500 * len(servers), words))
    for server, count in zip(servers, counts, strict=True):
        requests = [request(text) for text in itertools.islice(queries, count + 500)]
        server.pending = requests
        server.run_round(500, 10)  # warm-up
        server.times, server.errors, server.memory = [], [], server.memory[-1:]
        server.seconds = server.cpu = server.calls = server.client_cpu = 0.0
        server.pending = requests[:count]
    for _ in range(ROUNDS):
        for server, count, limit in zip(servers, counts, seconds, strict=True):
            server.run_round(count // ROUNDS, limit / ROUNDS)
    for server in servers:
        print(server.row(words), flush=True)
        for error in server.errors[:3]:
            print(error, file=sys.stderr)


def compare_rates(servers: list[ServerRun], words: int) -> str:
    """Return a sentence that compares the throughput and CPU time of the two servers."""
    rates = [len(server.times) / server.seconds for server in servers]
    costs = [server.cpu / len(server.times) for server in servers]
    searches = sum(len(server.times) for server in servers)
    clients = sum(server.client_cpu for server in servers) / searches
    return (
        f"{words} words: {rates[0] / rates[1]:.2f} times as many searches per second, with "
        f"1/{costs[1] / costs[0]:.2f} of the CPU time each; the clients take another "
        f"{1000 * clients:.2f} ms per search"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(ragkit("-c", folder, "index", str(DATA)), check=True, stdout=2)
        with start_server(folder) as batched, start_server(folder, "--batch", "1") as unbatched:
            servers = [ServerRun(*batched, "in groups"), ServerRun(*unbatched, "`--batch 1`")]
            print(
                "| words | server | searches | errors | searches/s | CPU ms | p50 ms | p99 ms "
                "| searches per call | MB, before and after each round |\n|" + "---|" * 10
            )
            comparisons = []
            for words, counts, seconds in PLAN:
                compare(servers, words, counts, seconds)
                comparisons.append(compare_rates(servers, words))
    print("\n" + "\n".join(comparisons))
