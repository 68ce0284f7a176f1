"""Addresses that may leave this machine: which document is meant, not where it lies on the disk.

    ragkit://handbook-1a2b3c4d/hr/leave.pdf#page=7

The host is the root: its folder's name, and a digest that keeps two folders of one name apart. The
path and the place behind # are those of the citation. Nothing is opened by such an address, and no
text out of one becomes a path: a document is found by comparing with what the collection holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ragkit.errors import UsageError

if TYPE_CHECKING:
    from ragkit.collection import Collection

PREFIX = "ragkit://"
_PATH_SAFE = "/!$&'()*+,;=:@~"
_ID_DIGITS = 18  # as many as `get` reads; no file is called 000000000000000482
_ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")
_SHOWN = 200  # characters of a wrong reference that are said back


def root_name(root: str) -> str:
    """The host of a root's addresses: `handbook-1a2b3c4d`. The same on every start."""
    words = re.sub(r"[^a-z0-9]+", "-", Path(root).name.lower()).strip("-")[:40].rstrip("-")
    digest = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{words or 'root'}-{digest}"


class Addresses:
    """Addresses of one collection's documents, and back to what `Collection.get` understands."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._roots: dict[str, str] = {}  # name → absolute path

    def uri(self, root: str, path: str, citation: str = "") -> str:
        """The address of a document (`root` and `path` as in a hit), or of where it is cited."""
        name = root_name(root)
        self._roots[name] = root
        place = citation[len(path) + 1 :] if citation.startswith(f"{path}#") else ""
        address = f"{PREFIX}{name}/{_quoted(path)}"
        return f"{address}#{_quoted(place)}" if place else address

    def reference(self, text: str) -> str:
        """What `Collection.get` takes for an address, a passage's id or a citation.

        Raises UsageError for what cannot name a document here: an absolute path, a way out of the
        root, an address of another root.
        """
        if text.startswith(PREFIX):
            return self._of_uri(text)
        if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS:
            return text.zfill(_ID_DIGITS)
        if _ABSOLUTE.match(text):
            raise UsageError(_no_document(text))
        _check(text, text)
        return text

    def _of_uri(self, uri: str) -> str:
        host, _, rest = uri[len(PREFIX) :].partition("/")
        quoted_path, _, quoted_place = rest.partition("#")
        path, place = unquote(quoted_path), unquote(quoted_place)
        _check(path, uri)
        root = self._roots.get(host) or self._root(host)
        if root is None:
            raise UsageError(
                f"{uri[:_SHOWN]}: no root is called {host[:_SHOWN]!r}; take an address from search"
            )
        whole = f"{root.rstrip('/')}/{path}"
        return f"{whole}#{place}" if place else whole

    def _root(self, name: str) -> str | None:
        roots = self._collection.status().roots
        for root in _with_folders(roots):
            self._roots[root_name(root)] = root
        return self._roots.get(name)

    def hidden(self, message: str) -> str:
        """A message for another machine: absolute paths of documents become addresses."""
        return self.hiding()(message)

    def hiding(self) -> Callable[[str], str]:
        """`hidden` for many messages, of which the roots need not be looked up each time."""
        roots = sorted(_with_folders(self._collection.status().roots), key=len, reverse=True)
        shown = [(f"{root.rstrip('/')}/", f"{PREFIX}{root_name(root)}/") for root in roots]
        return lambda message: reduce(lambda text, each: text.replace(*each), shown, message)


def _with_folders(roots: Iterable[str]) -> set[str]:
    """The roots, and the folders they are in: that is the root of a file indexed by itself."""
    return {each for root in roots for each in (root, str(Path(root).parent)) if each != "/"}


def _quoted(text: str) -> str:
    return quote(text, safe=_PATH_SAFE, errors="surrogateescape")


def _check(path: str, said: str) -> None:
    """Refuse what is no path under a root."""
    if not path.strip() or "\0" in path or ".." in re.split(r"[/\\]", path):
        raise UsageError(_no_document(said))


def _no_document(said: str) -> str:
    return f"{said[:_SHOWN]!r} names no document; expected an id, url or citation from search"
