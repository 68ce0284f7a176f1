"""Embed pending passages on background threads, about a second of work at a time.

Pending texts are read from the database in groups and embedded longest first, so that batches of
equal length waste no work on padding. Does not know files.
"""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from ragkit.encoders import Encoder, encode_with_headers
from ragkit.encoders.tokenization.tokenizer import token_batches
from ragkit.errors import ModelError, UnavailableError
from ragkit.ingest.threads import start_thread
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.passages import Pending

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragkit.storage.sqlite.vector_cache import VectorCache

MAX_PENDING_ROWS = 1024  # sorted by length together
# Size of a job: what the encoder does in a second, measured on the job before, within these bounds.
# A laptop gets the minimum; a GPU, which would idle between small jobs, up to a full group.
MIN_JOB_TOKENS, MAX_JOB_TOKENS = 8_192, 262_144
WORKERS = 2  # parallel jobs, so that no core waits for the last batch of a job
_NS_PER_DAY = 86_400 * 10**9
MAX_RUNNING_JOBS = WORKERS + 1  # one job waits, so that the encoder never waits for the database


class Rank(NamedTuple):
    """The rank of a document in the order of embedding, the lowest first: documents that are most
    likely wanted. Times within one day say little: a copied folder has those of the copy."""

    days: int  # since the last change of its file, or any other number that is lower for newer ones
    folders: int  # in its path
    length: int  # of its path, in characters

    @classmethod
    def of_file(cls, path: str, mtime_ns: int) -> Rank:
        """Return the rank of the documents of a file: newest first, then those with the shortest
        path."""
        return cls(-(mtime_ns // _NS_PER_DAY), path.count("/"), len(path))


class EmbeddingJob(NamedTuple):
    """Texts that the encoder gets in one call."""

    texts: list[Pending]
    is_new: bool  # they belong to a document read in this run


class EmbeddingResult(NamedTuple):
    """The vectors of a job, or the error of the encoder."""

    job: EmbeddingJob
    vectors: NDArray[np.float32] | None  # (n, d) float32, unit rows; zeros: it cannot read the text
    window: int  # of the encoder, in tokens
    seconds: float  # the encoder's wall time
    failure: BaseException | None
    known: frozenset[bytes] = frozenset()  # hashes of the texts whose vector was in the cache


class Embedder:
    """Embeds pending texts on background threads and stores their vectors.

    Use it from one thread; call `stop` at the end. Documents passed to `add` come first, by `Rank`
    among those that are there: reading is faster than embedding. Other pending texts come at the
    end, on request: until then a file may be read again and its passages replaced. The encoder is
    loaded for the first text. If it fails, `failure` is the error and nothing more is embedded;
    text can still be stored and found by lexical search. Texts whose vector is in `cache` are not
    encoded; those that are encoded are put there.
    """

    def __init__(
        self,
        store: Database,
        load: Callable[[], Encoder],
        model_id: int,
        cache: VectorCache | None = None,
    ) -> None:
        self.tokens = 0
        self.truncated_tokens = 0
        self.embedded = 0
        self.embedded_new = 0  # of those, of documents read in this run
        self.unreadable = 0  # texts that the encoder cannot read
        self.unreadable_new = 0
        self.failure: BaseException | None = None
        self._store, self._load, self._model_id = store, load, model_id
        self._cache = cache
        self._documents: list[tuple[Rank, int]] = []  # a heap
        self._waiting: deque[EmbeddingJob] = deque()
        self._running: list[EmbeddingJob] = []  # given to the threads
        self._job_tokens = MIN_JOB_TOKENS
        self._position = (0, 0)
        # SimpleQueue: Ctrl-C while another kind of queue holds its lock would leave it locked.
        self._jobs: SimpleQueue[EmbeddingJob | None] = SimpleQueue()
        self._results: SimpleQueue[EmbeddingResult] = SimpleQueue()
        self._stopped = False
        self._threads = [start_thread("ragkit-embedder-0", self._run)]
        with contextlib.suppress(UnavailableError):  # then one thread does all jobs
            for number in range(1, WORKERS):
                self._threads.append(start_thread(f"ragkit-embedder-{number}", self._run))

    @property
    def is_busy(self) -> bool:
        """Whether jobs are running or waiting."""
        return self.failure is None and bool(self._running or self._waiting or self._documents)

    def add(self, documents: Iterable[tuple[Rank, int]]) -> None:
        """Queue the pending passages of these documents: (rank, id)."""
        for document in documents:
            heapq.heappush(self._documents, document)

    def feed(self, *, everything: bool = False) -> None:
        """Give jobs to the threads that are free. Jobs come from the documents passed to `add`;
        with `everything`, then from all other pending texts in the database."""
        if self.failure is not None:
            return
        if not self._waiting and len(self._running) < MAX_RUNNING_JOBS:
            self._queue_jobs(everything)
        while self._waiting and len(self._running) < MAX_RUNNING_JOBS:
            job = self._waiting.popleft()
            self._running.append(job)
            self._jobs.put(job)

    def embed_all(self, report: Callable[[int], None]) -> None:
        """Embed every pending text in the database and stop the threads; call `report` with the
        number of texts that are left. Raises what the encoder raised."""
        with self._store.reading() as connection:
            total = passages.count_pending(connection, self._model_id)
        try:
            self.feed(everything=True)
            while self.is_busy:
                self.collect(0.2)
                self.feed(everything=True)
                report(max(0, total - self.embedded - self.unreadable))
        finally:
            self.stop()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            try:
                known: dict[bytes, NDArray[np.float32]] = {}
                if self._cache is not None:
                    known = self._cache.get([text.hash for text in job.texts])
                texts = [text for text in job.texts if text.hash not in known]
                window, seconds, hashes = 0, 0.0, [text.hash for text in texts]
                if texts:
                    encoder = self._load()
                    started = time.perf_counter()
                    vectors = encode_with_headers(
                        encoder, [text.text for text in texts], [text.start for text in texts]
                    )
                    seconds, window = time.perf_counter() - started, encoder.window
                    rows = dict(zip(hashes, vectors, strict=True)) | known
                else:
                    rows = known
                stacked = _stack([rows[text.hash] for text in job.texts])
                result = EmbeddingResult(job, stacked, window, seconds, None, frozenset(known))
                self._results.put(result)
                if texts and self._cache is not None:
                    rows_read = [row for row, vector in enumerate(vectors) if vector.any()]
                    self._cache.put([hashes[row] for row in rows_read], vectors[rows_read])
            except BaseException as error:  # raised again on the caller's thread
                self._results.put(EmbeddingResult(job, None, 0, 0, error))
                return

    def _queue_jobs(self, everything: bool) -> None:
        rows: list[Pending] = []
        with self._store.reading() as connection:
            while self._documents and len(rows) < MAX_PENDING_ROWS:
                _, document = heapq.heappop(self._documents)
                rows += passages.pending_in_document(connection, self._model_id, document)
            is_new = bool(rows)
            if everything and not is_new:
                rows = passages.pending_after(
                    connection, self._model_id, self._position, MAX_PENDING_ROWS
                )
                self._position = rows[-1].position if rows else self._position
        running_hashes = {text.hash for job in self._running for text in job.texts}
        texts = {row.hash: row for row in rows if row.hash not in running_hashes}
        pending = list(texts.values())
        for batch in token_batches([row.tokens for row in pending], self._job_tokens, padded=False):
            self._waiting.append(EmbeddingJob([pending[index] for index in batch], is_new))

    def collect(self, seconds: float) -> int:
        """Store the finished vectors; wait up to `seconds` for the first. Returns their number."""
        stored = 0
        with contextlib.suppress(Empty):
            while self._running and self.failure is None:
                stored += self._save(self._results.get(timeout=0 if stored else seconds))
        return stored

    def _save(self, outcome: EmbeddingResult) -> int:
        job, vectors = outcome.job, outcome.vectors
        self._running.remove(job)
        self.failure = self.failure or outcome.failure
        if vectors is None:
            return 0
        is_read: list[bool] = [bool(vector.any()) for vector in vectors]
        hashes = [text.hash for text, read in zip(job.texts, is_read, strict=True) if read]
        unreadable = [text.hash for text, read in zip(job.texts, is_read, strict=True) if not read]
        if unreadable:
            vectors = vectors[is_read]
        try:
            with self._store.changing() as (connection, generation):
                passages.save_vectors(connection, self._model_id, generation, hashes, vectors)
                passages.save_unreadable(connection, self._model_id, unreadable)
        except ModelError as error:
            self.failure = self.failure or error
            return 0
        computed = [text for text in job.texts if text.hash not in outcome.known]
        embedded = len(hashes) - len(outcome.known)
        self.embedded += embedded
        self.embedded_new += embedded * job.is_new
        self.unreadable += len(unreadable)
        self.unreadable_new += len(unreadable) * job.is_new
        tokens = sum(text.tokens for text in computed)
        self.tokens += tokens
        self.truncated_tokens += sum(max(0, text.tokens - outcome.window) for text in computed)
        if not computed:
            return len(job.texts)
        tokens_per_second = int(tokens / max(outcome.seconds, 1e-3))
        self._job_tokens = min(max(MIN_JOB_TOKENS, tokens_per_second), MAX_JOB_TOKENS)
        return len(job.texts)

    def stop(self) -> None:
        """Wait for the running jobs, store their vectors, and drop the waiting jobs."""
        self._stopped = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self.collect(0)


def _stack(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    import numpy as np

    return np.stack(rows)
