"""10,000 wrong requests to `ragkit serve`: no status of 500 or more, and it still answers.

    python -m bench malformed

Of each endpoint as many as of the others: what schemathesis makes of the API's own description,
within it and against it; and bytes that are no HTTP, or whose head lies. Sent over sockets, in
rounds of the same requests: what the server has after the second and third is what it keeps.
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
from bench.serving.load import serving

REQUESTS = 3_333  # of a round
TEXTS = {  # little to rank, so that the time goes into requests
    "keys.md": "# Keys\n\nRotate the signing keys every ninety days.\n",
    "leave.txt": "Parents may stay at home for half a year.\n",
}
THERE = {
    "vector_store_id": "default",
    "model": "default",
    "file_id": "file-1",
    "document_id": 1,
    "reference": "leave.txt",
}
ROUNDS = 3
SECONDS = 50  # of a round, for those made of the description; not all may be sent by then
RAW = 333  # of a round, those that are made here byte by byte


class _TimeIsUp(BaseException):
    """Ends a run of hypothesis, which would go on after an Exception."""


def described(port: int, count: int) -> Counter[int]:
    """Statuses of requests made from the description, good and bad."""
    import requests
    import schemathesis
    from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
    from schemathesis import GenerationMode

    session = requests.Session()
    found: Counter[int] = Counter()
    schema = schemathesis.openapi.from_url(f"http://localhost:{port}/openapi.json")
    operations = [each.ok() for each in schema.get_all_operations()]
    able = [each for each in operations if each.body or each.query or each.path_parameters]
    most = count // (2 * len(able)) + 1
    share = SECONDS / (2 * len(able))
    for operation in able:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            until = time.monotonic() + share

            @seed(7)
            @settings(
                max_examples=most,
                deadline=None,
                database=None,
                verbosity=Verbosity.quiet,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def sent(case) -> None:
                if time.monotonic() > until:  # noqa: B023 (called at once)
                    raise _TimeIsUp
                if mode is GenerationMode.POSITIVE:  # noqa: B023 (called at once)
                    name_what_is_there(case)
                found[case.call(session=session, timeout=120).status_code] += 1

            with contextlib.suppress(_TimeIsUp):
                sent()
    return found


def name_what_is_there(case) -> None:
    """So that a right request is answered rather than told that nothing has a random name."""
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.pop("collection", None)
            values.update({name: there for name, there in THERE.items() if name in values})


def raw(port: int, count: int) -> Counter[str]:
    """First words of answers to heads and bodies that are broken."""
    chosen = random.Random(7)
    good = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b'Content-Length: 16\r\nConnection: close\r\n\r\n{"query": "cat"}'
    )
    found: Counter[str] = Counter()
    for _ in range(count):
        request = bytearray(good)
        for _ in range(chosen.randint(1, 8)):
            place = chosen.randrange(len(request))
            change = chosen.randrange(3)
            if change == 0:
                request[place] = chosen.randrange(256)
            elif change == 1:
                del request[place : place + chosen.randint(1, 20)]
            else:
                request[place:place] = chosen.randbytes(chosen.randint(1, 300))
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            caller.sendall(bytes(request))
            caller.shutdown(socket.SHUT_WR)
            try:
                answer = caller.recv(64)
            except ConnectionResetError:
                answer = b""
        found[answer[9:12].decode("latin-1") or "none"] += 1
    return found


def warm(port: int) -> None:
    """Searches, and the time that the encoder's session takes to be made beside them."""
    for number in range(20):
        asked(port, f"/v1/search?query=question+{number}")
        time.sleep(0.2)


def asked(port: int, path: str) -> bool:
    """Whether this is answered well."""
    with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=10) as answer:
        return answer.status == 200


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        notes, kit = Path(folder, "notes"), str(Path(folder, "kit"))
        notes.mkdir()
        for name, text in TEXTS.items():
            (notes / name).write_text(text)
        subprocess.run(ragkit("-c", kit, "index", str(notes)), check=True, stdout=2)
        with serving(kit) as (port, process):
            warm(port)
            memory = [process.memory_info().rss / 1e6]
            one, two = Counter[int](), Counter[str]()
            for _ in range(ROUNDS):
                one += described(port, REQUESTS - RAW)
                two += raw(port, RAW)
                memory.append(process.memory_info().rss / 1e6)
            running = process.is_running()
            healthy = asked(port, "/v1/health")
    print("| made of | requests | statuses | 500 or more |\n|---|---|---|---|")
    for name, found in (("the description", one), ("broken bytes", two)):
        shown = ", ".join(f"{status}: {count:,}" for status, count in sorted(found.items()))
        bad = sum(count for status, count in found.items() if str(status)[0] == "5")
        print(f"| {name} | {found.total():,} | {shown} | {bad} |")
    megabytes = ", ".join(f"{each:.0f}" for each in memory)
    print(f"\nstill running: {running}, healthy: {healthy}; MB warm and after rounds: {megabytes}")
