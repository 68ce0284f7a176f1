"""Readers of plain-text markup: Markdown, reStructuredText, AsciiDoc, Org, LaTeX, man."""
