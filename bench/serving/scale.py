"""A sharded collection on a Ray of this machine beside plain `ragkit index` and `ragkit serve`.

    python -m bench scale        # needs Ray; ten minutes on two cores

Environment: RAGKIT_BENCH_PARTS (ingest, shards; default both), RAGKIT_BENCH_PASSAGES (that are
embedded, 20,000), RAGKIT_BENCH_SEARCHED (synthetic ones that are searched, 200,000),
RAGKIT_BENCH_SHARDS (1,2,4), RAGKIT_BENCH_SECONDS (of each load, 15).

Indexing: passages per second, with as many embedding actors of one thread as Ray has processors,
and of plain `ragkit index` on as many cores. Counted from the first passages that were embedded to
the last, so that the start of processes and the loading of models are left out.

Serving: `ragkit serve` on one collection, and `ragkit serve --on ray --replicas 1` on the same
passages in several shards. First one client, one dense search after the other; then 64 clients.
Memory is the proportional set size (a page that n processes share counts 1/n for each) of the
server and all processes that it started, before the first search.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.commands.ingest import write_files
from bench.retrieval.search import (
    NOISE_LENGTH,
    StoredVectorEncoder,
    read_data_passages,
    vary_passages,
)
from bench.serving.load import Client, ServerRun, generate_queries, request, start_server
from ragkit import Collection, Settings
from ragkit.encoders import Encoder
from ragkit.evaluation.beir import CorpusDocument
from ragkit.ingest import corpus
from ragkit.maintenance import sharded_index
from ragkit.storage.shards.location import ShardLocation

PARTS = os.environ.get("RAGKIT_BENCH_PARTS", "ingest,shards").split(",")
PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "20000"))
SEARCHED = int(os.environ.get("RAGKIT_BENCH_SEARCHED", "200000"))
SHARDS = [int(count) for count in os.environ.get("RAGKIT_BENCH_SHARDS", "1,2,4").split(",")]
SECONDS = float(os.environ.get("RAGKIT_BENCH_SECONDS", "15"))
CORES = (1, 2)
SEARCHES = 300

# Both print the seconds and the passages of the steady part of the run.
_PLAIN = """
import os, sys
folder, documents, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
from ragkit import Collection, Settings
seen = []
with Collection(folder, settings=Settings(vector_cache_mb=0)) as collection:
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
from ragkit import Settings
from ragkit.cluster.ingest import index
from ragkit.maintenance.sharded_index import ShardedIndexOptions
seen = []
with session.connected("ray"):
    index(folder, ShardedIndexOptions(paths=[documents], shards=2), Settings(),
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


def measure_ingest(folder: Path) -> None:
    """Print passages per second, plain and on Ray."""
    documents = folder / "documents"
    write_files(documents, PASSAGES)  # a passage each
    time.sleep(2.5)  # until the files' time stamps are old enough to be trusted
    print(f"\n{PASSAGES:,} passages of about 30 words\n")
    print("| cores | plain index, passages/s | on Ray | ratio |\n|---|---|---|---|")
    for cores in CORES:
        plain = passages_per_second(_PLAIN, folder / f"plain-{cores}", documents, cores)
        on_ray = passages_per_second(_ON_RAY, folder / f"ray-{cores}", documents, cores)
        print(f"| {cores} | {plain:.0f} | {on_ray:.0f} | {on_ray / plain:.2f} |", flush=True)


def build_one(folder: Path, rows: Iterator[CorpusDocument], encoder: Encoder) -> None:
    """Make an ordinary collection of these rows, a passage each."""
    with Collection(folder, encoder=encoder) as collection:
        file = folder / "rows.jsonl"
        file.touch()
        collection.index_rows(file, rows, one_passage_per_row=True)


def build_shards(
    folder: Path, rows: Iterator[CorpusDocument], encoder: Encoder, count: int
) -> None:
    """Make a sharded collection of these rows, which the shards get by turns."""
    location, kept = ShardLocation(folder), list(rows)
    sharded_index.make_folder(location, sharded_index.work_folder(location))
    with contextlib.ExitStack() as stack:
        shards = []
        for number in range(count):
            work = sharded_index.prepare_folder(location, None, number)
            shard = sharded_index.WorkingShard(work, number, Settings(), encoder)
            stack.callback(shard.close)
            file = work / "rows.jsonl"
            file.touch()
            model_id, _ = shard.encoders.set_collection_model(None, False, "fp32")
            corpus.index_rows(
                shard.store, shard.indexes.index_writer, model_id, shard.encoders.load_encoder,
                file, kept[number::count], corpus.one_passage_per_row, lambda progress: None,
            )  # fmt: skip
            shards.append(shard)
        sharded_index.publish_generation(location, None, shards)


def memory_of(process: psutil.Process) -> float:
    """Return the proportional set size of a process and of those that it started, MB."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += each.memory_full_info().pss
    return total / 1e6


def quantile(times: list[float], part: float) -> float:
    """Return a quantile in milliseconds."""
    return 1000 * sorted(times)[int(part * len(times))]


def measure_server(label: str, folder: Path, *options: str) -> str:
    """Return the row of one server."""
    with start_server(str(folder), *options) as (port, process):
        time.sleep(2)
        memory = memory_of(process)
        run = ServerRun(port, process, label)
        client = Client(port)
        for query in generate_queries(SEARCHES + 50, 5):
            client.send(request(query))
            while not client.read(run):
                pass
        alone = run.times[50:]
        run.times = []
        queries = generate_queries(int(1000 * SECONDS), 4, seed=2)
        run.pending = [request(query) for query in queries]
        run.run_round(len(run.pending), SECONDS)
    if run.errors:
        raise SystemExit(f"{len(run.errors)} searches failed, such as {run.errors[0]}")
    return (
        f"| {label} | {statistics.median(alone) * 1000:.1f} | {quantile(alone, 0.99):.1f} "
        f"| {len(run.times) / run.seconds:.0f} | {quantile(run.times, 0.5):.0f} "
        f"| {quantile(run.times, 0.99):.0f} | {memory:.0f} |"
    )


def measure_shards(folder: Path) -> None:
    """Print a row for each server."""
    texts, vectors, real = read_data_passages()
    encoder = StoredVectorEncoder(real, vectors, NOISE_LENGTH)
    encoder.fingerprint = real.fingerprint  # so that servers encode queries with the real one
    print(f"\n{SEARCHED:,} variations of the passages of data/, dense, k = 10\n")
    print("| server | one client: p50 ms | p99 | 64 clients: searches/s | p50 ms | p99 | idle MB |")
    print("|" + "---|" * 7)
    build_one(folder / "one", vary_passages(texts, SEARCHED), encoder)
    print(measure_server("ragkit serve", folder / "one"), flush=True)
    for count in SHARDS:
        name = folder / f"shards-{count}"
        build_shards(name, vary_passages(texts, SEARCHED), encoder, count)
        label = f"ragkit serve --on ray, {count} shard{'s' if count > 1 else ''}"
        print(measure_server(label, name, "--on", "ray", "--replicas", "1"), flush=True)


def main() -> None:
    for part, measure in (("ingest", measure_ingest), ("shards", measure_shards)):
        if part in PARTS:
            with tempfile.TemporaryDirectory() as name:
                measure(Path(name))


if __name__ == "__main__":
    main()
