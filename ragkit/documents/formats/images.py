"""Images → Document: the text that an engine recognises in them, a page for each frame of a TIFF.

Pillow decodes; nothing of the file itself reaches an engine. Knows no PDF.
"""

from __future__ import annotations

import math
import warnings
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents import ocr
from ragkit.documents.layout import page_lines
from ragkit.documents.layout.page_lines import Line
from ragkit.documents.ocr import DPI, Image, Ocr, Pages
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import IMAGES

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_MOST_PIXELS = 80_000_000  # of a file
_LEAST_CONFIDENCE = 60.0  # below, what looks like words are leaves and bricks
_COARSE = 150  # dots per inch; below, letters are made larger


def read_image(data: bytes, name: str, engine: Ocr | None) -> Document:
    """The text of an image. Raises `DocumentError` where none is found, where there is no engine,
    and where the image is damaged or too large."""
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        engine = None
    if engine is None:
        raise DocumentError(ocr.INSTALL, kind="image", skipped=True)
    if not engine.limits.pages:
        raise DocumentError(ocr.NO_PAGES, kind="image", skipped=True)
    pages = Pages(engine)
    lines = _read(data, pages)
    count = len(lines)
    sure = pages.confidence is None or pages.confidence >= _LEAST_CONFIDENCE
    if not any(lines) or not sure:
        if pages.failures:
            raise pages.why_nothing()
        raise DocumentError("image without text", kind="image", skipped=True)
    texts = (page_lines.page_text(each, ocr.LEADING) for each in lines)
    text, starts = page_lines.joined_pages(page_lines.joined_words(texts))
    return Document(
        text,
        "image",
        pages=tuple(starts),
        metadata=pages.metadata(count),
        warnings=tuple(pages.warnings(count)),
        recognition=pages.recognition(),
    )


def _frame(picture: Picture, number: int, most: int) -> Image:
    """A frame in shades of grey, upright, on white, at most so many pixels large."""
    from PIL import ImageOps

    picture.seek(number)
    _check(picture)
    dpi = _dpi(picture)
    shown = ImageOps.exif_transpose(picture)
    if shown.mode in {"RGBA", "LA", "PA"} or "transparency" in shown.info:
        shown = _on_white(shown.convert("RGBA"))
    elif shown.mode.startswith("I"):  # 16 bits
        shown = shown.convert("I").point(lambda value: value * (1 / 256))
    shown = shown.convert("L")
    scale = min(2.0 if dpi < _COARSE else 1.0, math.sqrt(most / (shown.width * shown.height)))
    if scale != 1.0:
        shown = shown.resize((max(1, int(shown.width * scale)), max(1, int(shown.height * scale))))
        dpi = max(70, int(dpi * scale))
    return Image(shown.width, shown.height, shown.tobytes(), dpi)


def _read(data: bytes, pages: Pages) -> list[list[Line]]:
    """The lines of each page of an image file: all frames of a TIFF, the first of any other."""
    import PIL.Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of broken metadata, and of sizes that are looked at here
        try:
            with PIL.Image.open(BytesIO(data), formats=list(IMAGES.values())) as picture:
                _check(picture)
                count = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
                return [pages.read(page, partial(_frame, picture, page)) for page in range(count)]
        except PIL.Image.DecompressionBombError as error:
            raise DocumentError(_too_large(), kind="limit") from error
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise DocumentError(f"damaged image: {str(error)[:100]}") from error


def _check(picture: Picture) -> None:
    if picture.width * picture.height > _MOST_PIXELS:
        raise DocumentError(_too_large(), kind="limit")


def _too_large() -> str:
    return f"image of over {_MOST_PIXELS // 1_000_000} megapixels"


def _dpi(picture: Picture) -> int:
    """What the file says, where that can be; a screen's where it says nothing."""
    told = picture.info.get("dpi", (0, 0))
    dpi = float(told[0]) if isinstance(told, tuple) and told else 0.0
    if 70 < dpi <= 1200:
        return round(dpi)
    return DPI if min(picture.size) > 1500 else 96


def _on_white(picture: Picture) -> Picture:
    import PIL.Image

    ground = PIL.Image.new("RGBA", picture.size, "white")
    return PIL.Image.alpha_composite(ground, picture)
