"""A text being read line by line, where lines may be dropped but their numbers have to hold.

For readers of markup whose text stays the file's own: a dropped line is left empty. Knows no
markup.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.records.documents import Heading


@dataclass(slots=True)
class Lines:
    """The lines so far, with headings and fences by their offsets."""

    kept: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    at: int = 0  # offset of the next line
    fence: int | None = None  # where the open one starts

    def add(self, line: str) -> None:
        """Append a line, "" for one that is dropped."""
        self.kept.append(line)
        self.at += len(line) + 1

    def head(self, line: str, level: int, words: str) -> None:
        """Append a line that is a heading; one without words is only a line."""
        words = " ".join(words.split())
        if words and line.strip():
            self.headings.append(Heading(self.at, self.at + len(line), level, words))
        self.add(line)

    def open(self, line: str) -> None:
        """Append a line that begins a fence."""
        self.fence = self.at
        self.add(line)

    def close(self, line: str) -> None:
        """Append a line that ends the open fence."""
        self.add(line)
        if self.fence is not None and self.fence < self.at - 1:
            self.fences.append((self.fence, self.at - 1))
        self.fence = None

    def text(self) -> str:
        """All of it; a fence left open ends there, without the empty lines at its end."""
        text = "\n".join(self.kept)
        end = len(text.rstrip("\n"))
        if self.fence is not None and self.fence < end:
            self.fences.append((self.fence, end))
        self.fence = None
        return text
