"""A sharded collection on a Ray of this machine beside plain `ragkit index` and `ragkit serve`.

    python -m bench scale              # 20,000 passages
    python -m bench.serving.scale 2000 # fewer

Indexing: passages per second, with as many embedding actors of one thread as Ray has processors,
and of plain `ragkit index` on as many cores. Counted from the first passages that were embedded to
the last, so that the start of processes and the loading of models are left out.
Serving: one client, one search after the other, over HTTP.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.commands.ingest import write_files
from bench.serving.load import Client, ServerRun, generate_queries, request, start_server

PASSAGES = 20_000
SHARDS = 2
CORES = (1, 2)
SEARCHES = 300

# Both print the seconds and the passages of the steady part of the run.
_PLAIN = """
import os, sys
folder, documents, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
from ragkit import Collection
seen = []
with Collection(folder) as collection:
    collection.index(documents, on_progress=lambda now: seen.append((now.seconds, now.embedded)))
"""
_ON_RAY = """
import os, sys
folder, documents, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
from ragkit.cluster import session
session._use_token()
ray = session.import_ray()
ray.init(address="local", num_cpus=cores, include_dashboard=False, log_to_driver=False,
         _node_ip_address="127.0.0.1", object_store_memory=300_000_000)
from ragkit.cluster.ingest import index_shards
seen = []
with session.connected("ray"):
    index_shards(folder, documents, shards=2,
                 on_progress=lambda now: seen.append((now.seconds, now.embedded)))
ray.shutdown()
"""
_RESULT = """
first = next(place for place, (_, embedded) in enumerate(seen) if embedded)
last = next(place for place, (_, embedded) in enumerate(seen) if embedded == seen[-1][1])
print(seen[last][0] - seen[first][0], seen[last][1] - seen[first][1], seen[-1][1])
"""


def passages_per_second(code: str, folder: Path, documents: Path, cores: int) -> float:
    """Index the documents in a process of its own; return the passages per second."""
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + _RESULT, folder, documents, str(cores)],
        check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    seconds, passages, _ = map(float, process.stdout.split()[-3:])
    return passages / seconds


def search_times(folder: Path, *options: str) -> list[float]:
    """Return the milliseconds of each search, sorted."""
    with start_server(str(folder), *options) as (port, process):
        run = ServerRun(port, process, "")
        client = Client(port)
        for query in generate_queries(SEARCHES + 20, 5):
            client.send(request(query))
            while not client.read(run):
                pass
    if run.errors:
        raise SystemExit(f"{len(run.errors)} searches failed, such as {run.errors[0]}")
    return sorted(seconds * 1000 for seconds in run.times[20:])


def main() -> None:
    named = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    count = named[0] if named else PASSAGES
    with tempfile.TemporaryDirectory() as name:
        documents = Path(name) / "documents"
        write_files(documents, count)  # a passage each
        time.sleep(2.5)  # until the files' time stamps are old enough to be trusted
        print("\n| cores | plain index, passages/s | on Ray | ratio |\n|---|---|---|---|")
        for cores in CORES:
            plain = passages_per_second(_PLAIN, Path(name) / f"plain-{cores}", documents, cores)
            on_ray = passages_per_second(_ON_RAY, Path(name) / f"ray-{cores}", documents, cores)
            print(f"| {cores} | {plain:.0f} | {on_ray:.0f} | {on_ray / plain:.2f} |", flush=True)
        print("\n| server | p50 ms | p99 ms |\n|---|---|---|")
        on_ray = ("--on", "ray", "--replicas", "1")
        for label, folder, options in (
            ("ragkit serve", "plain-1", ()),
            (f"ragkit serve --on ray, {SHARDS} shards", "ray-1", on_ray),
        ):
            times = search_times(Path(name) / folder, *options)
            p99 = times[int(len(times) * 0.99)]
            print(f"| {label} | {statistics.median(times):.1f} | {p99:.1f} |", flush=True)


if __name__ == "__main__":
    main()
