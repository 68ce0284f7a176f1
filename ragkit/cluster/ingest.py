"""`ragkit index --on ray`: index folders into a sharded collection on a Ray cluster.

The driver lists the folders once. Writers, one for each shard, compare the lists with what they
have stored; the driver decides about missing files over all shards. Ray Data then spreads reading
and embedding (`tasks`), and the generation is published. A run that lost a writer plans again from
what is stored, as does the next run after one that was killed: what is stored is never done again.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragkit.cluster.replicas import WriterReplica, own_error
from ragkit.cluster.router import RoutedShard, Router
from ragkit.cluster.tasks import (
    FILES_PER_TASK,
    EncoderSource,
    PassageEmbedder,
    make_blocks,
    read_blocks,
)
from ragkit.cluster.writers import ShardState, ShardWriter
from ragkit.errors import CollectionError, UnavailableError, UsageError
from ragkit.ingest import plan as planning
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import FileListing
from ragkit.ingest.writer import Progress
from ragkit.maintenance import sharded_index
from ragkit.maintenance.sharded_index import ShardedIndexOptions
from ragkit.records.reports import IndexReport
from ragkit.settings import Settings
from ragkit.storage.lock import lock_timeout, writer_lock
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import ShardLocation

if TYPE_CHECKING:
    from ragkit.encoders import Encoder
    from ragkit.storage.shards.manifest import Manifest

MAX_PASSES = 5  # after writers that were lost
PUBLISH_SECONDS = 600.0  # between generations while files are read
EMBED_ROWS = 256  # passages in one call of an embedding actor
MAX_RETRIES = 3  # of a task whose worker was killed
# No scheduled CPU may be what a run waits for after a node was lost. Writers and reading tasks take
# none: as many tasks read as there are CPUs, and back-pressure stops them. An embedding actor takes
# half of one, so that those of a lost node find room on the others.
_WRITER_CPUS = 0
_READER_CPUS = 0
_EMBEDDER_CPUS = 0.5
_ANSWER_SECONDS = 600.0  # for statistics of a shard before it is published


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the connected cluster has."""

    cpus: int
    gpus: int

    @classmethod
    def connected(cls) -> Cluster:
        """Return the resources of the cluster that this process is connected to."""
        import ray

        resources = ray.cluster_resources()
        return cls(int(resources.get("CPU", 0)), int(resources.get("GPU", 0)))

    @property
    def embedders(self) -> int:
        """The number of embedding actors at the start: one for each GPU, else one for each CPU."""
        return self.gpus or max(1, self.cpus)

    def embedder_options(self) -> dict[str, Any]:
        """Return the resources of an embedding actor, as Ray takes them."""
        return {"num_gpus": 1} if self.gpus else {"num_cpus": _EMBEDDER_CPUS}


