"""10,000 malformed requests to `ragkit serve`: no status of 500 or more, and it still responds.

    python -m bench malformed

schemathesis generates the same number of requests for each endpoint from the API description, half
of them violating it; others are a valid request with changed bytes. They are sent over sockets, in
rounds of the same requests: growth of the memory in later rounds would be a leak.
"""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

from bench.process import ragkit
from bench.serving.load import start_server

REQUESTS = 3_333  # per round
TEXTS = {  # little to rank, so that the time is spent on requests
    "keys.md": "# Keys\n\nRotate the signing keys every ninety days.\n",
    "leave.txt": "Parents may stay at home for half a year.\n",
}
EXISTING = {
    "vector_store_id": "default",
    "model": "default",
    "file_id": "file-1",
    "document_id": 1,
    "reference": "leave.txt",
}
ROUNDS = 3
SECONDS = 50  # limit per round for generated requests; not all may be sent by then
CHANGED = 333  # requests with changed bytes per round


class _TimeIsUp(BaseException):
    """Ends a run of hypothesis, which would continue after an Exception."""


def send_generated(port: int, count: int) -> Counter[int]:
    """Send requests generated from the API description, valid and invalid; count the statuses."""
    import requests
    import schemathesis
    from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
    from schemathesis import GenerationMode

    session = requests.Session()
    statuses: Counter[int] = Counter()
    schema = schemathesis.openapi.from_url(f"http://localhost:{port}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    testable = [
        operation
        for operation in operations
        if operation.body or operation.query or operation.path_parameters
    ]
    max_examples = count // (2 * len(testable)) + 1
    share = SECONDS / (2 * len(testable))
    for operation in testable:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            until = time.monotonic() + share

            @seed(7)
            @settings(
                max_examples=max_examples,
                deadline=None,
                database=None,
                verbosity=Verbosity.quiet,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def send(case) -> None:
                if time.monotonic() > until:  # noqa: B023 (called at once)
                    raise _TimeIsUp
                if mode is GenerationMode.POSITIVE:  # noqa: B023 (called at once)
                    use_existing_names(case)
                statuses[case.call(session=session, timeout=120).status_code] += 1

            with contextlib.suppress(_TimeIsUp):
                send()
    return statuses


def use_existing_names(case) -> None:
    """Replace random names by existing ones, so that a valid request does not end in a 404."""
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.pop("collection", None)
            values.update({name: there for name, there in EXISTING.items() if name in values})


def send_changed_bytes(port: int, count: int) -> Counter[str]:
    """Send requests with randomly changed bytes; count the statuses."""
    rng = random.Random(7)
    valid = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 16\r\nConnection: close\r\n\r\n{"query": "cat"}'
    )
    statuses: Counter[str] = Counter()
    for _ in range(count):
        request = bytearray(valid)
        for _ in range(rng.randint(1, 8)):
            position = rng.randrange(len(request))
            change = rng.randrange(3)
            if change == 0:
                request[position] = rng.randrange(256)
            elif change == 1:
                del request[position : position + rng.randint(1, 20)]
            else:
                request[position:position] = rng.randbytes(rng.randint(1, 300))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            caller.sendall(bytes(request))
            caller.shutdown(socket.SHUT_WR)
            try:
                answer = caller.recv(64)
            except ConnectionResetError:
                answer = b""
        statuses[answer[9:12].decode("latin-1") or "none"] += 1
    return statuses


def warm(port: int) -> None:
    """Send searches until the encoder's session is loaded in the background."""
    for number in range(20):
        is_ok(port, f"/v1/search?query=question+{number}")
        time.sleep(0.2)


def is_ok(port: int, path: str) -> bool:
    """Return whether the response has status 200."""
    with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=10) as answer:
        return answer.status == 200


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        notes, collection_folder = Path(folder, "notes"), str(Path(folder, "kit"))
        notes.mkdir()
        for name, text in TEXTS.items():
            (notes / name).write_text(text)
        subprocess.run(ragkit("-c", collection_folder, "index", str(notes)), check=True, stdout=2)
        with start_server(collection_folder) as (port, process):
            warm(port)
            memory = [process.memory_info().rss / 1e6]
            generated, changed = Counter[int](), Counter[str]()
            for _ in range(ROUNDS):
                generated += send_generated(port, REQUESTS - CHANGED)
                changed += send_changed_bytes(port, CHANGED)
                memory.append(process.memory_info().rss / 1e6)
            running = process.is_running()
            healthy = is_ok(port, "/v1/health")
    print("| source | requests | statuses | 500 or more |\n|---|---|---|---|")
    for name, statuses in (("API description", generated), ("changed bytes", changed)):
        cells = ", ".join(f"{status}: {count:,}" for status, count in sorted(statuses.items()))
        bad = sum(count for status, count in statuses.items() if str(status)[0] == "5")
        print(f"| {name} | {statuses.total():,} | {cells} | {bad} |")
    megabytes = ", ".join(f"{value:.0f}" for value in memory)
    print(f"\nstill running: {running}, healthy: {healthy}; MB warm and after rounds: {megabytes}")
