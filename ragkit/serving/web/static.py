"""The page: files of `web/`, read once, each under its own name.

What was not read at the start is not there, so no path leads out of the folder. The page runs its
own scripts only, and talks to this server alone. Knows nothing of what the page does.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from ragkit.serving.transport.responses import Problem

FOLDER = Path(__file__).parent
INDEX = "index.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    tag: str


class Web:
    """The files of a folder, those of a known type."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): _read(path.read_bytes(), path.suffix)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _TYPES
        }

    async def index(self, request: Request) -> Response:
        """GET /."""
        return self._answer(request, INDEX)

    async def file(self, request: Request) -> Response:
        """GET /web/…"""
        return self._answer(request, request.path_params["path"])

    def _answer(self, request: Request, name: str) -> Response:
        if name not in self._files:
            return Problem(404, "nothing is there", "not_found").response()
        return served(request, self._files[name])


def served(request: Request, file: _File) -> Response:
    """A file, or that it has not changed."""
    headers = {
        "etag": file.tag,
        "cache-control": "no-cache",
        "content-security-policy": POLICY,
    }
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get(
        "if-none-match", "").split(",")]  # fmt: skip
    if file.tag in tags:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


def _read(content: bytes, suffix: str) -> _File:
    return _File(content, _TYPES[suffix], f'"{sha256(content).hexdigest()[:32]}"')


def page(text: str, suffix: str = ".html") -> _File:
    """A page that is made here, to be `served`."""
    return _read(text.encode(), suffix)
