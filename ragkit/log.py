"""Lines for the logger "ragkit", of modules that every command imports.

`logging` takes 5 ms to import, and a query that has nothing to report needs none of it.
"""

from __future__ import annotations

_NAME = "ragkit"


def log_warning(message: str) -> None:
    """Log one line at level WARNING."""
    import logging

    logging.getLogger(_NAME).warning("%s", message, stacklevel=2)
