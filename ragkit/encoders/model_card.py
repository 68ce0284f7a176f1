"""What the README of a model says about it: its languages.

Contract: `languages` reads the metadata in front of the text; no file, or none of them: nothing is
known. https://huggingface.co/docs/hub/model-cards#model-card-metadata
"""

from __future__ import annotations

import re
from pathlib import Path

_MAX_README_BYTES = 100_000
MULTILINGUAL = "multilingual"  # what cards say instead of a hundred codes


def languages(readme: Path) -> tuple[str, ...]:
    """Return the language codes under `language:` in the front matter of a model's README."""
    try:
        with readme.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MAX_README_BYTES)
    except OSError:
        return ()
    front = re.match(r"---[ \t]*\n(.*?)\n---", text, re.DOTALL)
    language = front and re.search(
        r"^language:[ \t]*(\[[^\]]*\]|[^\n]*(?:\n[ \t]*- [^\n]*)*)", front[1], re.MULTILINE
    )
    if not language:
        return ()
    codes = re.split(r"[\s,\[\]]+|(?<![\w-])-(?=\s)", re.sub(r"#[^\n]*", "", language[1]))
    return tuple(code.strip("'\"") for code in codes if code.strip("-'\""))
