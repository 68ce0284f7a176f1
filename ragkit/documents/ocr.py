"""Text in images of pages: what a reader asks, what an engine answers, and what it may cost.

A reader makes an image of a page and gets its text. Who recognises it, and in which process, is
the caller's business (`ocr_engines`, `sandbox`). Knows no engine and no format.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ragkit.documents.layout.page_lines import SOFT_HYPHEN, Line, mended
from ragkit.errors import DocumentError
from ragkit.records.documents import Recognition

INSTALL = "no text layer; install ragkit[ocr]"
NO_PAGES = "no text layer; ocr_pages is 0"
DPI = 300  # what engines are made for
_LEAST_SIDE = 16  # pixels; less shows no word
_PARTED = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
LEADING = 1.2  # distance of two recognised lines, in sizes of their letters
_SIZE = 10.0  # of these, in points


@dataclass(frozen=True, slots=True)
class Image:
    """A page as an engine sees it: a byte a pixel, line by line from the top; 0 is black."""

    width: int
    height: int
    pixels: bytes
    dpi: int = DPI


@dataclass(frozen=True, slots=True)
class Recognised:
    """The text of an image: a newline between lines, a blank line between paragraphs."""

    text: str = ""
    confidence: float | None = None  # 0 to 100, of its words in the mean
    reason: str | None = None  # why it could not be read


@dataclass(frozen=True, slots=True)
class OcrLimits:
    """What recognising text may cost."""

    pages: int = 500  # of one document
    seconds: float = 120.0  # a page
    megapixels: float = 25.0  # a page; a larger one is made smaller
    memory_mb: int = 2048  # MiB, of the engine's process; on Linux


Recognise = Callable[[Image], Recognised]  # raises nothing for what the image shows


@dataclass(slots=True)
class Ocr:
    """An engine as readers see it."""

    recognise: Recognise
    engine: str
    languages: str | None
    limits: OcrLimits
    seconds: float = 0.0  # that it has taken so far

    @property
    def most_pixels(self) -> int:
        """The largest image of a page that may be asked about."""
        return int(self.limits.megapixels * 1_000_000)


@dataclass(slots=True)
class Pages:
    """The pages of one document that have no text layer. `ocr`: None where there is no engine."""

    ocr: Ocr | None
    texts: dict[int, str] = field(default_factory=dict)  # of pages that were read, from 0
    left: int = 0  # pages that were not
    failures: list[str] = field(default_factory=list)  # "page 3: took longer than 60 s"
    _confidences: list[tuple[float, int]] = field(default_factory=list)  # with their weight

    def read(self, page: int, image: Callable[[int], Image]) -> list[Line]:
        """The lines of a page (from 0), if there is an engine. `image` makes an image of so many
        pixels at most."""
        if self.ocr is None or len(self.texts) >= self.ocr.limits.pages:
            self.left += 1
            return []
        started = time.monotonic()
        shown = image(self.ocr.most_pixels)
        if min(shown.width, shown.height) < _LEAST_SIDE:
            return []
        found = self.ocr.recognise(shown)
        self.ocr.seconds += time.monotonic() - started
        if found.reason is not None:
            self.left += 1
            self.failures.append(f"page {page + 1}: {found.reason}")
            return []
        self.texts[page] = found.text
        if found.confidence is not None and found.text:
            self._confidences.append((found.confidence, len(found.text)))
        return lines(found.text)

    @property
    def confidence(self) -> float | None:
        """Of all that was read in the mean, 0 to 100."""
        weight = sum(size for _, size in self._confidences)
        if not weight:
            return None
        return round(sum(value * size for value, size in self._confidences) / weight, 1)

    def recognition(self) -> Recognition | None:
        """What the ledger is to know; None where all pages have a text layer."""
        if self.ocr is None or not self.texts:
            return Recognition(left=self.left) if self.left else None
        return Recognition(
            tuple(page + 1 for page in sorted(self.texts)),
            self.ocr.engine,
            self.ocr.languages,
            self.confidence,
            self.left,
        )

    def metadata(self, pages: int) -> dict[str, str]:
        """What a document of so many pages says of itself: that its text was recognised."""
        read = sorted(page + 1 for page, text in self.texts.items() if text)
        if not read:
            return {}
        some = {"ocr_pages": spans(read)} if len(read) < pages else {}
        return {"ocr": "true"} | some

    def warnings(self, pages: int) -> list[str]:
        """What was not read, and how much of what was read was recognised."""
        found = []
        if self.texts and self.ocr is not None:
            sure = f", {self.confidence:.0f} % sure" if self.confidence is not None else ""
            found.append(f"{len(self.texts)} of {pages} pages read by {self.ocr.engine}{sure}")
        if self.left and self.ocr is None:
            found.append(f"{self.left} of {pages} pages have no text layer; install ragkit[ocr]")
        elif over := self.left - len(self.failures):
            most = self.ocr.limits.pages if self.ocr else 0
            found.append(f"{over} pages without a text layer not read: over {most} (ocr_pages)")
        if self.failures:
            found.append(f"{len(self.failures)} of {pages} pages not read; {self.failures[0]}")
        return found

    def why_nothing(self) -> DocumentError:
        """Why a document of images alone is not read."""
        if self.ocr is None:
            return DocumentError(INSTALL, kind="no_text_layer")
        if not self.ocr.limits.pages:
            return DocumentError(NO_PAGES, kind="limit")
        if self.failures:
            kind = "timeout" if "took longer" in self.failures[0] else "damaged"
            return DocumentError(f"no text layer; {self.failures[0]}", kind=kind)
        return DocumentError(f"no text: {self.ocr.engine} found none", kind="no_text")


def lines(text: str) -> list[Line]:
    """Recognised text as lines of a page, those of a paragraph closer to each other."""
    found: list[Line] = []
    y = 0.0
    for paragraph in _PARTED.sub(SOFT_HYPHEN, text).split("\n\n"):
        for line in paragraph.split("\n"):
            if words := mended(line):
                y -= LEADING * _SIZE
                found.append(Line(words, y, _SIZE))
        y -= LEADING * _SIZE
    return found


def spans(numbers: list[int]) -> str:
    """Ascending numbers in short: `1-3, 7`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return ", ".join("-".join(map(str, each)) for each in found)
