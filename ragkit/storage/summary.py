"""All of a collection in figures: counts, sizes, model, coverage. Loads no model and no index."""

from __future__ import annotations

from ragkit.records.reports import CollectionStatus
from ragkit.storage.atomic_files import disk_size
from ragkit.storage.sqlite import changes, documents, embeddings, file_status, files, passages
from ragkit.storage.sqlite.database import Database, generation


def summary(store: Database, version: str) -> CollectionStatus:
    """What is in a collection. `version` is this program's."""
    with store.reading() as connection:
        model = embeddings.model(connection)
        by_status, by_reason = file_status.counts(connection)
        return CollectionStatus(
            collection=str(store.folder),
            roots=tuple(root.path for root in files.roots(connection)),
            files=by_status,
            reasons=by_reason,
            coverage=file_status.coverage(connection),
            documents=documents.document_count(connection),
            passages=passages.count(connection),
            pending=embeddings.pending_count(connection, model["id"]) if model else 0,
            model=model["name"] if model else None,
            fingerprint=model["fingerprint"] if model else None,
            dimension=model["dimension"] if model else None,
            window=model["window"] if model else None,
            database_bytes=store.size(),
            index_bytes=sum(
                disk_size(store.folder / name) for name in changes.index_names(connection)
            ),
            generation=generation(connection),
            version=version,
        )
