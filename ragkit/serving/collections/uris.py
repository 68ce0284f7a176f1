"""Document URIs: which document is meant, without saying where it is on the disk.

    ragkit://handbook-1a2b3c4d/hr/leave.pdf#page=7

The host names the root: its folder's name, and a digest that tells apart folders of the same name.
The path and the fragment are those of the citation. Nothing is opened by a URI, and no text of a
URI becomes a path: documents are found by comparison with what the collection contains.
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
_ID_DIGITS = 18  # as many as `Collection.get` reads; no file is called 000000000000000482
_ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")
_MAX_SHOWN = 200  # characters of an invalid reference in a message


def root_name(root: str) -> str:
    """Return the host of a root's URIs, `handbook-1a2b3c4d`. It depends on the path only."""
    name = re.sub(r"[^a-z0-9]+", "-", Path(root).name.lower()).strip("-")[:40].rstrip("-")
    digest = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{name or 'root'}-{digest}"


class DocumentUris:
    """Converts between the URIs of one collection and the references of `Collection.get`."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._roots: dict[str, str] = {}  # name → absolute path

    def uri(self, root: str, path: str, citation: str = "") -> str:
        """Return the URI of a document (`root` and `path` as in a hit) or of a citation in it."""
        name = root_name(root)
        self._roots[name] = root
        fragment = citation[len(path) + 1 :] if citation.startswith(f"{path}#") else ""
        uri = f"{PREFIX}{name}/{_quote(path)}"
        return f"{uri}#{_quote(fragment)}" if fragment else uri

    def to_reference(self, text: str) -> str:
        """Return what `Collection.get` accepts for a URI, a passage id or a citation.

        Raises UsageError for what cannot name a document of this collection: an absolute path, a
        path out of the root, a URI of another root.
        """
        if text.startswith(PREFIX):
            return self._uri_to_reference(text)
        if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS:
            return text.zfill(_ID_DIGITS)
        if _ABSOLUTE.match(text):
            raise UsageError(_no_document(text))
        _check_path(text, text)
        return text

    def _uri_to_reference(self, uri: str) -> str:
        host, _, rest = uri[len(PREFIX) :].partition("/")
        quoted_path, _, quoted_fragment = rest.partition("#")
        path, fragment = unquote(quoted_path), unquote(quoted_fragment)
        _check_path(path, uri)
        root = self._roots.get(host) or self._find_root(host)
        if root is None:
            raise UsageError(
                f"{uri[:_MAX_SHOWN]}: no root is called {host[:_MAX_SHOWN]!r}; "
                "use a URI from search"
            )
        reference = f"{root.rstrip('/')}/{path}"
        return f"{reference}#{fragment}" if fragment else reference

    def _find_root(self, name: str) -> str | None:
        for root in _with_parents(self._collection.status().roots):
            self._roots[root_name(root)] = root
        return self._roots.get(name)

    def redact(self, message: str) -> str:
        """Return a message with the absolute paths of documents replaced by their URIs."""
        return self.redactor()(message)

    def redactor(self) -> Callable[[str], str]:
        """Return `redact` for many messages: the roots are read once."""
        roots = sorted(_with_parents(self._collection.status().roots), key=len, reverse=True)
        pairs = [(f"{root.rstrip('/')}/", f"{PREFIX}{root_name(root)}/") for root in roots]
        return lambda message: reduce(lambda text, pair: text.replace(*pair), pairs, message)


def _with_parents(roots: Iterable[str]) -> set[str]:
    """The roots and their parent folders: a file that was indexed by itself is in the parent."""
    return {path for root in roots for path in (root, str(Path(root).parent)) if path != "/"}


def _quote(text: str) -> str:
    return quote(text, safe=_PATH_SAFE, errors="surrogateescape")


def _check_path(path: str, reference: str) -> None:
    """Raise UsageError unless `path` is a relative path below a root."""
    if not path.strip() or "\0" in path or ".." in re.split(r"[/\\]", path):
        raise UsageError(_no_document(reference))


def _no_document(reference: str) -> str:
    return (
        f"{reference[:_MAX_SHOWN]!r} names no document; expected an id, url or citation from search"
    )
