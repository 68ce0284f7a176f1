"""Images → Document: the text that an OCR engine recognises; each frame of a TIFF is a page.

Pillow decodes the file, so an engine gets grey pixels and no part of the file. Knows no PDF and no
engine.
"""

from __future__ import annotations

import math
import struct
import warnings
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents import ocr
from ragkit.documents.layout import page_lines
from ragkit.documents.layout.page_lines import PageLine
from ragkit.documents.ocr import DPI, Ocr, PageImage, ScannedPages
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import IMAGES
from ragkit.records.text import shorten

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MAX_PIXELS = 80_000_000  # of one frame in the file
_MAX_ICON_SIDE = 128  # pixels
_MAX_LOGO_WORDS, _MAX_LOGO_LETTERS = 2, 24
_MAX_LOGO_PIXELS = 512 * 512
_MIN_CONFIDENCE = 60.0  # percent; below, the recognised words are mostly texture
_LOW_DPI = 150  # images below this resolution are enlarged
_ENLARGEMENT = 2.0
_MIN_DPI, _MAX_DPI = 70, 1200  # plausible values in a file
_SCREEN_DPI = 96
_MIN_SCAN_SIDE = 1500  # pixels of the shorter side; an image without a resolution is then a scan
# What Pillow raises for damaged data; it documents only the first.
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError),
    *(struct.error, AttributeError),
)
_MAX_DETAIL = 100  # characters of Pillow's error message


def read_image(data: bytes, name: str, engine: Ocr | None) -> Document:
    """Read the text of an image with `engine`, with the offset where each page starts.

    Raises `DocumentError` if there is no engine, if no text is recognised, or if the image is
    damaged or too large.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        engine = None
    if engine is None:
        raise DocumentError(ocr.NO_ENGINE_REASON, kind="image", skipped=True)
    if not engine.limits.pages:
        raise DocumentError(ocr.DISABLED_REASON, kind="image", skipped=True)
    pages = ScannedPages(engine)
    lines = _recognise_pages(data, pages)
    is_confident = pages.confidence is None or pages.confidence >= _MIN_CONFIDENCE
    if not any(lines) or not is_confident:
        if pages.failures:
            raise pages.no_text_error()
        raise DocumentError("image without text", kind="image", skipped=True)
    if len(lines) == 1:
        _refuse_name_only(data, " ".join(line.text for line in lines[0]))
    texts = (page_lines.join_lines(page, ocr.LINE_SPACING) for page in lines)
    text, starts = page_lines.join_pages(page_lines.rejoin_hyphenated_words(texts))
    return Document(
        text,
        "image",
        pages=tuple(starts),
        metadata=pages.metadata(len(lines)),
        warnings=tuple(pages.warnings(len(lines))),
        recognition=pages.recognition(),
    )


def _recognise_pages(data: bytes, pages: ScannedPages) -> list[list[PageLine]]:
    """Return the lines of each page: all frames of a TIFF, the first frame of other formats."""
    import PIL.Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken metadata; sizes are checked below
        try:
            with PIL.Image.open(BytesIO(data), formats=list(IMAGES.values())) as picture:
                _check_size(picture)
                _refuse_tiny(picture)
                count = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
                return [
                    pages.read(page, partial(_render_frame, picture, page)) for page in range(count)
                ]
        except PIL.Image.DecompressionBombError as error:
            raise _too_large() from error
        except _DAMAGE as error:
            raise DocumentError(f"damaged image: {_describe_damage(error)}") from error


def _describe_damage(error: Exception) -> str:
    """Return what Pillow found, without the address of an object in its message."""
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return f"expected the header of one of {', '.join(IMAGES.values())}, found none"
    detail = " ".join(str(error).split())[:_MAX_DETAIL] or type(error).__name__
    return f"it cannot be decoded: {detail}"


def _render_frame(picture: Picture, frame: int, max_pixels: int) -> PageImage:
    """Return a frame in grey, upright, on a white background, with at most `max_pixels` pixels."""
    from PIL import ImageOps

    picture.seek(frame)
    _check_size(picture)
    dpi = _resolution(picture)
    image = ImageOps.exif_transpose(picture)
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = _on_white_background(image.convert("RGBA"))
    elif image.mode.startswith("I"):  # 16 bits
        image = image.convert("I").point(lambda value: value * (1 / 256))
    image = image.convert("L")
    enlargement = _ENLARGEMENT if dpi < _LOW_DPI else 1.0
    scale = min(enlargement, math.sqrt(max_pixels / (image.width * image.height)))
    if scale != 1.0:
        image = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
        dpi = max(_MIN_DPI, int(dpi * scale))
    return PageImage(image.width, image.height, image.tobytes(), dpi)


def _refuse_tiny(picture: Picture) -> None:
    """Raise DocumentError for icons, avatars and tracking pixels: too small for a line of text."""
    if max(picture.size) <= _MAX_ICON_SIDE:
        size = f"{picture.width} × {picture.height} pixels"
        raise DocumentError(f"an icon or avatar: {size}", kind="no_document", skipped=True)


def _refuse_name_only(data: bytes, text: str) -> None:
    """Raise DocumentError for a small image with hardly a word: a logo, a button or a badge."""
    if len(text) > _MAX_LOGO_LETTERS or len(text.split()) > _MAX_LOGO_WORDS:
        return
    import PIL.Image

    with PIL.Image.open(BytesIO(data), formats=list(IMAGES.values())) as picture:
        if picture.width * picture.height <= _MAX_LOGO_PIXELS:
            reason = f"a logo or badge: a small image that says only {shorten(text)!r}"
            raise DocumentError(reason, kind="no_document", skipped=True)


def _check_size(picture: Picture) -> None:
    if picture.width * picture.height > _MAX_PIXELS:
        raise _too_large()


def _too_large() -> DocumentError:
    return DocumentError(f"image of over {_MAX_PIXELS // 1_000_000} megapixels", kind="limit")


def _resolution(picture: Picture) -> int:
    """Return the resolution in dots per inch: the file's if plausible, else a guess by its size."""
    stored = picture.info.get("dpi", (0, 0))
    dpi = float(stored[0]) if isinstance(stored, tuple) and stored else 0.0
    if _MIN_DPI < dpi <= _MAX_DPI:
        return round(dpi)
    return DPI if min(picture.size) > _MIN_SCAN_SIDE else _SCREEN_DPI


def _on_white_background(picture: Picture) -> Picture:
    import PIL.Image

    background = PIL.Image.new("RGBA", picture.size, "white")
    return PIL.Image.alpha_composite(background, picture)
