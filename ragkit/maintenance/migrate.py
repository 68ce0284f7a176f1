"""Change the encoder of a collection: new vectors beside the old ones, measure, switch.

Vectors are keyed by model, so searches use the old encoder until one transaction makes the new one
current. What was embedded is kept when a process ends, and the next run goes on there. The old
vectors stay until the collection is rebuilt, so the switch can be taken back. Passages stay as they
are cut. The caller holds the writer lock.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ragkit.errors import CollectionError, UsageError
from ragkit.ingest.embedding import Embedder
from ragkit.ingest.writer import Progress
from ragkit.models import tuned
from ragkit.models.precision import TRIAL_PASSAGES
from ragkit.storage.sqlite import changes, files, passages
from ragkit.storage.sqlite.state import set_value, value

if TYPE_CHECKING:
    from ragkit.encoders import Encoder
    from ragkit.models.tuned import TunedSettings
    from ragkit.storage.sqlite.database import Database
    from ragkit.storage.sqlite.vector_cache import VectorCache

PREVIOUS_KEY = "previous_model_id"  # of the table `collection`: the encoder before the last switch


def build_vectors(
    store: Database,
    model_id: int,
    load: Callable[[], Encoder],
    cache: VectorCache | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> int:
    """Embed every text that has no vector of this model; return how many were embedded.

    Each second of work is stored at once. Raises ModelError if the encoder fails.
    """
    started = time.monotonic()
    with store.reading() as connection:
        if not passages.has_pending(connection, model_id):
            return 0
    embedder = Embedder(store, load, model_id, cache)

    def report(pending: int) -> None:
        on_progress(Progress(1, 1, embedder.embedded, pending, time.monotonic() - started))

    try:
        embedder.embed_all(report)
    finally:
        with store.writing() as connection:  # the vectors have begun new generations
            current = passages.model(connection)
            if current is not None and not passages.has_pending(connection, current["id"]):
                passages.mark_complete(connection)
    return embedder.embedded


def first_texts(connection: sqlite3.Connection) -> list[str]:
    """Return the texts of the collection's first passages, as they are embedded, for a trial of
    int8."""
    rows = changes.texts_since(connection, 0)
    return [text for _, text, _ in itertools.islice(rows, TRIAL_PASSAGES)]


def switch(store: Database, model_id: int, tuning: TunedSettings | None = None) -> None:
    """Make a model the collection's encoder, and remember the one before for `previous_model`.

    `tuning`: what `ragkit tune` is to undo; it is stored with the encoder before. One transaction.
    Raises CollectionError if a passage has no vector of this model.
    """
    with store.changing() as (connection, _):
        before, after = passages.model(connection), passages.model_by_id(connection, model_id)
        if before is None or after is None:
            raise CollectionError(f"{store.folder}: there is no model to change from or to")
        if passages.has_pending(connection, model_id):
            raise CollectionError(
                f"{store.folder}: some passages have no vector of {after['name']} yet; run the "
                "same command again"
            )
        set_value(connection, "model_id", model_id)
        passages.mark_complete(connection)
        set_value(connection, PREVIOUS_KEY, before["id"])
        files.rename_model_in_recipes(connection, before["fingerprint"], after["fingerprint"])
        if tuning is not None:
            record = tuning._replace(model=model_id, model_before=before["id"])
            tuned.store(connection, record)


def previous_model(connection: sqlite3.Connection) -> sqlite3.Row:
    """Return the row of the encoder before the last switch. Raises UsageError if there is none."""
    key = value(connection, PREVIOUS_KEY)
    row = passages.model_by_id(connection, key) if isinstance(key, int) else None
    if row is None or key == value(connection, "model_id"):
        raise UsageError("the collection was not migrated, so there is nothing to roll back")
    return row
