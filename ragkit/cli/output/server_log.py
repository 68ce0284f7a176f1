"""The log of `ragkit serve`: requests and warnings, to stderr and to a file that is rotated."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler

from ragkit.cli.output.terminal import to_printable
from ragkit.errors import UsageError
from ragkit.serving.transport.request_log import LOGGER

MAX_BYTES, BACKUPS = 5_000_000, 5
_FILE_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_TERMINAL_FORMAT = "ragkit: %(message)s"


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """The record without control characters; further lines are indented, so that none looks
        like another record."""
        return to_printable(super().format(record), lines=True).replace("\n", "\n  ")


@contextlib.contextmanager
def server_log(*, verbose: bool, file: str | None) -> Iterator[None]:
    """Log requests to stderr (`verbose`) and to `file`, and warnings to both, while this is open.

    The file is continued; at 5 MB it is renamed to FILE.1, and five such files are kept. Raises
    UsageError if it cannot be written.
    """
    requests, warnings = logging.getLogger(LOGGER), logging.getLogger("ragkit")
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setFormatter(_Printable(_TERMINAL_FORMAT))
    terminal.setLevel(logging.INFO if verbose else logging.WARNING)
    handlers: list[logging.Handler] = [terminal]
    if file is not None:
        try:
            log = RotatingFileHandler(
                file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8"
            )
        except OSError as error:
            raise UsageError(f"cannot write to --log-file {file}: {error.strerror}") from error
        log.setFormatter(_Printable(_FILE_FORMAT))
        handlers.append(log)
    level = requests.level
    if verbose or file is not None:
        requests.setLevel(logging.INFO)
    for handler in handlers:
        warnings.addHandler(handler)  # requests reach them as records of a child
    try:
        yield
    finally:
        requests.setLevel(level)
        for handler in handlers:
            warnings.removeHandler(handler)
            handler.close()
