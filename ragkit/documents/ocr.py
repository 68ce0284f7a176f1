"""Optical character recognition (OCR) as readers use it: page images in, text lines out, limits.

A reader renders a page as an image and gets its text. Which engine recognises it, and in which
process, is decided by the caller (`sandbox.ocr_engines`, `sandbox.sandbox`). Knows no engine and no
format.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit.documents.layout.page_lines import SOFT_HYPHEN, PageLine, clean_line
from ragkit.errors import DocumentError
from ragkit.records.documents import Recognition

NO_ENGINE_REASON = "no text layer; install ragkit-search[ocr]"
DISABLED_REASON = "no text layer; ocr_pages is 0"
DPI = 300  # the resolution that engines are made for
_MIN_SIDE = 16  # pixels; smaller images show no word
_HYPHENATION = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
LINE_SPACING = 1.2  # between two recognised lines, in font sizes
_FONT_SIZE = 10.0  # of recognised lines, in points


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page in grey: one byte per pixel, row by row from the top; 0 is black."""

    width: int
    height: int
    pixels: bytes
    dpi: int = DPI


@dataclass(frozen=True, slots=True)
class OcrText:
    """The text of an image: a newline between lines, a blank line between paragraphs."""

    text: str = ""
    confidence: float | None = None  # 0 to 100, the mean of its words
    reason: str | None = None  # why it could not be recognised


@dataclass(frozen=True, slots=True)
class OcrLimits:
    """Limits on the recognition of text: pages, time, image size and memory."""

    pages: int = 500  # per document
    seconds: float = 120.0  # per page
    megapixels: float = 25.0  # per page; larger pages are scaled down
    memory_mb: int = 2048  # MiB of the engine's process, on Linux


Recogniser = Callable[[PageImage], OcrText]  # raises nothing for the image's content


@dataclass(slots=True)
class Ocr:
    """An OCR engine as readers see it."""

    recognise: Recogniser
    engine: str
    languages: str | None
    limits: OcrLimits
    seconds: float = 0.0  # of wall time that it has taken so far

    @property
    def max_pixels(self) -> int:
        """The size of the largest image of a page."""
        return int(self.limits.megapixels * 1_000_000)


@dataclass(slots=True)
class ScannedPages:
    """The pages of one document without a text layer. `ocr`: None if there is no engine."""

    ocr: Ocr | None
    texts: dict[int, str] = field(default_factory=dict)  # of recognised pages, numbered from 0
    unread: int = 0  # pages that were not recognised
    failures: list[str] = field(default_factory=list)  # "page 3: took longer than 60 s"
    _confidences: list[tuple[float, int]] = field(default_factory=list)  # (confidence, weight)

    def read(self, page: int, render: Callable[[int], PageImage]) -> list[PageLine]:
        """Recognise a page (numbered from 0); [] without an engine, or over a limit.

        `render` returns its image, given the maximum number of pixels.
        """
        if self.ocr is None or len(self.texts) >= self.ocr.limits.pages:
            self.unread += 1
            return []
        started = time.monotonic()
        image = render(self.ocr.max_pixels)
        if min(image.width, image.height) < _MIN_SIDE:
            return []
        result = self.ocr.recognise(image)
        self.ocr.seconds += time.monotonic() - started
        if result.reason is not None:
            self.unread += 1
            self.failures.append(f"page {page + 1}: {result.reason}")
            return []
        self.texts[page] = result.text
        if result.confidence is not None and result.text:
            self._confidences.append((result.confidence, len(result.text)))
        return text_lines(result.text)

    @property
    def confidence(self) -> float | None:
        """The mean confidence of all recognised text, 0 to 100; None if it is unknown."""
        return weighted_mean(self._confidences)

    def recognition(self) -> Recognition | None:
        """Return which pages were recognised, and by which engine; None if all pages have a text
        layer."""
        if self.ocr is None or not self.texts:
            return Recognition(left=self.unread) if self.unread else None
        return Recognition(
            tuple(page + 1 for page in sorted(self.texts)),
            self.ocr.engine,
            self.ocr.languages,
            self.confidence,
            self.unread,
        )

    def metadata(self, page_count: int) -> dict[str, str]:
        """Return the document's metadata about recognised text: `ocr`, and `ocr_pages` if only some
        of its `page_count` pages were recognised."""
        numbers = sorted(page + 1 for page, text in self.texts.items() if text)
        if not numbers:
            return {}
        pages = {"ocr_pages": format_ranges(numbers)} if len(numbers) < page_count else {}
        return {"ocr": "true"} | pages

    def warnings(self, page_count: int) -> list[str]:
        """Return warnings about the recognised and the unread pages of a document with `page_count`
        pages."""
        warnings = []
        if self.texts and self.ocr is not None:
            sure = f", {self.confidence:.0f} % sure" if self.confidence is not None else ""
            warnings.append(
                f"{len(self.texts)} of {page_count} pages read by {self.ocr.engine}{sure}"
            )
        if self.unread and self.ocr is None:
            warnings.append(
                f"{self.unread} of {page_count} pages have no text layer; "
                "install ragkit-search[ocr]"
            )
        elif over := self.unread - len(self.failures):
            limit = self.ocr.limits.pages if self.ocr else 0
            warnings.append(f"{over} pages without a text layer not read: over {limit} (ocr_pages)")
        if self.failures:
            failed = f"{len(self.failures)} of {page_count} pages not read"
            warnings.append(f"{failed}; {self.failures[0]}")
        return warnings

    def no_text_error(self) -> DocumentError:
        """Return the error for a document that consists of images without recognised text."""
        if self.ocr is None:
            return DocumentError(NO_ENGINE_REASON, kind="no_text_layer")
        if not self.ocr.limits.pages:
            return DocumentError(DISABLED_REASON, kind="limit")
        if self.failures:
            kind = "timeout" if "took longer" in self.failures[0] else "damaged"
            return DocumentError(f"no text layer; {self.failures[0]}", kind=kind)
        return DocumentError(f"no text: {self.ocr.engine} found none", kind="no_text")


def text_lines(text: str) -> list[PageLine]:
    """Return recognised text as lines of a page, with a wider gap between two paragraphs."""
    lines: list[PageLine] = []
    y = 0.0
    for paragraph in _HYPHENATION.sub(SOFT_HYPHEN, text).split("\n\n"):
        for line in paragraph.split("\n"):
            if clean := clean_line(line):
                y -= LINE_SPACING * _FONT_SIZE
                lines.append(PageLine(clean, y, _FONT_SIZE))
        y -= LINE_SPACING * _FONT_SIZE
    return lines


def weighted_mean(values: list[tuple[float, int]]) -> float | None:
    """Return the mean of (value, weight) pairs, rounded to 0.1; None without any weight."""
    weight = sum(size for _, size in values)
    return round(sum(value * size for value, size in values) / weight, 1) if weight else None


def format_ranges(numbers: list[int]) -> str:
    """Return ascending numbers as ranges: `1-3, 7`."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("-".join(map(str, bounds)) for bounds in ranges)
