"""How files are read and cut, noted with each: what was read in another way is read again.

What all files share is the base. A file whose pages are images also notes the engine that read
them, or that there was none; one that failed notes the limits it failed at. Knows no files.
"""

from __future__ import annotations

from dataclasses import dataclass

_OCR, _LIMITS, _BETWEEN = "ocr ", "limits ", "; "


@dataclass(frozen=True, slots=True)
class Recipe:
    """How files are read now."""

    base: str
    ocr: str | None = None  # the engine and its languages; None where text is not recognised
    limits: str = ""  # of reading

    def noted(self, *, images: bool, failed: bool) -> str:
        """What is noted with a file. `images`: it has pages without a text layer, or is one;
        `failed`: it, or something in it, could not be read."""
        marks = [f"{_OCR}{self.ocr or 'none'}"] if images else []
        marks += [f"{_LIMITS}{self.limits}"] if failed else []
        return _BETWEEN.join((self.base, *marks))

    def fits(self, noted: str | None) -> bool:
        """Whether a file with this note would be read in the same way now. What an engine has read
        stays where there is none any more."""
        base, *marks = (noted or "").split(_BETWEEN)
        now = {f"{_LIMITS}{self.limits}", f"{_OCR}{self.ocr}"}
        return base == self.base and all(
            mark in now or (self.ocr is None and mark.startswith(_OCR)) for mark in marks
        )
