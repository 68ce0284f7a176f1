"""Pending passages to vectors, on threads of their own, a few seconds' work at a time.

What is pending is asked of the database in windows and embedded longest first: batches of like
length waste no work on padding. Knows nothing of files.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

from ragkit.encoders import Encoder
from ragkit.encoders.engines.batching import token_batches
from ragkit.errors import ModelError
from ragkit.storage.sqlite import embeddings
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.embeddings import Pending

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = 1024  # pending passages looked at together
# Given to the encoder at once: what it does in a second by the job before, within these bounds. A
# laptop gets the least; a GPU, which would idle between such jobs, as much as a window holds.
LEAST_TOKENS, MOST_TOKENS = 8_192, 262_144
WORKERS = 2  # jobs at work at once, so that no core waits for the last batch of one
IN_FLIGHT = WORKERS + 1  # one more waits, so that the encoder never waits for the database


class EmbeddingJob(NamedTuple):
    """Texts that are given to the encoder together."""

    texts: list[Pending]
    fresh: bool  # of a document read in this run


class EmbeddingResult(NamedTuple):
    """What became of a job."""

    job: EmbeddingJob
    vectors: NDArray[np.float32] | None  # (n, d)
    window: int  # of the encoder, in tokens
    seconds: float  # that the encoder took
    failure: BaseException | None


class Embedder:
    """Feeds the encoder and collects its vectors. Use from one thread; call `stop` at the end.

    First come the documents named to `add`; what else is pending comes when asked for, at the end:
    until then a file may still be read again and its passages replaced. The encoder is loaded when
    the first text is given to it. Where it fails, `failure` says how and nothing more is embedded:
    the text can still be stored, and is found by its words.
    """

    def __init__(self, store: Database, load: Callable[[], Encoder], model_id: int) -> None:
        self.tokens = 0
        self.truncated_tokens = 0
        self.embedded = 0
        self.fresh = 0  # of those, of documents read in this run
        self.failure: BaseException | None = None
        self._store, self._load, self._model_id = store, load, model_id
        self._documents: deque[int] = deque()
        self._waiting: deque[EmbeddingJob] = deque()
        self._running: list[EmbeddingJob] = []  # given to the threads
        self._job_tokens = LEAST_TOKENS
        self._after = (0, 0)
        # Simple ones: Ctrl-C while other queues hold their lock would leave it locked for ever.
        self._jobs: SimpleQueue[EmbeddingJob | None] = SimpleQueue()
        self._results: SimpleQueue[EmbeddingResult] = SimpleQueue()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._run, name=f"ragkit-embedder-{number}", daemon=True)
            for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> bool:
        """Whether anything is at work or waits for it."""
        return self.failure is None and bool(self._running or self._waiting or self._documents)

    def add(self, document_ids: Iterable[int]) -> None:
        """Embed the pending passages of these documents."""
        self._documents.extend(document_ids)

    def feed(self, *, everything: bool = False) -> None:
        """Keep the encoder supplied; with `everything` from all that is pending in the database."""
        if self.failure is not None:
            return
        if not self._waiting and len(self._running) < IN_FLIGHT:
            self._look_for_more(everything)
        while self._waiting and len(self._running) < IN_FLIGHT:
            job = self._waiting.popleft()
            self._running.append(job)
            self._jobs.put(job)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped:
            try:
                encoder = self._load()
                started = time.perf_counter()
                vectors = encoder.encode_passages([each.text for each in job.texts])
                seconds = time.perf_counter() - started
                self._results.put(EmbeddingResult(job, vectors, encoder.window, seconds, None))
            except BaseException as error:  # raised again on the caller's thread
                self._results.put(EmbeddingResult(job, None, 0, 0, error))
                return

    def _look_for_more(self, everything: bool) -> None:
        rows: list[Pending] = []
        with self._store.reading() as connection:
            while self._documents and len(rows) < WINDOW:
                document = self._documents.popleft()
                rows += embeddings.pending_in_document(connection, self._model_id, document)
            fresh = bool(rows)
            if everything and not fresh:
                rows = embeddings.pending_after(connection, self._model_id, self._after, WINDOW)
                self._after = rows[-1].position if rows else self._after
        at_work = {each.hash for job in self._running for each in job.texts}
        texts = {row.hash: row for row in rows if row.hash not in at_work}
        pending = list(texts.values())
        for batch in token_batches([row.tokens for row in pending], self._job_tokens, padded=False):
            self._waiting.append(EmbeddingJob([pending[index] for index in batch], fresh))

    def collect(self, seconds: float) -> int:
        """Store the vectors that are ready, waiting up to so long for the first; how many."""
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
        hashes = [each.hash for each in job.texts]
        try:
            with self._store.changing() as (connection, generation):
                embeddings.save_vectors(connection, self._model_id, generation, hashes, vectors)
        except ModelError as error:
            self.failure = self.failure or error
            return 0
        self.embedded += len(job.texts)
        self.fresh += len(job.texts) * job.fresh
        tokens = sum(each.tokens for each in job.texts)
        self.tokens += tokens
        self.truncated_tokens += sum(max(0, each.tokens - outcome.window) for each in job.texts)
        in_a_second = int(tokens / max(outcome.seconds, 1e-3))
        self._job_tokens = min(max(LEAST_TOKENS, in_a_second), MOST_TOKENS)
        return len(job.texts)

    def stop(self) -> None:
        """Wait for the jobs at work, keep their vectors, forget the rest."""
        self._stopped = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self.collect(0)
