"""The writer of one shard on a Ray cluster: an actor with the writer lock of its working copy.

The order of writing is that of one machine: what needs no reading, then text, then vectors, then
the index files. A writer that is lost is started again by Ray and has forgotten its plan; the run
notices that (`has_plan`) and plans again from what is stored.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragkit.cluster.results import ResultWriter
from ragkit.errors import CollectionError
from ragkit.ingest import run
from ragkit.ingest.plan import FileListing, FilePart
from ragkit.ingest.writer import CollectionWriter
from ragkit.maintenance.sharded_index import WorkingShard, prepare_folder, store_modes
from ragkit.storage.lock import writer_lock
from ragkit.storage.shards import publish
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.shard import plain
from ragkit.storage.sqlite import files as file_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.encoders import Encoder
    from ragkit.ingest.options import IndexOptions
    from ragkit.ingest.plan import FileTask
    from ragkit.ingest.reading import ReadResult
    from ragkit.records.reports import IndexReport
    from ragkit.settings import Settings
    from ragkit.storage.shards.manifest import EncoderEntry, Manifest, ShardEntry
    from ragkit.storage.shards.shard import LocalShard
    from ragkit.storage.sqlite.files import Root
    from ragkit.storage.sqlite.passages import Pending


@dataclass(frozen=True, slots=True)
class ShardState:
    """What a run has to know of a working copy before it plans."""

    roots: tuple[Root, ...]
    records: bool  # each row of a table is a document
    secrets: str  # what happens to documents with secrets


class ShardWriter:
    """Writes the working copy of one shard. One call at a time."""

    def __init__(
        self, address: str, number: int, settings: Settings, encoder: Encoder | None = None
    ) -> None:
        self._location, self._number = ShardLocation(address), number
        self._settings, self._encoder = settings, encoder
        self._open = contextlib.ExitStack()
        self._shard: WorkingShard | None = None
        self._plans: run.PreparedRun | None = None
        self._options: IndexOptions | None = None
        self._results: ResultWriter | None = None
        self._writer: CollectionWriter | None = None
        self._saved: set[tuple[str, str]] = set()  # root and path of the files of the plan
        self._as_shard: tuple[ShardEntry, LocalShard] | None = None

    def open(self, manifest: Manifest | None, wait: float) -> ShardState:
        """Open the working copy, made from the published shard if there is none, and lock it.

        Raises CollectionError; BusyError if another process writes to it.
        """
        if self._shard is None:
            folder = prepare_folder(self._location, manifest, self._number)
            shard = WorkingShard(folder, self._number, self._settings, self._encoder)
            with contextlib.ExitStack() as opening:
                opening.callback(shard.close)
                opening.enter_context(writer_lock(folder, "ragkit index --on ray", wait))
                self._open = opening.pop_all()
            self._shard = shard
        with self._shard.store.reading() as connection:
            return ShardState(
                tuple(file_rows.roots(connection)),
                file_rows.has_table_records(connection),
                file_rows.secrets_mode(connection),
            )

    def prepare_part(
        self,
        options: IndexOptions,
        number: int,
        shards: int,
        listing: FileListing,
        roots: Sequence[Root],
        model: str | None,
    ) -> run.PreparedRun:
        """Compare the listed files of this shard with the stored ones; change nothing. Raises
        ModelError."""
        shard = self._opened()
        fingerprint = shard.encoders.fingerprint_for_indexing(model, options.rebuild)
        part = FilePart(number, shards, listing)
        return run.prepare_run(shard.store, options, fingerprint, part, roots)

    def begin(
        self, prepared: run.PreparedRun, options: IndexOptions, model: str | None
    ) -> tuple[EncoderEntry, list[tuple[str, FileTask]]]:
        """Carry out what needs no file to be read; return the encoder, and the files to read with
        their root. Raises ModelError."""
        shard = self._opened()
        decides = shard.encoders.decides_precision(model, options.rebuild)
        model_id, _ = shard.current_model(options.rebuild) or shard.encoders.set_collection_model(
            model, options.rebuild, "fp32" if decides else None
        )
        store_modes(shard, options)
        self._writer = CollectionWriter(
            shard.store, shard.indexes.index_writer, model_id, lambda done: None, time.monotonic()
        )
        self._writer.apply_without_reading(prepared.plans)
        self._results = ResultWriter(self._writer, prepared.read_settings)
        self._plans, self._options, self._saved = prepared, options, set()
        entry = shard.encoder_entry()
        if entry is None:
            raise CollectionError(f"{shard.folder}: no encoder is stored")
        return entry, [(plan.target.path, task) for plan in prepared.plans for task in plan.to_read]

    def has_plan(self) -> bool:
        """Whether `begin` was called in this process; False after a restart."""
        return self._plans is not None

    def save_results(self, root: str, results: Sequence[ReadResult]) -> list[Pending]:
        """See `ResultWriter.save_results`."""
        pending = self._planned().save_results(root, results)
        self._saved |= {
            (root, result.task.file.path) for result in results if not result.is_partial
        }
        return pending

    def pending_after(self, position: tuple[int, int], limit: int) -> list[Pending]:
        """See `ResultWriter.pending_after`."""
        return self._planned().pending_after(position, limit)

    def save_vectors(
        self,
        hashes: Sequence[bytes],
        vectors: NDArray[np.float32],
        tokens: Sequence[int],
        window: int,
        is_new: bool,
    ) -> int:
        """See `ResultWriter.save_vectors`."""
        return self._planned().save_vectors(hashes, vectors, tokens, window=window, is_new=is_new)

    def unsaved(self) -> int:
        """Return the number of files of the plan that have not been saved."""
        plans = self._plans.plans if self._plans is not None else []
        return sum(len(plan.to_read) for plan in plans) - len(self._saved)

    def complete(self) -> IndexReport:
        """Read and embed what other processes have left, write the index files, and return the
        report of the shard's run. Raises as `run.index`."""
        shard, results = self._opened(), self._planned()
        assert self._plans is not None  # noqa: S101 - `_planned` raises else
        assert self._options is not None and self._writer is not None  # noqa: S101
        for plan in self._plans.plans:
            plan.to_read = [
                task
                for task in plan.to_read
                if (plan.target.path, task.file.path) not in self._saved
            ]
            plan.moved, plan.removed, plan.skipped, plan.moved_with_root = [], [], [], []
            plan.moved_with_root_count = plan.unchanged_count = 0
            plan.change_times = []
            plan.target = replace(plan.target, absorbed_roots=(), moved_roots=())
        report = run.index(
            shard.store, shard.indexes.index_writer, self._options, self._writer.model_id,
            "", shard.encoders.load_encoder, lambda done: None, None, self._plans,
        )  # fmt: skip
        counts = self._writer.counts
        names = ("added", "updated", "unchanged", "moved")
        read = sum(counts[name] for name in names)
        coverage = report.coverage
        if coverage is not None:
            coverage = replace(coverage, files=coverage.files + read, read=coverage.read + read)
        return replace(
            report,
            **{name: getattr(report, name) + counts[name] for name in (*names, "removed")},
            embedded=report.embedded + results.embedded,
            reused=report.reused
            + counts["read_passages"] - results.embedded_new - results.unreadable_new,
            tokens=report.tokens + results.tokens,
            truncated_tokens=report.truncated_tokens + results.truncated_tokens,
            coverage=coverage,
        )  # fmt: skip

    def publish(self, generation: int) -> ShardEntry:
        """Publish what is stored; see `publish.publish_shard`. Raises CollectionError."""
        shard = self._opened()
        index_writer = shard.indexes.index_writer
        index_writer.update_lexical()
        index_writer.update_vectors()
        return publish.publish_shard(shard.store, self._number, self._location, generation)

    def encoder_entry(self) -> EncoderEntry | None:
        """Return the encoder of the stored vectors."""
        return self._opened().encoder_entry()

    def call(
        self,
        entries: Sequence[ShardEntry],
        kind: str,
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any],
    ) -> Any:  # noqa: ANN401
        """Answer for the shard before it is published: what a method of `LocalShard` returns.
        `entries`: of all shards."""
        entry = entries[self._number]
        if self._as_shard is None or self._as_shard[0] != entry:
            self._as_shard = entry, self._opened().as_shard(entry, entries)
        return plain(getattr(self._as_shard[1], kind)(*arguments, **keywords))

    def close(self) -> None:
        """Close the working copy and release its lock."""
        if self._as_shard is not None:
            self._as_shard[1].close()
        self._as_shard = self._shard = self._plans = None
        self._open.close()

    def _opened(self) -> WorkingShard:
        if self._shard is None:
            raise CollectionError(f"the writer of shard {self._number} was started again")
        return self._shard

    def _planned(self) -> ResultWriter:
        if self._results is None:
            raise CollectionError(f"the writer of shard {self._number} was started again")
        return self._results
