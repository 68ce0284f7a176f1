"""Translates the failures of tantivy to errors in plain English.

tantivy raises ValueError with the debug text of a Rust value, and a panic is a `PanicException`,
which derives from BaseException: no `except Exception` sees it. Knows no index.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
from collections.abc import Iterator

from ragkit.errors import CollectionError

_MISSING_FILE = ("FileDoesNotExist", "kind: NotFound")


class LexicalIndexError(CollectionError, ValueError):
    """The files of a lexical index are damaged, or tantivy fails on them."""


def is_panic(error: BaseException) -> bool:
    """Whether an error is a panic of a library written in Rust, whose type cannot be imported."""
    kind = type(error)
    return (kind.__module__, kind.__name__) == ("pyo3_runtime", "PanicException")


def require_thread() -> None:
    """Raise OSError (EAGAIN) if no thread can be started.

    tantivy starts one for every index on disk that it opens. Where it cannot, it panics and prints
    a trace of its own before anybody can catch the error.
    """
    thread = threading.Thread(target=lambda: None)
    try:
        thread.start()
    except RuntimeError as error:  # Python's "can't start new thread"
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from error
    thread.join()


@contextlib.contextmanager
def plain_errors(problem: str) -> Iterator[None]:
    """Raise what `translate` returns for an error of tantivy in the `with` block."""
    try:
        yield
    except BaseException as error:
        if (translated := translate(error, problem)) is None:
            raise
        raise translated from error


def translate(error: BaseException, problem: str) -> Exception | None:
    """Return what to raise instead of `error`; None if it is not an error of tantivy.

    An error of the operating system becomes the OSError with its `errno`, so that a full disk and
    too many open files can be told from damage. Any other ValueError and a panic become
    LexicalIndexError with `problem` as its message; the details go to the log, at level DEBUG.
    """
    is_tantivy = type(error) is ValueError or is_panic(error)  # a UnicodeError is not
    if not is_tantivy:
        return None
    details = str(error)
    import logging  # takes 5 ms, which a query without errors need not spend

    logging.getLogger("ragkit").debug("tantivy: %s", details)
    if match := re.search(r"\(os error (\d+)\)|\bcode: (\d+), kind: ", details):
        code = int(match[1] or match[2])
        return OSError(code, os.strerror(code))
    if any(sign in details for sign in _MISSING_FILE):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    return LexicalIndexError(problem)
