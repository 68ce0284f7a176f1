"""The work that Ray Data spreads over a cluster: reading files and embedding their passages.

Files are read and split in tasks, each with a sandbox of its own, and their text goes to the writer
of their shard. What has no vector yet flows on, as rows of an Arrow table, to the embedding actors,
whose vectors go to the same writer. Nothing else passes through Ray's object store, so that memory
stays bounded; every step can be repeated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ragkit.encoders import Encoder, encode_with_headers
from ragkit.encoders import spec as specs
from ragkit.encoders.engines import cpu_threads
from ragkit.models import selection

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

    from ragkit.ingest.options import IndexOptions, ReadSettings
    from ragkit.ingest.plan import FileTask
    from ragkit.settings import Settings
    from ragkit.storage.shards.manifest import EncoderEntry
    from ragkit.storage.sqlite.passages import Pending

FILES_PER_TASK = 16
FILES_PER_COMMIT = 8
PASSAGES_PER_PAGE = 512  # of those that an earlier run left


@dataclass(frozen=True)
class EncoderSource:
    """How each process gets the encoder of the collection: an object of the caller, or its entry in
    the manifest."""

    entry: EncoderEntry
    settings: Settings
    own: Encoder | None = None

    def load(self) -> Encoder:
        """Return the encoder. Raises ModelError."""
        return self.own if self.own is not None else _load(self.entry, self.settings)


@lru_cache(maxsize=1)  # a process of a cluster reads many blocks of files
def _load(entry: EncoderEntry, settings: Settings) -> Encoder:
    spec = specs.parse_spec(entry.name, entry.options)
    return selection.build(selection.resolve_spec(settings, spec))


@dataclass(frozen=True)
class FileBlock:
    """The work of one reading task: files of one root and one shard; without files, the passages
    of the shard that an earlier run left without a vector."""

    shard: int
    root: str = ""
    files: tuple[FileTask, ...] = ()


def make_blocks(
    tasks: Sequence[Sequence[tuple[str, FileTask]]], size: int = FILES_PER_TASK
) -> list[FileBlock]:
    """Return the blocks of a run, the shards in turn. `tasks`: of each shard, root and file."""
    by_shard: list[list[FileBlock]] = []
    for shard, pairs in enumerate(tasks):
        by_root: dict[str, list[FileTask]] = {}
        for root, task in pairs:
            by_root.setdefault(root, []).append(task)
        by_shard.append([FileBlock(shard)] + [
            FileBlock(shard, root, tuple(files[start : start + size]))
            for root, files in by_root.items()
            for start in range(0, len(files), size)
        ])  # fmt: skip
    longest = max(map(len, by_shard), default=0)
    return [blocks[row] for row in range(longest) for blocks in by_shard if row < len(blocks)]


def read_blocks(
    table: pyarrow.Table,
    blocks: Sequence[Any],
    writers: Sequence[Any],
    options: IndexOptions,
    read_settings: ReadSettings,
    source: EncoderSource,
) -> Iterator[pyarrow.Table]:
    """Yield the passages that have no vector, of the blocks whose numbers are in column `id`.

    `blocks`: promises of `FileBlock`s; `writers`: the actors, by shard.
    """
    import ray

    for number in table["id"].to_pylist():
        block: FileBlock = ray.get(blocks[number])
        writer = writers[block.shard]
        if block.files:
            yield from _read_files(block, writer, options, read_settings, source)
            continue
        position = (0, 0)
        while page := ray.get(writer.pending_after.remote(position, PASSAGES_PER_PAGE)):
            position = page[-1].position
            yield to_table(block.shard, page, is_new=False)


def _read_files(
    block: FileBlock,
    writer: Any,  # noqa: ANN401 - Ray's actor handle
    options: IndexOptions,
    read_settings: ReadSettings,
    source: EncoderSource,
) -> Iterator[pyarrow.Table]:
    import ray

    from ragkit.documents.sandbox import ocr_engines
    from ragkit.documents.sandbox.sandbox import Sandbox
    from ragkit.ingest.reading import ReadContext, ReadResult, read_results

    context = ReadContext(options, read_settings, source.load)
    engine = ocr_engines.create_engine(options.ocr)
    sandbox = Sandbox(options.limits, engine, options.ocr.limits, options.passwords)

    def save(results: list[ReadResult]) -> pyarrow.Table:
        return to_table(
            block.shard, ray.get(writer.save_results.remote(block.root, results)), is_new=True
        )

    with contextlib.closing(sandbox):
        results: list[ReadResult] = []
        for task in block.files:
            for result in read_results(task, context, sandbox):
                results.append(result)
                if len(results) >= FILES_PER_COMMIT:
                    yield save(results)
                    results = []
        if results:
            yield save(results)


def to_table(shard: int, pending: Sequence[Pending], *, is_new: bool) -> pyarrow.Table:
    """Return passages without a vector as a table, a row each."""
    import pyarrow

    columns: dict[str, tuple[list[Any], Any]] = {
        "shard": ([shard] * len(pending), pyarrow.int32()),
        "hash": ([text.hash for text in pending], pyarrow.binary()),
        "text": ([text.text for text in pending], pyarrow.string()),
        "start": ([text.start for text in pending], pyarrow.int32()),
        "tokens": ([text.tokens for text in pending], pyarrow.int32()),
        "is_new": ([is_new] * len(pending), pyarrow.bool_()),
    }
    return pyarrow.table(
        {name: pyarrow.array(values, kind) for name, (values, kind) in columns.items()}
    )


class PassageEmbedder:
    """Embeds tables of passages and sends their vectors to the writers: an actor of Ray Data."""

    def __init__(self, source: EncoderSource, writers: Sequence[Any], cpus: int) -> None:
        """`cpus`: that Ray has assigned; each library would take all of the node otherwise."""
        cpu_threads.limit_cores(cpus)
        self._encoder, self._writers = source.load(), writers

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        """Return a table with one row: the number of passages, column `passages`."""
        import pyarrow
        import ray

        rows = table.to_pylist()
        texts = {row["hash"]: row for row in rows}
        unique = list(texts.values())
        saving = []
        if unique:
            vectors: NDArray[np.float32] = encode_with_headers(
                self._encoder, [row["text"] for row in unique], [row["start"] for row in unique]
            )
            places = {row["hash"]: place for place, row in enumerate(unique)}
            for key in sorted({(row["shard"], row["is_new"]) for row in rows}):
                own = {row["hash"]: row for row in rows if (row["shard"], row["is_new"]) == key}
                saving.append(
                    self._writers[key[0]].save_vectors.remote(
                        list(own), vectors[[places[digest] for digest in own]],
                        [row["tokens"] for row in own.values()], self._encoder.window, key[1],
                    )
                )  # fmt: skip
        ray.get(saving)
        return pyarrow.table({"passages": [len(rows)]})
