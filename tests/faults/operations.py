"""What a child process does with a collection: index, remove, open, search, … by name.

Runs in processes made by `processes.ForkServer`. Each operation takes folders as text and returns
JSON. Uses only ragkit's public API, with the encoder of `fake_encoder`.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ragkit import Collection, Hit, Settings
from tests.faults import shim, sources
from tests.faults.fake_encoder import FakeEncoder
from tests.faults.sources import QUERIES, wait_for, write_version

MODES = ("dense", "lexical", "hybrid")
PARTS = ("lexical", "fused")  # of the scores of a hit
EVERYTHING = 1000  # hits: more than there are passages, so that ties cannot hide a difference
notices: list[str] = []


def open_collection(collection_folder: str) -> Collection:
    return Collection(
        collection_folder, settings=Settings(passage_tokens=40, overlap=0.0), encoder=FakeEncoder(),
        notify=notices.append,
    )  # fmt: skip


def index(
    collection_folder: str,
    source: str,
    acknowledge: bool = False,
    codes: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """Index the folder; with `acknowledge`, log what the progress says is committed.

    `codes`: quantize the vectors of a small collection, too.
    """
    acknowledged = 0
    _quantize(codes)

    def on_progress(progress: Any) -> None:
        nonlocal acknowledged
        if acknowledge and progress.files > acknowledged:
            acknowledged = progress.files
            shim.mark(f"files {acknowledged}")

    with open_collection(collection_folder) as collection:
        report = collection.index(source, on_progress=on_progress, **options)
    if acknowledge:
        shim.mark("done")
    return {
        name: getattr(report, name)
        for name in ("added", "updated", "unchanged", "moved", "removed", "failed", "passages")
    }


def remove(collection_folder: str, source: str, paths: Sequence[str]) -> dict[str, Any]:
    with open_collection(collection_folder) as collection:
        count = collection.remove([str(Path(source, path)) for path in paths])
    shim.mark("done")
    return {"removed": count}


def migrate(collection_folder: str, source: str) -> dict[str, Any]:
    """Open a collection, which migrates an older schema."""
    with open_collection(collection_folder) as collection:
        passages = collection.status().passages
    shim.mark("done")
    return {"passages": passages}


def _quantize(codes: bool) -> None:
    if codes:
        from ragkit.storage.vectors import quantized

        quantized.EXACT_BELOW = 16


def search(
    collection_folder: str, source: str, queries: Sequence[str] = QUERIES, codes: bool = False
) -> dict[str, Any]:
    """Return all hits: "mode query" → rows of root-relative path, start, text and scores."""
    _quantize(codes)
    with open_collection(collection_folder) as collection:
        return {"hits": _hits(collection, queries, MODES), "notices": list(notices)}


def _place(hit: Hit) -> tuple[str, int]:
    """Return the path and start of a hit; of passages with the same text, which are one hit, the
    first in the order of the paths: which one is shown depends on the order of indexing."""
    return min((place.path, place.start) for place in (hit, *hit.also_at))


def _hits(
    collection: Collection, queries: Sequence[str], modes: Sequence[str]
) -> dict[str, list[list[Any]]]:
    hits_by_search = {}
    for mode in modes:
        for query in queries:
            hits = collection.search(query, k=EVERYTHING, mode=mode)
            hits_by_search[f"{mode} {query}"] = [
                [*_place(hit), hit.text, hit.score, *map(hit.scores.get, PARTS)] for hit in hits
            ]
    return hits_by_search


def search_around(collection_folder: str, source: str, ready: str, go: str) -> dict[str, Any]:
    """Search, wait until `go` exists (another process changes files meanwhile), search twice."""
    with open_collection(collection_folder) as collection:
        results: list[Any] = [_hits(collection, QUERIES, MODES)]
        Path(ready).touch()
        wait_for(Path(go))
        for _ in range(2):
            try:
                results.append(_hits(collection, QUERIES, MODES))
            except Exception as error:
                results.append(describe(error))
    return {"results": results, "notices": list(notices)}


def follow(collection_folder: str, source: str, signals: str, rounds: int) -> dict[str, Any]:
    """Search once in each round; another process rewrites the collection between the rounds."""
    results, descriptors = [], []
    with open_collection(collection_folder) as collection:
        for number in range(rounds):
            wait_for(Path(signals, f"go-{number}"))
            results.append(_hits(collection, QUERIES[:2], MODES))
            descriptors.append(len(list(Path("/proc/self/fd").iterdir())))
            Path(signals, f"done-{number}").touch()
    return {"results": results, "descriptors": descriptors}


def write_versions(
    collection_folder: str, source: str, stop: str, versions: int, seconds: float
) -> Any:
    """Change every document and index, again and again: `versions` times, and for `seconds`."""
    deadline, version = time.monotonic() + seconds, 1
    while version <= versions or time.monotonic() < deadline:
        version += 1
        for number in range(8):
            write_version(Path(source), number, version)
        index(collection_folder, source)
    Path(stop).touch()
    return {"versions": version}


def read_versions(collection_folder: str, source: str, stop: str) -> dict[str, Any]:
    """Search until `stop` exists. Returns searches, and hits of one document from two versions."""
    searches, mixed, seen = 0, [], set()
    with open_collection(collection_folder) as collection:
        while not Path(stop).exists() or not searches:
            mode = MODES[searches % 3]
            hits = collection.search("river v3 document4", k=EVERYTHING, mode=mode)
            versions: dict[str, set[str]] = {}
            for hit in hits:
                versions.setdefault(hit.path, set()).update(re.findall(r"\bv(\d+)\b", hit.text))
            mixed += [f"{mode} {path} {sorted(several)}" for path, several in versions.items()
                      if len(several) != 1]  # fmt: skip
            seen.update(*versions.values())
            for entry in collection.documents():
                _, text = collection.document(entry.id)
                if len(several := set(re.findall(r"\bv(\d+)\b", text))) != 1:
                    mixed.append(f"text of {entry.path}: {sorted(several)}")
            searches += 1
    return {"searches": searches, "mixed": mixed[:5], "versions": len(seen)}


def fork_while_writing(
    collection_folder: str, source: str, stop: str, ready: str
) -> dict[str, Any]:
    """Fork while the writer lock is held. The fork stays alive until `stop` exists; this process
    waits to be killed."""

    def on_progress(_: Any) -> None:
        if not os.fork():
            while not Path(stop).exists():
                time.sleep(0.01)
            os._exit(0)
        Path(ready).touch()
        time.sleep(3600)

    with open_collection(collection_folder) as collection:
        collection.index(source, on_progress=on_progress)
    return {}


def repair(collection_folder: str, source: str) -> dict[str, Any]:
    """Repair the collection, as `ragkit doctor --repair` does."""
    report = Collection.doctor(collection_folder, repair=True)
    return {"usable": report.usable}


def backup(collection_folder: str, source: str) -> dict[str, Any]:
    """Copy the collection to the folder "backup" beside it."""
    with open_collection(collection_folder) as collection:
        collection.backup(Path(collection_folder).parent / "backup")
    shim.mark("done")
    return {}


def search_and_index(collection_folder: str, source: str) -> dict[str, Any]:
    """Search, which rewrites index files that are missing, then index."""
    result = search(collection_folder, source)
    with open_collection(collection_folder) as collection:
        collection.index(source)
    shim.mark("done")
    return result


def serve(collection_folder: str, source: str, searches: int = 40) -> dict[str, Any]:
    """Serve the collection to itself: an index run and searches at the same time."""
    import asyncio

    from ragkit.serving.app import ServerOptions, create_app
    from ragkit.serving.collections.library import Library

    with open_collection(collection_folder) as collection:
        library = Library({"default": collection})
        application = create_app(library, ServerOptions())

        async def request(method: str, path: str, body: bytes = b"") -> int:
            status = 0

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": body, "more_body": False}

            async def send(message: dict[str, Any]) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]

            headers = [(b"host", b"localhost"), (b"content-type", b"application/json"),
                       (b"content-length", str(len(body)).encode())]  # fmt: skip
            scope = {
                "type": "http", "method": method, "path": path, "raw_path": path.encode(),
                "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
                "server": ("localhost", 80), "client": ("127.0.0.1", 1), "root_path": "",
                "asgi": {"version": "3.0"}, "state": {},
            }  # fmt: skip
            await application(scope, receive, send)
            return status

        async def main() -> list[int]:
            run = asyncio.create_task(asyncio.to_thread(collection.index, source))
            statuses = []
            for number in range(searches):
                body = b'{"query": "river stone market", "mode": "%s"}' % MODES[number % 3].encode()
                statuses.append(await request("POST", "/v1/search", body))
            await run
            return statuses

        statuses = asyncio.run(main())
        library.close()
    shim.mark("done")
    return {"statuses": statuses}


def describe(error: BaseException) -> dict[str, str]:
    """Return an error as JSON; `planned` are those that ragkit raises with a remedy."""
    from ragkit.errors import RagkitError

    kind = "planned" if isinstance(error, RagkitError | MemoryError) else "unexpected"
    return {"error": kind, "type": type(error).__name__, "message": str(error)}


OPERATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    name: globals()[name]
    for name in ("index", "remove", "migrate", "search", "search_around", "backup", "repair",
                 "search_and_index", "serve", "follow", "write_versions", "read_versions",
                 "fork_while_writing")
}  # fmt: skip


def warm_up(folder: Path) -> None:
    """Do every operation once in this process, so that its forks find modules imported, patterns
    compiled and the model of languages loaded: all but a tenth of a child's time otherwise."""
    source, collection_folder = folder / "source", folder / "kit"
    sources.write(source, sources.make(0, 6))
    paths = (str(collection_folder), str(source))
    operations: dict[str, dict[str, Any]] = {
        "index": {}, "search": {}, "backup": {}, "serve": {"searches": 3}, "repair": {},
        "remove": {"paths": ["doc-000.md"]},
    }  # fmt: skip
    for name, arguments in operations.items():
        OPERATIONS[name](*paths, **arguments)
    importlib.import_module("faiss")
    notices.clear()
    gc.collect()
    wait_until_alone()
    gc.freeze()  # a fork that collects garbage would copy every page


def wait_until_alone() -> None:
    """Wait until the threads of tantivy have ended: a lock that one holds stays locked in forks.

    jemalloc, which comes with pyarrow, prepares its own thread for forks.
    """
    while True:
        names = []
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):
                names.append((task / "comm").read_text().strip())
        if len([name for name in names if not name.startswith("jemalloc")]) == 1:
            return
        time.sleep(0.01)


def forget() -> None:
    """Empty the caches, so that this process needs the memory again that a new one needs."""
    gc.unfreeze()
    for thing in gc.get_objects():
        if isinstance(thing, functools._lru_cache_wrapper) and thing.__module__.startswith(
            "ragkit"
        ):
            thing.cache_clear()
    gc.collect()
