"""Collects the lines of a markup file; dropped lines stay as empty lines, so line numbers are kept.

For readers whose text is the file's own. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.records.documents import Heading


@dataclass(slots=True)
class Lines:
    """The lines so far, with the offsets of headings and fences."""

    lines: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    offset: int = 0  # of the next line
    open_fence_start: int | None = None

    def add(self, line: str) -> None:
        """Append a line; "" for one that is dropped."""
        self.lines.append(line)
        self.offset += len(line) + 1

    def add_heading(self, line: str, level: int, text: str) -> None:
        """Append a line that is a heading with this text; without text it is an ordinary line."""
        text = " ".join(text.split())
        if text and line.strip():
            self.headings.append(Heading(self.offset, self.offset + len(line), level, text))
        self.add(line)

    def open_fence(self, line: str) -> None:
        """Append a line that begins a code block."""
        self.open_fence_start = self.offset
        self.add(line)

    def close_fence(self, line: str) -> None:
        """Append a line that ends the open code block."""
        self.add(line)
        if self.open_fence_start is not None and self.open_fence_start < self.offset - 1:
            self.fences.append((self.open_fence_start, self.offset - 1))
        self.open_fence_start = None

    def text(self) -> str:
        """Return the text. An open code block ends at the last line that is not empty."""
        text = "\n".join(self.lines)
        end = len(text.rstrip("\n"))
        if self.open_fence_start is not None and self.open_fence_start < end:
            self.fences.append((self.open_fence_start, end))
        self.open_fence_start = None
        return text
