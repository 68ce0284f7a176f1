"""The web page: the files of this folder, read once at the start, each under its own name.

A file that was not read at the start does not exist, so no path leads out of the folder. The page
may run its own scripts only and talk to this server only. Knows nothing of what the page does.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from ragkit.serving.transport.json_http import ApiError

FOLDER = Path(__file__).parent
INDEX = "index.html"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_MEDIA_TYPES = {
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
class StaticFile:
    """A file to serve; `etag` is a hash of its content."""

    content: bytes
    media_type: str
    etag: str
    compressed: bytes | None = None  # with gzip, where that is smaller

    def respond(self, request: Request) -> Response:
        """Return the file, or 304 if the caller has it already."""
        headers = {
            "etag": self.etag,
            "cache-control": "no-cache",
            "content-security-policy": CONTENT_SECURITY_POLICY,
            "vary": "accept-encoding",
        }
        known = request.headers.get("if-none-match", "").split(",")
        if self.etag in [etag.strip().removeprefix("W/") for etag in known]:
            return Response(status_code=304, headers=headers)
        if self.compressed is not None and _accepts_gzip(request):
            headers["content-encoding"] = "gzip"
            return Response(self.compressed, headers=headers, media_type=self.media_type)
        return Response(self.content, headers=headers, media_type=self.media_type)


def make_file(content: bytes, suffix: str) -> StaticFile:
    """Return a file with the media type of this suffix (".html")."""
    compressed = gzip.compress(content, 9, mtime=0)
    return StaticFile(
        content,
        _MEDIA_TYPES[suffix],
        f'"{sha256(content).hexdigest()[:32]}"',
        compressed if len(compressed) < len(content) else None,
    )


def _accepts_gzip(request: Request) -> bool:
    for value in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = value.replace(" ", "").partition(";q=")
        if name == "gzip":
            return quality.strip("0.") != "" or not quality
    return False


class PageFiles:
    """All files of known types in a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files = {
            path.relative_to(folder).as_posix(): make_file(path.read_bytes(), path.suffix)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in _MEDIA_TYPES
        }

    async def index(self, request: Request) -> Response:
        """GET /."""
        return self._respond(request, INDEX)

    async def file(self, request: Request) -> Response:
        """GET /web/…"""
        return self._respond(request, request.path_params["path"])

    def _respond(self, request: Request, name: str) -> Response:
        if name not in self._files:
            return ApiError(404, "not found", "not_found").response()
        return self._files[name].respond(request)
