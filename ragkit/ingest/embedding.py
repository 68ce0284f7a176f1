"""Pending passages to vectors, on a thread of its own, a few seconds' work at a time.

What is pending is asked of the database in windows and embedded longest first: batches of like
length waste no work on padding. Knows nothing of files.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, NamedTuple

from ragkit.encoders import Encoder
from ragkit.storage import embeddings
from ragkit.storage.database import Database

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = 1024  # pending passages looked at together
JOB_TOKENS = 8192  # given to the encoder at once: about two seconds on a laptop
IN_FLIGHT = 2  # one at work and one waiting, so that the encoder never waits for the database


class Text(NamedTuple):
    """A text that waits for its vector."""

    hash: bytes
    text: str
    tokens: int


class Embedder:
    """Feeds the encoder and collects its vectors. Use from one thread; call `stop` at the end.

    Where the encoder fails, `failure` says how and nothing more is embedded: the text can still be
    stored, and is found by its words.
    """

    def __init__(self, store: Database, encoder: Encoder, model_id: int) -> None:
        self.tokens = 0
        self.truncated_tokens = 0
        self.embedded = 0
        self.failure: BaseException | None = None
        self._store, self._encoder, self._model_id = store, encoder, model_id
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ragkit-embedder")
        self._waiting: deque[list[Text]] = deque()
        self._running: dict[Future[NDArray[np.float32]], list[Text]] = {}
        self._after = 0

    @property
    def busy(self) -> bool:
        """Whether anything is at work or cut into jobs."""
        return self.failure is None and bool(self._running or self._waiting)

    def feed(self) -> None:
        """Keep the encoder supplied from what is pending in the database."""
        if self.failure is not None:
            return
        if not self._waiting and len(self._running) < IN_FLIGHT:
            self._look_for_more()
        while self._waiting and len(self._running) < IN_FLIGHT:
            job = self._waiting.popleft()
            texts = [each.text for each in job]
            self._running[self._pool.submit(self._encoder.encode_passages, texts)] = job

    def _look_for_more(self) -> None:
        with self._store.reading() as connection:
            rows = embeddings.pending(connection, self._model_id, self._after, WINDOW)
        if not rows:
            return
        self._after = rows[-1][0]
        at_work = {each.hash for job in self._running.values() for each in job}
        texts = {row[1]: Text(*row[1:]) for row in rows if row[1] not in at_work}
        job: list[Text] = []
        budget = JOB_TOKENS
        for each in sorted(texts.values(), key=lambda text: text.tokens, reverse=True):
            if job and each.tokens > budget:
                self._waiting.append(job)
                job, budget = [], JOB_TOKENS
            job.append(each)
            budget -= each.tokens
        if job:
            self._waiting.append(job)

    def collect(self, seconds: float) -> int:
        """Store the vectors that are ready, waiting up to so long for the first; how many."""
        if not self._running:
            return 0
        done = wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED).done
        return sum(self._save(future) for future in done)

    def _save(self, future: Future[NDArray[np.float32]]) -> int:
        job = self._running.pop(future)
        self.failure = self.failure or future.exception()
        if self.failure is not None:
            return 0
        vectors = future.result()
        with self._store.changing() as (connection, generation):
            hashes = [each.hash for each in job]
            embeddings.save_vectors(connection, self._model_id, generation, hashes, vectors)
        self.embedded += len(job)
        self.tokens += sum(each.tokens for each in job)
        window = self._encoder.window
        self.truncated_tokens += sum(max(0, each.tokens - window) for each in job)
        return len(job)

    def stop(self) -> None:
        """Wait for the job at work, keep its vectors, forget the rest."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for future in [each for each in self._running if not each.cancelled()]:
            self._save(future)
