"""The process that renders one page of a PDF, or one image, for the web page; started by
`page_pictures` for a single file, and confined as the worker that reads files.

It gets the file's bytes and returns pixels and boxes; opens no file of the user's.
"""

from __future__ import annotations

import io
import os
import sys
import warnings

from ragkit.documents.detect import DetectedFile, detect
from ragkit.documents.formats.pdf_page import PagePicture, render_pdf_page
from ragkit.documents.read import find_member
from ragkit.documents.sandbox import processes, protocol
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.media_types import IMAGES

_MAX_IMAGE_PIXELS = 80_000_000


def main() -> None:
    """Answer one request: a picture, or the reason why there is none."""
    requests = os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):  # what a library prints is no frame
        os.dup2(null, stream.fileno())
    try:
        frame = protocol.receive(requests)
        processes.confine(frame.fields["memory_mb"] << 20)
        processes.limit_cpu_time(frame.fields["seconds"])
        try:
            picture = render(frame.data, frame.fields)
        except Exception as error:
            reason = str(error) if isinstance(error, DocumentError) else type(error).__name__
            reason = reason.encode("ascii", "backslashreplace").decode()[:200]
            protocol.send(answers, protocol.END, {"reason": reason})
            return
        shape = {"width": picture.width, "height": picture.height, "boxes": picture.boxes}
        protocol.send(answers, protocol.IMAGE, shape, picture.pixels)
    except (protocol.ProtocolError, BrokenPipeError):  # the program has ended
        os._exit(0)


def render(data: bytes, fields: protocol.Fields) -> PagePicture:
    """Return the picture that a request asks for: `name`, `record`, `page`, `width`, `max_pixels`,
    `passage` and `before`. Raises DocumentError."""
    file: DetectedFile | None = detect(data, fields["name"])
    if file is not None:
        budget = Budget(seconds=fields["seconds"])
        file = find_member(file, fields["record"], budget)
    if file is None:
        raise DocumentError("it is not in its archive any more")
    if file.media_type == "application/pdf":
        return render_pdf_page(
            file.data, fields["page"], fields["width"], fields["max_pixels"],
            fields["passage"], fields["before"],
        )  # fmt: skip
    if file.media_type in IMAGES:
        return render_image(file.data, fields["page"], fields["width"], fields["max_pixels"])
    raise DocumentError("it has no pages")


def render_image(data: bytes, frame: int, width: int, max_pixels: int) -> PagePicture:
    """Return frame `frame` (from 1) of an image, upright, at most `width` pixels wide, on white.

    Raises DocumentError without Pillow, and if the image is damaged or too large.
    """
    try:
        import PIL.Image
        from PIL import ImageOps
    except ImportError:
        raise DocumentError('images need Pillow: pip install "ragkit-search[ocr]"') from None
    warnings.simplefilter("ignore")
    try:
        with PIL.Image.open(io.BytesIO(data), formats=list(IMAGES.values())) as picture:
            picture.seek(frame - 1)
            if picture.width * picture.height > _MAX_IMAGE_PIXELS:
                raise DocumentError("the image is too large to be shown")
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, PIL.Image.DecompressionBombError) as error:
        raise DocumentError(f"damaged image: {str(error)[:100]}") from error
    scale = min(1.0, width / upright.width, (max_pixels / (upright.width * upright.height)) ** 0.5)
    size = max(1, int(upright.width * scale)), max(1, int(upright.height * scale))
    if size != upright.size:
        upright = upright.resize(size)
    background = PIL.Image.new("RGBA", size, "white")
    image = PIL.Image.alpha_composite(background, upright).convert("RGB")
    return PagePicture(*size, image.tobytes())
