"""Open the database of a collection as far as the user trusts it: see `ragkit.trust`.

A collection that is created here is recorded as trusted, one that came with a checkout is opened
untrusted, any other that is not recorded is adopted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ragkit import trust
from ragkit.errors import CollectionError
from ragkit.storage.sqlite import database, state
from ragkit.storage.sqlite.database import FILE_NAME, Database
from ragkit.trust import TrustLevel

_ID_SINCE = 3  # the schema in which collections have an id
_MANIFEST = "manifest.json"  # of a sharded collection


def open_database(folder: Path, *, create: bool, notify: Callable[[str], None]) -> Database:
    """Open the collection in `folder`, or with `create` make one there; decide if it is trusted.

    `notify` gets one line where the decision could not be recorded, or adopted a collection that
    was made elsewhere. Raises CollectionError as `Database` does.
    """
    if is_sharded(folder):
        return open_address(folder, notify)
    path = trust.canonical(folder)
    if trust.is_in_user_folder(path):
        return Database(folder, create=create)
    if create and not os.path.lexists(folder / FILE_NAME):
        return _create(folder, path, notify)
    if trust.is_trusted_by_environment():
        return Database(folder)
    if trust.is_version_controlled(path):
        return _open_checked_out(folder, path)
    return _open_elsewhere(folder, path, notify)


def is_sharded(folder: Path) -> bool:
    """Whether there is a sharded collection in a local folder, and no ordinary one."""
    return os.path.lexists(folder / _MANIFEST) and not os.path.lexists(folder / FILE_NAME)


def open_address(address: str | Path, notify: Callable[[str], None]) -> Database:
    """Open the sharded collection at an address; see `storage.shards.database.open_sharded`."""
    from ragkit.storage.shards.database import open_sharded  # not for an ordinary collection

    return open_sharded(address, notify=notify)


def is_address(name: str | Path) -> bool:
    """Whether a name is an address of object storage, such as s3://bucket/handbook."""
    return "://" in str(name)


def _open_checked_out(folder: Path, path: str) -> Database:
    """Open a collection in a version-controlled folder: untrusted, unless path and id are listed.

    The id is compared before anything in the folder is written.
    """
    entry = trust.find(path)
    if entry is None or (entry.id and database.stored_id(folder) != entry.id):
        return Database(folder, trust=TrustLevel.UNTRUSTED)
    store = Database(folder)
    with _closed_on_error(store):
        if not entry.id:
            _complete(store, path)
    return store


def _open_elsewhere(folder: Path, path: str, notify: Callable[[str], None]) -> Database:
    """Open a collection outside of version control; adopt it if it is not in the list."""
    entry = trust.find(path)
    store = Database(folder)
    with _closed_on_error(store):
        collection_id = _id(store)
        if entry is None or entry.id not in ("", collection_id):
            _adopt(store, path, collection_id, notify)
        elif entry.how == "adopted":
            store.trust = TrustLevel.ADOPTED
        elif not entry.id:
            _complete(store, path)
    return store


@contextlib.contextmanager
def _closed_on_error(store: Database) -> Iterator[None]:
    """A damaged database may fail only when its id is read: nobody else would close it then."""
    try:
        yield
    except BaseException:
        store.close()
        raise


def trust_database(store: Database) -> None:
    """Record the collection as trusted and open it as such.

    Raises CollectionError if its schema has parts that ragkit does not make, or if the list of
    trusted collections cannot be written.
    """
    store.accept()
    store.trust = TrustLevel.OWN
    trust.record(store.trust_place, _id(store), "trusted")


def _create(folder: Path, path: str, notify: Callable[[str], None]) -> Database:
    """Make a collection. It is recorded before, so that no other process, nor this one after a
    crash, takes it for a foreign one."""
    with contextlib.suppress(CollectionError):
        trust.record(path, "", "created")
    try:
        store = Database(folder, create=True)
    except BaseException:
        if not os.path.lexists(folder / FILE_NAME):
            with contextlib.suppress(CollectionError):
                trust.forget(path)
        raise
    with _closed_on_error(store):
        error = _complete(store, path)
        if error is not None and trust.is_version_controlled(path):
            notify(f"{error}. Until then other commands only read {folder}")
    return store


def _complete(store: Database, path: str) -> CollectionError | None:
    """Write the id into the entry of a collection that this user has made: it lacks the id while
    the collection is created. Return the error if the list cannot be written."""
    try:
        trust.record(path, _id(store), "created")
    except CollectionError as error:
        return error
    return None


def _adopt(store: Database, path: str, collection_id: str, notify: Callable[[str], None]) -> None:
    """Record a collection outside of version control that is not in the list: one of an earlier
    version, a copy, one that has moved, or one from another machine."""
    store.trust = TrustLevel.ADOPTED
    is_known = any(other.id == collection_id for other in trust.entries())
    try:
        trust.record(path, collection_id, "adopted")
    except CollectionError:  # adopted again the next time
        return
    if store.opened_version >= _ID_SINCE and not is_known:
        notify(
            f"{store.folder} was not made by you on this machine; it is used from now on, but may "
            f"name no server and no download until: ragkit trust {store.folder}"
        )


def _id(store: Database) -> str:
    with store.reading() as connection:
        return str(state.value(connection, "id") or "")
