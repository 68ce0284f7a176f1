"""What goes out over the wire: JSON, event streams, errors in OpenAI's shape.

Every error is `{"error": {"message", "type", "code", "param"}}`. What is the caller's fault is told
in ragkit's own words; what is not goes to the log alone, for it may name folders of this machine.
Knows no collection.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from ragkit.errors import BusyError, RagkitError, UsageError

logger = logging.getLogger("ragkit")


class Problem(Exception):  # noqa: N818 (it is what the caller is told)
    """An answer other than the one asked for: HTTP status, message, kind, code, parameter."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.code, self.param, self.headers = code, param, headers

    @property
    def kind(self) -> str:
        """OpenAI's word for errors of this status."""
        if self.status in _KINDS:
            return _KINDS[self.status]
        return "server_error" if self.status >= 500 else "invalid_request_error"

    def fields(self) -> dict[str, Any]:
        """The body."""
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "code": self.code,
                "param": self.param,
            }
        }

    def response(self) -> Response:
        """The whole answer."""
        return answer(self.fields(), self.status, self.headers)


_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error",
          429: "rate_limit_error"}  # fmt: skip


def problem_of(error: Exception) -> Problem:
    """What a caller may know of an error; the rest goes to the log."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, UsageError):
        return Problem(400, str(error), "invalid_value")
    if isinstance(error, BusyError):
        logger.warning("%s", error)
        return Problem(409, "another process writes to the collection just now", "busy")
    if isinstance(error, RagkitError):
        logger.error("%s", error)
        return Problem(503, "the collection or its model cannot be used now", "unavailable")
    logger.error("unexpected %s", type(error).__name__, exc_info=error)
    return Problem(500, "something went wrong here; the server's log says what", "internal_error")


def encoded(value: object) -> bytes:
    """JSON as UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(
        encoded(value),
        status,
        {"cache-control": "no-store", **(headers or {})},
        media_type="application/json",
    )


def event(name: str | None, value: object) -> bytes:
    """One event of a stream, named or not (as OpenAI's chat has them)."""
    head = b"" if name is None else f"event: {name}\n".encode()
    return head + b"data: " + encoded(value) + b"\n\n"
