"""The text of a passage as encoders and indexes get it, and texts cut to one line."""

from __future__ import annotations


def shorten(text: str, width: int = 50) -> str:
    """Return the beginning of a text on one line, at most `width` characters."""
    line = " ".join(text[: 4 * width].split())
    return line if len(line) <= width and len(text) <= 4 * width else f"{line[: width - 1]}…"


def embedded_text(header: str, text: str) -> str:
    """Return the text of a passage for the encoder and the lexical index: header, newline, text."""
    return f"{header}\n{text}" if header else text