class ClusterIndex:
    """One run on the connected Ray. Use `index`."""

    def __init__(
        self,
        address: str | Path,
        options: ShardedIndexOptions,
        settings: Settings,
        encoder: Encoder | None,
        notify: Callable[[str], None],
        on_progress: Callable[[Progress], None],
    ) -> None:
        self._location, self._options, self._settings = ShardLocation(address), options, settings
        self._timeout = lock_timeout(options.wait)
        self._encoder, self._notify, self._on_progress = encoder, notify, on_progress
        self._manifest: Manifest | None = None
        self._writers: list[Any] = []
        self._source: EncoderSource | None = None
        self._started = time.monotonic()
        self._published_at = time.monotonic()

    def run(self) -> IndexReport:
        """See `index`."""
        location = self._location
        self._manifest = cache.read_manifest(location)
        count = sharded_index.check_collection(location, self._manifest, self._options.shards)
        work = sharded_index.work_folder(location)
        sharded_index.make_folder(location, work)
        with contextlib.ExitStack() as stack:
            purpose = "ragkit index --on ray"
            stack.enter_context(writer_lock(work, purpose, self._timeout))
            self._manifest = cache.read_manifest(location)  # another process may have published
            count = sharded_index.check_collection(location, self._manifest, self._options.shards)
            self._start_writers(count)
            stack.callback(self._end_writers)
            reports: list[IndexReport] = []
            for attempt in range(MAX_PASSES):
                reports.append(self._pass(is_first=attempt == 0))
                if self._all("has_plan") == [True] * count:
                    break
                self._notify("a writer was lost; the run continues with what is stored")
            else:
                raise UnavailableError(
                    f"writers of shards were lost in each of {MAX_PASSES} passes; what was read is "
                    "kept. Look at the nodes of the cluster, then run the same command again"
                )
            self._publish()
            sharded_index.delete_given_up(location, count)
            return _sum_passes(reports, time.monotonic() - self._started)

    def _start_writers(self, count: int) -> None:
        import ray

        actor = ray.remote(ShardWriter)
        options = {
            "num_cpus": _WRITER_CPUS, "max_restarts": -1, "max_task_retries": -1,
            "scheduling_strategy": "SPREAD",
        }  # fmt: skip
        address = self._location.address
        self._writers = [
            actor.options(**options).remote(address, number, self._settings, self._encoder)
            for number in range(count)
        ]

    def _end_writers(self) -> None:
        import ray

        with contextlib.suppress(Exception):  # a lost one has released its lock
            ray.get([writer.close.remote() for writer in self._writers], timeout=60)
        for writer in self._writers:
            with contextlib.suppress(Exception):
                ray.kill(writer)

    def _all(self, method: str, *arguments: Any) -> list[Any]:  # noqa: ANN401
        """Call a method of all writers; return the results in the order of the shards."""
        return self._each(method, [arguments] * len(self._writers))

    def _each(self, method: str, arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        import ray

        calls = [
            getattr(writer, method).remote(*own)
            for writer, own in zip(self._writers, arguments, strict=True)
        ]
        try:
            return list(ray.get(calls))
        except Exception as error:
            raise own_error(error) from None

    def _pass(self, *, is_first: bool) -> IndexReport:
        """Plan, read, embed and write once."""
        options = self._options
        states: list[ShardState] = self._all("open", self._manifest, self._timeout)
        index_options = self._index_options(states[0], rebuild=options.rebuild and is_first)
        prepared = self._plan(states, index_options)
        model = options.model
        begun = self._each("begin", [(each, index_options, model) for each in prepared])
        self._source = EncoderSource(begun[0][0], self._settings, self._encoder)
        tasks = [pairs for _, pairs in begun]
        self._read_and_embed(tasks, index_options, prepared[0].read_settings)
        if not all(self._all("has_plan")):
            return sharded_index.merge_reports([], prepared)
        reports: list[IndexReport] = self._all("complete")
        return sharded_index.merge_reports(reports, prepared)

    def _index_options(self, state: ShardState, *, rebuild: bool) -> IndexOptions:
        options, settings = self._options, self._settings
        made = IndexOptions.from_settings(
            settings, list(options.paths), include=options.include, exclude=options.exclude,
            prune=options.prune, rebuild=rebuild,
            records=state.records if settings.records is None else settings.records,
            secrets=state.secrets if settings.secrets is None else settings.secrets,
            password_file=options.password_file,
        )  # fmt: skip
        own = self._location.folder or sharded_index.work_folder(self._location)
        return replace(made, skip_folder=own.resolve())

    def _plan(self, states: Sequence[ShardState], options: IndexOptions) -> list[Any]:
        """Return the finished plans of all shards. The folders are listed here, once."""
        import ray

        by_path = {root.path: root for state in states for root in state.roots}
        roots = [by_path[path] for path in sorted(by_path)]
        listing = FileListing()
        targets = planning.find_targets(roots, options.paths, options.include, options.exclude)
        for target in targets:
            try:
                listing.entries(target, options.max_file_bytes)
            except UsageError:
                if options.paths or not planning.is_missing(target.path):
                    raise
        count = len(self._writers)
        stored = ray.put(listing)
        prepared = self._each(
            "prepare_part",
            [
                (options, number, count, stored, roots, self._options.model)
                for number in range(count)
            ],
        )
        sharded_index.finish_plans(prepared, prune=options.prune)
        return prepared

    def _read_and_embed(
        self,
        tasks: Sequence[Sequence[tuple[str, Any]]],
        options: IndexOptions,
        read_settings: ReadSettings,
    ) -> None:
        import ray
        from ray.data import DataContext
        from ray.util.annotations import RayDeprecationWarning

        blocks = make_blocks(tasks, FILES_PER_TASK)
        total = sum(map(len, tasks))
        if not total:  # an update without changes starts no reader and loads no model
            with contextlib.suppress(CollectionError):  # a writer was lost: the next pass
                if not any(self._all("pending_after", (0, 0), 1)):
                    return
        # A block that always ends its worker must not end the run: `complete` reads its files.
        DataContext.get_current().max_errored_blocks = -1
        cluster = Cluster.connected()
        stored = [ray.put(block) for block in blocks]
        with warnings.catch_warnings():  # Ray 2.60 has no other way to limit retries
            warnings.simplefilter("ignore", RayDeprecationWarning)
            dataset = self._dataset(stored, options, read_settings, cluster)
        embedded = 0
        for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
            embedded += sum(batch["passages"].to_pylist())
            seconds = time.monotonic() - self._started
            self._on_progress(Progress(0, total, embedded, 0, seconds))
            if time.monotonic() - self._published_at > PUBLISH_SECONDS:
                with contextlib.suppress(CollectionError):  # the end of the run says why
                    self._publish()

    def _dataset(
        self,
        blocks: Sequence[Any],
        options: IndexOptions,
        read_settings: ReadSettings,
        cluster: Cluster,
    ) -> Any:  # noqa: ANN401 - Ray's own type
        """Return the plan of Ray Data: a row for each call of an embedding actor."""
        import pyarrow
        import ray
        from ray.data import ActorPoolStrategy, TaskPoolStrategy

        # Not `range`: its own tasks need a whole CPU each.
        numbers = [pyarrow.table({"id": [number]}) for number in range(len(blocks))]
        count = cluster.embedders
        return (
            ray.data.from_blocks(numbers)
            .map_batches(
                read_blocks,
                batch_format="pyarrow",
                batch_size=None,
                fn_kwargs={
                    "blocks": blocks, "writers": self._writers, "options": options,
                    "read_settings": read_settings, "source": self._source,
                },
                compute=TaskPoolStrategy(size=max(1, cluster.cpus)),
                num_cpus=_READER_CPUS,
                max_retries=MAX_RETRIES,
            )
            .map_batches(
                PassageEmbedder,
                batch_format="pyarrow",
                batch_size=EMBED_ROWS,
                # It may shrink: of a pool of fixed size, an actor whose GPU was lost with its
                # node would wait for another one for ever.
                compute=ActorPoolStrategy(min_size=1, max_size=count, initial_size=count),
                fn_constructor_kwargs={
                    "source": self._source, "writers": self._writers, "cpus": 1,
                },
                max_task_retries=MAX_RETRIES,
                **cluster.embedder_options(),
            )
        )  # fmt: skip

    def _publish(self) -> None:
        """Publish what is stored as the next generation, if it has changed."""
        before = self._manifest
        generation = 1 if before is None else before.generation + 1
        entries = self._all("publish", generation)
        self._published_at = time.monotonic()
        assert self._source is not None  # noqa: S101 - a pass sets it
        encoder = self._source.entry
        if before is not None and sharded_index.is_published(
            self._location, before, entries, encoder
        ):
            return
        router = Router(len(entries))
        opened = [
            RoutedShard(number, [WriterReplica(writer, entries)], _ANSWER_SECONDS)
            for number, writer in enumerate(self._writers)
        ]
        try:
            self._manifest = sharded_index.publish_entries(
                self._location, before, entries, encoder, opened, self._source.load, self._notify
            )
        finally:
            router.close()


def index(
    address: str | Path,
    options: ShardedIndexOptions,
    settings: Settings,
    encoder: Encoder | None = None,
    notify: Callable[[str], None] = lambda line: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> IndexReport:
    """Update a sharded collection on the connected Ray, and publish it; return what changed.

    Call it within `session.connected`. Arguments and errors are those of `sharded_index.index`;
    UsageError for a dry run, which needs no cluster.
    """
    if options.dry_run:
        raise UsageError("--dry-run needs no cluster; run it without --on ray")
    return ClusterIndex(address, options, settings, encoder, notify, on_progress).run()


def _sum_passes(reports: Sequence[IndexReport], seconds: float) -> IndexReport:
    """Return the report of a run of several passes: a pass that lost a writer has counted nothing,
    so that its files are unchanged ones of the next."""
    return replace(reports[-1], seconds=seconds)
